"""A cell as a graph: its blocks from the inputs below to the output above, with the operations on the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import panel, panels, settle
from neuroguide.plot._heading import Heading, finish, finish_panels
from neuroguide.plot._style import INK, MUTED, NOTE_SIZE, TEXT_SIZE, styled

if TYPE_CHECKING:
    from neuroguide.nas.spaces.cells.cell import Cell
    from neuroguide.nas.spaces.cells.space import CellsArchitecture

_INPUTS = ("cell before\nthe previous", "previous cell")
#: What a box says and how dark it is: operations with weights are darker than those without.
_LOOKS = {
    "sep_conv_3x3": ("sep\n3×3", "#9ecae1"),
    "sep_conv_5x5": ("sep\n5×5", "#9ecae1"),
    "sep_conv_7x7": ("sep\n7×7", "#9ecae1"),
    "conv_1x7_7x1": ("1×7\n7×1", "#9ecae1"),
    "dil_conv_3x3": ("dil\n3×3", "#9ecae1"),
    "avg_pool_3x3": ("avg\n3×3", "#fde5c0"),
    "max_pool_3x3": ("max\n3×3", "#fde5c0"),
    "identity": ("iden-\ntity", "#ffffff"),
}
#: Rows between one block's sum and the next operations, in units of a box's height: room for the wires.
_RISE = 3.4
#: Height of a block's sum above the middle of its operations.
_SUM = 1.25


@styled
def cell(cell: Cell, *, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Draw a cell: each block adds two operations; wires with a dot carry the same maps.

    Parameters
    ----------
    cell : Cell
        Of the space ``cells``; see :class:`neuroguide.nas.spaces.cells.cell.Cell`.
    ax : Axes, optional
        Where to draw; by default a new figure.
    title : str, optional
        Title above the graph.

    Returns
    -------
    Axes
        Without axes; inputs below, output above.

    Raises
    ------
    InputError
        If it is no cell.
    """
    ax = panel(ax, _size(cell))
    _draw(ax, cell)
    settle(ax)
    finish(ax, Heading(title), frame=False)
    return ax


@styled
def cells(architecture: CellsArchitecture, *, axes: Iterable[Axes] | None = None) -> NDArray[np.object_]:
    """Draw the normal and the reduction cell of an architecture of the space ``cells``.

    Parameters
    ----------
    architecture : CellsArchitecture
    axes : Axes, optional
        One for each cell; by default a new figure.

    Returns
    -------
    array of Axes of shape (n_cells,)
        One panel where both cells are the same, else two.

    Raises
    ------
    InputError
        If it is no architecture of cells.
    """
    try:
        normal, reduction = architecture.normal, architecture.reduction
    except AttributeError:
        raise InputError(
            f"architecture must be one of the space 'cells'; a {type(architecture).__name__} arrived"
        ) from None
    named = {"normal cell": normal, "reduction cell": reduction}
    if normal == reduction:
        named = {"normal and reduction cell": normal}
    sizes = [_size(one) for one in named.values()]
    wide, high = (max(size[side] for size in sizes) for side in (0, 1))
    drawn = panels(axes, len(named), (wide, high), columns=2)
    for ax, one in zip(drawn, named.values(), strict=True):
        _draw(ax, one)
    _same_scale(drawn)
    settle(drawn[0])
    finish_panels(list(drawn), [Heading(name) for name in named], frame=False)
    return drawn


def _same_scale(drawn: NDArray[np.object_]) -> None:
    """Limits that make a box equally large in all panels, each graph in the middle of its own."""
    wide = max(float(np.ptp(ax.get_xlim())) for ax in drawn)
    high = max(ax.get_ylim()[1] for ax in drawn)
    for ax in drawn:
        middle = sum(ax.get_xlim()) / 2
        ax.set(xlim=(middle - wide / 2, middle + wide / 2), ylim=(ax.get_ylim()[0], high))


def _size(cell: Cell) -> tuple[float, float]:
    if not getattr(cell, "blocks", ()):
        raise InputError(f"cell must be a cell with at least one block; a {type(cell).__name__} arrived")
    return max(2.2, 0.4 + 1.02 * len(cell.blocks)), 1.3 + 0.3 * _RISE * max(_depths(cell))


def _depths(cell: Cell) -> list[int]:
    """Row of every block: one above the highest block that it takes, from 1."""
    rows: list[int] = []
    for block in cell.blocks:
        taken = [rows[half.input - 2] for half in (block.first, block.second) if half.input >= 2]
        rows.append(1 + max(taken, default=0))
    return rows


