"""A bare array and the names of its axes -> an assembly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option

#: What an axis can be.
AXES = ("presentation", "neuroid", "repetition", "time_bin")

#: Columns that may hold the ids of the stimuli, the first one found counts.
STIMULUS_COLUMNS = ("stimulus_id", "image_id")


def check_axes(dims: str | Sequence[str], shape: tuple[int, ...], what: str) -> tuple[str, ...]:
    """The names of the axes of an array.

    Parameters
    ----------
    dims : sequence of str, or str
        One of :data:`AXES` for each axis, in the order of the array; a text is split at its commas.
    shape : tuple of int
        Shape of the array.
    what : str
        What to call it in an error, e.g. ``"'resp' in file.mat"``.

    Raises
    ------
    InputError
        If there are more or fewer names than axes, or presentation or neuroid is not among them.
    OptionError
        If a name is unknown.
    """
    names = tuple(str(name).strip() for name in (dims.split(",") if isinstance(dims, str) else dims))
    for name in names:
        check_option("axis in dims", name, AXES)
    sizes = " x ".join(map(str, shape))
    if len(names) != len(shape):
        raise InputError(
            f"{what} has {len(shape)} axes ({sizes}) but dims names {len(names)} ({', '.join(names)}); name each axis"
        )
    twice = [name for name in names if names.count(name) > 1]
    lacking = [name for name in ("presentation", "neuroid") if name not in names]
    if twice or lacking:
        wrong = f"{twice[0]!r} is there twice" if twice else f"{lacking[0]!r} is missing"
        raise InputError(f"dims of {what} ({sizes}) are {', '.join(names)}, but {wrong}; name each axis once")
    return names


def assemble(
    values: NDArray[Any],
    dims: tuple[str, ...],
    *,
    what: str,
    stimuli: pd.DataFrame | None = None,
    sites: pd.DataFrame | None = None,
    edges: NDArray[np.float64] | None = None,
) -> xr.DataArray:
    """An assembly from an array whose axes are known.

    Parameters
    ----------
    values : array
        Numbers.
    dims : tuple of str
        As :func:`check_axes` returns them. With a "repetition" axis, "presentation" means one stimulus each.
    what : str
        What to call the array in an error.
    stimuli : DataFrame, optional
        One row for each entry of the presentation axis, with ``stimulus_id`` or ``image_id``, perhaps ``repetition``,
        and any other columns; by default stimuli are called "0", "1", ...
    sites : DataFrame, optional
        One row for each site, with ``neuroid_id`` and any other columns; by default they are called "0", "1", ...
    edges : array of shape (n_time_bins + 1,), optional
        In ms; needed with a "time_bin" axis.

    Returns
    -------
    DataArray
        Dims presentation, neuroid and, if there is one, time_bin; a view where the order of the axes allows.

    Raises
    ------
    InputError
        If the values are not numbers, or a table does not have as many rows as its axis is long.
    """
    if values.dtype.kind not in "biuf":
        raise InputError(f"{what} holds {values.dtype} values, real numbers were expected (spikes/s, counts): convert")
    sizes = dict(zip(dims, values.shape, strict=True))
    stimuli = _table(stimuli, "stimuli", "presentation", sizes, what)
    sites = _table(sites, "sites", "neuroid", sizes, what)
    if "repetition" in stimuli and "repetition" in dims:
        stimuli = stimuli.drop(columns="repetition")
    columns = _with_ids(stimuli, sizes["presentation"], STIMULUS_COLUMNS, "stimuli")
    order = [name for name in ("presentation", "repetition", "neuroid", "time_bin") if name in dims]
    arranged = values.transpose([dims.index(name) for name in order])
    n_repetitions = sizes.get("repetition", 1)
    if "repetition" in dims:
        arranged = arranged.reshape(-1, *arranged.shape[2:])
        columns = {name: np.repeat(column, n_repetitions) for name, column in columns.items()}
        columns["repetition"] = np.tile(np.arange(n_repetitions), sizes["presentation"])
    elif "repetition" not in columns:
        columns["repetition"] = pd.Series(columns["stimulus_id"]).groupby(columns["stimulus_id"]).cumcount().to_numpy()
    neuroids = _with_ids(sites, sizes["neuroid"], ("neuroid_id",), "sites")
    coords: dict[str, Any] = {name: ("presentation", column) for name, column in columns.items()}
    coords |= {name: ("neuroid", column) for name, column in neuroids.items() if name not in coords}
    if "time_bin" in dims:
        coords |= _bins(edges, sizes["time_bin"], what)
    elif edges is not None:
        raise InputError(f"time bins are given, but no axis of {what} is 'time_bin'; name it in dims")
    found = tuple(name for name in order if name != "repetition")
    return xr.DataArray(arranged, dims=found, coords=coords)


def _table(table: pd.DataFrame | None, option: str, axis: str, sizes: dict[str, int], what: str) -> pd.DataFrame:
    if table is None:
        return pd.DataFrame(index=range(sizes[axis]))
    if len(table) == sizes[axis]:
        return table.reset_index(drop=True)
    fitting = [name for name, size in sizes.items() if size == len(table) and name != axis]
    hint = f"; the axis called {fitting[0]!r} has that length: are dims in the wrong order?" if fitting else ""
    axes = ", ".join(f"{name} {size}" for name, size in sizes.items())
    raise InputError(
        f"{option} has {len(table)} rows but {what} has {sizes[axis]} along {axis!r} (its axes: {axes})"
        + (hint or f"; give one row for each {axis}")
    )


def _with_ids(table: pd.DataFrame, n: int, names: tuple[str, ...], option: str) -> dict[str, NDArray[Any]]:
    """The columns of a table by name, the id first."""
    columns = {str(name): _plain(table[name]) for name in table.columns}
    if not columns:
        return {names[0]: np.asarray([str(i) for i in range(n)], dtype=object)}
    found = next((name for name in names if name in columns), None)
    if found is None:
        raise InputError(
            f"{option} has no column {' or '.join(names)} (there: {', '.join(columns)}); rename the one that holds ids"
        )
    ids = np.asarray([str(value) for value in columns.pop(found)], dtype=object)
    return {names[0]: ids, **columns}


def _plain(column: pd.Series) -> NDArray[Any]:
    """Numbers as numpy has them, everything else as text, "" where it is missing."""
    if column.dtype.kind in "biuf":
        return column.to_numpy()
    return np.asarray(["" if pd.isna(value) else str(value) for value in column], dtype=object)


def _bins(edges: NDArray[np.float64] | None, n_bins: int, what: str) -> dict[str, Any]:
    if edges is None:
        raise InputError(
            f"{what} has {n_bins} time bins, but not when they are; give time_bins=(start, width) in ms from stimulus "
            "onset, or their edges"
        )
    if len(edges) != n_bins + 1 or not (np.diff(edges) > 0).all():
        raise InputError(
            f"time_bins gives {len(edges)} edges for the {n_bins} time bins of {what}; {n_bins + 1} ascending ones "
            "in ms, or (start, width), were expected"
        )
    return {"time_bin_start": ("time_bin", edges[:-1]), "time_bin_end": ("time_bin", edges[1:])}
