"""Models side by side: one row for each, the noise ceiling behind, significance in a margin of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.plot._axes import legend_below, legend_beside, merged, panel, panels, settle, shorten_all, text_width
from neuroguide.plot._heading import Heading, finish, finish_panels
from neuroguide.plot._lines import context_handles, draw_chance, interval_text, value_limits
from neuroguide.plot._scores import (
    Line,
    chance_level,
    joined,
    lines_along,
    names_along,
    notes_of,
    read_scores,
    select_by_name,
    simulated_scores,
    value_label,
)
from neuroguide.plot._significance import Significance, draw_strip, significance_strip
from neuroguide.plot._style import BAND, BEYOND, COLOURS, GRID, INK, MUTED, TEXT_SIZE, styled


@styled
def comparison(
    scores: xr.Dataset,
    *,
    ax: Axes | None = None,
    region: str | None = None,
    kind: str = "dots",
    significance: Significance | None = None,
    marks: str = "letters",
    alpha: float = 0.05,
    normalized: bool = False,
    chance: float | str | None = "auto",
    sort: bool = True,
    legend: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw the score of every model for one region.

    Parameters
    ----------
    scores : Dataset with the dim "model"
        Scores of several models. Of each model the variable ``crossvalidated`` is drawn where there is one; else its
        best layer, and a note says over how many layers, because such a maximum is biased upwards.
    ax : Axes, optional
        Where to draw; by default a new figure.
    region : str, optional
        The region, for scores of several regions.
    kind : {"dots", "bars"}
        How a value is drawn.
    significance : DataFrame, DataArray or mapping, optional
        p values of all pairs of models (square, the models' names on both sides, corrected for multiple comparisons as
        you wish), or a mapping from model to the letters to print.
    marks : {"letters", "arrows"}
        Letters: models that share one do not differ. Arrows: from a dot at each model a line reaches to the models that
        it exceeds significantly, with a tip at each. Both stand right of the data, never over them.
    alpha : float
        Level below which a p value counts as a difference.
    normalized, chance, simulated
        As for :func:`neuroguide.plot.profile`.
    sort : bool
        Best model at the top; otherwise in the order given.
    legend : bool
        Whether to draw the legend, below the data.
    title : str, optional
        Title; by default the region.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there are several regions and none is chosen, or if ``significance`` does not name every model.
    """
    scores = read_scores(scores)
    _check_choices(kind, marks, alpha)
    if region is not None:
        scores = select_by_name(scores, "region", region)
    elif "region" in scores.dims and scores.sizes["region"] > 1:
        raise InputError(
            f"scores has {scores.sizes['region']} regions: choose one with region=… "
            f"({', '.join(names_along(scores, 'region'))}), or draw all with plot.comparisons"
        )
    line = _one_value_each(scores, normalized)
    names = names_along(scores, "model")
    order = _order(line.value, sort)
    level = chance_level(scores, 0.0 if normalized and chance == "auto" else chance)
    strip = significance_strip(significance, names, line.value, order, marks, alpha)
    heading = title if title is not None else _heading(scores, line)
    ax = panel(ax, (5.4, 1.5 + 0.27 * len(names)))
    _draw(ax, [names[i] for i in order], line.at(order), level, kind)
    ax.set_xlim(value_limits([line], level))
    ax.set_xlabel(value_label(scores, normalized=normalized))
    draw_strip(ax, strip)
    handles = context_handles([line], level, interval_text(scores.attrs).replace("\n", " "), mark="_")
    settle(ax)
    if legend:
        legend_below(ax, handles)
    notes = [*notes_of(scores, [line]), _choice_note(scores), strip.note]
    finish(ax, Heading(heading, notes, simulated or simulated_scores(scores)), frame=False)
    return ax


@styled
def comparisons(
    scores: xr.Dataset,
    *,
    axes: Iterable[Axes] | None = None,
    kind: str = "dots",
    normalized: bool = False,
    chance: float | str | None = "auto",
    sort: bool = True,
    columns: int = 3,
    simulated: bool = False,
) -> NDArray[np.object_]:
    """Draw the score of every model, a panel for each region; the models are in the same order in all of them.

    Parameters
    ----------
    scores : Dataset with the dims "model" and "region"
        As for :func:`comparison`.
    axes : Axes, optional
        As many as there are regions; by default a new figure.
    kind, normalized, chance, simulated
        As for :func:`comparison`.
    sort : bool
        Order the models by their mean over regions, best at the top; otherwise as given.
    columns : int
        Panels in a row of a new figure.

    Returns
    -------
    array of Axes of shape (n_regions,)

    Raises
    ------
    InputError
        As for :func:`comparison`.
    """
    scores = read_scores(scores)
    _check_choices(kind, "letters", 0.05)
    if columns < 1:
        raise InputError(f"columns must be at least 1; {columns} arrived")
    regions = names_along(scores, "region") if "region" in scores.dims else [None]
    parts = [scores if region is None else select_by_name(scores, "region", region) for region in regions]
    lines = [_one_value_each(part, normalized) for part in parts]
    names = names_along(scores, "model")
    stacked = np.stack([line.value for line in lines])
    known = np.isfinite(stacked)
    means = np.where(
        known.any(axis=0), np.where(known, stacked, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1), np.nan
    )
    order = _order(means, sort)
    level = chance_level(scores, 0.0 if normalized and chance == "auto" else chance)
    limits = value_limits(lines, level)
    shown = shorten_all(names, 34)
    # the names stand left of the first column only, but all columns are equally wide
    share = max(text_width(name, TEXT_SIZE) for name in shown) / 72 / min(columns, len(parts))
    drawn = panels(axes, len(parts), (2.9 + share, 1.4 + 0.27 * len(names)), columns=columns)
    headings = []
    text = interval_text(scores.attrs)
    for index, (ax, part, line) in enumerate(zip(drawn, parts, lines, strict=True)):
        _draw(ax, [names[i] for i in order], line.at(order), level, kind)
        ax.set_xlim(limits)
        ax.set_xlabel(value_label(scores, normalized=normalized))
        if axes is None and index % columns:
            ax.tick_params(labelleft=False)
        notes = [*notes_of(part, [line]), _choice_note(part)]
        headings.append(Heading(_heading(part, line), notes, simulated or simulated_scores(scores)))
    legend_beside(drawn, merged(context_handles([line], level, text, mark="_") for line in lines), own=axes is None)
    settle(drawn[0])
    finish_panels(list(drawn), headings, frame=False)
    return drawn


