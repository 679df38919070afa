"""A value of every recorded site: where it stands on the electrode array, and how the values are distributed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import extent, figure_of, legend_outside, panel, panels, settle, wrap_label
from neuroguide.plot._heading import Heading, finish, finish_panels
from neuroguide.plot._inputs import is_simulated
from neuroguide.plot._scores import read_scores, simulated_scores, value_label
from neuroguide.plot._style import HATCH, INK, MUTED, TEXT_SIZE, sequential, series_look, styled


@styled
def sites(
    values: xr.DataArray | xr.Dataset,
    *,
    axes: Iterable[Axes] | None = None,
    limits: tuple[float, float] | None = None,
    label: str | None = None,
    columns: int = 4,
    simulated: bool = False,
) -> NDArray[np.object_]:
    """Draw a value of every site on its electrode array, a panel for each array of each animal.

    Parameters
    ----------
    values : DataArray of shape (neuroid,), or Dataset
        One value for each site, e.g. its reliability, with the coordinates ``row`` and ``col`` and, where there is more
        than one array, ``animal`` and ``arr``; or Scores of ``neuroguide.score(per="site")``, of which the layer that
        is best on average over the sites is drawn (select one for another). Sites without a value are hatched; places
        without a site stay empty.
    axes : Axes, optional
        As many as there are arrays; by default a new figure.
    limits : (float, float), optional
        Lowest and highest value of the colour scale; by default the range of the values.
    label : str, optional
        What the values are, with their unit; by default ``long_name`` (or name) and ``units`` of ``values``.
    columns : int
        Panels in a row of a new figure, at most.
    simulated : bool
        Mark the data as simulated although the attributes do not say so (attributes that do are always shown).

    Returns
    -------
    array of Axes of shape (n_arrays,)

    Raises
    ------
    InputError
        If the values are not one per site, have no place on an array, or none is finite.
    """
    values = _of_scores(values)
    data = _per_site(values)
    missing = [name for name in ("row", "col") if name not in values.coords]
    if missing:
        raise InputError(
            f"values has no coordinate {missing[0]!r}, so its sites have no place on an array; "
            "draw plot.site_histogram, or add row and col"
        )
    if columns < 1:
        raise InputError(f"columns must be at least 1; {columns} arrived")
    if limits is not None and not limits[0] < limits[1]:
        raise InputError(f"limits must be (lowest, highest); {limits} arrived")
    grids = _grids(values, data)
    known = np.concatenate([grid.values[np.isfinite(grid.values)] for grid in grids])
    low, high = limits or (float(known.min()), float(known.max()))
    low, high = (low, high) if low < high else (low - 0.5, high + 0.5)
    # as many rows as that takes, equally full
    columns = math.ceil(len(grids) / math.ceil(len(grids) / columns))
    drawn = panels(axes, len(grids), (2.2, 2.7), columns=columns, layout="compressed")
    # all panels show as many places, so that an electrode is equally large on every array
    rows, cols = (max(grid.values.shape[axis] for grid in grids) for axis in (0, 1))
    for index, (ax, grid) in enumerate(zip(drawn, grids, strict=True)):
        _draw_grid(ax, grid, low, high, (rows, cols))
        ax.set_ylabel("electrode row" if axes is not None or index % columns == 0 else "")
    bar = figure_of(drawn[0]).colorbar(drawn[0].images[0], ax=list(drawn), shrink=0.9, aspect=22, pad=0.02)
    bar.ax.tick_params(labelsize=TEXT_SIZE, width=0.8, colors=INK)
    settle(drawn[0])
    bar.set_label(wrap_label(label or _label(values), extent(bar.ax)[1]))
    marked = simulated or is_simulated(values.attrs)
    finish_panels(list(drawn), [Heading(grid.title, grid.notes(), marked) for grid in grids], frame=False)
    return drawn


@dataclass(frozen=True)
class _Grid:
    """The sites of one array: mean value and number of sites at each place, of shape (n_rows, n_columns)."""

    name: str
    values: NDArray[np.float64]
    count: NDArray[np.int64]
    first: tuple[int, int]

    @property
    def title(self) -> str:
        """The name of the array with its number of sites."""
        total = int(self.count.sum())
        return f"{self.name} ({total:,}\u00a0site{'s' if total != 1 else ''})"

    def notes(self) -> list[str]:
        """What a reader must know to read the map."""
        return [
            "mean where an electrode has several" if (self.count > 1).any() else "",
            "hatched: no value" if ((self.count > 0) & np.isnan(self.values)).any() else "",
        ]


def _grids(values: xr.DataArray, data: NDArray[np.float64]) -> list[_Grid]:
    """The arrays in order of appearance, each with its sites put on a grid."""
    places = [np.asarray(values[name].values) for name in ("row", "col")]
    for name, place in zip(("row", "col"), places, strict=True):
        if (
            place.dtype.kind not in "iuf"
            or not np.isfinite(place.astype(np.float64)).all()
            or (place != np.round(place)).any()
        ):
            raise InputError(f"the coordinate {name!r} of values must hold whole numbers, one for each site")
    rows, cols = (place.astype(np.int64) for place in places)
    names = {"animal": "", "arr": "array "}
    parts = [[word + str(v) for v in values[name].values] for name, word in names.items() if name in values.coords]
    keys = [", ".join(part[i] for part in parts) or "all sites" for i in range(len(data))]
    grids = []
    for key in dict.fromkeys(keys):
        inside = np.array([one == key for one in keys])
        first = (int(rows[inside].min()), int(cols[inside].min()))
        shape = (int(rows[inside].max()) - first[0] + 1, int(cols[inside].max()) - first[1] + 1)
        if shape[0] * shape[1] > 1_000_000:
            raise InputError(
                f"row and col of values span {shape[0]:,} x {shape[1]:,} places; electrode arrays are smaller"
            )
        total, finite, count = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64)
        for row, col, value in zip(rows[inside] - first[0], cols[inside] - first[1], data[inside], strict=True):
            count[row, col] += 1
            if np.isfinite(value):
                total[row, col] += value
                finite[row, col] += 1
        mean = np.divide(total, finite, out=np.full(shape, np.nan), where=finite > 0)
        grids.append(_Grid(key, mean, count, first))
    return grids


def _draw_grid(ax: Axes, grid: _Grid, low: float, high: float, shown: tuple[int, int]) -> None:
    rows, cols = grid.values.shape
    box = (grid.first[1] - 0.5, grid.first[1] + cols - 0.5, grid.first[0] + rows - 0.5, grid.first[0] - 0.5)
    ax.imshow(grid.values, cmap=sequential(), vmin=low, vmax=high, extent=box, aspect="equal")
    for row, col in zip(*np.nonzero((grid.count > 0) & np.isnan(grid.values)), strict=True):
        corner = (grid.first[1] + col - 0.5, grid.first[0] + row - 0.5)
        ax.add_patch(
            Rectangle(corner, 1, 1, facecolor="white", edgecolor=HATCH, hatch="/////", linewidth=0.0, gid="no-value")
        )
    # thin white lines set the electrodes apart
    for row in range(rows + 1):
        ax.axhline(box[3] + row, color="white", linewidth=0.8)
    for col in range(cols + 1):
        ax.axvline(box[0] + col, color="white", linewidth=0.8)
    ax.set(xlim=(box[0], box[0] + shown[1]), ylim=(box[3] + shown[0], box[3]), xlabel="electrode column")
    ax.set_xticks(_few(grid.first[1], shown[1]))
    ax.set_yticks(_few(grid.first[0], shown[0]))
    ax.tick_params(length=2)
    ax.spines[:].set(visible=True, color="#bdbdbd", linewidth=0.6)


def _few(first: int, count: int) -> list[int]:
    """First and last place and what lies evenly between, at most four in all."""
    return sorted({round(float(v)) for v in np.linspace(first, first + count - 1, min(count, 4))})


@styled
def site_histogram(
    values: xr.DataArray | xr.Dataset,
    *,
    ax: Axes | None = None,
    by: str = "region",
    bins: int = 20,
    threshold: float | None = None,
    label: str | None = None,
    legend: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw how a value is distributed over sites, one outline for each region (or animal, …), with its median.

    Parameters
    ----------
    values : DataArray of shape (neuroid,), or Dataset
        One value for each site, e.g. its reliability, or Scores as for :func:`sites`. Sites without a
        value are counted in the legend.
    ax : Axes, optional
        Where to draw; by default a new figure.
    by : str
        The coordinate that groups the sites; all sites are one group where it is absent.
    bins : int
        Number of bins over the range of all values.
    threshold : float, optional
        Where sites were included, as a dashed line.
    label : str, optional
        What the values are, with their unit; by default ``long_name`` (or name) and ``units`` of ``values``.
    legend : bool
        Whether to draw the legend, right of the data.
    title : str, optional
        Title above the plot.
    simulated : bool
        Mark the data as simulated although the attributes do not say so (attributes that do are always shown).

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the values are not one per site, or none is finite.
    """
    values = _of_scores(values)
    data = _per_site(values)
    if bins < 1:
        raise InputError(f"bins must be at least 1; {bins} arrived")
    groups = values[by].values.astype(str) if by in values.coords else np.full(len(data), "all sites")
    edges = np.histogram_bin_edges(data[np.isfinite(data)], bins=bins)
    ax = panel(ax, (5.2, 3.0))
    handles: list[Line2D] = []
    for index, group in enumerate(dict.fromkeys(groups.tolist())):
        inside = data[groups == group]
        finite = inside[np.isfinite(inside)]
        look = series_look(index)
        ax.hist(
            finite, bins=list(edges), histtype="stepfilled", facecolor=(look["color"], 0.18), edgecolor=look["color"],
            linestyle=look["linestyle"], linewidth=1.5,
        )  # fmt: skip
        lacking = len(inside) - len(finite)
        text = f"{group} ({len(finite):,} sites{f', {lacking:,} without a value' if lacking else ''})"
        if len(finite):
            middle = float(np.median(finite))
            ax.plot(middle, 0.97, transform=ax.get_xaxis_transform(), gid="median", **look)
            text += f"\nmedian {middle:.2f}"
        handles.append(Line2D([], [], label=text, **look))
    if threshold is not None:
        ax.axvline(threshold, color=MUTED, linewidth=1.0, linestyle=(0, (4, 2)), gid="threshold")
        handles.append(
            Line2D([], [], color=MUTED, linewidth=1.0, linestyle=(0, (4, 2)), label=f"threshold {threshold:g}")
        )
    ax.set(xlabel=label or _label(values), ylabel="sites")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    # a strip for the medians above the highest bin
    ax.set_ylim(0, ax.get_ylim()[1] * 1.1)
    if legend:
        legend_outside(ax, handles)
    settle(ax)
    finish(ax, Heading(title, (), simulated or is_simulated(values.attrs)))
    return ax


