"""Recordings that are one array among others in a file: the user says which, and what its axes are.

The loaders of MATLAB, HDF5 and numpy files share all of this; each brings the reading of its own format.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import FileError, InputError
from neuroguide._core.options import check_option, unknown_option
from neuroguide.recordings._axes import STIMULUS_COLUMNS, assemble, check_axes
from neuroguide.recordings._blocks import shorten
from neuroguide.recordings._columns import read_columns
from neuroguide.recordings._description import ArrayInfo, Description
from neuroguide.recordings._loader import FileLoader
from neuroguide.recordings._proposing import propose
from neuroguide.recordings._sizes import MAX_BYTES, check_readable
from neuroguide.recordings._stored import StoredVariable
from neuroguide.recordings.timing import rebin
from neuroguide.stimuli.tables import FILE_COLUMNS

#: ``opener(path, limit=...)``: a context in which the arrays of a file can be read, by name.
Opener: TypeAlias = Callable[..., AbstractContextManager[dict[str, StoredVariable]]]

#: More arrays than this are counted, not listed.
_LISTED = 200


def array_loader(
    name: str, title: str, suffixes: tuple[str, ...], recognises: Callable[[Path], bool], opener: Opener
) -> FileLoader:
    """A loader of files that hold arrays, from the reading of the format."""
    return FileLoader(
        name, title, suffixes, recognises,
        open=partial(open_array, opener), describe=partial(describe_arrays, opener, title),
    )  # fmt: skip


def open_array(
    opener: Opener,
    path: Path,
    *,
    array: str | None = None,
    dims: str | Sequence[str] | None = None,
    stimuli: str | os.PathLike[str] | None = None,
    sites: str | os.PathLike[str] | None = None,
    time_bins: str | Sequence[float] | None = None,
    bin_ms: float | None = None,
    region: str | None = None,
    animal: str | None = None,
    units: str | None = None,
    time_window: str | None = None,
    stimulus_set: str | None = None,
    identifier: str | None = None,
    simultaneous: bool | None = None,
    max_bytes: int = MAX_BYTES,
) -> xr.DataArray:
    """The array of a file that holds the responses, as an assembly.

    Parameters
    ----------
    opener : callable
        How the format is read; each loader brings its own.
    path : Path
        The file.
    array : str, optional
        Which array holds the responses, ``"data.resp"`` inside a structure; not needed if there is only one of two
        axes or more.
    dims : sequence of str
        What its axes are, in their order: ``"presentation"``, ``"neuroid"``, ``"repetition"``, ``"time_bin"``. With
        repetitions along an axis of their own (NaN where there are fewer), a "presentation" is one stimulus.
    stimuli : str or path, optional
        What was shown, in the order of the presentation axis: the name of an array of ids in the file, or a CSV or
        Parquet table with the column ``stimulus_id`` (or ``image_id``) and others. Stimuli are called "0", "1", ...
        without it.
    sites : str or path, optional
        The same for the neuroid axis; the column is ``neuroid_id``.
    time_bins : (start, width), sequence of edges, or str
        When the time bins are, in ms from stimulus onset; a text is the name of an array of edges in the file.
    bin_ms : float, optional
        Width of the time bins that finer ones (a raster of 1 ms) are joined to; see
        :func:`neuroguide.recordings.timing.rebin`.
    region, animal : str, optional
        Of all sites, where the table of sites does not say it for each.
    units, time_window, stimulus_set, identifier : str, optional
        What a value is (``"counts"`` for spikes in each bin, ``"spikes/s"``), when it was measured, what
        ``open_stimuli`` opens the images by, what to call the recording.
    simultaneous : bool, optional
        Whether all sites were recorded at the same time.
    max_bytes : int
        Refuse a file that claims more than this for one array.

    Returns
    -------
    DataArray
        Dims presentation, neuroid and optionally time_bin.

    Raises
    ------
    FileError
        If the file is missing, broken, larger than allowed, or holds no such array.
    InputError
        If dims are not given or do not fit, or a table is not as long as its axis.
    """
    path = Path(path)
    check_readable(path)
    with opener(path, limit=max_bytes) as stored:
        chosen = _choose(path, stored, array)
        what = f"{chosen.name!r} in {path}"
        if dims is None:
            call = propose(path, stored, array=chosen.name)
            raise InputError(f"{what} has the shape {_sizes(chosen)}: say which axis is which, e.g. {call}")
        axes = check_axes(dims, chosen.shape, what)
        shown, shown_set = _table(path, stored, stimuli, "stimuli", STIMULUS_COLUMNS[0])
        recorded, _ = _table(path, stored, sites, "sites", "neuroid_id")
        found = assemble(
            chosen.read(...), axes, what=what, stimuli=shown, sites=recorded,
            edges=_edges(path, stored, time_bins, dict(zip(axes, chosen.shape, strict=True))),
        )  # fmt: skip
    constants = {"region": region, "animal": animal}
    found = found.assign_coords(
        {
            name: ("neuroid", np.full(found.sizes["neuroid"], value, dtype=object))
            for name, value in constants.items() if value is not None
        }
    )  # fmt: skip
    stated = {
        "identifier": identifier, "stimulus_set_identifier": stimulus_set or shown_set, "units": units,
        "time_window": time_window, "simultaneous": None if simultaneous is None else int(simultaneous),
    }  # fmt: skip
    found = found.assign_attrs({name: value for name, value in stated.items() if value is not None})
    return found if bin_ms is None else rebin(found, bin_ms, counts=units == "counts")


def describe_arrays(opener: Opener, title: str, path: Path) -> Description:
    """What arrays are in a file, and the call that may open it."""
    notes: tuple[str, ...] = ()
    with opener(path) as stored:
        arrays = tuple(ArrayInfo(each.name, each.shape, each.dtype, _named(each)) for each in stored.values())
        unread = [each.name for each in stored.values() if each.kind == "O"]
        call = propose(path, stored) if any(_is_response(each) for each in stored.values()) else ""
    if len(arrays) > _LISTED:
        notes += (f"{len(arrays)} arrays, the first {_LISTED} are listed.",)
    if unread:
        notes += (f"{shorten(unread)} hold objects, which are never read: save numbers or text.",)
    how = ("# which axis is which is a guess from the names and sizes: check it", call) if call else ()
    return Description(str(path), title, arrays[:_LISTED], how, notes)


def _choose(path: Path, stored: dict[str, StoredVariable], array: str | None) -> StoredVariable:
    if array is not None:
        if array not in stored:
            raise unknown_option(f"array in {path}", array, stored)
        chosen = stored[array]
        if chosen.kind not in "biuf":
            raise FileError(f"{path} holds {chosen.dtype} in {array!r}, real numbers were expected; choose another")
        return chosen
    found = [each for each in stored.values() if _is_response(each)]
    if len(found) == 1:
        return found[0]
    there = shorten([f"{each.name} ({_sizes(each)})" for each in found or stored.values()])
    if not found:
        raise FileError(
            f"{path} holds no array of numbers with two axes or more, as responses have (there: {there or 'nothing'})"
        )
    raise InputError(
        f"{path} holds {len(found)} arrays that could be the responses ({there}): choose one, e.g. "
        f"{propose(path, stored)}"
    )


def _is_response(stored: StoredVariable) -> bool:
    return stored.kind in "biuf" and len(stored.shape) >= 2 and min(stored.shape) > 0 and max(stored.shape) > 1


def _sizes(stored: StoredVariable) -> str:
    return " x ".join(map(str, stored.shape)) or "scalar"


def _named(stored: StoredVariable) -> tuple[str, ...]:
    return stored.dims if stored.dims and all(stored.dims) else ()


def _table(
    path: Path, stored: dict[str, StoredVariable], given: str | os.PathLike[str] | None, option: str, column: str
) -> tuple[pd.DataFrame | None, str | None]:
    """A table from an array of ids in the file or from a file beside it, and the stimulus set that it is as well."""
    if given is None:
        return None, None
    if str(given) in stored:
        ids = stored[str(given)]
        if ids.kind not in "biufU" or sum(size > 1 for size in ids.shape) > 1:
            raise FileError(
                f"{path} holds no list of ids in {str(given)!r} ({ids.dtype}, {_sizes(ids)}); choose another"
            )
        return pd.DataFrame({column: [_id(value) for value in np.ravel(ids.read(...)).tolist()]}), None
    file = Path(given).expanduser()
    if not file.exists() and not file.is_absolute():
        file = path.parent / file
    if not file.suffix or not file.exists():
        raise FileError(
            f"{option}={str(given)!r} is neither an array in {path} ({shorten(list(stored))}) nor a table that exists"
        )
    table = read_columns(file)
    shown = next((table[name] for name in STIMULUS_COLUMNS if name in table), None)
    is_set = option == "stimuli" and shown is not None and shown.is_unique and set(FILE_COLUMNS) & set(table.columns)
    return table, str(file) if is_set else None


def _id(value: Any) -> str:
    """A number of an image that MATLAB stored as a double is a whole number."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _edges(
    path: Path, stored: dict[str, StoredVariable], given: str | Sequence[float] | None, sizes: dict[str, int]
) -> NDArray[np.float64] | None:
    if given is None:
        return None
    if isinstance(given, str):
        check_option(f"array in {path}", given, stored)
        given = np.ravel(stored[given].read(...)).tolist()
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"time_bins={given!r} is not understood; give (start, width) or the edges in ms") from None
    if numbers.shape == (2,):
        numbers = numbers[0] + numbers[1] * np.arange(sizes.get("time_bin", 0) + 1)
    return numbers
