"""How reproducible a recording's RDM is, by region and by time bin."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine.ceiling import split_half_similarities
from neuroguide.engine.device import resolve_device, resolve_dtype
from neuroguide.recordings.normalising import NORMALISATIONS, normalise_sites
from neuroguide.recordings.repeating import by_repetition
from neuroguide.scoring.rdms import KEPT_ATTRS, over_time


def rdm_reliability(
    recording: xr.DataArray,
    *,
    distance: str = "correlation",
    comparison: str = "pearson",
    normalise: str = "none",
    time: str = "mean",
    n_splits: int = 100,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
) -> xr.Dataset:
    """Split-half reliability of the RDM of each region.

    The repetitions of every stimulus are divided at random into halves, each half gives an RDM, and the two are
    compared; with ``rbar`` the mean over splits, the RDM of all repetitions has the reliability
    ``2 rbar / (1 + rbar)`` (Spearman 1910; Brown 1910).

    Parameters
    ----------
    recording : xarray.DataArray
        An assembly with repetitions.
    distance, comparison, normalise, device, dtype : str
        As for :func:`neuroguide.score`.
    time : {"mean", "bins"}
        ``"bins"``: for every time bin by itself.
    n_splits : int
        Number of random splits.
    seed : int
        Seed of the splits.

    Returns
    -------
    xarray.Dataset
        By region, and by time bin if asked: ``split_half`` (``rbar``), ``split_half_sd`` (over splits), and
        ``reliability``, which is ``rbar`` itself where that is negative: the correction has no meaning there.

    Raises
    ------
    InputError
        If a stimulus was shown once, the recording is averaged, has no time bins where they are asked for, or a
        stimulus evokes a constant response.
    """
    check_option("time", time, ("mean", "bins"))
    check_option("normalise", normalise, NORMALISATIONS)
    if time == "bins":
        if "time_bin" not in recording.dims:
            raise InputError("time='bins' needs a recording with time bins; this one has none")
        if normalise == "baseline":
            recording, normalise = normalise_sites(recording, "baseline"), "none"
        moments = [over_time(recording.isel(time_bin=[i]), normalise)[0] for i in range(recording.sizes["time_bin"])]
    else:
        averaged, normalise = over_time(recording, normalise)
        moments = [averaged]
    regions = (
        moments[0]["region"].values
        if "region" in moments[0].coords
        else np.full(moments[0].sizes["neuroid"], "all sites")
    )
    names = list(dict.fromkeys(regions.tolist()))
    where = resolve_device(device)
    mean, spread = np.empty((2, len(names), len(moments)))
    for i, name in enumerate(names):
        sites = np.flatnonzero(regions == name)
        for j, moment in enumerate(moments):
            responses = torch.as_tensor(by_repetition(moment.isel(neuroid=sites)))
            splits = split_half_similarities(
                responses.to(where, resolve_dtype(dtype, where)), distance, comparison, normalise=normalise,
                n_splits=n_splits, seed=seed,
            )  # fmt: skip
            mean[i, j], spread[i, j] = float(splits.mean()), float(splits.std())
    return _dataset(recording, names, mean, spread, time).assign_attrs(
        {name: recording.attrs[name] for name in KEPT_ATTRS if name in recording.attrs},
        distance=str(distance), comparison=str(comparison), n_splits=n_splits, seed=seed,
    )  # fmt: skip


def _dataset(
    recording: xr.DataArray, names: list[Any], mean: NDArray[np.float64], spread: NDArray[np.float64], time: str
) -> xr.Dataset:
    corrected = np.where(mean > 0, 2 * mean / (1 + np.maximum(mean, 0)), mean)
    values = {"split_half": mean, "split_half_sd": spread, "reliability": corrected}
    coords: dict[str, Any] = {"region": [str(name) for name in names]}
    if time == "bins":
        edges = ("time_bin_start", "time_bin_end")
        coords |= {edge: ("time_bin", np.asarray(recording[edge].values)) for edge in edges}
        return xr.Dataset({name: (("region", "time_bin"), array) for name, array in values.items()}, coords=coords)
    return xr.Dataset({name: ("region", array[:, 0]) for name, array in values.items()}, coords=coords)
