"""The same array on different days: does its representation stay, and do its single sites?"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.recordings.selecting import align
from neuroguide.scoring.rdms import compare, over_time, rdm
from neuroguide.scoring.reliability import rdm_reliability
from neuroguide.scoring.targets import groups_of


def compare_recordings(
    first: xr.DataArray,
    second: xr.DataArray,
    *,
    distance: str = "correlation",
    comparison: str = "pearson",
    normalise: str = "none",
    n_splits: int = 100,
    seed: int = 0,
) -> xr.Dataset:
    """Two recordings of the same stimuli, such as two days of one array.

    Parameters
    ----------
    first, second : DataArray
        Assemblies; the stimuli that both have are compared, sites are matched by ``neuroid_id``.
    distance, comparison, normalise
        As for :func:`neuroguide.score`.
    n_splits, seed : int
        Of the split halves behind the reliabilities.

    Returns
    -------
    Dataset
        By ``region`` (those that both have): ``similarity`` of the RDMs, ``reliability_first`` and
        ``reliability_second`` (Spearman-Brown corrected, NaN without repetitions), and
        ``corrected = similarity / sqrt(reliability_first * reliability_second)``, never clipped. By ``neuroid`` (sites
        that both have, if any): ``tuning``, the correlation over stimuli of the site's mean responses, and
        ``tuning_corrected``, divided by the square root of the site's two reliabilities.

    Raises
    ------
    InputError
        If the recordings share no region, or fewer than four stimuli.
    """
    days, remaining = zip(*(over_time(each, normalise) for each in (first, second)), strict=True)
    ids = [str(name) for name in dict.fromkeys(days[0]["stimulus_id"].values.tolist())]
    there = {str(name) for name in days[1]["stimulus_id"].values.tolist()}
    shared = [name for name in ids if name in there]
    if len(shared) < 4:
        raise InputError(f"the two recordings share {len(shared)} stimuli, at least 4 are needed to compare them")
    parts = [align(day, shared, stimuli="shared", what="the shared stimuli") for day in days]
    groups = [dict(groups_of(part, "region", "all sites")) for part in parts]
    regions = [name for name in groups[0] if name in groups[1]]
    if not regions:
        raise InputError(f"the two recordings share no region: {', '.join(groups[0])} and {', '.join(groups[1])}")
    settings: dict[str, Any] = {"distance": distance, "normalise": remaining[0]}
    similarity = []
    reliabilities: list[list[float]] = [[], []]
    for region in regions:
        own = [part.isel(neuroid=group[region]) for part, group in zip(parts, groups, strict=True)]
        rdms = [rdm(each, **settings) for each in own]
        similarity.append(compare(rdms[0], rdms[1], comparison))
        for found, each in zip(reliabilities, own, strict=True):
            if _repeated(each):
                made = rdm_reliability(each, comparison=comparison, n_splits=n_splits, seed=seed, **settings)
                found.append(float(made["reliability"][0]))
            else:
                found.append(np.nan)
    product = np.array(reliabilities[0]) * np.array(reliabilities[1])
    corrected = np.divide(similarity, np.sqrt(np.where(product > 0, product, np.nan)))
    variables: dict[str, Any] = {
        "similarity": ("region", similarity),
        "reliability_first": ("region", reliabilities[0]),
        "reliability_second": ("region", reliabilities[1]),
        "corrected": ("region", corrected),
    }
    coords: dict[str, Any] = {"region": regions}
    names, tuning, tuning_corrected = _tuning(parts, n_splits, seed)
    if names:
        variables |= {"tuning": ("neuroid", tuning), "tuning_corrected": ("neuroid", tuning_corrected)}
        coords["neuroid_id"] = ("neuroid", names)
    attrs = {f"{which}_identifier": str(day.attrs.get("identifier", "unknown"))
             for which, day in (("first", first), ("second", second))}  # fmt: skip
    simulated = max(int(day.attrs.get("simulated", 0)) for day in (first, second))
    attrs |= {"distance": str(distance), "comparison": str(comparison), "normalise": normalise}
    return xr.Dataset(variables, coords=coords, attrs=attrs | {"n_stimuli": len(shared), "simulated": simulated})


def _repeated(assembly: xr.DataArray) -> bool:
    counts = np.unique(assembly["stimulus_id"].values, return_counts=True)[1]
    return bool(counts.min() > 1)


def _tuning(
    parts: list[xr.DataArray], n_splits: int, seed: int
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Correlation of the mean responses of the sites that both recordings have, raw and corrected for noise."""
    names = [[str(name) for name in part["neuroid_id"].values] for part in parts]
    shared = [name for name in names[0] if name in set(names[1])]
    own = [part.isel(neuroid=[of.index(name) for name in shared]) for part, of in zip(parts, names, strict=True)]
    if not shared:
        return [], np.empty(0), np.empty(0)
    means = [average_repetitions(each).values.astype(np.float64) for each in own]
    there = ~(np.isnan(means[0]) | np.isnan(means[1]))
    found = np.full(len(shared), np.nan)
    for site in range(len(shared)):
        a, b = (day[there[:, site], site] for day in means)
        if len(a) > 2 and a.std() > 0 and b.std() > 0:
            found[site] = np.corrcoef(a, b)[0, 1]
    if not all(_repeated(each) for each in own):
        return shared, found, np.full(len(shared), np.nan)
    own_reliability = [split_half_reliability(each, n_splits=n_splits, seed=seed).values for each in own]
    product = own_reliability[0] * own_reliability[1]
    return shared, found, found / np.sqrt(np.where(product > 0, product, np.nan))
