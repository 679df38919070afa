"""What a trained network loses with each of its blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import legend_beside, legend_outside, name_ticks, panel, panels, settle
from neuroguide.plot._heading import Heading, finish, finish_panels
from neuroguide.plot._inputs import read_table, table_simulated
from neuroguide.plot._style import COLOURS, GRID, INK, styled

_LOOKS: dict[bool, dict[str, Any]] = {
    True: {"color": COLOURS[0], "marker": "o", "label": "vital"},
    False: {"color": COLOURS[1], "marker": "s", "label": "identity around it"},
}


@styled
def importance(
    table: pd.DataFrame,
    measure: str = "accuracy loss",
    *,
    way: str = "reset",
    ax: Axes | None = None,
    legend: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw what is lost with each block, vital ones against the others.

    Parameters
    ----------
    table : DataFrame
        From :func:`neuroguide.nas.vital.block_importance`: columns ``block``, ``vital``, ``way`` and the measure;
        several seeds below each other, with a column ``seed``.
    measure : str
        Which column.
    way : {"reset", "removed"}
        What was done to the blocks.
    ax : Axes, optional
        Where to draw; by default a new figure.
    legend : bool
        Whether to draw the legend, right of the data.
    title : str, optional
        Title above the plot.
    simulated : bool
        Mark the recordings that similarity is with as simulated.

    Returns
    -------
    Axes
        Small marks: one seed; large marks: means over seeds; dashed lines: means over the blocks of a kind.

    Raises
    ------
    InputError
        If a column is missing, or no row is of this way.
    """
    ax = panel(ax, (5.8, 3.0))
    # before the names of the blocks, which must fit into what the legend leaves
    if legend:
        legend_outside(ax, _handles(table, way))
    notes = _draw(ax, table, measure, way)
    settle(ax)
    finish(ax, Heading(title, notes, simulated or table_simulated(table)))
    return ax


@styled
def importances(
    table: pd.DataFrame,
    measures: Sequence[str],
    *,
    way: str = "reset",
    axes: Iterable[Axes] | None = None,
    columns: int = 3,
    simulated: bool = False,
) -> NDArray[np.object_]:
    """Draw :func:`importance` for several measures side by side.

    Parameters
    ----------
    table : DataFrame
        See :func:`importance`.
    measures : sequence of str
        Columns, one for each panel.
    way : {"reset", "removed"}
        See :func:`importance`.
    axes : Axes, optional
        Where to draw; by default a new figure.
    columns : int
        Panels in a row.
    simulated : bool
        See :func:`importance`.

    Returns
    -------
    array of Axes, of shape (number of measures,)

    Raises
    ------
    InputError
        If a column is missing, or no row is of this way.
    """
    drawn = panels(axes, len(measures), (3.6, 3.2), columns=columns)
    legend_beside(drawn, _handles(table, way), own=axes is None)
    notes = [_draw(ax, table, measure, way) for ax, measure in zip(drawn, measures, strict=True)]
    settle(drawn[0])
    marked = simulated or table_simulated(table)
    finish_panels(list(drawn), [Heading(None, note, marked) for note in notes])
    return drawn


def _draw(ax: Axes, table: pd.DataFrame, measure: str, way: str) -> list[str]:
    read = read_table(table, "table", ("block", "vital", "way", measure))
    part = read[read["way"] == way]
    if not len(part):
        known = ", ".join(sorted(read["way"].astype(str).unique()))
        raise InputError(f"no row of table has the way {way!r}; it has: {known}")
    names = list(dict.fromkeys(read["block"]))
    names = [name for name in names if name in set(part["block"])]
    ax.axhline(0, color=INK, linewidth=0.6, zorder=1)
    ax.grid(axis="y", color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    for vital, look in _LOOKS.items():
        kind = part[part["vital"].astype(bool) == vital]
        if not len(kind):
            continue
        style = {"color": look["color"], "marker": look["marker"], "linestyle": "none"}
        places = [names.index(name) for name in kind["block"]]
        ax.plot(places, kind[measure], markersize=3, alpha=0.45, zorder=3, gid="seeds", **style)
        means = kind.groupby("block", sort=False)[measure].mean()
        at = [names.index(str(name)) for name in means.index]
        ax.plot(at, means, markersize=7, markeredgecolor="white", markeredgewidth=0.6, zorder=4, gid="mean", **style)
        ax.axhline(float(means.mean()), color=look["color"], linestyle=(0, (4, 2)), linewidth=1.1, zorder=2, gid="kind")
    name, _, loss = measure.rpartition(" ")
    ax.set(xlim=(-0.6, len(names) - 0.4), ylabel=f"loss of {name}" if loss == "loss" else measure)
    settle(ax)
    name_ticks(ax, names)
    seeds = part["seed"].nunique() if "seed" in part.columns else 1
    done = "blocks reset to untrained weights" if way == "reset" else "blocks replaced by the identity"
    return [done, f"large marks: means of {seeds} seeds" if seeds > 1 else "one network", "dashed: mean over blocks"]


def _handles(table: pd.DataFrame, way: str) -> list[Any]:
    """Of the kinds of blocks that are drawn."""
    read = read_table(table, "table", ("vital", "way"))
    kinds = set(read.loc[read["way"] == way, "vital"].astype(bool))
    return [
        Line2D([], [], linestyle=(0, (4, 2)), linewidth=1.1, markersize=7, markeredgecolor="white", **look)
        for vital, look in _LOOKS.items()
        if vital in kinds
    ]
