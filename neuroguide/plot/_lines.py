"""What profiles, time courses and comparisons have in common: ceilings, chance, intervals, their limits and legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from neuroguide.plot._scores import ARRAYS, Line
from neuroguide.plot._style import BAND, BEYOND, INK, MUTED, series_look

_CEILING: dict[str, Any] = {"linewidth": 1.0, "linestyle": (0, (4, 2))}
_CHANCE: dict[str, Any] = {"color": INK, "linewidth": 0.8, "linestyle": (0, (1, 2))}


def draw_ceilings(ax: Axes, x: NDArray[np.float64], lines: Sequence[Line]) -> None:
    """The noise ceilings behind the lines.

    One that all lines share is drawn once, in grey: its band where it has bounds; where it has only a value, the region
    above is shaded. Otherwise each line has a ceiling in its colour, which ends in its marker at the right edge, so
    that they can be matched without colour.
    """
    if shared_ceiling(lines):
        _draw_one(ax, x, lines[0], color=MUTED, marker=None)
        return
    for index, line in enumerate(lines):
        look = series_look(index)
        _draw_one(ax, x, line, color=look["color"], marker=look["marker"])


def shared_ceiling(lines: Sequence[Line]) -> bool:
    """Whether all lines are under the same ceiling."""
    return all(
        np.array_equal(getattr(line, field), getattr(lines[0], field), equal_nan=True)
        for line in lines
        for field in ("ceiling", "ceiling_low", "ceiling_high")
    )


def _draw_one(ax: Axes, x: NDArray[np.float64], line: Line, *, color: str, marker: Any) -> None:
    if not line.has_ceiling:
        return
    half = 0.5 * (x[1] - x[0]) if len(x) > 1 else 0.5
    wide = np.concatenate([[x[0] - half], x, [x[-1] + half]])

    def edge(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([values[:1], values, values[-1:]])

    if line.has_band:
        fill: dict[str, Any] = {"color": BAND} if marker is None else {"color": color, "alpha": 0.15}
        low, high = edge(line.ceiling_low), edge(line.ceiling_high)
        ax.fill_between(wide, low, high, linewidth=0, zorder=0, gid="noise-ceiling", **fill)
    elif marker is None:
        # far above any similarity; the limits of the axis cut it
        ax.fill_between(wide, edge(line.ceiling), 1e3, color=BEYOND, linewidth=0, zorder=0, gid="noise-ceiling")
    if np.isfinite(line.ceiling).any():
        values = edge(line.ceiling)
        ax.plot(wide, values, color=color, zorder=1, gid="noise-ceiling-line", **_CEILING)
        if marker is not None:
            ax.plot(
                wide[-1:], values[-1:], color=color, marker=marker, markersize=4.5, markerfacecolor="white",
                clip_on=False, linestyle="none", zorder=4, gid="noise-ceiling-marker",
            )  # fmt: skip


def draw_chance(ax: Axes, level: float | None, *, upright: bool = False) -> None:
    """The line of chance, level or upright; nothing for None."""
    if level is not None:
        (ax.axvline if upright else ax.axhline)(level, zorder=1, gid="chance", **_CHANCE)


def context_handles(lines: Sequence[Line], chance: float | None, interval: str, *, mark: str = "|") -> list[Any]:
    """What the legend says beside the lines: intervals (``mark``: ``|``, ``_`` or ``band``), ceilings and chance."""
    handles: list[Any] = []
    if any(line.has_interval for line in lines):
        if mark == "band":
            handles.append(Patch(facecolor=MUTED, alpha=0.3, linewidth=0, label=interval))
        else:
            look: dict[str, Any] = {"marker": mark, "markersize": 11.0, "markeredgewidth": 1.4}
            handles.append(Line2D([], [], color=MUTED, linestyle="none", label=interval, **look))
    if any(np.isfinite(line.ceiling).any() for line in lines):
        matched: dict[str, Any] = (
            {} if shared_ceiling(lines) else {"marker": "o", "markerfacecolor": "white", "markersize": 4.5}
        )
        handles.append(Line2D([], [], color=MUTED, label="noise ceiling", **_CEILING, **matched))
    if any(line.has_band for line in lines):
        handles.append(Patch(facecolor=BAND, label="its lower to upper bound"))
    if chance is not None:
        handles.append(Line2D([], [], label="chance", **_CHANCE))
    return handles


def interval_text(attrs: Mapping[Any, Any]) -> str:
    """What the intervals are, as far as the attributes say it."""
    text = f"{float(attrs.get('ci_level', 0.95)):.0%} interval"
    samples = attrs.get("bootstrap", 0)
    if isinstance(samples, int | float | np.integer) and samples:
        text += f"\n({int(samples):,} bootstrap samples)"
    return text


def value_limits(lines: Sequence[Line], chance: float | None) -> tuple[float, float]:
    """An axis with room for every value, interval and ceiling, and with 0 (or chance) in sight."""
    parts = [getattr(line, field) for line in lines for field in ARRAYS]
    values = np.concatenate([*parts, [0.0 if chance is None else chance]])
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low or 1.0)
    return low - (room if low < 0 else 0.25 * room), high + room
