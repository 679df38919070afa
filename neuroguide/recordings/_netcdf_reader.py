"""Variables of a netCDF file: read once, in one piece, without the copies that decoding usually makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import FileError, NeuroguideError
from neuroguide.recordings._attributes import RESERVED, decode_attributes
from neuroguide.recordings._sizes import (
    CLASSIC_MAGIC,
    HDF5_MAGIC,
    MAX_BYTES,
    MAX_TEXT,
    _reason,
    check_claim,
    check_hdf5,
    check_readable,
    first_bytes,
)

#: The version of what we write; a file of a newer one is refused.
FORMAT = 1

#: Attributes that change what the stored numbers mean, beside a fill value.
_PACKING = frozenset({"scale_factor", "add_offset", "_Unsigned", "missing_value", "dtype"})

#: Strings read in one go.
_STRINGS = 512


@contextmanager
def open_netcdf(path: Path, *, limit: int = MAX_BYTES) -> Iterator[netCDF4.Dataset]:
    """Open a netCDF file after checking what it claims; whatever the libraries raise becomes one sentence.

    Raises
    ------
    FileError
        If it is not a netCDF file, truncated, hostile, or written by a newer neuroguide.
    """
    check_readable(path)
    magic = first_bytes(path)
    if magic == HDF5_MAGIC:
        check_hdf5(path, limit=limit)
    elif not magic.startswith(CLASSIC_MAGIC):
        raise FileError(f"{path} is not a netCDF file (it starts with {magic!r}); `neuroguide inspect` says what it is")
    try:
        with netCDF4.Dataset(str(path), "r") as file:
            file.set_auto_maskandscale(False)
            file.set_auto_chartostring(False)
            _check_format(path, file)
            if magic != HDF5_MAGIC:
                _check_classic(path, file, limit)
            yield file
    except NeuroguideError:
        raise
    except (OSError, RuntimeError, ValueError, IndexError, AttributeError, MemoryError) as error:
        raise FileError(f"{path} cannot be read as netCDF ({_reason(error)}); copy or download it again") from error


def read_values(path: Path, variable: netCDF4.Variable[Any]) -> NDArray[Any]:
    """The numbers of a large variable, NaN where nothing was written; one copy in memory.

    Raises
    ------
    FileError
        If they are not numbers.
    """
    kind = _kind(variable)
    if kind not in "iuf":
        kind = "text" if kind in "US" else "objects of a type of its own"
        raise FileError(f"{path} holds {kind} in {variable.name!r}, real numbers were expected; convert them")
    variable.set_auto_maskandscale(False)
    values = np.asarray(variable[...])
    names = set(variable.ncattrs())
    if names & _PACKING or (values.dtype.kind != "f" and "_FillValue" in names):
        raw = xr.Variable(variable.dimensions, values, {name: variable.getncattr(name) for name in variable.ncattrs()})
        return np.asarray(_decode(path, variable.name, raw).values)
    if values.dtype.kind == "f":
        fill = variable.getncattr("_FillValue") if "_FillValue" in names else _default_fill(values.dtype)
        if not np.isnan(fill):
            for part in values.reshape(-1, values.shape[-1]) if values.ndim else ():
                part[part == fill] = np.nan
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def read_coordinate(path: Path, variable: netCDF4.Variable[Any], dims: tuple[str, ...]) -> xr.Variable | None:
    """A small variable as xarray would decode it; None if it does not lie along one of ``dims``.

    Raises
    ------
    FileError
        If it has a type that cannot be read safely.
    """
    along = variable.dimensions
    attrs = {name: variable.getncattr(name) for name in variable.ncattrs()}
    kind = _kind(variable)
    if kind == "S" and along and along[-1] not in dims:
        if len(along) > 2 or not set(along[:-1]) <= set(dims):
            return None
        characters = np.asarray(variable[...])
        texts = [bytes(row).rstrip(b"\0").decode("utf-8") for row in characters.reshape(-1, characters.shape[-1])]
        values: NDArray[Any] = np.empty(len(texts), dtype=object)
        values[:] = texts
        return xr.Variable(along[:-1], values.reshape(characters.shape[:-1]), decode_attributes(attrs, str(path)))
    if len(along) > 1 or not set(along) <= set(dims):
        return None
    if kind == "U":
        return xr.Variable(along, _strings(path, variable), decode_attributes(attrs, str(path)))
    if kind not in "iufS":
        raise FileError(
            f"{path} holds objects of a type of its own in {variable.name!r}; numbers or text were expected"
        )
    return _decode(path, variable.name, xr.Variable(along, np.asarray(variable[...]), attrs))


def global_attributes(file: netCDF4.Dataset) -> dict[str, Any]:
    """What is said of the file as a whole, without the version of what we write."""
    attrs = {name: file.getncattr(name) for name in file.ncattrs()}
    if isinstance(attrs.get("format"), np.integer | int):
        del attrs["format"]
    return attrs


def _kind(variable: netCDF4.Variable[Any]) -> str:
    """The kind of values as numpy has it, "U" for text, "O" for lists and records."""
    if variable.dtype is str:
        return "U"
    stored = variable.datatype
    return str(variable.dtype.kind) if isinstance(stored, np.dtype | netCDF4.EnumType) else "O"


def _strings(path: Path, variable: netCDF4.Variable[Any]) -> NDArray[Any]:
    """Text in pieces, equal strings kept once, and no more of it than a recording could have."""
    if not variable.dimensions:
        return np.asarray(variable[...], dtype=object)
    values = np.empty(variable.shape, dtype=object)
    known: dict[str, str] = {}
    length = 0
    for start in range(0, len(values), _STRINGS):
        for i, text in enumerate(variable[start : start + _STRINGS], start):
            values[i] = known.setdefault(text, text)
        length = sum(map(len, known))
        if length > MAX_TEXT:
            raise FileError(f"{path} holds more text in {variable.name!r} than any recording; it is broken")
    return values


def _decode(path: Path, name: str, raw: xr.Variable) -> xr.Variable:
    """Fill values, scales, truth values and dates, as xarray decodes them; durations stay numbers."""
    try:
        decoded = xr.decode_cf(xr.Dataset({name: raw}), decode_coords=False, decode_timedelta=False)[name].variable
        values = decoded.values
    except (ValueError, TypeError, OverflowError) as error:
        raise FileError(f"{path} has {name!r} in a form that cannot be decoded ({_reason(error)})") from error
    attrs = {key: value for key, value in decoded.attrs.items() if key not in RESERVED or key == "neuroguide_json"}
    return xr.Variable(raw.dims, values, decode_attributes(attrs, str(path)))


def _default_fill(dtype: np.dtype[Any]) -> float:
    """What netCDF finds in places where nothing was written."""
    return float(np.asarray(netCDF4.default_fillvals[f"f{dtype.itemsize}"], dtype=dtype))


def _check_format(path: Path, file: netCDF4.Dataset) -> None:
    version = file.getncattr("format") if "format" in file.ncattrs() else None
    if isinstance(version, np.integer | int) and version > FORMAT:
        raise FileError(
            f"{path} was written by a newer neuroguide (format {version}, this one reads up to {FORMAT}); "
            "upgrade with pip install --upgrade neuroguide"
        )


def _check_classic(path: Path, file: netCDF4.Dataset, limit: int) -> None:
    """Classic netCDF stores every value, so that the file is at least as large as what it claims."""
    claimed = 0
    for name, variable in file.variables.items():
        size = int(np.prod([int(n) for n in variable.shape], dtype=object)) * variable.dtype.itemsize
        check_claim(path, name, size, path.stat().st_size, limit=limit)
        claimed += size
    if claimed > path.stat().st_size:
        raise FileError(f"{path} is truncated (its header promises {claimed} bytes of data); copy or download it again")
