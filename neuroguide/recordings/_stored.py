"""The variables of a netCDF file as they are stored, without the netCDF library.

netCDF-4 is HDF5 with dimension scales, read by h5py; classic netCDF is read by scipy, in Python alone. The netCDF
library itself can crash, or not return for minutes, on a damaged file of some kilobytes.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neuroguide._core.errors import FileError, NeuroguideError
from neuroguide.recordings._attributes import LIBRARY
from neuroguide.recordings._hdf5 import open_hdf5, read_attributes
from neuroguide.recordings._sizes import MAX_BYTES, check_claim, reason

#: What netCDF-4 calls a variable that has the name of a dimension but is not its coordinate.
_NOT_A_COORDINATE = "_nc4_non_coord_"

#: What a dimension without a coordinate has in place of a name.
_ONLY_A_DIMENSION = "This is a netCDF dimension but not a netCDF variable"


@dataclass(frozen=True)
class StoredVariable:
    """One variable, told from the header.

    Parameters
    ----------
    name : str
        Its name.
    dims : tuple of str
        Its dimensions; "" for one without a name.
    shape : tuple of int
        Its shape.
    kind : str
        The kind of its values as numpy has it: "U" for text, "S" for single characters, "O" for what is not read.
    dtype : str
        Its type, for a listing.
    attrs : dict
        Its attributes.
    read : callable
        ``read(rows) -> array``: some of its rows (a slice of the first axis), or all with ``...``.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    kind: str
    dtype: str
    attrs: dict[str, Any]
    read: Callable[[Any], NDArray[Any]]


@dataclass(frozen=True)
class StoredFile:
    """A netCDF file: its variables and attributes by name, and the groups in it, which are not read."""

    variables: dict[str, StoredVariable]
    attrs: dict[str, Any]
    groups: tuple[str, ...] = ()

    def has_dim(self, name: str) -> bool:
        """Whether any variable has that dimension."""
        return any(name in variable.dims for variable in self.variables.values())


class _Bounded(io.BufferedReader):
    """A file that allocates no more than it holds, however much is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


@contextmanager
def open_netcdf4(path: Path, *, limit: int = MAX_BYTES) -> Iterator[StoredFile]:
    """Open netCDF-4; raises FileError if it is broken or claims more than it holds."""
    with open_hdf5(path, limit=limit) as file:
        variables, groups = {}, []
        for name, found in file.items():
            if isinstance(found, h5py.Group):
                groups.append(name)
            elif isinstance(found, h5py.Dataset) and not _is_only_a_dimension(found):
                variable = stored_dataset(path, name.removeprefix(_NOT_A_COORDINATE), found)
                variables[variable.name] = variable
        yield StoredFile(variables, read_attributes(path, file, LIBRARY), tuple(groups))


@contextmanager
def open_classic(path: Path, *, limit: int = MAX_BYTES) -> Iterator[StoredFile]:
    """Open classic netCDF; raises FileError if it is broken or claims more than it holds."""
    from scipy.io import netcdf_file

    check_claim(path, "all of it", path.stat().st_size, path.stat().st_size, limit=limit)
    try:
        with _Bounded(path.open("rb", buffering=0)) as handle, netcdf_file(handle, "r", mmap=False) as file:
            variables = {name: _from_classic(name, found) for name, found in file.variables.items()}
            attrs = {name: _classic_value(value) for name, value in file._attributes.items()}
        yield StoredFile(variables, attrs)
    except NeuroguideError:
        raise
    except Exception as error:  # a broken file ends in whatever scipy's parser trips over
        raise FileError(f"{path} is truncated or broken ({reason(error)}); copy or download it again") from error


def stored_dataset(path: Path, name: str, found: h5py.Dataset) -> StoredVariable:
    """One array of an HDF5 file, told from its header."""
    text = h5py.check_string_dtype(found.dtype)
    kind = found.dtype.kind
    if text is not None and (text.length is None or text.length > 1):
        kind = "U"

    def read(rows: Any) -> NDArray[Any]:
        if kind == "U":
            return np.asarray(found.asstr("utf-8")[rows], dtype=object)
        if rows is ... and found.dtype.kind in "iuf" and found.size:
            values = np.empty(found.shape, found.dtype.newbyteorder("="))
            found.read_direct(values)
            return values
        return np.asarray(found[rows])

    shape = tuple(int(n) for n in found.shape or ())
    listed = "str" if kind == "U" else str(found.dtype)
    attrs = read_attributes(path, found, LIBRARY)
    return StoredVariable(name, _dims(name, found), shape, kind, listed, attrs, read)


def _dims(name: str, found: h5py.Dataset) -> tuple[str, ...]:
    """Names of the dimensions: those of the scales that are attached; a scale is its own dimension."""
    if found.is_scale and found.ndim == 1:
        return (name,)
    return tuple((scale[0].name or "").rpartition("/")[2] if len(scale) else "" for scale in found.dims)


def _is_only_a_dimension(found: h5py.Dataset) -> bool:
    if not found.is_scale:
        return False
    label: str = h5py.h5ds.get_scale_name(found.id).decode("utf-8", "replace")
    return label.startswith(_ONLY_A_DIMENSION)


def _from_classic(name: str, found: Any) -> StoredVariable:
    values = np.asarray(found.data)
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    attrs = {key: _classic_value(value) for key, value in found._attributes.items()}
    dims = tuple(str(dim) for dim in found.dimensions)
    return StoredVariable(name, dims, native.shape, native.dtype.kind, str(native.dtype), attrs, native.__getitem__)


def _classic_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8").rstrip("\0")
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size != 1 else value.ravel()[0].item()
    return value.item() if isinstance(value, np.generic) else value
