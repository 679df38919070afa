"""The mean over repetitions, in one pass and without a second copy of the recording."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from neuroguide.recordings._blocks import from_rows, response_dtype, site_blocks, with_values
from neuroguide.recordings.assembly import check_structure


def average_repetitions(assembly: xr.DataArray) -> xr.DataArray:
    """Average over the repetitions of each stimulus.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin; presentations with the same ``stimulus_id`` are
        repetitions of one stimulus.

    Returns
    -------
    DataArray
        One presentation a stimulus, in the order in which the stimuli first appear. It keeps the dims, the
        attributes and every presentation coordinate that is constant for each stimulus; ``repetition`` goes,
        ``n_repetitions`` (presentations averaged, whether or not every site responded) comes. Missing responses
        (NaN) are ignored; the mean is NaN where a site has no response to a stimulus. Sums are taken in float64;
        float32 responses give float32 means, all others float64.

    Raises
    ------
    InputError
        If it is not an assembly.
    """
    plain = check_structure(assembly)
    codes, stimuli = pd.factorize(np.asarray(plain["stimulus_id"].values, dtype=object))
    n_stimuli = len(stimuli)
    first = np.empty(n_stimuli, dtype=np.intp)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several values for one place numpy keeps the last
    coords = _constant_coordinates(plain, codes, first)
    coords["n_repetitions"] = xr.Variable(("presentation",), _repetitions(plain, codes, n_stimuli))
    shape = (plain.sizes["neuroid"], plain.sizes.get("time_bin", 1), n_stimuli)
    means = np.empty(shape, dtype=response_dtype(plain))
    counts = np.bincount(codes, minlength=n_stimuli)
    for sites, rows in site_blocks(plain):
        for site, bins in zip(range(sites.start, sites.stop), rows, strict=True):
            for k, row in enumerate(bins):
                means[site, k] = _mean_by_stimulus(row, codes, counts)
    return with_values(plain, from_rows(means, plain), coords=coords)


def _mean_by_stimulus(
    row: NDArray[np.generic], codes: NDArray[np.intp], counts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Mean of one row for each stimulus, ignoring NaN; NaN where a stimulus has no response."""
    absent = np.flatnonzero(np.isnan(row))
    if absent.size:
        row = row.copy()
        row[absent] = 0
        counts = counts - np.bincount(codes[absent], minlength=len(counts))
    sums = np.bincount(codes, weights=row, minlength=len(counts))
    means = np.full(len(counts), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _repetitions(assembly: xr.DataArray, codes: NDArray[np.intp], n_stimuli: int) -> NDArray[np.int64]:
    """Presentations a stimulus; what was averaged before counts as often as it was shown then."""
    if "n_repetitions" in assembly.coords:
        before = np.asarray(assembly["n_repetitions"].values, dtype=np.float64)
        return np.bincount(codes, weights=before, minlength=n_stimuli).astype(np.int64)
    return np.bincount(codes, minlength=n_stimuli).astype(np.int64)


def _constant_coordinates(
    assembly: xr.DataArray, codes: NDArray[np.intp], first: NDArray[np.intp]
) -> dict[str, xr.Variable]:
    """Coordinates of other dims as they are; those of presentations reduced to stimuli, where constant."""
    kept: dict[str, xr.Variable] = {}
    for name, coord in assembly.coords.items():
        if "presentation" not in coord.dims:
            kept[str(name)] = coord.variable
        elif coord.dims == ("presentation",) and name not in ("repetition", "n_repetitions"):
            values = coord.values[first]
            expected = values[codes]
            same = coord.values == expected
            if not same.all():
                same = same | (pd.isna(coord.values) & pd.isna(expected))
            if same.all():
                kept[str(name)] = xr.Variable(("presentation",), values, dict(coord.attrs))
    return kept
