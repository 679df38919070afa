"""What stands above a panel: title, notes and the mark of simulated data, stacked so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from neuroguide.plot._axes import LINE, extent, text_width, wrap
from neuroguide.plot._style import INK, LABEL_SIZE, MUTED, NOTE_SIZE, TEXT_SIZE, TITLE_SIZE

_TAG = "simulated data"
#: Points between the data and the lowest line above it.
_FOOT = 4.0


@dataclass(frozen=True)
class Heading:
    """Title, notes (joined, wrapped to the panel's width) and whether the data are simulated."""

    title: str | None = None
    notes: Sequence[str] = ()
    simulated: bool = False


@dataclass(frozen=True)
class _Plan:
    """Wrapped lines of notes and title, the height in points at which the notes start, and that of the title."""

    lines: list[str]
    heading: list[str]
    start: float
    title: float


def finish(ax: Axes, heading: Heading, *, frame: bool = True) -> None:
    """Write the heading of one panel and settle the look of its ticks; ``frame`` hides the upper and right spine."""
    plan = _plan(ax, heading)
    _write(ax, heading, plan, plan.title, frame)


def finish_panels(axes: Sequence[Axes], headings: Sequence[Heading], *, frame: bool = True) -> None:
    """Write the headings of several panels, their titles in one line; a note that was given once is not repeated."""
    said: set[str] = set()
    shorter = []
    for heading in headings:
        fresh = [note for note in heading.notes if note and note not in said]
        said.update(fresh)
        shorter.append(Heading(heading.title, fresh, heading.simulated))
    plans = [_plan(ax, heading) for ax, heading in zip(axes, shorter, strict=True)]
    height = max(plan.title for plan in plans)
    for ax, heading, plan in zip(axes, shorter, plans, strict=True):
        _write(ax, heading, plan, height, frame)


def _plan(ax: Axes, heading: Heading) -> _Plan:
    width = extent(ax)[0]
    # the dot stays at the end of a line
    lines = wrap("\u00a0· ".join(note for note in heading.notes if note), NOTE_SIZE, max(width, 120.0))
    title = wrap(heading.title or "", TITLE_SIZE, 0.97 * width)
    start = _FOOT
    if heading.simulated:
        widest = max((text_width(line, TITLE_SIZE) for line in title), default=0.0)
        rows = [widest] * len(title) + [text_width(line, NOTE_SIZE) for line in lines]
        # the mark is nearly two lines high
        if max(rows[-2:], default=0.0) + text_width(_TAG, NOTE_SIZE) + 20 > width:
            start += LINE * NOTE_SIZE + 8
    top = start + LINE * NOTE_SIZE * len(lines) + (3 if lines else 0)
    return _Plan(lines, title, start, top)


def _write(ax: Axes, heading: Heading, plan: _Plan, title_height: float, frame: bool) -> None:
    # ticks made later, at drawing time, would take the settings of that moment; labels have those of a given Axes
    ax.tick_params(which="both", labelsize=TEXT_SIZE, width=0.8, colors=INK)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set(size=LABEL_SIZE, color=INK)
    if frame:
        ax.spines[["top", "right"]].set_visible(False)
    if heading.simulated:
        box = {
            "boxstyle": "round,pad=0.25,rounding_size=0.4",
            "facecolor": "white",
            "edgecolor": MUTED,
            "linewidth": 0.6,
        }
        ax.annotate(
            _TAG, (1, 1), (-1.5, _FOOT + 1.5), xycoords="axes fraction", textcoords="offset points", ha="right",
            va="bottom", fontsize=NOTE_SIZE, color=INK, bbox=box, annotation_clip=False, gid="simulated",
        )  # fmt: skip
    if plan.lines:
        ax.annotate(
            "\n".join(plan.lines), (0, 1), (0, plan.start), xycoords="axes fraction", textcoords="offset points",
            ha="left", va="bottom", fontsize=NOTE_SIZE, color=MUTED, linespacing=1.15, annotation_clip=False,
            gid="note",
        )  # fmt: skip
    if plan.heading:
        ax.set_title("\n".join(plan.heading), loc="left", pad=title_height, fontsize=TITLE_SIZE, color=INK)
