"""Stimuli as points whose distances resemble an RDM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.plot._axes import extent, legend_outside, panel, settle, shorten_all
from neuroguide.plot._coordinates import METHODS, NEIGHBOURS, coordinates, stress_1
from neuroguide.plot._heading import Heading, finish
from neuroguide.plot._inputs import (
    Categories,
    RDMLike,
    SquareRDM,
    Thumbnails,
    read_categories,
    read_rdm,
    read_thumbnails,
)
from neuroguide.plot._style import COLOURS, INK, MUTED, TEXT_SIZE, series_look, styled

_NAMES = {"mds": "metric MDS", "classical": "classical MDS", "tsne": "t-SNE", "umap": "UMAP"}


def embed(rdm: RDMLike, method: str = "mds", *, perplexity: float = 30.0) -> xr.DataArray:
    """Positions in the plane for the stimuli of an RDM.

    Parameters
    ----------
    rdm : DataArray with dims ("stimulus_id", "stimulus_id_2"), or array of shape (n_stimuli, n_stimuli)
        Dissimilarities without NaN. Negative ones (crossnobis) count as 0.
    method : {"mds", "classical", "tsne", "umap"}
        ``"mds"``: metric scaling by majorisation (Borg & Groenen 2005). ``"classical"``: Torgerson's. ``"tsne"``: exact
        t-SNE (van der Maaten & Hinton 2008). ``"umap"``: UMAP (extra ``umap``). All
        start from classical scaling, so the result is always the same.
    perplexity : float
        Of t-SNE: roughly how many neighbours each stimulus has; of UMAP: how many.

    Returns
    -------
    DataArray of shape (n_stimuli, 2)
        Dims ``("stimulus_id", "axis")``; attrs ``method``, ``stress`` (Kruskal's stress-1, for the scalings) or
        ``perplexity`` (as used by t-SNE and UMAP), and ``negative`` (pairs that were set to 0).

    Raises
    ------
    InputError
        If it is no RDM, has missing pairs, or has fewer than 3 stimuli (4 for t-SNE and UMAP).
    MissingExtraError
        For UMAP, if umap-learn is not installed.
    """
    return embed_square(read_rdm(rdm), method, perplexity)


def embed_square(square: SquareRDM, method: str, perplexity: float) -> xr.DataArray:
    """:func:`embed` of an RDM that was checked already."""
    check_option("method", method, METHODS)
    count = len(square.ids)
    least = 4 if method in NEIGHBOURS else 3
    if count < least:
        raise InputError(f"method={method!r} needs at least {least} stimuli; the RDM has {count}")
    if not perplexity > 0:
        raise InputError(f"perplexity must be above 0; {perplexity} arrived")
    missing = int(np.isnan(square.pairs).sum())
    if missing:
        raise InputError(f"the RDM has no value for {missing:,} pairs; leave out their stimuli before embedding it")
    if not (square.pairs > 0).any():
        raise InputError("no dissimilarity of the RDM is above 0; there is nothing to embed")
    distances = np.maximum(square.values, 0.0)
    np.fill_diagonal(distances, 0.0)
    points = coordinates(distances, method, perplexity=perplexity)
    attrs: dict[str, Any] = {"method": method, "negative": int((square.pairs < 0).sum())}
    attrs["simulated"] = int(square.simulated)
    if method in NEIGHBOURS:
        attrs["perplexity"] = min(perplexity, (count - 1) / (3 if method == "tsne" else 1))
    else:
        attrs["stress"] = stress_1(distances, squareform(pdist(points)))
    return xr.DataArray(points, dims=("stimulus_id", "axis"), coords={"stimulus_id": list(square.ids)}, attrs=attrs)


@styled
def embedding(
    rdm: RDMLike,
    method: str = "mds",
    *,
    ax: Axes | None = None,
    categories: Categories | None = None,
    thumbnails: Thumbnails | None = None,
    names: bool = False,
    perplexity: float = 30.0,
    legend: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw the stimuli as points (or pictures) whose distances resemble the RDM.

    Parameters
    ----------
    rdm, method, perplexity
        As for :func:`embed`.
    ax : Axes, optional
        Where to draw; by default a new figure.
    categories : str, mapping or sequence, optional
        Category of each stimulus, as for :func:`neuroguide.plot.rdm`: colour and marker, or the frame of a picture.
    thumbnails : StimulusSet, mapping or array of shape (n_stimuli, height, width, 3), optional
        Pictures to draw in place of the points.
    names : bool
        Write the ids of the stimuli beside their points.
    legend : bool
        Whether to draw the legend, right of the points.
    title : str, optional
        Title above the plot.
    simulated : bool
        Mark the data as simulated although the attributes do not say so (attributes that do are always shown).

    Returns
    -------
    Axes
        Without ticks, because only distances mean something; for the scalings a bar shows their unit.

    Raises
    ------
    InputError
        As :func:`embed`, or if categories or pictures do not fit the RDM.
    """
    square = read_rdm(rdm)
    labels = read_categories(categories, square)
    pictures = None if thumbnails is None else read_thumbnails(thumbnails, square.ids, range(len(square.ids)))
    found = embed_square(square, method, perplexity)
    points = found.values
    ax = panel(ax, (5.2 if labels is not None else 4.2, 4.0))
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xticks=[], yticks=[])
    ax.margins(0.16 if names else 0.12 if pictures is not None else 0.06)
    groups = ["stimuli"] * len(points) if labels is None else labels
    handles = _draw_points(ax, points, groups, hidden=pictures is not None)
    if names:  # room for them: equal scales take the margins of one direction away
        room = 0.08 * np.ptp(points, axis=0)
        ax.update_datalim([points.min(axis=0) - room, points.max(axis=0) + room])
    if pictures is not None:
        _draw_pictures(ax, points, pictures, groups, framed=labels is not None)
    if names:
        for (x, y), name in zip(points, shorten_all(square.ids, 18), strict=True):
            ax.annotate(name, (x, y), (4, 3), textcoords="offset points", fontsize=TEXT_SIZE - 1.5, color=MUTED)
    if method not in NEIGHBOURS:
        _draw_unit(ax, points, square.label)
    if labels is not None and legend:
        legend_outside(ax, handles)
    settle(ax)
    finish(ax, Heading(title, embedding_notes(found), simulated or square.simulated), frame=False)
    ax.spines[:].set(visible=True, color="#bdbdbd", linewidth=0.6)
    return ax


