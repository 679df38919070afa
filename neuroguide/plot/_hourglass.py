"""A network block by block: what each costs, which are vital, and the ways around the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Arc, Patch
from matplotlib.ticker import EngFormatter

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.plot._axes import extent, legend_outside, name_ticks, panel, settle, text_width
from neuroguide.plot._heading import Heading, finish
from neuroguide.plot._style import COLOURS, INK, MUTED, NOTE_SIZE, styled

if TYPE_CHECKING:
    from neuroguide.nas.vital import Block

VITAL, OTHER = COLOURS[0], "#b9d7ea"
_COSTS = {"macs": "MACs for one image", "flops": "FLOPs for one image", "parameters": "parameters"}


@styled
def hourglass(
    blocks: Sequence[Block],
    *,
    ax: Axes | None = None,
    cost: str = "macs",
    operations: Mapping[str, str] | None = None,
    legend: bool = True,
    title: str | None = None,
) -> Axes:
    """Draw the blocks of a network in their order: what each costs, which are vital, and the ways around the others.

    Parameters
    ----------
    blocks : sequence of Block
        From :func:`neuroguide.nas.vital.vital_blocks`.
    ax : Axes, optional
        Where to draw; by default a new figure.
    cost : {"macs", "flops", "parameters"}
        Height of a block, for one image.
    operations : mapping, optional
        What stands in a block, by its name; written into or above it.
    legend : bool
        Whether to draw the legend, right of the data.
    title : str, optional
        Title above the plot.

    Returns
    -------
    Axes
        The size of each block's output is above it where it changes.

    Raises
    ------
    InputError
        If there are no blocks.
    """
    if not blocks:
        raise InputError("there are no blocks to draw; neuroguide.nas.vital.vital_blocks gives those of a network")
    check_option("cost", cost, _COSTS)
    heights = np.array([getattr(block.cost, cost) for block in blocks], dtype=float)
    ax = panel(ax, (max(4.6, 2.4 + 0.27 * len(blocks)), 3.4))
    top = float(heights.max()) or 1.0
    for i, (block, height) in enumerate(zip(blocks, heights, strict=True)):
        colour = VITAL if block.vital else OTHER
        ax.bar(i, height, width=0.74, color=colour, edgecolor=VITAL, linewidth=0.8, zorder=3, gid="block")
        if not block.vital and not block.entangled:
            # the identity passes over the block, from the middle of the gap before it to that behind it
            look: dict[str, Any] = {"color": COLOURS[1], "linewidth": 1.2, "gid": "identity", "zorder": 4}
            ax.add_patch(Arc((i, height), 0.9, 0.14 * top, theta1=0, theta2=180, **look))
    ax.set(xlim=(-0.7, len(blocks) - 0.3), ylim=(0, 1.3 * top), ylabel=_COSTS[cost])
    ax.yaxis.set_major_formatter(EngFormatter(sep=""))
    settle(ax)
    name_ticks(ax, [block.name for block in blocks])
    if legend:
        legend_outside(ax, _handles(blocks))
    settle(ax)
    _sizes(ax, blocks, 1.28 * top)
    _operations(ax, blocks, heights, operations or {}, top)
    share = 100 * sum(h for h, b in zip(heights, blocks, strict=True) if b.vital) / (heights.sum() or 1)
    count = sum(block.vital for block in blocks)
    notes = [f"{count} of {len(blocks)} blocks are vital: {share:.0f}% of the {_COSTS[cost].split()[0]}"]
    finish(ax, Heading(title, notes))
    return ax


def _handles(blocks: Sequence[Block]) -> list[Any]:
    handles: list[Any] = [Patch(facecolor=VITAL, edgecolor=VITAL, label="vital")]
    if not all(block.vital for block in blocks):
        handles.append(Patch(facecolor=OTHER, edgecolor=VITAL, label="passed by"))
    if any(not block.vital and not block.entangled for block in blocks):
        handles.append(Line2D([], [], color=COLOURS[1], linewidth=1.2, label="identity around it"))
    return handles


def _sizes(ax: Axes, blocks: Sequence[Block], height: float) -> None:
    """Side of the maps, over each run of blocks that have the same; a line where it changes."""
    sides = [block.shape[1] if len(block.shape) == 3 else 0 for block in blocks]
    start = 0
    for i in range(1, len(blocks) + 1):
        if i == len(blocks) or sides[i] != sides[start]:
            if sides[start] > 1:
                label = f"{sides[start]}²"
                ax.text((start + i - 1) / 2, height, label, ha="center", va="top", fontsize=NOTE_SIZE, color=MUTED)
            if i < len(blocks):
                ax.axvline(i - 0.5, color=MUTED, linewidth=0.5, linestyle=(0, (1, 3)), zorder=0)
            start = i


def _operations(
    ax: Axes, blocks: Sequence[Block], heights: np.ndarray[Any, Any], names: Mapping[str, str], top: float
) -> None:
    tall = extent(ax)[1]
    for i, (block, height) in enumerate(zip(blocks, heights, strict=True)):
        name = names.get(block.name)
        if name is None:
            continue
        # into the block if it is tall enough for the word, else above it and above the way around
        inside = text_width(name, NOTE_SIZE) + 6 < height / (1.3 * top) * tall
        lift = 0.02 * top if inside else height + (0.03 if block.vital else 0.1) * top
        colour = "white" if inside and block.vital else INK
        ax.text(i, lift, name, rotation=90, ha="center", va="bottom", fontsize=NOTE_SIZE, color=colour, zorder=5)
