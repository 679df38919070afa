"""How a search went: the best so far against what was spent, and performance against teacher guidance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import figure_of, legend_below, legend_outside, panel, settle
from neuroguide.plot._heading import Heading, finish
from neuroguide.plot._inputs import read_table, table_simulated
from neuroguide.plot._style import COLOURS, INK, MUTED, TEXT_SIZE, sequential, series_look, styled


@styled
def search(
    history: pd.DataFrame,
    *,
    ax: Axes | None = None,
    label: str = "best value so far",
    log: bool = False,
    legend: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw the best value found so far against the images spent, one line for each sampler.

    Parameters
    ----------
    history : DataFrame
        One row for each trial, with the columns ``trial`` (its number), ``value`` (higher is better; NaN for a trial
        without a result, which is paid for all the same), ``image_equivalents`` (what this trial cost), and optionally
        ``sampler``, ``seed`` and ``reason`` (not empty for a trial that failed, whose value does not count).
    ax : Axes, optional
        Where to draw; by default a new figure.
    label : str
        What the value is.
    log : bool
        Whether the axis of what was spent is logarithmic.
    legend : bool
        Whether to draw the legend, right of the data.
    title : str, optional
        Title above the plot.
    simulated : bool
        Mark the guiding data as simulated although ``history`` does not say so (in ``history.attrs["simulated"]`` or a
        column ``simulated``).

    Returns
    -------
    Axes
        For a sampler with several seeds: the median over seeds, and a band from the worst to the best of them, from the
        first point that all of them have reached to the last.

    Raises
    ------
    InputError
        If a column is missing, a cost is negative or missing, or no trial has a value.
    """
    table = read_table(history, "history", ("trial", "value", "image_equivalents"))
    cost = _numbers(table, "image_equivalents")
    if not np.isfinite(cost).all() or (cost < 0).any():
        raise InputError("history has a missing or negative image_equivalents; every trial costs something")
    table = table.assign(value=np.where(_failed(table), np.nan, _numbers(table, "value")), image_equivalents=cost)
    if not np.isfinite(table["value"]).any():
        raise InputError("no trial of history has a finite value; there is nothing to draw")
    samplers = table["sampler"].astype(str) if "sampler" in table.columns else pd.Series("search", index=table.index)
    ax = panel(ax, (5.6, 3.4))
    handles: list[Any] = []
    several = False
    for index, name in enumerate(dict.fromkeys(samplers)):
        part = table[(samplers == name).to_numpy()]
        curves = (
            [_best_so_far(run) for _, run in part.groupby("seed", sort=True)]
            if "seed" in part.columns
            else [_best_so_far(part)]
        )
        curves = [curve for curve in curves if len(curve[0])]
        if not curves:
            continue
        look = series_look(index)
        spent, low, middle, high = _over_seeds(curves)
        if len(curves) > 1:
            several = True
            ax.fill_between(spent, low, high, step="post", color=look["color"], alpha=0.13, linewidth=0, gid="seeds")
        marks = (index * 0.03, 0.16)
        ax.step(
            spent,
            middle,
            where="post",
            label=name,
            markevery=marks,
            markeredgecolor="white",
            markeredgewidth=0.5,
            **look,
        )
        seeds = f" ({len(curves)} seeds)" if len(curves) > 1 else ""
        handles.append(Line2D([], [], markeredgecolor="white", markeredgewidth=0.5, label=f"{name}{seeds}", **look))
    if log:
        ax.set_xscale("log")
    else:
        ax.set_xlim(left=0)
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.set(xlabel="images spent (image-equivalents)", ylabel=label)
    if legend and "sampler" in table.columns:
        legend_outside(ax, handles)
    notes = ["line: median of the seeds; band: worst to best"] if several else []
    settle(ax)
    finish(ax, Heading(title, notes, simulated or table_simulated(table)))
    return ax


