"""Significance between models as letters or as arrows, in a margin of its own right of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation, blended_transform_factory
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._axes import figure_of
from neuroguide.plot._style import INK, TEXT_SIZE

#: p values between all models (a square table with their names on both sides), or letters that are known already.
Significance: TypeAlias = pd.DataFrame | xr.DataArray | Mapping[str, str]


@dataclass(frozen=True)
class Strip:
    """What stands in the margin: the letters of each row, or (row, rows that it exceeds); and its explanation."""

    letters: tuple[str, ...] = ()
    arrows: tuple[tuple[int, list[int]], ...] = ()
    note: str = ""


def significance_strip(
    significance: Significance | None,
    names: Sequence[str],
    values: NDArray[np.float64],
    order: NDArray[np.intp],
    marks: str,
    alpha: float,
) -> Strip:
    """The margin for the models in the order of their rows; empty without ``significance``."""
    if significance is None:
        return Strip()
    sorted_names = [names[i] for i in order]
    if isinstance(significance, Mapping):
        missing = [name for name in names if name not in significance]
        if missing:
            raise InputError(f"significance has no letters for the model {missing[0]!r}")
        letters = tuple(str(significance[name]) for name in sorted_names)
        return Strip(letters, note="models that share a letter do not differ")
    table = significance.to_pandas() if isinstance(significance, xr.DataArray) else significance
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"significance must be a square table of p values or a mapping; a {type(significance).__name__} arrived"
        )
    table = table.rename(index=str, columns=str)
    missing = [name for name in names if name not in table.index or name not in table.columns]
    if missing:
        raise InputError(
            f"significance has no p values for the model {missing[0]!r}; its rows and columns name the models"
        )
    p = table.loc[sorted_names, sorted_names].to_numpy(dtype=np.float64)
    off = ~np.eye(len(p), dtype=bool)
    if ((p[off] < 0) | (p[off] > 1)).any():
        raise InputError("significance holds p values outside 0 to 1; give p values, not statistics")
    if not np.allclose(p[off], p.T[off], equal_nan=True):
        raise InputError("significance is not symmetric; give two-sided p values of each pair on both sides")
    scored = np.isfinite(values[order])
    if np.isnan(p[np.ix_(scored, scored)][off[np.ix_(scored, scored)]]).any():
        raise InputError("significance lacks the p value of a pair of models that both have a score; give all pairs")
    different = (p < alpha) & off
    if marks == "letters":
        known = iter(shared_letters(different[np.ix_(scored, scored)]))
        letters = tuple(next(known) if has_score else "" for has_score in scored)
        return Strip(letters, note=f"models that share a letter do not differ (p ≥ {alpha:g})")
    lower = beaten(different, [float(v) for v in values[order]])
    arrows = tuple((row, rows) for row, rows in enumerate(lower) if rows)
    return Strip(arrows=arrows, note=f"arrows: from a model to those it exceeds (p < {alpha:g})")


def draw_strip(ax: Axes, strip: Strip) -> None:
    """Letters or arrows right of the axes, in columns."""
    scale = figure_of(ax).dpi_scale_trans
    alphabet = sorted(set("".join(strip.letters)))
    for row, letters in enumerate(strip.letters):
        single = all(len(letter) == 1 for letter in alphabet) and "(" not in letters
        for letter in letters if single else [letters]:
            column = alphabet.index(letter) if single else 0
            ax.annotate(
                letter, (1, row), (10 + 8 * column, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="center" if single else "left", va="center", fontsize=TEXT_SIZE + 0.5, annotation_clip=False,
                gid="significance",
            )  # fmt: skip
    for column, (row, rows) in enumerate(strip.arrows):
        moved = ax.transAxes + ScaledTranslation((8 + 7.5 * column) / 72, 0, scale)
        where = blended_transform_factory(moved, ax.transData)
        ends = [min([row, *rows]), max([row, *rows])]
        look: dict[str, Any] = {"transform": where, "clip_on": False, "color": INK, "gid": "significance"}
        ax.plot([1, 1], ends, linewidth=0.9, **look)
        ax.plot([1], [row], "o", markersize=4.2, **look)
        ax.plot(np.ones(len(rows)), rows, marker="<", linestyle="none", markersize=4.2, **look)


def shared_letters(different: NDArray[np.bool_]) -> list[str]:
    """Compact letter display: two items share a letter exactly when they do not differ.

    Insert and absorb (Piepho 2004, J. Comput. Graph. Stat. 13, 456-466): start with one group of all; for each
    pair that differs, split every group that holds both; drop groups inside others.

    Parameters
    ----------
    different : array of shape (n_items, n_items)
        Symmetric; True where two items differ. Letters are given in the order of the items, so put the best first.

    Returns
    -------
    list of str
        The letters of each item, ``"a"`` for the first group.
    """
    count = len(different)
    groups = [frozenset(range(count))]
    for one in range(count):
        for other in range(one + 1, count):
            if not different[one, other]:
                continue
            split: list[frozenset[int]] = []
            for group in groups:
                split += [group - {one}, group - {other}] if {one, other} <= group else [group]
            groups = [
                g for i, g in enumerate(split) if not any(g < h or (g == h and j < i) for j, h in enumerate(split))
            ]
    groups.sort(key=lambda group: sorted(group))
    names = [_letter(index) for index in range(len(groups))]
    return ["".join(names[i] for i, group in enumerate(groups) if item in group) for item in range(count)]


def _letter(index: int) -> str:
    """a, b, …, z, A, …, Z, then numbered."""
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return alphabet[index] if index < len(alphabet) else f"({index})"


def beaten(different: NDArray[np.bool_], values: Sequence[float]) -> list[list[int]]:
    """For each item those that it exceeds and differs from."""
    return [
        [other for other in range(len(values)) if different[item, other] and values[item] > values[other]]
        for item in range(len(values))
    ]
