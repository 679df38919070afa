"""Temporal generalisation: how similar RDMs at one time are to RDMs at another."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import extent, figure_of, panels, settle, wrap_label
from neuroguide.plot._heading import Heading, finish_panels
from neuroguide.plot._inputs import is_simulated
from neuroguide.plot._style import INK, TEXT_SIZE, styled

_AXES = ("time_bin", "time_bin_2")


@styled
def temporal_generalisation(
    similarity: xr.DataArray,
    *,
    axes: Iterable[Axes] | None = None,
    limits: tuple[float, float] | None = None,
    columns: int = 3,
    simulated: bool = False,
) -> NDArray[np.object_]:
    """Draw the similarity of RDMs between all pairs of time bins, a panel for each region, on one colour scale.

    Parameters
    ----------
    similarity : DataArray with the dims "time_bin" and "time_bin_2", and optionally "region"
        From :func:`neuroguide.scoring.temporal_generalisation`.
    axes : Axes, optional
        As many as there are regions; by default a new figure.
    limits : (float, float), optional
        Lowest and highest value of the colour scale; by default the range of the values, 0 included.
    columns : int
        Panels in a row of a new figure.
    simulated : bool
        Mark the data as simulated although the attributes do not say so.

    Returns
    -------
    array of Axes of shape (n_regions,)
        Time upwards and to the right; the dashed diagonal is a time with itself.

    Raises
    ------
    InputError
        If there are no two dims of time, or nothing is finite.
    """
    data, regions = _read(similarity)
    if columns < 1:
        raise InputError(f"columns must be at least 1; {columns} arrived")
    if limits is not None and not limits[0] < limits[1]:
        raise InputError(f"limits must be (lowest, highest); {limits} arrived")
    edges = np.append(similarity["time_bin_start"].values, similarity["time_bin_end"].values[-1]).astype(np.float64)
    if np.any(np.diff(edges) <= 0):
        raise InputError("the time bins of similarity are not in ascending order; sort them first")
    low, high = limits or (min(0.0, float(np.nanmin(data))), max(0.0, float(np.nanmax(data))))
    high = high if high > low else low + 1.0
    drawn = panels(axes, len(regions), (2.9, 2.9), columns=columns, layout="compressed")
    for index, (ax, values) in enumerate(zip(drawn, data, strict=True)):
        mesh = ax.pcolormesh(edges, edges, values, cmap="viridis", vmin=low, vmax=high, linewidth=0)
        ax.set_aspect("equal")
        ax.plot(edges[[0, -1]], edges[[0, -1]], color="white", linewidth=0.8, linestyle=(0, (4, 3)), gid="diagonal")
        if edges[0] < 0 < edges[-1]:
            ax.axhline(0, color="white", linewidth=0.8)
            ax.axvline(0, color="white", linewidth=0.8)
        ax.set_xlabel("time after onset (ms)")
        ax.set_ylabel("time after onset, other half (ms)" if axes is not None or index % columns == 0 else "")
    bar = figure_of(drawn[0]).colorbar(mesh, ax=list(drawn), shrink=0.9, aspect=25, pad=0.02)
    bar.ax.tick_params(labelsize=TEXT_SIZE, width=0.8, colors=INK)
    settle(drawn[0])
    bar.set_label(wrap_label("split-half RDM similarity", extent(bar.ax)[1]))
    marked = simulated or is_simulated(similarity.attrs)
    finish_panels(list(drawn), [Heading(name, (), marked) for name in regions], frame=False)
    return drawn


def _read(similarity: xr.DataArray) -> tuple[NDArray[np.float64], list[str]]:
    if not isinstance(similarity, xr.DataArray) or not set(_AXES) <= set(similarity.dims):
        found = similarity.dims if isinstance(similarity, xr.DataArray) else type(similarity).__name__
        raise InputError(f"similarity must have the dims 'time_bin' and 'time_bin_2'; {found} arrived")
    others = [str(dim) for dim in similarity.dims if dim not in _AXES]
    if others not in ([], ["region"]) or not {"time_bin_start", "time_bin_end"} <= set(similarity.coords):
        raise InputError(
            f"similarity must have the coordinates 'time_bin_start' and 'time_bin_end' (ms), and beside time only the "
            f"dim 'region'; it has the dims {similarity.dims}"
        )
    data = similarity.transpose(..., *_AXES).values.astype(np.float64)
    if not np.isfinite(data).any():
        raise InputError("similarity holds no finite value; there is nothing to draw")
    data = data.reshape(-1, *data.shape[-2:])
    names = similarity["region"].values.astype(str).tolist() if others else ["all sites"]
    return data, names
