"""Representational dissimilarity matrices as pictures: one, or several side by side on one colour scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from scipy.stats import rankdata

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import extent, figure_of, panel, panels, settle, shorten_all, wrap_label
from neuroguide.plot._edges import draw_groups, draw_thumbnails, group_order
from neuroguide.plot._heading import Heading, finish, finish_panels
from neuroguide.plot._inputs import (
    Categories,
    RDMLike,
    SquareRDM,
    Thumbnails,
    read_categories,
    read_rdm,
    read_rdms,
)
from neuroguide.plot._style import HATCH, INK, TEXT_SIZE, sequential, styled

#: Stimuli up to this number are named at the edges when there are neither categories nor pictures.
_MOST_NAMES = 24


@styled
def rdm(
    rdm: RDMLike,
    *,
    ax: Axes | None = None,
    categories: Categories | None = None,
    thumbnails: Thumbnails | None = None,
    rank: bool = False,
    limits: tuple[float, float] | None = None,
    colorbar: bool = True,
    title: str | None = None,
    simulated: bool = False,
) -> Axes:
    """Draw one RDM.

    Parameters
    ----------
    rdm : DataArray with dims ("stimulus_id", "stimulus_id_2"), or array of shape (n_stimuli, n_stimuli)
        Symmetric dissimilarities. Pairs that are NaN are left white with hatching.
    ax : Axes, optional
        Where to draw; by default a new figure.
    categories : str, mapping or sequence, optional
        Category of each stimulus: the name of a coordinate along ``stimulus_id``, a mapping from id to category, or one
        label per stimulus in the RDM's order. Stimuli are regrouped so that a category is contiguous.
    thumbnails : StimulusSet, mapping or array of shape (n_stimuli, height, width, 3), optional
        Pictures for the left and lower edge; an array is in the RDM's order, a mapping goes from id to picture.
    rank : bool
        Draw percentiles of the dissimilarities over all pairs instead of the dissimilarities.
    limits : (float, float), optional
        Lowest and highest value of the colour scale; by default the range over pairs of different stimuli.
    colorbar : bool
        Whether to draw the colour scale.
    title : str, optional
        Title above the matrix.
    simulated : bool
        Mark the data as simulated although the attributes do not say so (attributes that do are always shown).

    Returns
    -------
    Axes
        The Axes with the matrix; its first image holds the values as drawn.

    Raises
    ------
    InputError
        If the RDM is not square, symmetric and finite or NaN, or if categories, pictures or limits do not fit it.
    """
    square = read_rdm(rdm)
    labels = read_categories(categories, square)
    chosen = _limits([_values(square, rank)], rank, limits)
    ax = panel(ax, (4.6, 4.1))
    image = _draw(ax, square, labels, thumbnails, rank=rank, limits=chosen, names=True)
    if colorbar:
        scale = ax.inset_axes((1.03, 0.0, 0.04, 1.0))
        bar = figure_of(ax).colorbar(image, cax=scale)
        settle(ax)
        bar.set_label(wrap_label(_scale_label(square.label, rank), extent(ax)[1]))
        _plain_scale(scale)
    settle(ax)
    finish(ax, Heading(title, _missing(square), simulated or square.simulated), frame=False)
    return ax


@styled
def rdms(
    rdms: Mapping[str, RDMLike] | xr.DataArray,
    *,
    axes: Iterable[Axes] | None = None,
    categories: Categories | None = None,
    rank: bool = False,
    limits: tuple[float, float] | None = None,
    colorbar: bool = True,
    columns: int = 4,
    simulated: bool = False,
) -> NDArray[np.object_]:
    """Draw several RDMs over the same stimuli side by side, on one colour scale.

    Parameters
    ----------
    rdms : mapping of name to RDM, or DataArray with one leading dim
        The matrices (see :func:`rdm`); all are put in the order of stimuli of the first.
    axes : Axes, optional
        As many as there are RDMs; by default a new figure.
    categories : str, mapping or sequence, optional
        As for :func:`rdm`; a coordinate's name, or a sequence in the order of the first RDM.
    rank : bool
        Draw percentiles over the pairs of each RDM: the way to compare a model with a brain whose distances have
        another range.
    limits : (float, float), optional
        Lowest and highest value of the colour scale; by default the range over all pairs of all RDMs.
    colorbar : bool
        Whether to draw the colour scale.
    columns : int
        Panels in a row of a new figure.
    simulated : bool
        Mark all as simulated although their attributes do not say so.

    Returns
    -------
    array of Axes of shape (n_rdms,)

    Raises
    ------
    InputError
        If there are none, if one is no RDM, or if they are not of the same stimuli.
    """
    squares = read_rdms(rdms)
    if columns < 1:
        raise InputError(f"columns must be at least 1; {columns} arrived")
    first = next(iter(squares.values()))
    labels = read_categories(categories, first)
    chosen = _limits([_values(square, rank) for square in squares.values()], rank, limits)
    side = {1: 3.6, 2: 2.9}.get(len(squares), 2.4)
    drawn = panels(axes, len(squares), (side, side), columns=columns, layout="compressed")
    headings = []
    for index, (ax, (name, square)) in enumerate(zip(drawn, squares.items(), strict=True)):
        leftmost = axes is None and index % columns == 0
        image = _draw(ax, square, labels, None, rank=rank, limits=chosen, names=leftmost)
        if axes is None:
            # one label for a row and one for a column is enough
            ax.set_ylabel(ax.get_ylabel() if leftmost else "")
            ax.set_xlabel(ax.get_xlabel() if index + columns >= len(squares) else "")
        headings.append(Heading(name, _missing(square), simulated or square.simulated))
    if colorbar:
        label = first.label if len({square.label for square in squares.values()}) == 1 else "dissimilarity"
        bar = figure_of(drawn[0]).colorbar(image, ax=list(drawn), shrink=0.9, aspect=22, pad=0.02)
        settle(drawn[0])
        bar.set_label(wrap_label(_scale_label(label, rank), extent(bar.ax)[1]))
        _plain_scale(bar.ax)
    settle(drawn[0])
    finish_panels(list(drawn), headings, frame=False)
    return drawn


def _values(square: SquareRDM, rank: bool) -> NDArray[np.float64]:
    """The matrix as drawn: dissimilarities, or their percentiles over the pairs (mid-ranks, from 0 to 100)."""
    if not rank:
        return square.values
    upper = np.triu_indices(len(square.ids), 1)
    pairs = square.pairs
    known = np.isfinite(pairs)
    percentiles = np.full(pairs.shape, np.nan)
    percentiles[known] = (rankdata(pairs[known]) - 1) / max(int(known.sum()) - 1, 1) * 100
    values = np.zeros(square.values.shape)
    values[upper] = percentiles
    return values + values.T


def _limits(matrices: list[NDArray[np.float64]], rank: bool, limits: tuple[float, float] | None) -> tuple[float, float]:
    if limits is not None:
        low, high = limits
        if not low < high:
            raise InputError(f"limits must be (lowest, highest); {limits} arrived")
        return float(low), float(high)
    if rank:
        return 0.0, 100.0
    pairs = np.concatenate([matrix[np.triu_indices(len(matrix), 1)] for matrix in matrices])
    if not np.isfinite(pairs).any():
        raise InputError("every pair of the RDM is NaN; there is nothing to draw")
    low, high = float(np.nanmin(pairs)), float(np.nanmax(pairs))
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _draw(
    ax: Axes,
    square: SquareRDM,
    labels: list[str] | None,
    thumbnails: Thumbnails | None,
    *,
    rank: bool,
    limits: tuple[float, float],
    names: bool,
) -> AxesImage:
    if isinstance(thumbnails, np.ndarray):
        thumbnails = (
            dict(zip(square.ids, thumbnails, strict=True)) if len(thumbnails) == len(square.ids) else thumbnails
        )
    if labels is not None:
        order = group_order(labels)
        square, labels = square.ordered(order), [labels[i] for i in order]
    count = len(square.ids)
    ax.set_facecolor("white")
    ax.patch.set(hatch="//////", edgecolor=HATCH, linewidth=0)
    image = ax.imshow(_values(square, rank), cmap=sequential(), vmin=limits[0], vmax=limits[1], aspect="equal")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    taken = 0.0 if thumbnails is None else draw_thumbnails(ax, thumbnails, square.ids)
    if labels is not None:
        draw_groups(ax, labels, names=names, offset=taken)
    elif thumbnails is None and names and count <= _MOST_NAMES:
        short = shorten_all(square.ids, 18)
        ax.set_yticks(range(count), short)
        ax.set_xticks(range(count), short, rotation=90)
        ax.tick_params(length=0)
    elif thumbnails is None:
        ax.set(xlabel=f"{count:,} stimuli", ylabel=f"{count:,} stimuli")
    return image


def _scale_label(label: str, rank: bool) -> str:
    return f"{label}, percentile" if rank else label


def _plain_scale(ax: Axes) -> None:
    ax.tick_params(labelsize=TEXT_SIZE, width=0.8, colors=INK)
    ax.spines[:].set_linewidth(0.6)


def _missing(square: SquareRDM) -> list[str]:
    missing = int(np.isnan(square.pairs).sum())
    return [f"hatched: no value ({missing:,} pairs)"] if missing else []
