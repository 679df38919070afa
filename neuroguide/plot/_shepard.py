"""The Shepard plot: how well the distances of an embedding show the dissimilarities."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patheffects import Normal, Stroke
from scipy.spatial.distance import pdist

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import figure_of, legend_below, monotone, panel, settle
from neuroguide.plot._coordinates import NEIGHBOURS
from neuroguide.plot._embedding import embed_square, embedding_notes
from neuroguide.plot._heading import Heading, finish
from neuroguide.plot._inputs import RDMLike, SquareRDM, is_simulated, read_rdm
from neuroguide.plot._style import COLOURS, INK, TEXT_SIZE, styled

#: More pairs than this are drawn as a density: single dots would hide each other.
_MOST_DOTS = 3000


@styled
def shepard(
    rdm: RDMLike,
    points: xr.DataArray | None = None,
    *,
    ax: Axes | None = None,
    method: str = "mds",
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw the distances of an embedding against the dissimilarities that it should show, one dot for each pair.

    Parameters
    ----------
    rdm : DataArray with dims ("stimulus_id", "stimulus_id_2"), or array of shape (n_stimuli, n_stimuli)
        Dissimilarities without NaN.
    points : DataArray of shape (n_stimuli, n_axes), optional
        Positions as :func:`embed` returns them; by default they are computed by ``method``.
    ax : Axes, optional
        Where to draw; by default a new figure.
    method : {"mds", "classical", "tsne", "umap"}
        How to compute the positions when none are given.
    title : str, optional
        Title above the plot.
    simulated : bool
        Mark the data as simulated although the attributes do not say so (attributes that do are always shown).

    Returns
    -------
    Axes
        With the monotone regression of the distances on the dissimilarities (Kruskal 1964). More than 3,000 pairs are
        drawn as a density.

    Raises
    ------
    InputError
        As :func:`embed`, or if ``points`` are not of the stimuli of the RDM.
    """
    square = read_rdm(rdm)
    found = embed_square(square, method, 30.0) if points is None else _check_points(points, square)
    distances = pdist(found.values)
    dissimilarities = square.pairs
    ax = panel(ax, (3.9, 3.6))
    if len(distances) > _MOST_DOTS:
        # the palest blues are hardly seen on white
        blues = ListedColormap(matplotlib.colormaps["Blues"](np.linspace(0.25, 1, 256)))
        density = ax.hexbin(dissimilarities, distances, gridsize=45, bins="log", cmap=blues, mincnt=1, linewidths=0.1)
        bar = figure_of(ax).colorbar(density, ax=ax, label="pairs of stimuli", pad=0.03, aspect=25)
        bar.ax.tick_params(labelsize=TEXT_SIZE)
        bar.ax.yaxis.set_major_formatter("{x:g}")
    else:
        ax.plot(dissimilarities, distances, "o", color=COLOURS[0], markersize=3, alpha=0.5, markeredgewidth=0)
    order = np.lexsort((distances, dissimilarities))
    fitted = monotone(distances[order])
    look: dict[str, Any] = {"color": COLOURS[1], "linewidth": 1.8, "label": "monotone regression", "gid": "monotone"}
    # in grey the line is as dark as the points
    look["path_effects"] = [Stroke(linewidth=3.4, foreground="white"), Normal()]
    handles = ax.plot(dissimilarities[order], fitted, **look)
    scale = method if points is None else str(points.attrs.get("method", ""))
    if scale not in NEIGHBOURS:
        low, high = min(0.0, float(dissimilarities.min())), float(dissimilarities.max())
        look = {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 2)), "label": "equal", "gid": "equal"}
        handles += ax.plot([low, high], [low, high], **look)
    ax.set(xlabel=square.label, ylabel="distance in the embedding")
    ax.set_ylim(bottom=0)
    marked = simulated or square.simulated or is_simulated(found.attrs)
    settle(ax)
    legend_below(ax, handles)
    finish(ax, Heading(title, [*embedding_notes(found), f"{len(distances):,} pairs"], marked))
    return ax


def _check_points(points: xr.DataArray, square: SquareRDM) -> xr.DataArray:
    if not isinstance(points, xr.DataArray) or points.ndim != 2 or "stimulus_id" not in points.dims:
        raise InputError(
            "points must be a DataArray with the dims ('stimulus_id', 'axis'), as neuroguide.plot.embed returns it"
        )
    points = points.transpose("stimulus_id", ...)
    ids = [str(v) for v in points["stimulus_id"].values] if "stimulus_id" in points.coords else []
    if set(ids) != set(square.ids) or len(ids) != len(square.ids):
        raise InputError("points are not of the stimuli of the RDM; embed the same RDM")
    if not np.isfinite(points.values).all():
        raise InputError("points hold NaN or infinite positions")
    place = {stimulus: index for index, stimulus in enumerate(ids)}
    return points.isel(stimulus_id=[place[stimulus] for stimulus in square.ids])