def _draw(ax: Axes, cell: Cell) -> None:
    """Every block has a column of its own, and every source a level of its own, so no wire covers a box or another."""
    rows = _depths(cell)
    feet: list[float] = [_RISE * row for row in rows]
    columns = 2.0 * np.arange(len(rows))
    # levels of the wires: the inputs below the first row, each block's between its sum and the row above
    levels: dict[int, float] = {0: 0.75, 1: 1.5}
    for row in set(rows):
        here = [i for i in range(len(rows)) if rows[i] == row]
        for place, i in enumerate(here):
            levels[i + 2] = _RISE * row + _SUM + 0.55 + 0.95 * (place + 0.5) / len(here)
    middle = float(columns.mean())
    sources: dict[int, tuple[float, float]] = {0: (middle - 0.95, 0.0), 1: (middle + 0.95, 0.0)}
    sources |= {i + 2: (float(columns[i]), feet[i] + _SUM) for i in range(len(rows))}
    top = _RISE * (max(rows) + 1) - 0.35
    users: dict[int, list[tuple[float, float]]] = {source: [] for source in sources}
    for i, block in enumerate(cell.blocks):
        for side, half in zip((-0.47, 0.47), (block.first, block.second), strict=True):
            x = float(columns[i]) + side
            users[half.input].append((x, feet[i] - 0.5))
            _wire(ax, [(x, feet[i] + 0.5), (x, feet[i] + 0.82), (columns[i], feet[i] + _SUM)])
            label, colour = _LOOKS.get(half.operation, (half.operation, "#ffffff"))
            _box(ax, x, feet[i], 0.84, 1.0, label, colour)
    for i in cell.outputs:
        _wire(ax, [sources[i + 2], (sources[i + 2][0], top - 0.33)], arrow=True)
    for source, ends in users.items():
        _fan(ax, sources[source], levels[source], ends, through=source - 2 in cell.outputs)
    for i, column in enumerate(columns):
        ax.plot([column], [feet[i] + _SUM], "o", markersize=12, color="white", markeredgecolor=INK, zorder=4)
        ax.text(column, feet[i] + _SUM, "+", ha="center", va="center_baseline", fontsize=TEXT_SIZE + 1, zorder=5)
    for source in (0, 1):
        _box(ax, sources[source][0], 0.0, 1.75, 0.95, _INPUTS[source], "#e6e6e6", dashed=not users[source])
    left, right = min(-1.0, middle - 1.9), max(columns[-1] + 1.0, middle + 1.9)
    many = len(cell.outputs) > 1
    _box(ax, middle, top, right - left - 0.1, 0.66, "output (concatenated)" if many else "output", "#e6e6e6")
    ax.set(xlim=(left, right), ylim=(-0.6, top + 0.45))
    ax.set_axis_off()


def _fan(
    ax: Axes, source: tuple[float, float], level: float, ends: list[tuple[float, float]], *, through: bool
) -> None:
    """One wire up from a source, along its level, and up from there to everything that takes it."""
    if not ends:
        return
    places = [source[0], *(x for x, _ in ends)]
    _wire(ax, [source, (source[0], level)])
    _wire(ax, [(min(places), level), (max(places), level)])
    for x, y in ends:
        _wire(ax, [(x, level), (x, y)], arrow=True)
        if min(places) < x < max(places):
            _dot(ax, x, level)
    if through or min(places) < source[0] < max(places):
        _dot(ax, source[0], level)


def _dot(ax: Axes, x: float, y: float) -> None:
    ax.plot([x], [y], "o", markersize=3.2, color=INK, zorder=3, gid="joint")


def _wire(ax: Axes, points: list[tuple[Any, Any]], *, arrow: bool = False) -> None:
    x, y = zip(*points, strict=True)
    ax.plot(x, y, color=INK, linewidth=0.9, zorder=2, solid_joinstyle="round", gid="wire")
    if arrow:
        look = {"arrowstyle": "-|>,head_width=0.12,head_length=0.22", "color": INK, "linewidth": 0.9, "shrinkB": 0}
        ax.annotate("", points[-1], (x[-1], y[-1] - 0.3), arrowprops=look, zorder=2)


def _box(
    ax: Axes, x: float, y: float, wide: float, high: float, text: str, colour: str, *, dashed: bool = False
) -> None:
    shape = "round,pad=0.06,rounding_size=0.12"
    patch = FancyBboxPatch(
        (x - wide / 2 + 0.06, y - high / 2 + 0.06), wide - 0.12, high - 0.12, boxstyle=shape, edgecolor=MUTED,
        facecolor="white" if dashed else colour, linewidth=0.8, linestyle=(0, (3, 2)) if dashed else "-", zorder=3,
        gid="box",
    )  # fmt: skip
    ax.add_patch(patch)
    color = MUTED if dashed else INK
    ax.text(x, y, text, ha="center", va="center", fontsize=NOTE_SIZE, linespacing=1.0, color=color, zorder=4)
