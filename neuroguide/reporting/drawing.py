"""A matplotlib figure as SVG inside the page: it takes the page's colours, and its points have names."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.transforms import Bbox

from neuroguide.plot import style
from neuroguide.reporting.page import Figure

#: Colours of the figures that follow the page from light to dark; the page defines the variables.
_THEME = {
    "#1a1a1a": "ink",
    "#000000": "ink",
    "#ffffff": "paper",
    "#555555": "muted",
    "#8c8c8c": "muted",
    "#dcdcdc": "band",
    "#ededed": "beyond",
    "#e6e6e6": "grid",
    "#b9d7ea": "pale",
    "#9ecae1": "convolution",
    "#fde5c0": "pooling",
}
_POINTS = 72.0
#: Inches from which a figure has a row of its own.
_WIDE = 6.5


@dataclass(frozen=True)
class Spot:
    """A place in a figure that has a name.

    Attributes
    ----------
    ax : Axes
    x : float
        In the units of the data.
    label : str
        Shown on hover.
    y : float, optional
        In the units of the data; without it the spot is one unit wide and as high as the panel.
    layer, card : str
        A layer that a click shows, the name of a card that it goes to.
    """

    ax: Axes
    x: float
    label: str
    y: float | None = None
    layer: str = ""
    card: str = ""


def inline(drawn: Any, name: str, alt: str, *, caption: str = "", spots: Sequence[Spot] = ()) -> Figure:
    """The figure of what a plot function returned, for the page; the matplotlib figure is closed.

    Parameters
    ----------
    drawn : Axes or array of Axes
    name : str
        Of letters, unique in the page.
    alt : str
        What the figure shows, in words.
    caption : str
    spots : sequence of Spot
    """
    ax: Axes = drawn if isinstance(drawn, Axes) else drawn.flat[0]
    figure = ax.figure
    assert isinstance(figure, MatplotlibFigure)
    buffer = io.StringIO()
    try:
        with style():
            canvas = FigureCanvasAgg(figure)
            canvas.draw()  # type: ignore[no-untyped-call]
            renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
            box = figure.get_tightbbox(renderer).padded(0.05)
            overlay = [_spot(spot, figure.dpi, box) for spot in spots]
            figure.savefig(buffer, format="svg", bbox_inches=box, metadata={"Date": None, "Creator": None})
    finally:
        plt.close(figure)
    return Figure(name, _embedded(buffer.getvalue(), name, alt, overlay, box), alt, caption)


def _spot(spot: Spot, dpi: float, box: Bbox) -> Markup:
    """A clear rectangle or disc over a place; ``title`` is what browsers show on hover without our script."""
    panel = spot.ax.get_window_extent()

    def place(x: float, y: float) -> tuple[float, float]:
        return (x / dpi - box.x0) * _POINTS, (box.y1 - y / dpi) * _POINTS

    aim = Markup(' data-layer="{}"').format(spot.layer) if spot.layer else Markup()
    aim += Markup(' data-card="{}"').format(spot.card) if spot.card else Markup()
    named = Markup("<title>{}</title>").format(spot.label)
    if spot.y is None:
        ends = [float(spot.ax.transData.transform((x, 0))[0]) for x in (spot.x - 0.5, spot.x + 0.5)]
        left, top = place(ends[0], panel.y1)
        right, bottom = place(ends[1], panel.y0)
        shape = Markup('<rect class="spot" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"{}>{}</rect>')
        return shape.format(left, top, right - left, bottom - top, aim, named)
    x, y = place(*map(float, spot.ax.transData.transform((spot.x, spot.y))))
    return Markup('<circle class="spot" cx="{:.1f}" cy="{:.1f}" r="6"{}>{}</circle>').format(x, y, aim, named)


def _embedded(svg: str, name: str, alt: str, overlay: Sequence[Markup], box: Bbox) -> Markup:
    """Matplotlib's file without what only a file needs, and with names that are unique in the page."""
    body = svg[svg.index("<svg") :]
    body = body[body.index(">") + 1 : body.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    seen: Counter[str] = Counter()

    def unique(found: re.Match[str]) -> str:
        # a group id of the plot functions may come again; what is referred to comes first
        seen[found[1]] += 1
        return f' id="{name}-{found[1]}' + (f"-{seen[found[1]]}" if seen[found[1]] > 1 else "") + '"'

    body = re.sub(r'\sid="([^"]*)"', unique, body)
    body = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\g<1>{name}-", body)
    for colour, variable in _THEME.items():
        body = re.sub(rf"(?<=[\s:]){colour}\b", f"var(--{variable})", body)
    size = f"{box.width * _POINTS:.1f} {box.height * _POINTS:.1f}"
    wide = " wide" if box.width > _WIDE else ""
    head = f'<svg class="plot{wide}" viewBox="0 0 {size}" style="--width: {box.width:.2f}"'
    head += f' role="img" aria-label="{escape(alt)}">'
    # the drawing is matplotlib's, which escapes every text in it
    return Markup(head + body) + Markup('<g class="spots">{}</g></svg>').format(Markup().join(overlay))  # noqa: S704
