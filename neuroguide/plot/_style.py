"""The one style of every figure: colours, markers, text sizes; applied in a context, never globally."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option

#: Okabe and Ito's colours (jfly.uni-koeln.de/color), a grey in place of their yellow, too pale for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8c8c8c")
#: Told apart without colour; one more than the colours, so that the pairs repeat only after 72 series.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (8, 2)))

INK = "#1a1a1a"
MUTED = "#555555"
BAND = "#dcdcdc"
#: What lies above a ceiling of which only the value is known.
BEYOND = "#ededed"
GRID = "#e6e6e6"
#: Where a matrix or a map has no value.
HATCH = "#9a9a9a"

TITLE_SIZE = 9.5
LABEL_SIZE = 9.0
TEXT_SIZE = 8.0
NOTE_SIZE = 7.0

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT_SIZE,
    "axes.titlesize": TITLE_SIZE,
    "axes.titlelocation": "left",
    "axes.labelsize": LABEL_SIZE,
    "xtick.labelsize": TEXT_SIZE,
    "ytick.labelsize": TEXT_SIZE,
    "legend.fontsize": TEXT_SIZE,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.borderaxespad": 0.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 5.0,
    "hatch.linewidth": 0.6,
    "image.interpolation": "nearest",
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    # text stays text in a PDF (TrueType) and an SVG, and two equal figures give equal files
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "neuroguide",
}

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def style() -> Iterator[None]:
    """The look of neuroguide's figures, for the length of a ``with`` block.

    Starts from matplotlib's defaults, so that a figure is the same on every machine. The plot functions apply it
    themselves; use it for your own artists beside them.

    Examples
    --------
    >>> import neuroguide.plot
    >>> with neuroguide.plot.style():
    ...     pass
    """
    with matplotlib.style.context(["default", _SETTINGS]):
        yield


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run a plot function inside :func:`style`."""

    @functools.wraps(function)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            return function(*args, **kwargs)

    return drawn


def series_look(index: int) -> dict[str, Any]:
    """Colour, marker and dashes of the series with this number, as arguments of ``Axes.plot``."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index % len(DASHES)],
    }


def sequential() -> Colormap:
    """The colour map of ordered values: its lightness rises evenly, so it survives grey printing; no value is clear."""
    return matplotlib.colormaps["viridis"].with_extremes(bad=(0, 0, 0, 0))


_FORMATS = ("pdf", "svg", "png", "eps", "jpg", "tif")


def save(axes: Axes | NDArray[np.object_] | Figure, path: str | os.PathLike[str], *, dpi: int = 300) -> Path:
    """Write a figure to a file: text as text in vector formats, no date inside, whole or not at all.

    Parameters
    ----------
    axes : Axes, array of Axes, or Figure
        What a plot function returned, or its figure.
    path : path
        Where to write; the suffix chooses the format (pdf, svg, png, eps, jpg, tif).
    dpi : int
        Dots per inch of a raster file, and of the matrices and images inside a vector file.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    InputError
        If ``axes`` is nothing that was drawn, or the suffix is none of the known formats.
    """
    target = Path(path)
    suffix = check_option("figure format", target.suffix.lower().lstrip("."), _FORMATS)
    undated: dict[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    with style(), atomic_path(target) as temporary:
        _figure_of(axes).savefig(
            temporary, dpi=dpi, format=suffix, metadata=undated.get(suffix), bbox_inches="tight", pad_inches=0.05
        )
    return target


def _figure_of(axes: Axes | NDArray[np.object_] | Figure) -> Figure:
    found: Any = axes
    if isinstance(found, np.ndarray) and found.size:
        found = found.flat[0]
    if isinstance(found, Axes):
        found = found.figure
    if isinstance(found, SubFigure):
        found = found.figure
    if not isinstance(found, Figure):
        raise InputError(f"axes must be what a plot function returned, or a Figure; a {type(axes).__name__} arrived")
    return found
