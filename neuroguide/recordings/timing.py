"""Time bins: choosing those in a window, and averaging over them."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.recordings._blocks import coordinates, from_rows, response_dtype, site_blocks, with_values
from neuroguide.recordings.assembly import check_structure

#: Edges this close (ms) are the same edge: bins are often stored as float32.
_TOLERANCE = 1e-3


def select_time(assembly: xr.DataArray, window: tuple[float, float]) -> xr.DataArray:
    """Keep the time bins that lie wholly inside a window.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid, time_bin.
    window : (float, float)
        Start and end in ms from stimulus onset.

    Returns
    -------
    DataArray
        The same dims; ``attrs["time_window"]`` says which time the kept bins cover.

    Raises
    ------
    InputError
        If there are no time bins, or none inside the window.
    """
    plain = check_structure(assembly)
    start, end = _check_window(window)
    if "time_bin" not in plain.dims:
        raise InputError(f"the recording has no time bins, so no window {start:g} to {end:g} ms can be taken from it")
    bins = bins_within(plain, start, end)
    if not bins.size:
        raise InputError(
            f"no time bin lies inside {start:g} to {end:g} ms; the recording has {plain.sizes['time_bin']} bins from "
            f"{_span(plain)}: choose a window that holds at least one"
        )
    kept = plain.isel(time_bin=bins)
    return kept.assign_attrs(time_window=_span(kept))


def average_time(assembly: xr.DataArray, window: tuple[float, float] | None = None) -> xr.DataArray:
    """Average over the time bins, or over those inside a window, and drop the dim.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin; returned as it is without time bins and window.
    window : (float, float), optional
        Start and end in ms from stimulus onset; None takes every bin.

    Returns
    -------
    DataArray
        Dims presentation, neuroid. Bins count by their duration (the plain mean for equal bins; our choice for
        others), missing ones (NaN) not at all. ``attrs["time_window"]`` says which time was averaged.

    Raises
    ------
    InputError
        If a window is given and there are no time bins, or none inside it.
    """
    plain = select_time(assembly, window) if window is not None else check_structure(assembly)
    if "time_bin" not in plain.dims:
        return plain
    span = _span(plain)
    if plain.sizes["time_bin"] == 1:
        return (
            plain.isel(time_bin=0, drop=True)
            .drop_vars(_time_coordinates(plain), errors="ignore")
            .assign_attrs(time_window=span)
        )
    starts, ends = _edges(plain)
    weights = ends - starts
    if not (weights > 0).all():
        raise InputError("time bins must end after they start (time_bin_end > time_bin_start): correct the coordinates")
    means = np.empty((plain.sizes["neuroid"], plain.sizes["presentation"]), dtype=response_dtype(plain))
    for sites, rows in site_blocks(plain):
        there = ~np.isnan(rows)
        sums = np.einsum("sbp,b->sp", np.where(there, rows, 0).astype(np.float64), weights)
        total = np.einsum("sbp,b->sp", there.astype(np.float64), weights)
        means[sites] = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
    coords = {name: coord for name, coord in coordinates(plain).items() if "time_bin" not in coord.dims}
    return with_values(plain, means.T, dims=("presentation", "neuroid"), coords=coords, attrs={"time_window": span})


def rebin(assembly: xr.DataArray, width: float, *, counts: bool = False) -> xr.DataArray:
    """Join fine time bins, such as those of a raster of 1 ms, to wider ones.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid, time_bin; the bins follow one another and are of one width.
    width : float
        Width of the new bins in ms, a multiple of that of the old ones.
    counts : bool
        Whether the values are spikes counted in each bin: the result is then a rate in spikes/s. Otherwise the new
        value is the mean over the old bins.

    Returns
    -------
    DataArray
        The same dims; old bins at the end that do not fill a new one are left out. float32 for counts of 1 or 2
        bytes and for float32, else float64. A bin with a missing value (NaN) is missing.

    Raises
    ------
    InputError
        If there are no time bins, they differ in width or have gaps, or ``width`` is no multiple of theirs.
    """
    plain = check_structure(assembly)
    if "time_bin" not in plain.dims:
        raise InputError("the recording has no time bins to be joined; open it with them")
    starts, ends = _edges(plain)
    fine = float(ends[0] - starts[0])
    if (
        fine <= 0
        or np.abs(ends - starts - fine).max() > _TOLERANCE
        or np.abs(starts[1:] - ends[:-1]).max(initial=0) > (_TOLERANCE)
    ):
        raise InputError("time bins are joined where they follow one another and are of one width; these are not")
    n_fine = round(float(width) / fine)
    n_bins = len(starts) // n_fine if n_fine >= 1 else 0
    if n_fine < 1 or abs(n_fine * fine - width) > _TOLERANCE or n_bins < 1:
        raise InputError(
            f"bins of {width:g} ms cannot be made from {len(starts)} bins of {fine:g} ms; give a multiple of {fine:g} "
            f"up to {fine * len(starts):g}"
        )
    small = plain.dtype.kind != "f" and plain.dtype.itemsize <= 2
    dtype = np.dtype(np.float32) if small else response_dtype(plain)
    joined = np.empty((plain.sizes["neuroid"], n_bins, plain.sizes["presentation"]), dtype=dtype)
    factor = 1000 / width if counts else 1 / n_fine
    for sites, rows in site_blocks(plain):
        used = rows[:, : n_bins * n_fine].reshape(len(rows), n_bins, n_fine, -1)
        joined[sites] = used.sum(axis=2, dtype=np.float64) * factor
    coords = {name: coord for name, coord in coordinates(plain).items() if "time_bin" not in coord.dims}
    coords["time_bin_start"] = xr.Variable(("time_bin",), starts[0] + width * np.arange(n_bins))
    coords["time_bin_end"] = xr.Variable(("time_bin",), starts[0] + width * np.arange(1, n_bins + 1))
    attrs: dict[str, object] = {"units": "spikes/s"} if counts else {}
    return with_values(plain, from_rows(joined, plain), coords=coords, attrs=attrs)


def bins_within(assembly: xr.DataArray, start: float, end: float) -> NDArray[np.intp]:
    """Which time bins lie wholly between ``start`` and ``end`` (ms)."""
    starts, ends = _edges(assembly)
    return np.flatnonzero((starts >= start - _TOLERANCE) & (ends <= end + _TOLERANCE))


def _edges(assembly: xr.DataArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return (
        np.asarray(assembly["time_bin_start"].values, dtype=np.float64),
        np.asarray(assembly["time_bin_end"].values, dtype=np.float64),
    )


def _span(assembly: xr.DataArray) -> str:
    starts, ends = _edges(assembly)
    return f"{starts.min():g} to {ends.max():g} ms"


def _time_coordinates(assembly: xr.DataArray) -> list[str]:
    return [name for name, coord in coordinates(assembly).items() if "time_bin" in coord.dims]


def _check_window(window: tuple[float, float]) -> tuple[float, float]:
    try:
        start, end = (float(edge) for edge in window)
    except (TypeError, ValueError):
        raise InputError(f"time window {window!r} is not understood; give (start, end) in ms, e.g. (70, 170)") from None
    if not start < end:
        raise InputError(f"time window {start:g} to {end:g} ms ends before it starts; give (start, end) in ms")
    return start, end
