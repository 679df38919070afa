"""Panels, titles, notes, tick labels: what every plot needs around its data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._style import LABEL_SIZE, TEXT_SIZE

#: Height of a line in units of the text size.
LINE = 1.3


@lru_cache(maxsize=4096)
def text_width(text: str, size: float) -> float:
    """Width of a text in points, as it will be drawn."""
    font = FontProperties(family="DejaVu Sans", size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def wrap(text: str, size: float, width: float) -> list[str]:
    """A text broken at its spaces into lines of at most ``width`` points (a longer word has a line of its own)."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        elif word:
            lines.append(word)
    return lines


def panel(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The given Axes, or one in a new figure of this size (inches)."""
    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise InputError(f"ax must be one matplotlib Axes; a {type(ax).__name__} arrived")
    return ax


def panels(
    axes: Iterable[Axes] | None,
    count: int,
    size: tuple[float, float],
    *,
    columns: int,
    layout: Literal["constrained", "compressed"] = "constrained",
    sharey: bool = False,
) -> NDArray[np.object_]:
    """As many Axes as there are things to draw, in an array of shape (count,): the given ones, or a new grid."""
    if axes is not None:
        given = [axes] if isinstance(axes, Axes) else list(np.asarray(axes, dtype=object).ravel())
        if len(given) != count or not all(isinstance(ax, Axes) for ax in given):
            raise InputError(f"axes must hold {count} matplotlib Axes, one for each panel; {len(given)} things arrived")
        return _array(given)
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = plt.figure(figsize=(size[0] * columns, size[1] * rows), layout=layout)
    made: list[Axes] = []
    for index in range(count):
        shared = made[0] if sharey and made else None
        made.append(figure.add_subplot(rows, columns, index + 1, sharey=shared))
    return _array(made)


def _array(axes: Sequence[Axes]) -> NDArray[np.object_]:
    array = np.empty(len(axes), dtype=object)
    array[:] = axes
    return array


def figure_of(ax: Axes) -> Figure | SubFigure:
    """The figure or subfigure that holds an Axes."""
    found = ax.figure
    if found is None:
        raise InputError("ax was removed from its figure; make a new one")
    return found


def extent(ax: Axes) -> tuple[float, float]:
    """Width and height of an Axes in points: an estimate before the layout is known."""
    ax.apply_aspect()
    box = ax.get_window_extent()
    points = 72.0 / figure_of(ax).dpi
    return float(box.width) * points, float(box.height) * points


def settle(ax: Axes) -> None:
    """Lay the figure out, where it has a layout, so that the size of a panel is known before texts are fitted to it."""
    figure = figure_of(ax)
    while isinstance(figure, SubFigure):
        figure = figure.figure
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def legend_outside(ax: Axes, handles: Sequence[Any]) -> None:
    """A legend right of the data, where it can cover none; nothing for an empty list."""
    if handles:
        ax.legend(
            handles=list(handles), loc="upper left", bbox_to_anchor=(1.02, 1.0), fontsize=TEXT_SIZE, frameon=False,
            borderaxespad=0.0, ncols=1 if len(handles) <= 16 else 2,
        )  # fmt: skip


def legend_beside(drawn: NDArray[np.object_], handles: Sequence[Any], *, own: bool) -> None:
    """One legend for several panels: right of all of them in a figure of our ``own``, else right of the last."""
    if not own:
        legend_outside(drawn[-1], handles)
    elif handles:
        figure_of(drawn[0]).legend(
            handles=list(handles), loc="outside right upper", fontsize=TEXT_SIZE, frameon=False, borderaxespad=0.2
        )


def merged(handles: Iterable[Sequence[Any]]) -> list[Any]:
    """The handles of several panels, each label once."""
    return list({str(handle.get_label()): handle for part in handles for handle in part}.values())


def legend_below(ax: Axes, handles: Sequence[Any]) -> None:
    """A legend under the label of the x axis; nothing for an empty list."""
    if not handles:
        return
    long = sum(text_width(str(handle.get_label()), TEXT_SIZE) + 4.5 * TEXT_SIZE for handle in handles)
    columns = len(handles) if long <= 1.2 * extent(ax)[0] else min(2, len(handles))
    ax.legend(
        handles=list(handles), loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns, frameon=False,
        fontsize=TEXT_SIZE, borderaxespad=4.2, columnspacing=1.4,
    )  # fmt: skip


def shorten_all(names: Sequence[str], limit: int = 26) -> list[str]:
    """Names that fit into ``limit`` characters and still differ, where that is possible.

    First the leading and then the trailing parts (between dots) that all names have in common are replaced by "…", then
    the middle of each name that is still too long.
    """
    found = list(names)
    if len(set(found)) > 1:
        for trailing in (False, True):
            if max(map(len, found)) > limit:
                found = _without_common(found, trailing=trailing)
    tail = (limit - 1) // 2 + 2
    short = [name if len(name) <= limit else f"{name[: limit - 1 - tail]}…{name[-tail:]}" for name in found]
    return short if len(set(short)) == len(set(names)) else found


def _without_common(names: Sequence[str], *, trailing: bool) -> list[str]:
    parts = [name.split(".")[:: -1 if trailing else 1] for name in names]
    common = 0
    while all(len(part) > common + 1 for part in parts) and len({part[common] for part in parts}) == 1:
        common += 1
    if not common:
        return list(names)
    kept = [".".join(part[common:][:: -1 if trailing else 1]) for part in parts]
    return [f"{name}…" if trailing else f"…{name}" for name in kept]


@dataclass(frozen=True)
class _TickPlan:
    """How names fit along an axis: as written, which of them, turned how, and the depth that they need in points."""

    names: list[str]
    chosen: NDArray[np.intp]
    look: dict[str, Any]
    depth: float


def _plan_ticks(names: Sequence[str], width: float) -> _TickPlan:
    short = shorten_all(names)
    slot = width / max(len(names), 1)
    longest = max((text_width(name, TEXT_SIZE) for name in short), default=0.0)
    line = LINE * TEXT_SIZE
    chosen = np.arange(len(names))
    if longest + 5 <= slot:
        return _TickPlan(short, chosen, {"rotation": 0, "ha": "center"}, line)
    depth = longest * math.sqrt(0.5)
    # a slanted name also reaches to the left of the first tick
    if slot >= line * math.sqrt(2) and depth < 0.35 * width:
        slanted = {"rotation": 45, "ha": "right", "va": "top", "rotation_mode": "anchor"}
        return _TickPlan(short, chosen, slanted, depth + line)
    chosen = chosen[:: max(1, math.ceil(line / slot))]
    upright = {"rotation": 90, "ha": "right", "va": "center", "rotation_mode": "anchor"}
    return _TickPlan(short, chosen, upright, longest)


def name_depth(names: Sequence[str], width: float) -> float:
    """Inches that the names will need below an axis of this width in inches."""
    return _plan_ticks(names, width * 72).depth / 72


def name_ticks(ax: Axes, names: Sequence[str]) -> None:
    """Names along the x axis at 0, 1, 2, …: level where they fit, else slanted, else upright, else not all of them."""
    plan = _plan_ticks(names, extent(ax)[0])
    if len(plan.chosen) < len(names):
        ax.set_xticks(np.arange(len(names)), minor=True)
        ax.tick_params(axis="x", which="minor", length=2)
    ax.set_xticks(plan.chosen, [plan.names[i] for i in plan.chosen], **plan.look)


def wrap_label(label: str, length: float) -> str:
    """A label broken into lines that fit along ``length`` points."""
    return "\n".join(wrap(label, LABEL_SIZE, length))


def spread(positions: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """The positions nearest to the given ascending ones (in squares) that are at least ``gap`` apart."""
    offsets = gap * np.arange(len(positions))
    return monotone(positions - offsets) + offsets


def monotone(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The non-decreasing sequence nearest to ``values`` in squares: pool adjacent violators (Barlow et al. 1972)."""
    means: list[float] = []
    sizes: list[int] = []
    for value in values:
        mean, size = float(value), 1
        while means and means[-1] > mean:
            mean = (means[-1] * sizes[-1] + mean * size) / (sizes[-1] + size)
            size += sizes[-1]
            means.pop()
            sizes.pop()
        means.append(mean)
        sizes.append(size)
    return np.repeat(means, sizes).astype(np.float64)
