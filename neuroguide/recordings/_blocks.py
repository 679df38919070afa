"""Walking through an assembly a few sites at a time, so that no pass needs a second copy of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

#: Bytes of responses looked at in one go; large enough for numpy to be fast, small beside any recording.
BLOCK_BYTES = 8 * 2**20


def site_blocks(assembly: xr.DataArray) -> Iterator[tuple[slice, NDArray[np.generic]]]:
    """The responses of a few sites after the other.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin, in any order.

    Yields
    ------
    sites : slice
        Which sites these are.
    rows : array of shape (n_sites, n_bins, n_presentations)
        Their responses with presentations contiguous, whatever the order in memory; a copy only where needed.
        ``n_bins`` is 1 without a time_bin.
    """
    order = ("neuroid", "time_bin", "presentation") if "time_bin" in assembly.dims else ("neuroid", "presentation")
    values = assembly.transpose(*order).values
    if values.ndim == 2:
        values = values[:, np.newaxis, :]
    n_sites, n_bins, n_presentations = values.shape
    step = max(1, BLOCK_BYTES // max(1, n_bins * n_presentations * values.itemsize))
    for start in range(0, n_sites, step):
        sites = slice(start, min(start + step, n_sites))
        yield sites, np.ascontiguousarray(values[sites])


def from_rows(rows: NDArray[np.generic], like: xr.DataArray) -> NDArray[np.generic]:
    """Rows of shape (n_sites, n_bins, n_presentations) as a view in the order presentation, neuroid[, time_bin]."""
    return np.moveaxis(rows, 2, 0) if "time_bin" in like.dims else rows[:, 0, :].T


def response_dtype(assembly: xr.DataArray) -> np.dtype[np.generic]:
    """The type of averaged or normalised responses: float32 stays float32, everything else becomes float64."""
    return np.dtype(np.float32 if assembly.dtype == np.float32 else np.float64)


def with_values(
    assembly: xr.DataArray,
    values: NDArray[np.generic],
    *,
    dims: tuple[str, ...] = (),
    coords: dict[str, xr.Variable] | None = None,
    attrs: dict[str, object] | None = None,
) -> xr.DataArray:
    """A new assembly that keeps what is not replaced: coordinates, attributes and the name."""
    return xr.DataArray(
        values,
        dims=dims or tuple(str(dim) for dim in assembly.dims),
        coords=coordinates(assembly) if coords is None else coords,
        attrs={**assembly.attrs, **(attrs or {})},
        name=assembly.name,
    )


def coordinates(assembly: xr.DataArray) -> dict[str, xr.Variable]:
    """The coordinates as plain variables, by name."""
    return {str(name): coord.variable for name, coord in assembly.coords.items()}


def shorten(names: list[str], n: int = 8) -> str:
    """A list of names as text, the first ``n`` of them."""
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")
