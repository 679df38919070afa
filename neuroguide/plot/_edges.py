"""The edges of a matrix: names of stimuli, groups of categories, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from numpy.typing import NDArray

from neuroguide.plot._axes import extent, settle, shorten_all, spread
from neuroguide.plot._inputs import Thumbnails, read_thumbnails
from neuroguide.plot._style import INK, MUTED, TEXT_SIZE

#: Side of the smallest picture worth drawing, in points, and how many rows of them an edge may take.
_SMALLEST = 8.5
_MOST_ROWS = 4


def group_order(labels: Sequence[str]) -> NDArray[np.intp]:
    """The order that puts the stimuli of one category together, categories by first appearance."""
    rank = {label: index for index, label in enumerate(dict.fromkeys(labels))}
    return np.argsort([rank[label] for label in labels], kind="stable")


def group_bounds(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """(category, first, one past the last) of each run of equal labels."""
    starts = [0] + [i for i in range(1, len(labels)) if labels[i] != labels[i - 1]]
    return [(labels[a], a, b) for a, b in zip(starts, [*starts[1:], len(labels)], strict=True)]


def draw_groups(ax: Axes, labels: Sequence[str], *, names: bool, offset: float) -> None:
    """Lines between the categories, a bracket for each on the left and lower edge, and their names on the left.

    ``offset`` is the width in axes fractions that pictures already take at the edges.
    """
    groups = group_bounds(labels)
    count = len(labels)
    # never so wide that they hide a row of a large matrix
    width = min(0.8, 0.2 * extent(ax)[1] / count)
    for _, start, _ in groups[1:]:
        ax.axhline(start - 0.5, color="white", linewidth=width, gid="category-line")
        ax.axvline(start - 0.5, color="white", linewidth=width, gid="category-line")
    away = -offset - 0.022
    shrink = min(0.25, 0.004 * count)
    for index, (_, start, stop) in enumerate(groups):
        span = np.array([start - 0.5 + shrink, stop - 0.5 - shrink])
        look: dict[str, Any] = {"color": INK if index % 2 else "#8c8c8c", "linewidth": 2.2, "solid_capstyle": "butt"}
        ax.plot([away, away], span, transform=ax.get_yaxis_transform(), clip_on=False, **look)
        ax.plot(span, [away, away], transform=ax.get_xaxis_transform(), clip_on=False, **look)
    if names:
        # the names make the matrix smaller, and its size says how close they can stand
        trial = _name_groups(ax, groups, count, away)
        settle(ax)
        for name in trial:
            name.remove()
        _name_groups(ax, groups, count, away)


def _name_groups(ax: Axes, groups: Sequence[tuple[str, int, int]], count: int, away: float) -> list[Annotation]:
    """Category names left of their brackets, moved apart where groups are too small, with a leader to each."""
    gap = TEXT_SIZE * 1.25 / max(extent(ax)[1], 1.0)
    fitting = max(2, int(1.0 / gap) + 1)
    shown = list(groups)
    if len(shown) > fitting:
        shown = [shown[i] for i in np.unique(np.linspace(0, len(shown) - 1, fitting).round().astype(int))]
    centres = np.array([(start + stop) / 2 / count for _, start, stop in shown])
    places = spread(centres, gap)
    # the whole column may hang over the edges by half a line, no more
    places -= max(0.0, places[-1] - 1.0)
    places = np.maximum(places, np.arange(len(places)) * gap)
    moved = bool((np.abs(places - centres) > 0.2 * gap).any())
    written: list[Annotation] = []
    leader = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.6, "shrinkA": 2, "shrinkB": 0, "relpos": (1, 0.5)}
    for label, centre, place in zip(shorten_all([name for name, _, _ in shown], 22), centres, places, strict=True):
        # annotate measures axes fractions upwards, the matrix counts downwards
        written += [ax.annotate(
            label, (away - 0.012, 1 - centre), (away - (0.065 if moved else 0.025), 1 - place),
            xycoords="axes fraction", textcoords="axes fraction", ha="right", va="center", fontsize=TEXT_SIZE,
            color=INK, annotation_clip=False, arrowprops=leader if moved else None,
        )]  # fmt: skip
    return written


def draw_thumbnails(ax: Axes, thumbnails: Thumbnails, ids: Sequence[str]) -> float:
    """Pictures along the left and lower edge, staggered in rows where they are many; returns the width that they take.

    Where even the staggered rows have no room for all, evenly spaced stimuli are shown.
    """
    count = len(ids)
    side = max(1.0 / count, _SMALLEST / max(extent(ax)[1] * 0.9, 1.0))
    rows = min(_MOST_ROWS, int(np.ceil(side * count - 1e-9)))
    fitting = min(count, int(rows / side))
    chosen = np.unique(np.linspace(0, count - 1, fitting).round().astype(int))
    pictures = read_thumbnails(thumbnails, ids, [int(i) for i in chosen])
    depth = rows * side
    gap = 0.012
    left = ax.inset_axes((-depth - gap, 0.0, depth, 1.0), gid="thumbnails")
    lower = ax.inset_axes((0.0, -depth - gap, 1.0, depth), gid="thumbnails")
    for order, (index, picture) in enumerate(zip(chosen, pictures, strict=True)):
        centre = float(np.clip((index + 0.5) / count, side / 2, 1 - side / 2))
        near, far = (order % rows) * side, (order % rows + 1) * side
        look: dict[str, Any] = {"aspect": "auto", "interpolation": "antialiased", "cmap": "gray"}
        along = (centre - 0.48 * side, centre + 0.48 * side)
        left.imshow(picture, extent=(depth - far + 0.02 * side, depth - near - 0.02 * side, along[1], along[0]), **look)
        lower.imshow(picture, extent=(*along, far - 0.02 * side, near + 0.02 * side), **look)
    left.set(xlim=(0, depth), ylim=(1, 0))
    lower.set(xlim=(0, 1), ylim=(depth, 0))
    for edge in (left, lower):
        edge.set_axis_off()
    return depth + gap
