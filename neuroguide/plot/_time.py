"""Time courses: how similarity or reliability unfolds after the stimulus comes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import legend_outside, panel, settle
from neuroguide.plot._heading import Heading, finish
from neuroguide.plot._inputs import is_simulated
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
from neuroguide.plot._style import INK, MUTED, series_look, styled


@styled
def time_course(
    data: xr.Dataset | xr.DataArray,
    *,
    ax: Axes | None = None,
    layer: str | None = None,
    normalized: bool = False,
    chance: float | str | None = "auto",
    stimulus: tuple[float, float] | None = None,
    label: str | None = None,
    legend: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw scores, or a reliability, over time.

    Parameters
    ----------
    data : Dataset or DataArray with the dim "time_bin"
        Scores: one line for each region, layer or model (one of them may have several entries). Or a DataArray of shape
        (neuroid, time_bin): the median over sites with the band between the quartiles, one line for each ``region``; or
        of shape (time_bin,). Time is the middle of ``time_bin_start`` and ``time_bin_end``, in ms.
    ax : Axes, optional
        Where to draw; by default a new figure.
    layer : str, optional
        The layer to draw, for scores of several layers.
    normalized, chance, simulated
        As for :func:`neuroguide.plot.profile`.
    stimulus : (float, float), optional
        When the stimulus came on and went off, in ms: a bar below the data.
    label : str, optional
        Name of the values for a DataArray; by default its ``long_name`` or name.
    legend : bool
        Whether to draw the legend, right of the data.
    title : str, optional
        Title above the plot.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no time, if more than one other dim has several entries, or if nothing is finite.
    """
    if not isinstance(data, xr.Dataset | xr.DataArray):
        raise InputError(f"data must be a Scores dataset or a DataArray over time_bin; a {type(data).__name__} arrived")
    times = _times(data)
    if stimulus is not None and not stimulus[0] < stimulus[1]:
        raise InputError(f"stimulus must be (on, off) in ms; {stimulus} arrived")
    notes: list[str] = []
    if isinstance(data, xr.Dataset):
        scores = select_by_name(read_scores(data), "layer", layer) if layer is not None else read_scores(data)
        lines = lines_along(scores, "time_bin", normalized=normalized, hint=_hint(scores))
        level = chance_level(scores, 0.0 if normalized and chance == "auto" else chance)
        notes, named = notes_of(scores, lines), value_label(scores, normalized=normalized)
        interval, marked = interval_text(scores.attrs), simulated_scores(scores)
    else:
        if layer is not None or normalized:
            raise InputError("layer and normalized are for Scores; a DataArray arrived")
        lines = _over_sites(data)
        level = chance if isinstance(chance, int | float) else None
        named = str(data.attrs.get("long_name", data.name or "value"))
        interval, marked = "quartiles over sites\n(line: median)", is_simulated(data.attrs)
    ax = panel(ax, (5.2, 3.1))
    handles: list[Any] = [*_draw(ax, times, lines, level), *context_handles(lines, level, interval, mark="band")]
    if stimulus is not None:
        _draw_stimulus(ax, stimulus)
        handles.append(Line2D([], [], color=INK, linewidth=3, label="stimulus"))
    elif times[0] < 0 < times[-1]:
        ax.axvline(0, color=MUTED, linewidth=0.8, zorder=0, gid="onset")
    ax.set(xlabel="time after stimulus onset (ms)", ylabel=label or named)
    if legend and len(handles) > 1:
        legend_outside(ax, handles)
    settle(ax)
    finish(ax, Heading(title, notes, simulated or marked))
    return ax


def _hint(scores: xr.Dataset) -> str:
    names = names_along(scores, "layer")
    return f"choose a layer with layer=…, e.g. layer={names[-1]!r}, or select a region first"


def _times(data: xr.Dataset | xr.DataArray) -> NDArray[np.float64]:
    if "time_bin" not in data.dims or not {"time_bin_start", "time_bin_end"} <= set(data.coords):
        raise InputError(
            "data must have the dim 'time_bin' with the coordinates 'time_bin_start' and 'time_bin_end' (ms); "
            f"it has the dims {tuple(data.dims)} and the coordinates {', '.join(map(str, data.coords)) or 'none'}"
        )
    middle = (data["time_bin_start"].values.astype(np.float64) + data["time_bin_end"].values.astype(np.float64)) / 2
    if np.any(np.diff(middle) <= 0):
        raise InputError("the time bins of data are not in ascending order; sort them first")
    return np.asarray(middle)


def _over_sites(data: xr.DataArray) -> list[Line]:
    """Median and quartiles over sites in every time bin, for each region."""
    others = [str(dim) for dim in data.dims if dim != "time_bin"]
    if others not in ([], ["neuroid"]):
        raise InputError(f"data must have the dims ('neuroid', 'time_bin') or ('time_bin',); it has {data.dims}")
    values = np.atleast_2d(data.transpose(..., "time_bin").values.astype(np.float64))
    if not np.isfinite(values).any():
        raise InputError("data holds no finite value; there is nothing to draw")
    nothing = np.full(values.shape[1], np.nan)
    name = str(data.name or "value")
    if not others:
        return [Line(name, values[0], nothing, nothing, nothing, nothing, nothing, 0)]
    regions = data["region"].values.astype(str) if "region" in data.coords else np.full(len(values), "all sites")
    lines = []
    for region in dict.fromkeys(regions.tolist()):
        part = values[regions == region]
        quartiles = np.full((3, part.shape[1]), np.nan)
        known = np.isfinite(part).any(axis=0)
        quartiles[:, known] = np.nanquantile(part[:, known], (0.25, 0.5, 0.75), axis=0)
        lines.append(Line(region, quartiles[1], quartiles[0], quartiles[2], nothing, nothing, nothing, len(part)))
    return lines


def _draw(ax: Axes, times: NDArray[np.float64], lines: list[Line], chance: float | None) -> list[Line2D]:
    """The lines with their bands and ceilings; returns the lines."""
    draw_ceilings(ax, times, lines)
    draw_chance(ax, chance)
    drawn: list[Line2D] = []
    every = max(1, len(times) // 8)
    for index, line in enumerate(lines):
        look = series_look(index)
        if line.has_interval:
            ax.fill_between(times, line.low, line.high, color=look["color"], alpha=0.18, linewidth=0, gid="interval")
        # markers at places of their own, so that lines on top of each other stay apart
        places = (index * every // max(len(lines), 1), every)
        drawn += ax.plot(
            times, line.value, label=line.label, markevery=places, markeredgecolor="white", markeredgewidth=0.5,
            zorder=3, **look,
        )  # fmt: skip
    half = (times[1] - times[0]) / 2 if len(times) > 1 else 1.0
    ax.set_xlim(times[0] - half, times[-1] + half)
    ax.set_ylim(value_limits(lines, chance))
    return drawn


def _draw_stimulus(ax: Axes, stimulus: tuple[float, float]) -> None:
    """A bar in a strip of its own under the data."""
    low, high = ax.get_ylim()
    floor, top = low - 0.07 * (high - low), low - 0.04 * (high - low)
    ax.fill_between(stimulus, [floor, floor], [top, top], color=INK, linewidth=0, gid="stimulus")
    ax.set_ylim(floor, high)