def _of_scores(values: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """The similarity of every site to one layer, the best on average: a layer for each site would flatter them."""
    if not isinstance(values, xr.Dataset):
        return values
    scores = read_scores(values)
    similarity = scores["similarity"]
    if "neuroid" not in similarity.dims:
        raise InputError(f"values must be scores of single sites, from per='site'; theirs have {similarity.dims}")
    similarity = similarity.squeeze([dim for dim in ("region", "model") if similarity.sizes.get(dim) == 1])
    label = value_label(scores)
    if "layer" in similarity.dims:
        means = similarity.mean("neuroid").values.astype(np.float64)
        similarity = similarity.isel(layer=int(np.argmax(np.where(np.isfinite(means), means, -np.inf))))
    if "layer" in similarity.coords:
        label += f", layer {similarity['layer'].values}"
    return similarity.assign_attrs({"simulated": int(simulated_scores(scores)), "long_name": label})


def _per_site(values: xr.DataArray) -> NDArray[np.float64]:
    if not isinstance(values, xr.DataArray) or values.dims != ("neuroid",):
        found = f"has the dims {values.dims}" if isinstance(values, xr.DataArray) else f"is a {type(values).__name__}"
        raise InputError(f"values must be a DataArray with the dim 'neuroid', one value for each site; it {found}")
    if values.dtype.kind not in "fiub":
        raise InputError(f"values must hold real numbers; its type is {values.dtype}")
    data = values.values.astype(np.float64)
    if not np.isfinite(data).any():
        raise InputError("no site has a finite value; there is nothing to draw")
    return np.where(np.isfinite(data), data, np.nan)


def _label(values: xr.DataArray) -> str:
    text = str(values.attrs.get("long_name", values.name or "value")).replace("_", " ")
    units = values.attrs.get("units")
    return f"{text} ({units})" if units else text
