"""MATLAB files: version 5 to 7.2 by a reader of our own, version 7.3 as the HDF5 that it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neuroguide._core.errors import FileError
from neuroguide.recordings._hdf5 import open_hdf5
from neuroguide.recordings._matlab5 import open_matlab5
from neuroguide.recordings._sizes import HDF5_MAGIC, MAX_BYTES, MAX_TEXT, first_bytes
from neuroguide.recordings._stored import StoredVariable
from neuroguide.recordings.arrays import array_loader

#: MATLAB puts 512 bytes of its own before the HDF5.
_USER_BLOCK = 512

_OWN = ("#refs#", "#subsystem#")


def recognises_matlab(path: Path) -> bool:
    """Whether this is a MATLAB file, by its first bytes or its name."""
    return first_bytes(path, 6) == b"MATLAB" or path.suffix.lower() == ".mat"


def open_matlab(path: Path, *, limit: int = MAX_BYTES) -> AbstractContextManager[dict[str, StoredVariable]]:
    """The variables of a MATLAB file, with the shapes that MATLAB shows; fields of structures as ``"data.resp"``.

    Raises
    ------
    FileError
        If it is of version 4, truncated or broken, or claims more than it holds.
    """
    is_hdf5 = first_bytes(path, _USER_BLOCK + 8)[_USER_BLOCK:] == HDF5_MAGIC or first_bytes(path) == HDF5_MAGIC
    return _open_matlab73(path, limit=limit) if is_hdf5 else open_matlab5(path, limit=limit)


@contextmanager
def _open_matlab73(path: Path, *, limit: int = MAX_BYTES) -> Iterator[dict[str, StoredVariable]]:
    with open_hdf5(path, limit=limit) as file:
        found: dict[str, StoredVariable] = {}

        def visit(name: str, item: object) -> None:
            if name.partition("/")[0] not in _OWN and isinstance(item, h5py.Dataset):
                variable = _from_dataset(path, name.replace("/", "."), item)
                found[variable.name] = variable

        file.visititems(visit)
        yield found


def _from_dataset(path: Path, name: str, item: h5py.Dataset) -> StoredVariable:
    """A variable with its axes in MATLAB's order, which HDF5 has in reverse."""
    stated = item.attrs.get("MATLAB_class", b"")
    kind_of = stated.decode("latin-1") if isinstance(stated, bytes) else str(stated)
    shape = tuple(int(n) for n in reversed(item.shape or ()))
    if "MATLAB_empty" in item.attrs:
        return StoredVariable(name, (), (0, 0), "O", "empty", {}, partial(_not_read, path, name, "nothing"))
    if kind_of == "char":
        return StoredVariable(name, (), (1,), "U", "str", {}, lambda rows: np.asarray([_text(path, name, item)])[rows])
    if kind_of == "cell":
        return StoredVariable(name, (), shape, "U", "str", {}, lambda rows: _cells(path, name, item)[rows])
    if item.dtype.kind not in "biuf":
        listed = kind_of or str(item.dtype)
        return StoredVariable(name, (), shape, "O", listed, {}, partial(_not_read, path, name, listed))

    def read(rows: Any) -> NDArray[Any]:
        values = np.empty(item.shape, item.dtype.newbyteorder("="))
        if values.size:
            item.read_direct(values)
        turned: NDArray[Any] = values.T[rows]
        return turned

    return StoredVariable(name, (), shape, item.dtype.kind, str(item.dtype), {}, read)


def _cells(path: Path, name: str, item: h5py.Dataset) -> NDArray[Any]:
    """A cell array of text, whose cells are references to datasets of characters."""
    if h5py.check_ref_dtype(item.dtype) is not h5py.Reference:
        raise FileError(f"{path} holds a cell array in {name!r} without its cells; it is broken: save it again")
    texts = np.empty(item.shape, dtype=object)
    total = 0
    for place in np.ndindex(texts.shape):
        cell = item.file[item[place]]
        if not isinstance(cell, h5py.Dataset) or cell.attrs.get("MATLAB_class", b"") not in (b"char", "char"):
            raise FileError(f"{path} holds a cell in {name!r} that is no text; choose a list of text")
        texts[place] = "" if "MATLAB_empty" in cell.attrs else _text(path, name, cell)
        total += len(texts[place])
        if total > MAX_TEXT:
            raise FileError(f"{path} holds more text in {name!r} than any recording; it is broken")
    return texts.T


def _text(path: Path, name: str, item: h5py.Dataset) -> str:
    if item.dtype.kind != "u" or item.size > MAX_TEXT or min(item.shape, default=1) > 1:
        raise FileError(f"{path} holds a block of characters in {name!r}; save a cell array of text instead")
    return np.ravel(item[...]).astype("<u2").tobytes().decode("utf-16-le", "replace")


def _not_read(path: Path, name: str, kind: str, rows: Any) -> NDArray[Any]:
    raise FileError(f"{path} holds {kind} in {name!r}, which is not read; choose numbers or text")


LOADER = array_loader("matlab", "MATLAB", (".mat",), recognises_matlab, open_matlab)
