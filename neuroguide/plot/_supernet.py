"""How a supernet search went: what it came to prefer in each block, and what networks of a budget reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import figure_of, panel, panels, settle
from neuroguide.plot._heading import Heading, finish, finish_panels
from neuroguide.plot._inputs import read_table, table_simulated
from neuroguide.plot._style import COLOURS, INK, MUTED, NOTE_SIZE, TEXT_SIZE, sequential, styled

_COSTS = {"macs": "MACs", "flops": "FLOPs", "latency": "latency (s)"}


@styled
def operation_probabilities(
    table: pd.DataFrame, *, axes: Iterable[Axes] | None = None, columns: int = 4
) -> NDArray[np.object_]:
    """Draw the probability of every operation in every block over the steps of a search.

    Parameters
    ----------
    table : DataFrame
        Columns ``step``, ``block``, ``operation`` and ``probability``; optionally ``vital``. Blocks and operations are
        drawn in the order in which they first appear. An operation that a block has not is left white.
    axes : Axes, optional
        Where to draw, one for each block; by default a new figure.
    columns : int
        Panels in a row.

    Returns
    -------
    array of Axes, of shape (number of blocks,)

    Raises
    ------
    InputError
        If a column is missing, or a probability is not from 0 to 1.
    """
    read = read_table(table, "table", ("step", "block", "operation", "probability"))
    if not read["probability"].between(0, 1).all():
        raise InputError("table has a probability below 0, above 1 or missing")
    blocks, operations = list(dict.fromkeys(read["block"])), list(dict.fromkeys(read["operation"]))
    steps = np.sort(read["step"].unique()).astype(float)
    height = 0.7 + 0.14 * len(operations)
    drawn = panels(axes, len(blocks), (1.9, height), columns=columns)
    image: Any = None
    for i, (ax, block) in enumerate(zip(drawn, blocks, strict=True)):
        part = read[read["block"] == block]
        grid = part.pivot_table(index="operation", columns="step", values="probability", sort=False)
        grid = grid.reindex(index=operations, columns=np.sort(read["step"].unique()))
        edges = np.append(steps, 2 * steps[-1] - steps[-2] if len(steps) > 1 else steps[-1] + 1)
        image = ax.pcolormesh(
            edges, np.arange(len(operations) + 1), grid.to_numpy(float), cmap=sequential(), vmin=0, vmax=1
        )
        ax.invert_yaxis()
        first = i % columns == 0
        ax.set_yticks(np.arange(len(operations)) + 0.5, operations if first else [""] * len(operations))
        if i >= len(blocks) - columns:
            ax.set_xlabel("step")
    figure_of(drawn[0]).colorbar(image, ax=list(drawn), label="probability", pad=0.01, aspect=30)
    settle(drawn[0])
    vital = dict(zip(read["block"], read["vital"], strict=True)) if "vital" in read.columns else {}
    finish_panels(list(drawn), [Heading(f"{b}{' (vital)' if vital.get(b) else ''}") for b in blocks], frame=False)
    for ax in drawn:
        ax.tick_params(axis="y", labelsize=NOTE_SIZE, length=0)
    return drawn


@styled
def budget(
    table: pd.DataFrame,
    *,
    cost: str = "macs",
    value: str = "accuracy",
    color: str | None = None,
    target: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw what networks reach against what they cost.

    Parameters
    ----------
    table : DataFrame
        One row for each network; the columns that are drawn, and optionally ``label``, written beside a network.
    cost, value : str
        Columns of the axes.
    color : str, optional
        Column that colours the networks, e.g. the similarity to a recording.
    target : float, optional
        The budget: a line.
    ax : Axes, optional
        Where to draw; by default a new figure.
    title : str, optional
        Title above the plot.
    simulated : bool
        Mark the recordings that similarity is with as simulated.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If a column is missing, or no network has both values.
    """
    read = read_table(table, "table", (cost, value, *([color] if color else [])))
    x, y = (pd.to_numeric(read[name], errors="coerce").to_numpy(float) for name in (cost, value))
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        raise InputError(f"no row of table has both {cost} and {value}; there is nothing to draw")
    ax = panel(ax, (4.8, 3.3))
    look: dict[str, Any] = {"s": 34, "edgecolors": MUTED, "linewidths": 0.4, "zorder": 3, "gid": "networks"}
    if color is None:
        ax.scatter(x[good], y[good], color=COLOURS[0], **look)
    else:
        shades = pd.to_numeric(read[color], errors="coerce").to_numpy(float)[good]
        points = ax.scatter(x[good], y[good], c=shades, cmap=sequential(), **look)
        bar = figure_of(ax).colorbar(points, ax=ax, label=color, pad=0.03, aspect=25)
        bar.ax.tick_params(labelsize=TEXT_SIZE, colors=INK)
    if target is not None:
        ax.axvline(target, color=COLOURS[1], linestyle=(0, (4, 2)), linewidth=1.1, gid="target")
        ax.annotate(
            "budget", (target, 0), (2, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            rotation=90, ha="left", va="bottom", fontsize=NOTE_SIZE, color=COLOURS[1],
        )  # fmt: skip
    if "label" in read.columns:
        for at, height, label in zip(x[good], y[good], read["label"][good].astype(str), strict=True):
            # on the side where there is room
            left = at > (x[good].min() + x[good].max()) / 2
            ax.annotate(
                label, (at, height), (-6 if left else 6, 0), textcoords="offset points", va="center",
                ha="right" if left else "left", fontsize=NOTE_SIZE, color=INK,
            )  # fmt: skip
    ax.margins(0.1)
    ax.set(xlabel=_COSTS.get(cost, cost), ylabel=value)
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    settle(ax)
    finish(ax, Heading(title, [f"{int(good.sum())} networks"], simulated or table_simulated(table)))
    return ax
