"""Architectures: the choices of many as parallel coordinates, and the drawing of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import (
    extent,
    figure_of,
    name_ticks,
    panel,
    panels,
    settle,
    shorten_all,
    text_width,
    wrap_label,
)
from neuroguide.plot._cells import cells
from neuroguide.plot._heading import Heading, finish
from neuroguide.plot._hourglass import hourglass
from neuroguide.plot._inputs import read_table, table_simulated
from neuroguide.plot._style import GRID, INK, MUTED, NOTE_SIZE, TEXT_SIZE, styled

if TYPE_CHECKING:
    from neuroguide.nas.spaces import Space

#: Columns of Optuna's ``study.trials_dataframe()`` that hold choices.
_PREFIX = "params_"
#: What stands for a choice that an architecture does not have.
_ABSENT = "—"


@styled
def architectures(
    candidates: pd.DataFrame,
    parameters: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
    value: str = "value",
    label: str | None = None,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw the choices of many architectures as parallel coordinates: one line each, the better the darker.

    Parameters
    ----------
    candidates : DataFrame
        One row for each candidate, e.g. ``run.study.trials_dataframe()``: its value and its choices. Rows without a
        value are counted above the plot and not drawn.
    parameters : sequence of str, optional
        Columns with choices, in the order to draw; by default those that begin with ``params_``, without those in which
        all candidates agree.
    ax : Axes, optional
        Where to draw; by default a new figure.
    value : str
        The column with the value of a candidate, higher is better.
    label : str, optional
        Name of the value; by default the column's.
    title : str, optional
        Title above the plot.
    simulated : bool
        Mark the guiding data as simulated although ``candidates`` does not say so.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If a column is missing, there are no choices to draw, or no candidate has a value.
    """
    table = read_table(candidates, "candidates", (value,))
    numbers = pd.to_numeric(table[value], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    good = np.isfinite(numbers)
    if not good.any():
        raise InputError(f"no candidate has a finite {value!r}; there is nothing to draw")
    names, notes = _parameters(table, parameters)
    order = np.argsort(numbers[good], kind="stable")
    numbers, chosen = numbers[good][order], table.loc[good, names].iloc[order]
    levels = {name: _levels(chosen[name]) for name in names}
    ax = panel(ax, (max(4.6, 1.6 + 0.62 * len(names)), 3.6))
    _draw(ax, chosen, numbers, levels, label or value)
    notes.insert(0, f"{int(good.sum()):,} candidates")
    if not good.all():
        notes.append(f"not drawn: {int((~good).sum()):,} without a value")
    if any(_ABSENT in level for level in levels.values()):
        notes.append(f"{_ABSENT}: has no such choice")
    finish(ax, Heading(title, notes, simulated or table_simulated(table)), frame=False)
    return ax


def _parameters(table: pd.DataFrame, wanted: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Columns to draw, and a note on those left out."""
    if wanted is not None:
        read_table(table, "candidates", list(wanted))
        names = list(wanted)
    else:
        names = [str(name) for name in table.columns if str(name).startswith(_PREFIX)]
    varying = [name for name in names if len(set(map(_text, table[name]))) > 1] if wanted is None else names
    if not varying:
        raise InputError(
            "candidates has no column of choices in which two candidates differ; give parameters= their names, or a "
            "table of study.trials_dataframe()"
        )
    agreed = len(names) - len(varying)
    return varying, [f"{agreed:,} choices in which all agree are left out"] if agreed else []


def _text(choice: Any) -> str:
    """A choice as it is written; numbers that a table made floating stay whole."""
    if choice is None or (isinstance(choice, float) and np.isnan(choice)):
        return _ABSENT
    if isinstance(choice, float | np.floating) and float(choice).is_integer():
        return str(int(choice))
    return f"{choice:g}" if isinstance(choice, float | np.floating) else str(choice)


def _levels(column: pd.Series[Any]) -> list[str]:
    """The choices of one axis from bottom to top: none first, numbers ascending, then words."""
    found = {_text(choice): choice for choice in column}

    def rank(text: str) -> tuple[int, float, str]:
        if text == _ABSENT:
            return 0, 0.0, ""
        try:
            return 1, float(text), ""
        except ValueError:
            return 2, 0.0, text

    return sorted(found, key=rank)


def _shades() -> LinearSegmentedColormap:
    """From pale to dark without the pale yellow that white paper swallows; its lightness falls evenly."""
    colours = matplotlib.colormaps["viridis_r"](np.linspace(0.15, 1.0, 256))
    return LinearSegmentedColormap.from_list("shades", colours)


def _draw(
    ax: Axes, chosen: pd.DataFrame, numbers: NDArray[np.float64], levels: dict[str, list[str]], label: str
) -> None:
    """Lines from the worst to the best, each at a height of its own within a choice, so that they stay apart."""
    low, high = float(numbers[0]), float(numbers[-1])
    norm = Normalize(low, high if high > low else low + 1e-9)
    shades = _shades()
    heights = np.empty((len(chosen), len(levels)))
    for i, (name, level) in enumerate(levels.items()):
        step = 1.0 / len(level)
        places = np.array([level.index(_text(choice)) for choice in chosen[name]])
        for place in range(len(level)):
            inside = np.flatnonzero(places == place)
            # the better, the higher
            heights[inside, i] = step * (place + 0.5) + 0.5 * step * (np.linspace(-0.5, 0.5, len(inside) + 2)[1:-1])
    across = np.arange(len(levels))
    width = float(np.clip(40 / len(chosen), 0.5, 1.4))
    for number, line in zip(numbers, heights, strict=True):
        ax.plot(across, line, color=shades(norm(number)), linewidth=width, alpha=0.9, zorder=2, gid="candidate")
    ax.plot(across, heights[-1], color=INK, linewidth=2.4, marker="o", markersize=4.5, zorder=4, gid="best")
    ax.set(xlim=(-0.35, len(levels) - 0.65), ylim=(0, 1))
    ax.vlines(across, 0, 1, color=GRID, linewidth=0.8, zorder=1)
    bar = figure_of(ax).colorbar(ScalarMappable(norm, shades), ax=ax, pad=0.02, aspect=28)
    bar.ax.tick_params(labelsize=TEXT_SIZE, width=0.8, colors=INK)
    settle(ax)
    bar.set_label(wrap_label(f"{label} (black line: the best)", extent(bar.ax)[1]))
    name_ticks(ax, [name.removeprefix(_PREFIX) for name in levels])
    ax.tick_params(axis="x", length=0)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    settle(ax)
    _write_choices(ax, levels)


def _write_choices(ax: Axes, levels: dict[str, list[str]]) -> None:
    slot = extent(ax)[0] / (len(levels) + 0.0)
    for i, level in enumerate(levels.values()):
        short = shorten_all(level, 12)
        size = min(NOTE_SIZE, NOTE_SIZE * (slot - 3) / max(text_width(text, NOTE_SIZE) for text in short))
        box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.9}
        for place, text in enumerate(short):
            colour = MUTED if text == _ABSENT else INK
            ax.text(
                i, (place + 0.5) / len(level), text, ha="center", va="center", fontsize=max(size, 4.5), color=colour,
                bbox=box, zorder=5,
            )  # fmt: skip


def architecture(
    architecture: Any, space: Space[Any], *, axes: Iterable[Axes] | None = None, image_size: int = 32
) -> NDArray[np.object_]:
    """Draw one architecture as its space is best seen: the cells of ``cells``, the blocks of every other space.

    Parameters
    ----------
    architecture : Any
        Of the space, e.g. ``run.best.architecture``.
    space : Space
        E.g. ``run.space``.
    axes : Axes, optional
        One for each panel; by default a new figure.
    image_size : int
        Side of the images in pixels, on which the cost of blocks depends.

    Returns
    -------
    array of Axes of shape (n_panels,)
        As from :func:`cells` for an architecture of cells, else one panel as from :func:`hourglass`.

    Raises
    ------
    InputError
        If the architecture is not in the space.
    """
    # torch is loaded only by who draws a network
    from neuroguide.nas.spaces.cells.space import CellsArchitecture
    from neuroguide.nas.vital import vital_blocks
    from neuroguide.nas.vital.opening import operations_of

    if isinstance(architecture, CellsArchitecture):
        return cells(architecture, axes=axes)
    blocks = vital_blocks(space.build(architecture, image_size=image_size), image_size)
    given = None if axes is None else panels(axes, 1, (1.0, 1.0), columns=1)[0]
    drawn = np.empty(1, dtype=object)
    drawn[0] = hourglass(blocks, ax=given, operations=operations_of(space, architecture))
    return drawn
