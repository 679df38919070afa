"""Per-site normalisation across stimuli, before an RDM is made."""

from __future__ import annotations

import logging

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.recordings._blocks import from_rows, response_dtype, shorten, site_blocks, with_values
from neuroguide.recordings.assembly import check_structure
from neuroguide.recordings.timing import bins_within

#: What ``normalise_sites`` knows.
NORMALISATIONS = ("none", "center", "zscore", "baseline")

_logger = logging.getLogger("neuroguide.recordings")


def normalise_sites(assembly: xr.DataArray, how: str = "none") -> xr.DataArray:
    """Normalise each site across presentations.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin; normally averaged over repetitions first. With
        time bins, each bin is normalised by itself ("center", "zscore").
    how : {"none", "center", "zscore", "baseline"}
        "none": as recorded. "center": minus the site's mean. "zscore": that, divided by the site's standard
        deviation (of the population, ``ddof=0``: our choice; an RDM of correlations does not depend on it).
        "baseline": minus the site's mean response before stimulus onset, from the time bins that end at or
        before 0 ms, or from a coordinate ``baseline`` on neuroid where there are no such bins.

    Returns
    -------
    DataArray
        The same dims, coordinates and attributes; ``attrs["normalise"]`` is ``how``. Missing responses are
        ignored and stay missing. A silent site (one value throughout) has no standard deviation: it is 0
        everywhere after "center" and "zscore", and "zscore" logs which these are.

    Raises
    ------
    OptionError
        If ``how`` is not known.
    InputError
        If it is not an assembly, or "baseline" is asked for and there is nothing before stimulus onset.
    """
    check_option("normalise", how, NORMALISATIONS)
    plain = check_structure(assembly)
    if how == "none":
        return plain.assign_attrs(normalise=plain.attrs.get("normalise", "none"))
    baseline = _baseline(plain) if how == "baseline" else None
    shape = (plain.sizes["neuroid"], plain.sizes.get("time_bin", 1), plain.sizes["presentation"])
    result = np.empty(shape, dtype=response_dtype(plain))
    silent: list[str] = []
    for sites, rows in site_blocks(plain):
        block = rows.astype(np.float64)
        if baseline is not None:
            result[sites] = block - baseline[sites, np.newaxis, np.newaxis]
            continue
        # decided on the values themselves: the mean of equal numbers may differ from them in the last bit
        flat = np.fmax.reduce(block, axis=2, keepdims=True) == np.fmin.reduce(block, axis=2, keepdims=True)
        block -= _mean(block)
        np.copyto(block, 0.0, where=flat & ~np.isnan(block))
        if how == "zscore":
            deviation = np.sqrt(_mean(block**2))
            block /= np.where(flat, 1.0, deviation)
            names = plain["neuroid_id"].values[sites]
            silent += [str(names[i]) for i in np.flatnonzero(flat.all(axis=(1, 2)))]
        result[sites] = block
    if silent:
        _logger.info(
            "%d silent sites have no standard deviation and are 0 when z-scored: %s", len(silent), shorten(silent)
        )
    return with_values(plain, from_rows(result, plain), attrs={"normalise": how})


def _mean(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis ignoring NaN, kept as an axis; NaN where nothing is there."""
    there = ~np.isnan(block)
    sums, counts = np.where(there, block, 0.0).sum(axis=2, keepdims=True), there.sum(axis=2, keepdims=True)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _baseline(assembly: xr.DataArray) -> NDArray[np.float64]:
    """The mean response of each site before stimulus onset."""
    if "time_bin" in assembly.dims:
        bins = bins_within(assembly, -np.inf, 0.0)
        if bins.size:
            means = np.empty(assembly.sizes["neuroid"])
            for sites, rows in site_blocks(assembly.isel(time_bin=bins)):
                means[sites] = _mean(rows.reshape(len(rows), 1, -1).astype(np.float64))[:, 0, 0]
            return means
    if "baseline" in assembly.coords and assembly["baseline"].dims == ("neuroid",):
        return np.asarray(assembly["baseline"].values, dtype=np.float64)
    raise InputError(
        "normalise='baseline' needs responses from before stimulus onset: time bins that end at or before 0 ms, or a "
        "coordinate 'baseline' on neuroid; this recording has neither, so use 'none', 'center' or 'zscore'"
    )
