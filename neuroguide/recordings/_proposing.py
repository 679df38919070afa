"""The call that may open a file of arrays: guessed from names and sizes, for a user to check."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuroguide._core.errors import NeuroguideError
from neuroguide.recordings._axes import STIMULUS_COLUMNS
from neuroguide.recordings._columns import SEPARATORS, header, read_columns
from neuroguide.recordings._stored import StoredVariable

#: Parts of names by which arrays of ids are recognised.
_STIMULI = ("stim", "image", "img", "picture", "shown", "label", "object", "file")
_SITES = ("neur", "unit", "site", "chan", "electrode", "cell")

#: Largest number of repetitions that an axis of three is taken for.
_MOST_REPETITIONS = 60

#: Largest table beside a file that is looked into, in bytes, and how many of them.
_SMALL, _FEW = 10_000_000, 20


def propose(path: Path, stored: dict[str, StoredVariable], *, array: str | None = None) -> str:
    """A call of ``open_recording`` for the array most like responses."""
    if array is None:
        numbers = [each for each in stored.values() if each.kind in "biuf" and len(each.shape) >= 2]
        array = max(numbers, key=lambda each: (len(each.shape) <= 4, int(np.prod(each.shape, dtype=object)))).name
    shape = stored[array].shape
    dims = _axes(shape, stored, array)
    options = [f"array={array!r}"] if len(stored) > 1 else []
    options.append(f"dims={dims}")
    sizes = dict(zip(dims, shape, strict=True))
    named = _list_of(stored, sizes["presentation"], _STIMULI) or _table_beside(path, sizes["presentation"])
    if named:
        options.append(f"stimuli={named!r}")
    named = _list_of(stored, sizes["neuroid"], _SITES) or _table_beside(path, sizes["neuroid"], ("neuroid_id",))
    if named:
        options.append(f"sites={named!r}")
    if "time_bin" in dims:
        options.append("time_bins=(0, 1)")
    return f"ng.open_recording({str(path)!r}, {', '.join(options)})"


def _axes(shape: tuple[int, ...], stored: dict[str, StoredVariable], array: str) -> tuple[str, ...]:
    """What each axis may be: told from lists of ids where there are any, else from the sizes."""
    named = stored[array].dims
    if named and all(named) and {"presentation", "neuroid"} <= set(named):
        return named
    left = list(range(len(shape)))
    chosen: dict[int, str] = {}
    for axis_name, parts in (("presentation", _STIMULI), ("neuroid", _SITES)):
        fitting = [i for i in left if shape[i] > 1 and _list_of(stored, shape[i], parts)]
        if len(fitting) == 1:
            chosen[fitting[0]] = axis_name
            left.remove(fitting[0])
    rest = [name for name in ("presentation", "neuroid") if name not in chosen.values()]
    if len(left) > len(rest):
        smallest = min(left, key=lambda i: shape[i])
        few = shape[smallest] <= _MOST_REPETITIONS
        chosen[smallest if few else left[-1]] = "repetition" if few else "time_bin"
        left.remove(smallest if few else left[-1])
    for name in rest:
        # there are mostly more stimuli than sites
        largest = max(left, key=lambda i: shape[i])
        chosen[largest] = name
        left.remove(largest)
    for i in left:
        chosen[i] = "time_bin"
    return tuple(chosen[i] for i in range(len(shape)))


def _list_of(stored: dict[str, StoredVariable], size: int, parts: tuple[str, ...]) -> str | None:
    """An array of so many ids whose name sounds like it."""
    for each in stored.values():
        own_name = each.name.lower().replace("/", ".").rpartition(".")[2]
        long = [n for n in each.shape if n > 1]
        if each.kind in "iufU" and long == [size] and any(part in own_name for part in parts):
            return each.name
    return None


def _table_beside(path: Path, size: int, columns: tuple[str, ...] = STIMULUS_COLUMNS) -> str | None:
    """A table in the same folder with a column of ids and as many rows."""
    tables = sorted(file for file in path.parent.iterdir() if file.suffix.lower() in SEPARATORS and file != path)
    for file in tables[:_FEW]:
        try:
            if file.stat().st_size < _SMALL and set(columns) & set(header(file, 1)) and len(read_columns(file)) == size:
                return file.name
        except (NeuroguideError, OSError):
            continue  # a broken table beside the file is no fault of the file
    return None