def _best_so_far(run: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What was spent after each trial, and the best value by then, from the first trial that has one."""
    ordered = run.sort_values("trial", kind="stable")
    values = ordered["value"].to_numpy(dtype=np.float64)
    spent = np.cumsum(ordered["image_equivalents"].to_numpy(dtype=np.float64))
    best = np.maximum.accumulate(np.where(np.isfinite(values), values, -np.inf))
    reached = np.isfinite(best)
    return spent[reached], best[reached]


def _over_seeds(
    curves: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Where any seed changes: lowest, median and highest best-so-far, while all seeds are under way."""
    begin, end = max(curve[0][0] for curve in curves), min(curve[0][-1] for curve in curves)
    grid = np.unique(np.concatenate([curve[0] for curve in curves]))
    # seeds whose spans do not overlap meet in the latest start
    grid = grid[(grid >= begin) & (grid <= max(begin, end))]
    values = np.stack([best[np.searchsorted(spent, grid, side="right") - 1] for spent, best in curves])
    return grid, values.min(axis=0), np.median(values, axis=0), values.max(axis=0)


@styled
def guides(
    candidates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    color: str | None = "auto",
    legend: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw performance P against teacher guidance TG of every candidate, with the Pareto front of the two.

    Parameters
    ----------
    candidates : DataFrame
        One row for each candidate, with the columns ``P`` (validation accuracy), ``TG``, and optionally ``parameters``,
        ``flops`` and ``reason`` (not empty for a candidate that failed: it is counted above the plot, and not drawn).
    ax : Axes, optional
        Where to draw; by default a new figure.
    color : str or None
        The column with positive numbers that colours the candidates; ``"auto"`` takes ``parameters``, else ``flops``,
        else none.
    legend : bool
        Whether to draw the legend, below the data.
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
        If a column is missing, or no candidate has both values.
    """
    table = read_table(candidates, "candidates", ("P", "TG"))
    performance, guidance = _numbers(table, "P"), _numbers(table, "TG")
    failed = _failed(table)
    good = np.isfinite(performance) & np.isfinite(guidance) & ~failed
    if not good.any():
        raise InputError("no candidate has both P and TG without a reason of failure; there is nothing to draw")
    column = _colour_column(table, color)
    front = np.flatnonzero(good)[pareto_front(performance[good], guidance[good])]
    ax = panel(ax, (5.0, 3.7))
    _draw_candidates(ax, performance, guidance, good, table, column)
    ax.plot(performance[front], guidance[front], color=COLOURS[1], linewidth=1.3, zorder=2, gid="front")
    ring: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgewidth": 1.3}
    ax.plot(performance[front], guidance[front], linestyle="none", markeredgecolor=COLOURS[1], zorder=4, **ring)
    ax.set(xlabel="performance P (validation accuracy)", ylabel="teacher guidance TG")
    settle(ax)
    if legend:
        legend_below(ax, [Line2D([], [], color=COLOURS[1], linewidth=1.3, label="Pareto front", **ring)])
    finish(ax, Heading(title, _counts(table, good, failed), simulated or table_simulated(table)))
    return ax


def _counts(table: pd.DataFrame, good: NDArray[np.bool_], failed: NDArray[np.bool_]) -> list[str]:
    """How many candidates are drawn, and why the others are not."""
    notes = [f"{int(good.sum()):,} candidates"]
    if failed.any():
        reasons = table.loc[failed, "reason"].astype(str).str.strip().str.replace(" ", "\u00a0").value_counts()
        listed = ", ".join(f"{count}\u00a0{reason}" for reason, count in reasons.head(3).items())
        notes.append(f"not drawn: {int(failed.sum()):,} failed ({listed}{', …' if len(reasons) > 3 else ''})")
    incomplete = int((~good & ~failed).sum())
    if incomplete:
        notes.append(f"not drawn: {incomplete:,} without P or TG")
    return notes


def _numbers(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A column as floats, NaN for what is missing or no number."""
    found = pd.to_numeric(table[column], errors="coerce")
    return np.asarray(found.to_numpy(dtype=np.float64, na_value=np.nan))


def _failed(table: pd.DataFrame) -> NDArray[np.bool_]:
    if "reason" not in table.columns:
        return np.zeros(len(table), dtype=bool)
    reason = table["reason"]
    return np.asarray(reason.notna() & (reason.astype(str).str.strip() != ""), dtype=bool)


def _colour_column(table: pd.DataFrame, color: str | None) -> str | None:
    if color == "auto":
        return next((name for name in ("parameters", "flops") if name in table.columns), None)
    if color is not None and color not in table.columns:
        raise InputError(
            f"candidates has no column {color!r} to colour by; it has: {', '.join(map(str, table.columns))}"
        )
    return color


def _draw_candidates(
    ax: Axes,
    performance: NDArray[np.float64],
    guidance: NDArray[np.float64],
    good: NDArray[np.bool_],
    table: pd.DataFrame,
    column: str | None,
) -> None:
    look: dict[str, Any] = {"s": 26, "linewidths": 0.4, "edgecolors": MUTED, "zorder": 3, "gid": "candidates"}
    numbers = None if column is None else _numbers(table, column)[good]
    if numbers is None or not (np.isfinite(numbers) & (numbers > 0)).all():
        ax.scatter(performance[good], guidance[good], color=COLOURS[0], **look)
        return
    # a scale of one value would have no extent
    low, high = float(numbers.min()), float(numbers.max())
    norm = LogNorm(low, high if high > low else low * 1.001)
    drawn = ax.scatter(performance[good], guidance[good], c=numbers, cmap=sequential(), norm=norm, **look)
    name = {"flops": "FLOPs", "macs": "MACs"}.get(str(column), str(column))
    bar = figure_of(ax).colorbar(drawn, ax=ax, label=name, pad=0.03, aspect=25)
    bar.ax.tick_params(labelsize=TEXT_SIZE, colors=INK)
    bar.ax.yaxis.set_major_formatter(EngFormatter(sep=""))
    bar.ax.yaxis.set_minor_formatter("")
    if high < 30 * low:  # powers of ten alone would leave it almost without numbers
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))


def pareto_front(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.intp]:
    """Numbers of the points that no other point exceeds in one value without falling below it in the other.

    Both are better when higher. In ascending order of ``first``; equal points appear once.
    """
    order = np.lexsort((-second, -first))
    front: list[int] = []
    best = -np.inf
    for index in order:
        if second[index] > best:
            front.append(int(index))
            best = float(second[index])
    return np.array(front[::-1], dtype=np.intp)
