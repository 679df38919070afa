"""Variables of a netCDF file as values: read once, in one piece, without the copies that decoding usually makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import FileError
from neuroguide.recordings._attributes import RESERVED, decode_attributes
from neuroguide.recordings._sizes import (
    CLASSIC_MAGIC,
    HDF5_MAGIC,
    MAX_BYTES,
    MAX_TEXT,
    check_readable,
    first_bytes,
    reason,
)
from neuroguide.recordings._stored import StoredFile, StoredVariable, open_classic, open_netcdf4

#: The version of what we write; a file of a newer one is refused.
FORMAT = 1

#: Attributes that change what the stored numbers mean, beside a fill value.
_PACKING = frozenset({"scale_factor", "add_offset", "_Unsigned", "missing_value", "dtype"})

#: What netCDF puts where nothing was written, by bytes of the number.
_UNWRITTEN = 9.969209968386869e36

#: Strings read in one go.
_STRINGS = 2048


@contextmanager
def open_netcdf(path: Path, *, limit: int = MAX_BYTES) -> Iterator[StoredFile]:
    """Open a netCDF file after checking what it claims; whatever the libraries raise becomes one sentence.

    Raises
    ------
    FileError
        If it is not a netCDF file, truncated, hostile, or written by a newer neuroguide.
    """
    check_readable(path)
    magic = first_bytes(path)
    if magic != HDF5_MAGIC and not magic.startswith(CLASSIC_MAGIC):
        raise FileError(f"{path} is not a netCDF file (it starts with {magic!r}); `neuroguide inspect` says what it is")
    opener = open_netcdf4 if magic == HDF5_MAGIC else open_classic
    with opener(path, limit=limit) as file:
        version = file.attrs.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise FileError(
                f"{path} was written by a newer neuroguide (format {version}, this one reads up to {FORMAT}); "
                "upgrade with pip install --upgrade neuroguide"
            )
        yield file


def read_values(path: Path, variable: StoredVariable) -> NDArray[Any]:
    """The numbers of a large variable, NaN where nothing was written; one copy in memory.

    Raises
    ------
    FileError
        If they are not numbers.
    """
    if variable.kind not in "biuf":
        kind = "text" if variable.kind in "US" else "objects of a type of its own"
        raise FileError(f"{path} holds {kind} in {variable.name!r}, real numbers were expected; convert them")
    values = variable.read(...)
    if variable.attrs.keys() & _PACKING or (values.dtype.kind != "f" and "_FillValue" in variable.attrs):
        return np.asarray(_decode(path, variable, values).values)
    if values.dtype.kind == "f" and values.size:
        fill = np.asarray(variable.attrs.get("_FillValue", _UNWRITTEN)).astype(values.dtype)
        if not np.isnan(fill).any():
            for part in values.reshape(-1, values.shape[-1]):
                part[part == fill] = np.nan
    return values


def read_coordinate(path: Path, variable: StoredVariable, dims: tuple[str, ...]) -> xr.Variable | None:
    """A small variable as xarray would decode it; None if it does not lie along one of ``dims``.

    Raises
    ------
    FileError
        If it has a type that cannot be read safely.
    """
    along, kind = variable.dims, variable.kind
    if kind == "S" and along and along[-1] not in dims:
        if len(along) > 2 or not set(along[:-1]) <= set(dims):
            return None
        return xr.Variable(along[:-1], _characters(variable), decode_attributes(variable.attrs, str(path)))
    if len(along) > 1 or not set(along) <= set(dims):
        return None
    if kind == "U":
        return xr.Variable(along, _strings(path, variable), decode_attributes(variable.attrs, str(path)))
    if kind not in "biufS":
        raise FileError(
            f"{path} holds objects of a type of its own in {variable.name!r}; numbers or text were expected"
        )
    return _decode(path, variable, variable.read(...))


def file_attributes(file: StoredFile) -> dict[str, Any]:
    """What is said of the file as a whole, without the version of what we write."""
    return {name: value for name, value in file.attrs.items() if name != "format" or not isinstance(value, int)}


def _characters(variable: StoredVariable) -> NDArray[Any]:
    """Text that is stored as single characters along a dimension of its own, as classic netCDF does."""
    stored = np.asarray(variable.read(...))
    texts = np.empty(stored.shape[:-1], dtype=object)
    for place in np.ndindex(texts.shape):
        texts[place] = stored[place].tobytes().rstrip(b"\0").decode("utf-8")
    return texts


def _strings(path: Path, variable: StoredVariable) -> NDArray[Any]:
    """Text in pieces, equal strings kept once, and no more of it than a recording could have."""
    if not variable.dims:
        return variable.read(...)
    values = np.empty(variable.shape, dtype=object)
    known: dict[str, str] = {}
    for start in range(0, len(values), _STRINGS):
        for i, text in enumerate(variable.read(slice(start, start + _STRINGS)), start):
            values[i] = known.setdefault(text, text)
        if sum(map(len, known)) > MAX_TEXT:
            raise FileError(f"{path} holds more text in {variable.name!r} than any recording; it is broken")
    return values


def _decode(path: Path, variable: StoredVariable, values: NDArray[Any]) -> xr.Variable:
    """Fill values, scales, truth values and dates, as xarray decodes them; durations stay numbers."""
    attrs = dict(variable.attrs)
    for name in ("_FillValue", "missing_value"):
        if name in attrs:
            attrs[name] = np.asarray(attrs[name]).astype(values.dtype)[()]
    raw = xr.Dataset({variable.name: xr.Variable(variable.dims, values, attrs)})
    try:
        decoded = xr.decode_cf(raw, decode_coords=False, decode_timedelta=False)[variable.name].variable
        result = decoded.values
    except (ValueError, TypeError, OverflowError) as error:
        raise FileError(
            f"{path} has {variable.name!r} in a form that cannot be decoded ({reason(error)}); correct its attributes"
        ) from error
    kept = {key: value for key, value in decoded.attrs.items() if key not in RESERVED or key == "neuroguide_json"}
    return xr.Variable(variable.dims, result, decode_attributes(kept, str(path)))
