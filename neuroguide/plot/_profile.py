"""Layer-by-region profiles: how similar each layer of a model is to each region, under the noise ceiling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import legend_beside, legend_outside, merged, name_depth, name_ticks, panel, panels, settle
from neuroguide.plot._heading import Heading, finish, finish_panels
from neuroguide.plot._lines import context_handles, draw_ceilings, draw_chance, interval_text, value_limits
from neuroguide.plot._scores import (
    Line,
    chance_level,
    lines_along,
    names_along,
    notes_of,
    read_scores,
    select_by_name,
    simulated_scores,
    value_label,
)
from neuroguide.plot._style import series_look, styled

_HINT = "select one, or draw a panel for each with plot.profiles(scores, by=…)"


@styled
def profile(
    scores: xr.Dataset,
    *,
    ax: Axes | None = None,
    normalized: bool = False,
    chance: float | str | None = "auto",
    legend: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw the similarity of every layer, one line for each region (or model, or animal).

    Parameters
    ----------
    scores : Dataset with dims ("layer", "region")
        As :func:`neuroguide.score` returns it. Of region, model and animal one may have several entries: the lines.
        ``ci_low`` and ``ci_high`` become bars; ``ceiling`` a line, ``ceiling_low`` and ``ceiling_high`` a band. Layers
        without a value are gaps in the line; layers without a value on any line are left out.
    ax : Axes, optional
        Where to draw; by default a new figure.
    normalized : bool
        Draw similarity divided by the ceiling.
    chance : float, None or "auto"
        Where to draw the line of chance. ``"auto"``: ``attrs["chance"]``, or 0 for a metric that is 0 on average where
        model and brain have nothing in common, or none.
    legend : bool
        Whether to draw the legend, right of the data.
    title : str, optional
        Title above the plot.
    simulated : bool
        Mark the data as simulated although the attributes do not say so (attributes that do are always shown).

    Returns
    -------
    Axes

    Notes
    -----
    A ceiling that all lines share is a grey band between its bounds, or, where only its value is known, a shade over
    the region above it. Without a ceiling there is neither line nor shade, and the reason stands above the plot.

    Raises
    ------
    InputError
        If ``scores`` is no Scores dataset, has more than one dim besides layer, or has no ceiling to normalise by.
    """
    lines = lines_along(read_scores(scores), "layer", normalized=normalized, hint=_HINT)
    level = chance_level(scores, 0.0 if normalized and chance == "auto" else chance)
    layers, lines = _known_layers(names_along(scores, "layer"), lines)
    notes = notes_of(scores, lines)
    width = min(9.5, max(5.6, 3.4 + 0.3 * len(layers)))
    ax = panel(ax, (width, 2.9 + name_depth(layers, width - 2.6)))
    handles = _draw(ax, layers, lines, level)
    ax.set_ylim(value_limits(lines, level))
    ax.set_ylabel(value_label(scores, normalized=normalized))
    if legend:
        legend_outside(ax, [*handles, *context_handles(lines, level, interval_text(scores.attrs))])
    settle(ax)
    name_ticks(ax, layers)
    finish(ax, Heading(title, notes, simulated or simulated_scores(scores)))
    return ax


