"""Recordings as teachers: each region is a teacher layer."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError, NeuroguideWarning
from neuroguide._core.options import unknown_option
from neuroguide._core.seeds import derive_seed
from neuroguide.engine.dissimilarity import Distance
from neuroguide.engine.distance.gram import EUCLIDEAN
from neuroguide.engine.sites import site_rdms
from neuroguide.nas.guides.lesson import Lesson, TeacherLayer
from neuroguide.recordings.normalising import normalise_sites
from neuroguide.recordings.rdms import check_rdm
from neuroguide.scoring.ceilings import repetition_ceiling
from neuroguide.scoring.distances import distance_text, honest_noise
from neuroguide.scoring.rdms import over_time
from neuroguide.scoring.responses import Responses
from neuroguide.scoring.targets import groups_of, is_rdm, stimuli_of
from neuroguide.stimuli import StimulusSet

#: What a region's origin keeps of the recording's attributes.
_KEPT = (
    "identifier", "stimulus_set_identifier", "source", "licence", "citation", "simulated", "repetitions", "time_window",
)  # fmt: skip


def lesson_of_recording(
    recording: xr.DataArray,
    layers: Sequence[str] | None,
    stimuli: StimulusSet | str | os.PathLike[str] | None,
    *,
    distance: tuple[Distance, Distance],
    comparison: str,
    normalise: tuple[str, str],
    ceiling: bool,
    n_stimuli: int | None,
    seed: int,
    per: str = "region",
) -> Lesson:
    """The regions of an assembly, or published RDMs, with the stimuli that were shown.

    Parameters
    ----------
    recording : xarray.DataArray
        An assembly, or RDMs with an optional leading dim.
    layers : sequence of str, optional
        Regions; by default all.
    stimuli : StimulusSet, str or path, optional
        By default those that the recording names.
    distance, normalise : pairs
        Of the recording and of the candidate.
    comparison : str
    ceiling : bool
        Whether to estimate a ceiling where there are repetitions.
    n_stimuli : int, optional
        How many stimuli to draw; by default all.
    seed : int
        Of that draw and of the half splits behind the ceiling.
    per : {"region", "site"}
        What is a teacher layer.

    Raises
    ------
    InputError
        If a region's split halves do not agree, stimuli are missing, or the recording is not what it should be.
    OptionError
        If there is no such region.
    """
    if is_rdm(recording):
        if normalise[0] != "none":
            raise InputError(
                f"normalise={normalise[0]!r} needs responses of single sites; "
                f"{recording.attrs.get('identifier', 'this recording')} is an RDM"
            )
        if per == "site":
            raise InputError(
                f"per='site' needs responses of single sites; {recording.attrs.get('identifier', 'this')} is an RDM"
            )
        found, ids = _published(check_rdm(recording), layers, n_stimuli, seed)
    else:
        found, ids = _measured(recording, layers, distance[0], comparison, normalise[0], ceiling, n_stimuli, seed, per)
    shown = stimuli_of(recording, stimuli).select(ids)
    about: dict[str, Any] = {name: recording.attrs[name] for name in _KEPT if name in recording.attrs}
    about |= {
        "distance": distance_text(EUCLIDEAN if per == "site" else honest_noise(distance[0], recording)),
        "normalise": normalise[0], "n_stimuli": len(ids),
        "degrees": "unknown" if shown.degrees is None else shown.degrees,
    }  # fmt: skip
    made = tuple(
        TeacherLayer(
            name, rdm, ceiling=limit, distance=distance_text(distance[1]), comparison=comparison,
            normalise=normalise[1], about={**about, **own},
        )
        for name, rdm, limit, own in found
    )  # fmt: skip
    return Lesson(made, shown)


_Found = tuple[str, torch.Tensor, float | None, dict[str, str | int | float]]


def _measured(
    recording: xr.DataArray,
    layers: Sequence[str] | None,
    distance: Distance,
    comparison: str,
    normalise: str,
    ceiling: bool,
    n_stimuli: int | None,
    seed: int,
    per: str,
) -> tuple[list[_Found], list[str]]:
    assembly, normalise = over_time(recording, normalise)
    names = list(dict.fromkeys(str(name) for name in assembly["stimulus_id"].values))
    ids = [names[index] for index in chosen_stimuli(len(names), n_stimuli, seed)]
    assembly = assembly.isel(presentation=np.isin(assembly["stimulus_id"].values.astype(str), ids))
    regions = dict(groups_of(assembly, "region", "all sites"))
    found: list[_Found] = []
    order: list[str] = []
    for region in _chosen(list(regions), layers):
        responses = Responses.of(assembly.isel(neuroid=regions[region]), normalise)
        order = [str(name) for name in responses.means["stimulus_id"].values]
        if per == "site":
            found += _sites(responses, region)
            continue
        rdm = torch.as_tensor(responses.rdm(distance, "cpu", "float64"))
        limit, about = _ceiling(responses, region, distance, comparison, seed) if ceiling else (None, {})
        found.append((region, rdm, limit, {"n_sites": responses.means.sizes["neuroid"], **about}))
    return found, order


def _sites(responses: Responses, region: str) -> list[_Found]:
    """Every site that responds differently to different stimuli, with the squared differences of its responses."""
    means = responses.means.transpose("presentation", "neuroid").astype(np.float64)
    varying = means.values.max(axis=0) > means.values.min(axis=0)
    if not varying.all():
        warnings.warn(
            f"{int((~varying).sum())} of {len(varying)} sites of {region} respond alike to all stimuli and "
            "do not guide",
            NeuroguideWarning,
            stacklevel=2,
        )
    reason = "sites guide by their raw similarity"
    normalised = normalise_sites(means, responses.normalise)
    rdms = site_rdms(torch.as_tensor(np.asarray(normalised.values, dtype=np.float64)))
    return [
        (
            str(means["neuroid_id"].values[site]),
            rdms[site].clone(),
            None,
            {"region": region, "n_sites": 1, "no_ceiling": reason},
        )
        for site in np.flatnonzero(varying)
    ]


def _ceiling(
    responses: Responses, region: str, distance: Distance, comparison: str, seed: int
) -> tuple[float | None, dict[str, str | int | float]]:
    try:
        found = repetition_ceiling(region, responses, distance, comparison, seed, "cpu", "float64")
    except InputError as error:
        raise InputError(
            f"the region {region!r} cannot guide with a ceiling: {error} (ceiling=False guides by raw similarity)"
        ) from error
    if found.reason:
        return None, {"no_ceiling": found.reason}
    return found.value, {"ceiling_kind": "split halves of the repetitions (trial noise only)"}


def _published(
    rdm: xr.DataArray, layers: Sequence[str] | None, n_stimuli: int | None, seed: int
) -> tuple[list[_Found], list[str]]:
    if rdm.ndim > 3:
        raise InputError(
            f"RDMs with the leading dims {rdm.dims[:-2]} cannot guide; choose along all but one of them with isel"
        )
    rows = chosen_stimuli(rdm.shape[-1], n_stimuli, seed)
    first, second = np.triu_indices(len(rows), 1)
    reason = str(rdm.attrs.get("no_ceiling", "only RDMs were published, without repetitions"))
    squares: dict[str, NDArray[Any]] = {}
    if rdm.ndim == 2:
        squares[str(rdm.attrs.get("region", "RDM"))] = rdm.values
    else:
        leading = rdm.dims[0]
        names = rdm[leading].values if leading in rdm.coords else np.arange(rdm.sizes[leading])
        squares = {str(name): square for name, square in zip(names, rdm.values, strict=True)}
    sites = rdm["n_sites"].values if "n_sites" in rdm.coords else np.zeros(len(squares), dtype=int)
    counts = dict(zip(squares, np.atleast_1d(sites), strict=True))
    found: list[_Found] = []
    for name in _chosen(list(squares), layers):
        values = np.asarray(squares[name], dtype=np.float64)[rows[first], rows[second]]
        found.append((name, torch.from_numpy(values), None, {"n_sites": int(counts[name]), "no_ceiling": reason}))
    return found, [str(rdm["stimulus_id"].values[row]) for row in rows]


def _chosen(regions: list[str], layers: Sequence[str] | None) -> list[str]:
    for name in layers or ():
        if name not in regions:
            raise unknown_option("region of the recording", name, regions)
    return regions if layers is None else list(layers)


def chosen_stimuli(n: int, wanted: int | None, seed: int) -> NDArray[np.intp]:
    """Which of ``n`` stimuli to use: all, or ``wanted`` drawn by ``seed``, in their order.

    Raises
    ------
    InputError
        If fewer than 3 are left, or more are wanted than there are.
    """
    if min(n, n if wanted is None else wanted) < 3:
        raise InputError(f"a teacher needs at least 3 stimuli, it has {n} and n_stimuli={wanted}")
    if wanted is None:
        return np.arange(n)
    if wanted > n:
        raise InputError(f"n_stimuli={wanted}, but the teacher has only {n} stimuli")
    drawn = np.random.default_rng(derive_seed(seed, "stimuli of a guide")).permutation(n)[:wanted]
    return np.sort(drawn)
