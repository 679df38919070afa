"""Scores as tidy tables, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide._core.errors import InputError

#: Under this name a table's ``attrs`` hold what its columns cannot say.
_ABOUT = "neuroguide_scores"


def scores_to_pandas(scores: xr.Dataset) -> pd.DataFrame:
    """Scores as a table with one row for each combination of layer, region, model, ….

    Parameters
    ----------
    scores : xarray.Dataset
        As :func:`neuroguide.score` or :func:`neuroguide.compare_models` returns it.

    Returns
    -------
    pandas.DataFrame
        A column for each dim, coordinate and variable; a value that does not depend on the layer (a ceiling) stands in
        every row. ``frame.attrs`` hold the attributes and which variable depends on what, so that
        :func:`scores_from_pandas` gives back the same scores; ``frame.to_csv`` loses them, ``to_parquet`` keeps them.

    Examples
    --------
    >>> import neuroguide as ng
    >>> scores = ng.score("pixels", "virtual")
    >>> ng.scores_from_pandas(ng.scores_to_pandas(scores)).identical(scores)
    True
    """
    sizes = {str(dim): int(size) for dim, size in scores.sizes.items()}
    columns: dict[str, Any] = {}
    for dim in sizes:
        values = scores[dim].values if dim in scores.coords else np.arange(sizes[dim])
        columns[dim] = _spread(values, (dim,), sizes)
    named = {str(name): array for name, array in {**scores.coords, **scores.data_vars}.items() if name not in sizes}
    for name, array in named.items():
        columns[name] = _spread(array.values, tuple(map(str, array.dims)), sizes)
    frame = pd.DataFrame(columns)
    frame.attrs = {
        _ABOUT: {
            "dims": {name: list(map(str, array.dims)) for name, array in named.items()},
            "sizes": sizes,
            "coords": [str(name) for name in scores.coords],
            "attrs": dict(scores.attrs),
        }
    }
    return frame


def scores_from_pandas(frame: pd.DataFrame) -> xr.Dataset:
    """Scores from the table that :func:`scores_to_pandas` made; its rows may be in any order.

    Raises
    ------
    InputError
        If the table has lost its ``attrs``, or rows or columns are missing.
    """
    about = frame.attrs.get(_ABOUT)
    if not isinstance(about, dict):
        raise InputError(
            "the table does not say which of its columns depend on what (frame.attrs is lost in CSV and in many "
            "operations of pandas); give the one that scores_to_pandas returned, or keep scores as netCDF"
        )
    sizes: dict[str, int] = about["sizes"]
    missing = [name for name in (*sizes, *about["dims"]) if name not in frame.columns]
    if missing:
        raise InputError(f"the table of scores has no column {missing[0]!r}; give all columns that it had")
    if len(frame) != int(np.prod(list(sizes.values()))):
        raise InputError(
            f"the table of scores has {len(frame)} rows, {int(np.prod(list(sizes.values())))} were expected: one for "
            f"each combination of {', '.join(sizes)}"
        )
    codes = [pd.factorize(frame[dim])[0] for dim in sizes]
    ordered = frame.iloc[np.lexsort(codes[::-1])] if codes else frame
    whole = tuple(sizes.values())
    variables: dict[str, Any] = {}
    for name, dims in {**{dim: [dim] for dim in sizes}, **about["dims"]}.items():
        places = tuple(slice(None) if dim in dims else 0 for dim in sizes)
        values = _plain(ordered[name]).reshape(whole)[places]
        order = [dim for dim in sizes if dim in dims]
        variables[name] = (dims, np.transpose(values, [order.index(dim) for dim in dims]))
    coords = {name: variables[name] for name in about["coords"]}
    data = {name: variables[name] for name in about["dims"] if name not in coords}
    return xr.Dataset(data, coords=coords, attrs=dict(about["attrs"]))


def _spread(values: Any, dims: tuple[str, ...], sizes: dict[str, int]) -> Any:
    """An array over some of the dims as a column over all of them."""
    order = [dims.index(dim) for dim in sizes if dim in dims]
    shape = [sizes[dim] if dim in dims else 1 for dim in sizes]
    return np.broadcast_to(np.transpose(values, order).reshape(shape), tuple(sizes.values())).ravel()


def _plain(column: pd.Series[Any]) -> Any:
    """Numbers as they are, text as numpy's text."""
    values = column.to_numpy()
    return values if values.dtype.kind in "biuf" else np.asarray([str(value) for value in values])