@styled
def profiles(
    scores: xr.Dataset,
    *,
    by: str = "region",
    axes: Iterable[Axes] | None = None,
    normalized: bool = False,
    chance: float | str | None = "auto",
    columns: int = 3,
    simulated: bool = False,
) -> NDArray[np.object_]:
    """Draw a layer profile for each region, model or animal, in panels with one scale.

    Parameters
    ----------
    scores : Dataset with dims ("layer", "region")
        As for :func:`profile`.
    by : {"region", "model", "animal"}
        What the panels are; of the other two, one may have several entries (the lines within a panel).
    axes : Axes, optional
        As many as there are panels; by default a new figure.
    normalized, chance, simulated
        As for :func:`profile`.
    columns : int
        Panels in a row of a new figure.

    Returns
    -------
    array of Axes of shape (n_panels,)

    Raises
    ------
    InputError
        As for :func:`profile`, or if ``scores`` has no dim ``by``.
    """
    read_scores(scores)
    if by not in ("region", "model", "animal") or by not in scores.dims:
        raise InputError(f"by={by!r} must be region, model or animal, and a dim of scores; it has {tuple(scores.dims)}")
    if columns < 1:
        raise InputError(f"columns must be at least 1; {columns} arrived")
    level = chance_level(scores, 0.0 if normalized and chance == "auto" else chance)
    parts = []
    for name in names_along(scores, by):
        part = select_by_name(scores, by, name)
        lines = lines_along(part, "layer", normalized=normalized, hint="select one before drawing the panels")
        parts.append((name, part, *_known_layers(names_along(part, "layer"), lines)))
    widest = max(len(layers) for _, _, layers, _ in parts)
    width = min(3.8, max(2.4, 0.8 + 0.15 * widest))
    height = 2.7 + max(name_depth(layers, width - 1.0) for _, _, layers, _ in parts)
    drawn = panels(axes, len(parts), (width, height), columns=columns, sharey=True)
    every = [line for part in parts for line in part[3]]
    limits = value_limits(every, level)
    headings, handles = [], []
    for index, (ax, (name, part, layers, lines)) in enumerate(zip(drawn, parts, strict=True)):
        handles = _draw(ax, layers, lines, level)
        ax.set_ylim(limits)
        if axes is not None or index % columns == 0:
            ax.set_ylabel(value_label(scores, normalized=normalized))
        else:
            ax.tick_params(labelleft=False)
        sites = lines[0].n_sites
        title = f"{name} ({sites:,} sites)" if sites and len(lines) == 1 else name
        headings.append(Heading(title, notes_of(part, lines), simulated or simulated_scores(scores)))
    context = merged(context_handles(part[3], level, interval_text(scores.attrs)) for part in parts)
    # a single line is named by the panel's title
    shown = handles if len(parts[-1][3]) > 1 else []
    legend_beside(drawn, [*shown, *context], own=axes is None)
    settle(drawn[0])
    for ax, (_, _, layers, _) in zip(drawn, parts, strict=True):
        name_ticks(ax, layers)
    finish_panels(list(drawn), headings)
    return drawn


def _known_layers(layers: Sequence[str], lines: Sequence[Line]) -> tuple[list[str], list[Line]]:
    """Without the layers that have a value on no line: models side by side have different layers."""
    known = np.flatnonzero(np.isfinite(np.stack([line.value for line in lines])).any(axis=0))
    if not len(known):
        raise InputError(f"{lines[0].name} has no finite similarity on any layer; there is nothing to draw")
    return [layers[int(i)] for i in known], [line.at(known) for line in lines]


def _draw(ax: Axes, layers: Sequence[str], lines: Sequence[Line], chance: float | None) -> list[Line2D]:
    """The lines with their intervals and ceilings; returns the lines."""
    x = np.arange(len(layers), dtype=np.float64)
    step = 0.0 if not any(line.has_interval for line in lines) else min(0.14, 0.6 / len(lines))
    ax.set_xlim(-0.5, len(layers) - 0.5)
    draw_ceilings(ax, x, lines)
    draw_chance(ax, chance)
    drawn: list[Line2D] = []
    for index, line in enumerate(lines):
        look = series_look(index)
        at = x + (index - (len(lines) - 1) / 2) * step
        if line.has_interval:
            ax.vlines(at, line.low, line.high, color=look["color"], linewidth=1.3, gid="interval")
        drawn += ax.plot(
            at, line.value, label=line.label, markeredgecolor="white", markeredgewidth=0.5, zorder=3, **look
        )  # fmt: skip
    ax.set_xlabel("layer")
    return drawn