def _draw_points(ax: Axes, points: NDArray[np.float64], groups: Sequence[str], *, hidden: bool) -> list[Any]:
    """One series of markers for each category; under pictures they are invisible but still set the limits."""
    handles: list[Any] = []
    size = 6.0 if len(points) <= 150 else 4.0
    for index, group in enumerate(dict.fromkeys(groups)):
        rows = np.array([label == group for label in groups])
        look = series_look(index) | {"linestyle": "none"}
        ax.plot(
            points[rows, 0], points[rows, 1], markersize=size, markeredgecolor="white", markeredgewidth=0.5,
            alpha=0.0 if hidden else 1.0, label=group, **look,
        )  # fmt: skip
        if hidden:
            handles.append(Patch(facecolor="white", edgecolor=look["color"], linewidth=1.4, label=group))
        else:
            handles.append(
                Line2D([], [], markersize=6, markeredgecolor="white", markeredgewidth=0.5, label=group, **look)
            )
    return handles


def _draw_pictures(
    ax: Axes, points: NDArray[np.float64], pictures: Sequence[NDArray[Any]], groups: Sequence[str], *, framed: bool
) -> None:
    """Pictures at the points, small enough to stand apart when there are many, framed in the category's colour."""
    side = float(np.clip(0.5 * min(extent(ax)) / np.sqrt(len(points)), 12, 36))
    number = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    for (x, y), picture, group in zip(points, pictures, groups, strict=True):
        zoom = side / max(picture.shape[:2])
        image = OffsetImage(picture, zoom=zoom, interpolation="antialiased", cmap="gray")
        frame = {
            "edgecolor": COLOURS[number[group] % len(COLOURS)] if framed else MUTED,
            "linewidth": 2.2 if framed else 0.5,
        }
        box = AnnotationBbox(image, (x, y), pad=0.0, bboxprops=frame | {"boxstyle": "square,pad=0.0"}, gid="thumbnail")
        ax.add_artist(box)


def _draw_unit(ax: Axes, points: NDArray[np.float64], label: str) -> None:
    """A bar of a round number of units: the axes of a scaling have no other meaning than distance."""
    wide = float(np.ptp(points[:, 0])) or 1.0
    raw = 0.25 * wide
    power = 10.0 ** np.floor(np.log10(raw))
    length = power * max(step for step in (1, 2, 5) if step * power <= raw * 1.0001)
    where = ax.get_xaxis_transform()
    left = float(points[:, 0].min())
    ax.plot(
        [left, left + length], [-0.035, -0.035], transform=where, clip_on=False, color=INK, linewidth=2.0, gid="unit"
    )
    ax.annotate(
        f"{length:g} {label}", (left, -0.035), (0, -5), xycoords=where, textcoords="offset points", ha="left", va="top",
        fontsize=TEXT_SIZE, annotation_clip=False,
    )  # fmt: skip


def embedding_notes(found: xr.DataArray) -> list[str]:
    """How the positions were computed, and how well they fit; nothing for positions of unknown origin."""
    if found.attrs.get("method") not in _NAMES:
        return []
    text = _NAMES[found.attrs["method"]]
    if "stress" in found.attrs:
        text += f", stress-1 = {found.attrs['stress']:.2f}"
    negative = found.attrs["negative"]
    if found.attrs["method"] in NEIGHBOURS:
        named = "perplexity" if found.attrs["method"] == "tsne" else "neighbours"
        text += f", {named} {found.attrs['perplexity']:.3g}: neighbours are kept, distances are not"
    return [text, f"{negative:,} negative dissimilarities drawn as 0" if negative else ""]