def _check_choices(kind: str, marks: str, alpha: float) -> None:
    check_option("kind", kind, ("dots", "bars"))
    check_option("marks", marks, ("letters", "arrows"))
    if not 0 < alpha < 1:
        raise InputError(f"alpha must be between 0 and 1; {alpha} arrived")


def _one_value_each(scores: xr.Dataset, normalized: bool) -> Line:
    """One value for each model: cross-validated where there is one, else at its best layer."""
    if "model" not in scores.dims:
        raise InputError(
            f"scores has no dim 'model' to compare along; it has {tuple(scores.dims)}: draw plot.profile instead"
        )
    hint = "select one before comparing models"
    if "crossvalidated" in scores:
        chosen = scores.drop_vars(["similarity", "ci_low", "ci_high"], errors="ignore").assign(
            similarity=scores["crossvalidated"]
        )
        return lines_along(chosen, "model", normalized=normalized, hint=hint)[0]
    if "layer" not in scores.dims:
        return lines_along(scores, "model", normalized=normalized, hint=hint)[0]
    per_model = []
    for name in names_along(scores, "model"):
        line = lines_along(select_by_name(scores, "model", name), "layer", normalized=normalized, hint=hint)[0]
        best = int(np.nanargmax(line.value)) if np.isfinite(line.value).any() else 0
        per_model.append(line.at(np.array([best])))
    return joined(per_model)


def _order(values: NDArray[np.float64], sort: bool) -> NDArray[np.intp]:
    """Best first; models without a value last."""
    if not sort:
        return np.arange(len(values))
    return np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable")


def _heading(scores: xr.Dataset, line: Line) -> str | None:
    if "region" not in scores.coords and "region" not in scores.attrs:
        return None
    return line.label


def _choice_note(scores: xr.Dataset) -> str:
    """How the layer of each model was chosen; models side by side have different numbers of layers."""
    if "crossvalidated" in scores:
        return "layer chosen on other stimuli"
    if "layer" not in scores["similarity"].dims:
        return ""
    values = scores["similarity"].transpose(..., "layer").values.reshape(-1, scores.sizes["layer"])
    counts = np.unique(np.isfinite(values).sum(axis=-1))
    counts = counts[counts > 0]
    if counts.max() < 2:
        return ""
    many = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return f"best of {many} layers (biased upwards)"


def _draw(ax: Axes, names: Sequence[str], line: Line, chance: float | None, kind: str) -> None:
    """Rows from the top, their ceiling behind them."""
    rows = np.arange(len(names), dtype=np.float64)
    ax.set_ylim(len(names) - 0.5, -0.5)
    _draw_ceiling(ax, rows, line)
    draw_chance(ax, chance, upright=True)
    start = 0.0 if chance is None else chance
    if kind == "bars":
        ax.barh(
            rows, line.value - start, left=start, height=0.62, color="#9ecae1", edgecolor=COLOURS[0], linewidth=0.8,
            zorder=2,
        )  # fmt: skip
    else:
        ends = np.where(np.isfinite(line.value), line.value, start)
        ax.hlines(rows, start, ends, color=GRID, linewidth=1.0, zorder=1)
    if line.has_interval:
        color = INK if kind == "bars" else COLOURS[0]
        ax.hlines(rows, line.low, line.high, color=color, linewidth=1.5, zorder=3, gid="interval")
    if kind == "dots":
        look: dict[str, Any] = {
            "color": COLOURS[0],
            "markersize": 6,
            "markeredgecolor": "white",
            "markeredgewidth": 0.6,
        }
        ax.plot(line.value, rows, "o", zorder=4, **look)
    for row in rows[~np.isfinite(line.value)]:
        ax.annotate(
            "no score", (start, row), (5, 0), textcoords="offset points", va="center", fontsize=TEXT_SIZE, color=MUTED,
            style="italic",
        )  # fmt: skip
    ax.set_yticks(rows, shorten_all(names, 34))
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "top", "right"]].set_visible(False)


def _draw_ceiling(ax: Axes, rows: NDArray[np.float64], line: Line) -> None:
    """The ceiling of every row (one band or line where they are equal); above a lone value the rest is shaded."""
    if not line.has_ceiling:
        return
    edges = np.concatenate([rows[:1] - 0.5, np.repeat(rows[1:] - 0.5, 2), rows[-1:] + 0.5])
    if line.has_band:
        low, high = np.repeat(line.ceiling_low, 2), np.repeat(line.ceiling_high, 2)
        ax.fill_betweenx(edges, low, high, color=BAND, linewidth=0, zorder=0, gid="noise-ceiling")
    else:
        ceiling = np.repeat(line.ceiling, 2)
        ax.fill_betweenx(edges, ceiling, 1e3, color=BEYOND, linewidth=0, zorder=0, gid="noise-ceiling")
    if np.isfinite(line.ceiling).any():
        ax.plot(
            np.repeat(line.ceiling, 2), edges, color=MUTED, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1,
            gid="noise-ceiling-line",
        )  # fmt: skip
