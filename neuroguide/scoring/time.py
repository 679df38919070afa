"""Scores, ceilings and RDMs over time: every time bin by itself, and one time bin against another."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from neuroguide._core.errors import InputError, NeuroguideWarning, OptionError
from neuroguide._core.options import check_option
from neuroguide.engine import dissimilarity, similarity
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.device import resolve_device, resolve_dtype
from neuroguide.engine.normalising import normalise_features
from neuroguide.engine.repetitions import half_means
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.normalising import NORMALISATIONS, normalise_sites
from neuroguide.recordings.repeating import by_repetition
from neuroguide.scoring.ceilings import Ceiling, repetition_ceiling
from neuroguide.scoring.rdms import KEPT_ATTRS
from neuroguide.scoring.targets import Target, groups_of, is_rdm, targets_of

#: Numbers held at once while the half splits are computed.
_CHUNK = 16_000_000

_EDGES = ("time_bin_start", "time_bin_end")


def check_time(time: object, per: str, metric: str, by_rate: bool) -> None:
    """Refuse what is not possible together with ``time="each"``, or with the mean rate as a model."""
    if time == "each" and (per != "region" or by_rate):
        raise OptionError("time='each' scores the layers of a model against regions; use per='region', and a network")
    if by_rate and (metric != "rsa" or per != "region"):
        raise OptionError("the model 'mean-rate' is an RDM of each region; use metric='rsa' and per='region'")


def bin_targets(recording: xr.DataArray, *, normalise: str, rdms: bool, seed: int, **arguments: Any) -> list[Target]:
    """The regions of a recording in every time bin: all regions of the first bin, then of the second, and so on.

    A bin whose halves do not agree, as before stimulus onset, has no ceiling; that is no error here.

    Parameters
    ----------
    recording : DataArray
        With time bins.
    normalise, rdms, seed, **arguments
        As for :func:`neuroguide.scoring.targets.targets_of`.

    Raises
    ------
    OptionError
        If there are no time bins.
    InputError
        If a stimulus evokes no response that an RDM can be made of; the message names the bin.
    """
    recording, normalise = _timed(recording, normalise)
    found = []
    for index in range(recording.sizes["time_bin"]):
        start, end = (float(recording[edge].values[index]) for edge in _EDGES)
        name = f"{start:g} to {end:g} ms"
        try:
            targets = targets_of(
                recording.isel(time_bin=[index]), normalise=normalise, rdms=rdms, seed=seed, ceilings=False, **arguments
            )
        except InputError as error:
            raise InputError(f"in the time bin {name}: {error}") from error
        for target in targets:
            limit = _ceiling(target, seed, arguments) if rdms else target.ceiling
            found.append(replace(target, region=f"{target.region}, {name}", ceiling=limit))
    return found


def _ceiling(target: Target, seed: int, arguments: dict[str, Any]) -> Ceiling:
    assert target.responses is not None and target.distance is not None  # noqa: PT018 - there are no bins in an RDM
    where = {name: arguments[name] for name in ("device", "dtype")}
    with warnings.catch_warnings():
        # that the halves of early bins agree little is what a time course shows
        warnings.simplefilter("ignore", NeuroguideWarning)
        try:
            return repetition_ceiling(
                target.region, target.responses, target.distance, arguments["comparison"], seed, **where
            )
        except InputError:
            return Ceiling(reason="the halves of its repetitions do not agree")


def by_bin(scores: xr.Dataset, recording: xr.DataArray) -> xr.Dataset:
    """Scores of :func:`bin_targets` with the time bins along a dim of their own."""
    n_bins = recording.sizes["time_bin"]
    regions = [name for name, _ in groups_of(recording, "region", "all sites")]
    variables: dict[str, Any] = {}
    for name, values in scores.data_vars.items():
        dims = [str(dim) for dim in values.dims if dim != "region"]
        split = values.transpose(*dims, "region").values.reshape(*(values.sizes[dim] for dim in dims), n_bins, -1)
        variables[str(name)] = ((*dims, "region", "time_bin"), np.swapaxes(split, -1, -2))
    if "n_sites" in variables:
        variables["n_sites"] = ("region", variables["n_sites"][1][:, 0])
    coords: dict[str, Any] = {str(name): c.variable for name, c in scores.coords.items() if "region" not in c.dims}
    coords |= {"region": regions, **{edge: ("time_bin", recording[edge].values.astype(float)) for edge in _EDGES}}
    attrs = dict(scores.attrs)
    if "ceiling" in variables and "no_ceiling" in attrs:
        without = int(np.isnan(variables["ceiling"][1]).sum())
        attrs["no_ceiling"] = f"the halves of the repetitions do not agree in {without} of {n_bins * len(regions)} bins"
    elif "no_ceiling" in attrs:
        attrs["no_ceiling"] = str(attrs["no_ceiling"]).partition("; ")[0].rpartition(" ms: ")[2]
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def temporal_generalisation(
    recording: xr.DataArray,
    *,
    distance: str = "correlation",
    comparison: str | Comparison = "pearson",
    normalise: str = "none",
    n_splits: int = 100,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
) -> xr.DataArray:
    """How similar the RDM at one time is to the RDM at another, from independent halves of the repetitions.

    The repetitions of every stimulus are divided at random into halves. The RDM of one half in each time bin is
    compared with that of the other half in each time bin, both ways; so noise that lasts longer than a bin is never
    shared, and the diagonal is the split-half similarity of each bin, not 1. After King & Dehaene 2014 (Trends Cogn.
    Sci. 18:203), who generalise a classifier; RDMs in place of classifiers are our choice.

    Parameters
    ----------
    recording : DataArray
        An assembly with time bins and repetitions.
    distance, comparison, normalise, device, dtype
        As for :func:`neuroguide.score`; bins are normalised each by itself.
    n_splits : int
        Number of random splits.
    seed : int
        Of the splits.

    Returns
    -------
    DataArray
        Dims ("region", "time_bin", "time_bin_2"), symmetric, the mean over splits.

    Raises
    ------
    OptionError
        If there are no time bins.
    InputError
        If a stimulus was shown once, or evokes a constant response in half of its repetitions.
    """
    recording, normalise = _timed(recording, normalise)
    where = resolve_device(device)
    n_bins = recording.sizes["time_bin"]
    rows = []
    for _, sites in groups_of(recording, "region", "all sites"):
        part = recording.isel(neuroid=sites)
        bins = [by_repetition(part.isel(time_bin=index, drop=True)) for index in range(n_bins)]
        responses = torch.as_tensor(np.concatenate(bins, axis=2)).to(where, resolve_dtype(dtype, where))
        rows.append(_generalisation(responses, n_bins, distance, comparison, normalise, n_splits, seed).cpu().numpy())
    coords: dict[str, Any] = {"region": [name for name, _ in groups_of(recording, "region", "all sites")]}
    for edge in _EDGES:
        coords |= {edge: ("time_bin", recording[edge].values), f"{edge}_2": ("time_bin_2", recording[edge].values)}
    attrs = {name: recording.attrs[name] for name in KEPT_ATTRS if name in recording.attrs}
    attrs |= {"distance": str(distance), "comparison": str(comparison), "normalise": normalise, "n_splits": n_splits}
    return xr.DataArray(
        np.stack(rows), dims=("region", "time_bin", "time_bin_2"), coords=coords, attrs=attrs, name="similarity"
    )


def _generalisation(
    responses: Tensor,
    n_bins: int,
    distance: str,
    comparison: str | Comparison,
    normalise: str,
    n_splits: int,
    seed: int,
) -> Tensor:
    """Mean similarity (n_bins, n_bins) from responses of shape (n_stimuli, n_repetitions, n_bins * n_sites)."""
    n_stimuli = len(responses)
    generator = torch.Generator().manual_seed(seed)
    size = max(1, _CHUNK // (responses.shape[2] * n_stimuli + n_bins * n_stimuli**2))
    total = torch.zeros(n_bins, n_bins, dtype=torch.float64, device=responses.device)
    for start in range(0, n_splits, size):
        halves = []
        for half in half_means(responses, min(size, n_splits - start), generator):
            split = half.reshape(len(half), n_stimuli, n_bins, -1).transpose(1, 2)
            halves.append(dissimilarity.rdm(normalise_features(split, normalise), distance))
        for first, second in zip(*halves, strict=True):
            found = similarity.compare_all(first, second, comparison).double()
            total += (found + found.mT) / 2
    return total / n_splits


def _timed(recording: xr.DataArray, normalise: str) -> tuple[xr.DataArray, str]:
    """A checked recording with time bins, and the normalisation that is still to be done in each."""
    check_option("normalise", normalise, NORMALISATIONS)
    if is_rdm(recording) or "time_bin" not in recording.dims:
        raise OptionError(
            "the recording has no time bins to be taken one by one; open it with them, or use time='mean'"
        )
    checked = check_assembly(recording)
    return (normalise_sites(checked, "baseline"), "none") if normalise == "baseline" else (checked, normalise)
