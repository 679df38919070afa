"""What a model is compared with: one RDM per region, with its ceiling where the recording supports one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine.ceiling import ceiling_from_splits, split_half_similarities
from neuroguide.engine.device import resolve_device, resolve_dtype
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.opening import open_target
from neuroguide.recordings.rdms import RDM_DIMS, check_rdm
from neuroguide.recordings.repeating import by_repetition
from neuroguide.recordings.selecting import complete
from neuroguide.scoring.rdms import condensed_of, over_time
from neuroguide.stimuli import StimulusSet, open_stimuli

#: Random half splits of the repetitions behind a ceiling: the least that a ceiling is computed from.
N_SPLITS = 100

_SHOWN_ONCE = "{few} of {all} stimuli were shown once, or are stored as averages"


@dataclass(frozen=True)
class Target:
    """One region of a recording, as a model is compared with it.

    Attributes
    ----------
    region : str
        Its name.
    condensed : array of shape (n_pairs,)
        Its RDM, in the order of ``numpy.triu_indices``.
    means : xarray.DataArray or None
        Averaged responses (presentation, neuroid); None where only the RDM was published.
    ceiling : float
        Highest similarity that trial noise allows; NaN where there is none.
    no_ceiling : str
        Why there is none; empty where there is one.
    n_sites : int
        Number of sites, 0 where unknown.
    normalise : str
        What is done to ``means`` across stimuli before an RDM; estimated anew for every part of the stimuli.
    responses : xarray.DataArray or None
        All presentations (presentation, neuroid), with their repetitions.
    """

    region: str
    condensed: NDArray[np.floating[Any]]
    means: xr.DataArray | None
    ceiling: float
    no_ceiling: str
    n_sites: int
    normalise: str = "none"
    responses: xr.DataArray | None = None


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
    distance: str,
    comparison: str,
    normalise: str,
    time: str | tuple[float, float],
    seed: int,
    device: str,
    dtype: str,
    rdms: bool = True,
) -> list[Target]:
    """The regions of a recording; see :func:`neuroguide.score` for the arguments, ``rdms=False`` leaves RDMs out.

    Raises
    ------
    InputError
        If the recording is not what it should be, or an RDM is to be normalised.
    """
    if is_rdm(recording):
        if normalise != "none":
            raise InputError(f"normalise={normalise!r} needs responses of single sites; this recording is an RDM")
        if time != "mean":
            raise InputError(f"time={time!r} needs responses in time bins; this recording is an RDM")
        return _published(recording)
    if isinstance(time, str):
        check_option("time", time, ("mean",))
    assembly, normalise = over_time(recording, normalise, None if isinstance(time, str) else time)
    regions = (
        assembly["region"].values if "region" in assembly.coords else np.full(assembly.sizes["neuroid"], "all sites")
    )
    found = []
    for region in dict.fromkeys(regions.tolist()):
        part = assembly.isel(neuroid=np.flatnonzero(regions == region))
        means = complete(average_repetitions(part))
        condensed: NDArray[np.floating[Any]] = np.empty(0)
        ceiling, reason = np.nan, ""
        if rdms:
            condensed = condensed_of(means, distance, normalise, device, dtype)
            ceiling, reason = _ceiling(str(region), part, distance, comparison, normalise, seed, device, dtype)
        elif means.sizes["presentation"] == part.sizes["presentation"]:
            reason = _SHOWN_ONCE.format(few=means.sizes["presentation"], all=means.sizes["presentation"])
        found.append(Target(str(region), condensed, means, ceiling, reason, means.sizes["neuroid"], normalise, part))
    return found


def _published(rdm: xr.DataArray) -> list[Target]:
    check_rdm(rdm, source="the recording's RDM")
    if rdm.ndim > 3:
        raise InputError(
            f"the recording's RDMs have dims {rdm.dims}; choose one of each but the last three, or average"
        )
    # an RDM of ng.rdm says which distance it has; one from an archive does not
    made_here = "distance" in rdm.attrs
    why = "an RDM without its repetitions has none" if made_here else "only RDMs were published, without repetitions"
    reason = str(rdm.attrs.get("no_ceiling", why))
    rows, columns = np.triu_indices(rdm.sizes["stimulus_id"], 1)
    if rdm.ndim == 2:
        return [Target(str(rdm.attrs.get("region", "RDM")), rdm.values[rows, columns], None, np.nan, reason, 0)]
    dim = rdm.dims[0]
    names = rdm[dim].values if dim in rdm.coords else range(rdm.sizes[dim])
    sites = rdm["n_sites"].values if "n_sites" in rdm.coords else np.zeros(rdm.sizes[dim], dtype=int)
    return [
        Target(str(name), square[rows, columns], None, np.nan, reason, int(n))
        for name, square, n in zip(names, rdm.values, sites, strict=True)
    ]


def _ceiling(
    region: str,
    assembly: xr.DataArray,
    distance: str,
    comparison: str,
    normalise: str,
    seed: int,
    device: str,
    dtype: str,
) -> tuple[float, str]:
    """The split-half ceiling of one region, or NaN and the reason why it has none."""
    responses = by_repetition(assembly)
    counts = (~np.isnan(responses)).sum(axis=1)
    if counts.min() < 2:
        few = int((counts.min(axis=1) < 2).sum())
        return np.nan, _SHOWN_ONCE.format(few=few, all=len(counts))
    where = resolve_device(device)
    tensor = torch.as_tensor(responses).to(where, resolve_dtype(dtype, where))
    splits = split_half_similarities(
        tensor, distance, comparison, normalise=normalise, n_splits=N_SPLITS, seed=seed
    )  # fmt: skip
    if not bool(splits.mean() > 0):
        raise InputError(
            f"the halves of the repetitions of {region} give RDMs that do not agree (mean similarity "
            f"{float(splits.mean()):.3f}), so there is no ceiling; use more reliable sites, or score the RDM without "
            "one: ng.rdm(recording, by='region')"
        )
    return float(ceiling_from_splits(splits).ceiling), ""
