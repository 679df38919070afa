"""What a model is compared with: RDMs of regions or single sites, with ceilings where the recording supports them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine.dissimilarity import Distance
from neuroguide.recordings.opening import open_target
from neuroguide.recordings.rdms import RDM_DIMS, check_rdm
from neuroguide.scoring.ceilings import NO_CEILING, SHOWN_ONCE, Ceiling, repetition_ceiling
from neuroguide.scoring.rdms import over_time
from neuroguide.scoring.responses import Responses
from neuroguide.stimuli import StimulusSet, open_stimuli


@dataclass(frozen=True)
class Target:
    """One region of a recording, as a model is compared with it.

    Attributes
    ----------
    region : str
        Its name.
    condensed : array of shape (n_pairs,)
        Its RDM, in the order of ``numpy.triu_indices``; empty where none was asked for.
    responses : Responses or None
        None where only the RDM was published.
    ceiling : Ceiling
        Highest similarity that trial noise allows.
    n_sites : int
        Number of sites, 0 where unknown.
    distance : Distance or None
        Of its RDM.
    names : tuple of str
        Animals or subjects, where each has an RDM of its own: ``condensed`` then has the shape (n_animals, n_pairs).
    """

    region: str
    condensed: NDArray[np.floating[Any]]
    responses: Responses | None = None
    ceiling: Ceiling = NO_CEILING
    n_sites: int = 0
    distance: Distance | None = None
    names: tuple[str, ...] = ()

    def stack(self) -> Tensor:
        """Its RDMs, float64 of shape (n_rdms, n_pairs)."""
        return torch.as_tensor(np.atleast_2d(np.asarray(self.condensed, dtype=np.float64)))


def open_any(recording: xr.DataArray | str | os.PathLike[str]) -> xr.DataArray:
    """An assembly or an RDM, from an object, a path or a name."""
    if isinstance(recording, xr.DataArray):
        return recording
    if isinstance(recording, str | os.PathLike):
        return open_target(recording)
    raise InputError(
        f"a recording of type {type(recording).__name__} is not understood; give an assembly, an RDM, a name or a path"
    )


def is_rdm(recording: xr.DataArray) -> bool:
    """Whether this is an RDM rather than an assembly."""
    return recording.dims[-2:] == RDM_DIMS


def stimuli_of(recording: xr.DataArray, stimuli: StimulusSet | str | os.PathLike[str] | None) -> StimulusSet:
    """The given stimuli, or those that the recording names."""
    if isinstance(stimuli, StimulusSet):
        return stimuli
    if stimuli is not None:
        return open_stimuli(stimuli)
    name = recording.attrs.get("stimulus_set_identifier", "")
    if not name:
        raise InputError(
            f"the recording {recording.attrs.get('identifier', '')!r} does not say which images were shown "
            "(attrs['stimulus_set_identifier']); give them with stimuli="
        )
    return open_stimuli(str(name))


def targets_of(
    recording: xr.DataArray,
    *,
    distance: Distance,
    comparison: Any,
    normalise: str,
    time: str | tuple[float, float],
    seed: int,
    device: str,
    dtype: str,
    rdms: bool = True,
    ceilings: bool = True,
) -> list[Target]:
    """The regions of a recording; see :func:`neuroguide.score` for the arguments.

    ``rdms=False`` leaves RDMs and ceilings out, ``ceilings=False`` the ceilings alone.

    Raises
    ------
    InputError
        If the recording is not what it should be, or an RDM is to be normalised.
    """
    if is_rdm(recording):
        check_published(recording, normalise, time)
        return _published(recording)
    found = []
    for region, responses in regions_of(recording, normalise, time):
        target = Target(region, np.empty(0), responses, n_sites=responses.means.sizes["neuroid"], distance=distance)
        if rdms:
            target = replace(target, condensed=responses.rdm(distance, device, dtype))
            if ceilings:
                limit = repetition_ceiling(region, responses, distance, comparison, seed, device, dtype)
                target = replace(target, ceiling=limit)
        elif responses.means.sizes["presentation"] == responses.trials.sizes["presentation"]:
            n = responses.means.sizes["presentation"]
            target = replace(target, ceiling=Ceiling(reason=SHOWN_ONCE.format(few=n, all=n)))
        found.append(target)
    return found


def regions_of(
    recording: xr.DataArray, normalise: str, time: str | tuple[float, float]
) -> Iterator[tuple[str, Responses]]:
    """The responses of every region of an assembly, averaged over the time window."""
    if isinstance(time, str):
        check_option("time", time, ("mean",))
    assembly, normalise = over_time(recording, normalise, None if isinstance(time, str) else time)
    for region, places in groups_of(assembly, "region", "all sites"):
        yield region, Responses.of(assembly.isel(neuroid=places), normalise)


def groups_of(assembly: xr.DataArray, coordinate: str, otherwise: str) -> list[tuple[str, NDArray[np.intp]]]:
    """Places of the sites by the value of a neuroid coordinate, in the order in which the values first appear."""
    n = assembly.sizes["neuroid"]
    values = assembly[coordinate].values if coordinate in assembly.coords else np.full(n, otherwise)
    return [(str(value), np.flatnonzero(values == value)) for value in dict.fromkeys(values.tolist())]


def check_published(recording: xr.DataArray, normalise: str, time: str | tuple[float, float]) -> None:
    """Refuse, for an RDM, what needs the responses behind it."""
    if normalise != "none":
        raise InputError(f"normalise={normalise!r} needs responses of single sites; this recording is an RDM")
    if time != "mean":
        raise InputError(f"time={time!r} needs responses in time bins; this recording is an RDM")


def published_rdms(rdm: xr.DataArray) -> list[tuple[str, NDArray[np.floating[Any]], int]]:
    """Name, condensed RDM and number of sites of every RDM along at most one leading dim."""
    check_rdm(rdm, source="the recording's RDM")
    if rdm.ndim > 3:
        raise InputError(
            f"the recording's RDMs have dims {rdm.dims}; choose one of each but the last three, or average"
        )
    rows, columns = np.triu_indices(rdm.sizes["stimulus_id"], 1)
    if rdm.ndim == 2:
        return [(str(rdm.attrs.get("region", "RDM")), rdm.values[rows, columns], 0)]
    dim = rdm.dims[0]
    names = rdm[dim].values if dim in rdm.coords else range(rdm.sizes[dim])
    sites = rdm["n_sites"].values if "n_sites" in rdm.coords else np.zeros(rdm.sizes[dim], dtype=int)
    return [
        (str(name), square[rows, columns], int(n)) for name, square, n in zip(names, rdm.values, sites, strict=True)
    ]


def _published(rdm: xr.DataArray) -> list[Target]:
    # an RDM of ng.rdm says which distance it has; one from an archive does not
    made_here = "distance" in rdm.attrs
    why = "an RDM without its repetitions has none" if made_here else "only RDMs were published, without repetitions"
    ceiling = Ceiling(reason=str(rdm.attrs.get("no_ceiling", why)))
    return [
        Target(name, condensed, ceiling=ceiling, n_sites=n_sites) for name, condensed, n_sites in published_rdms(rdm)
    ]
