"""Recordings as netCDF in Brain-Score's layout, read and written without Brain-Score.

One data variable of any name with dims (neuroid, presentation, time_bin), coordinates flat (every MultiIndex reset),
text as variable-length strings. Where a dim had a single coordinate, it is called ``presentation_`` or ``neuroid_``;
older files have ``image_id`` instead of ``stimulus_id``; time_bin may be absent. This is what
``brainscore_core``'s ``write_netcdf`` makes and its ``DataAssembly.from_files`` reads.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import xarray as xr

from neuroguide._core.errors import FileError
from neuroguide._core.options import check_option
from neuroguide.recordings._attributes import decode_attributes
from neuroguide.recordings._blocks import shorten
from neuroguide.recordings._description import ArrayInfo, Description
from neuroguide.recordings._loader import FileLoader
from neuroguide.recordings._netcdf_reader import file_attributes, open_netcdf, read_coordinate, read_values
from neuroguide.recordings._netcdf_writer import UNNAMED, write_array
from neuroguide.recordings._sizes import CLASSIC_MAGIC, HDF5_MAGIC, MAX_BYTES, first_bytes, reason
from neuroguide.recordings._stored import StoredFile, StoredVariable
from neuroguide.recordings.assembly import REQUIRED, check_structure

#: The order of dims on disk.
_ON_DISK = ("neuroid", "presentation", "time_bin")

_SUFFIXES = (".nc", ".nc4", ".cdf", ".netcdf")


def read_netcdf(
    path: str | os.PathLike[str], *, variable: str | None = None, max_bytes: int = MAX_BYTES
) -> xr.DataArray:
    """Read a recording from a netCDF file in Brain-Score's layout.

    Parameters
    ----------
    path : path
        The file.
    variable : str, optional
        Which variable holds the responses; needed only if several could.
    max_bytes : int
        Refuse a file that claims more than this for one array.

    Returns
    -------
    DataArray
        Dims presentation, neuroid and, if the file has it, time_bin; the memory order is the file's.
        :func:`neuroguide.open_recording` checks it further.

    Raises
    ------
    FileError
        If the file is missing, truncated, not netCDF, claims more than it holds, was written by a newer
        neuroguide, or holds no responses.
    OptionError
        If ``variable`` is not in the file.
    """
    path = Path(path)
    with open_netcdf(path, limit=max_bytes) as file:
        chosen = _responses(path, file, variable)
        values = read_values(path, chosen)
        coords: dict[str, xr.Variable] = {}
        for name, other in file.variables.items():
            coord = read_coordinate(path, other, chosen.dims) if name != chosen.name else None
            if coord is not None and not coord.dims and name in chosen.dims:
                raise FileError(f"{path} has a single value called {name!r}, the labels of that dim were expected")
            if coord is not None:
                coords[name] = coord
        attrs = decode_attributes(file_attributes(file), str(path)) | decode_attributes(chosen.attrs, str(path))
    _check_lengths(path, dict(zip(chosen.dims, chosen.shape, strict=True)), coords)
    found = xr.DataArray(values, dims=chosen.dims, attrs=attrs, name=None if chosen.name == UNNAMED else chosen.name)
    return found.assign_coords(_with_ids(coords)).transpose(*(dim for dim in REQUIRED if dim in found.dims), ...)


def write_netcdf(assembly: xr.DataArray, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
    """Write a recording as netCDF in Brain-Score's layout; the file is whole or absent.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin.
    path : path
        The file to write.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        Reading it again gives an identical assembly (text that is missing becomes ""). Attributes are text or
        numbers; nested ones are written as JSON.

    Raises
    ------
    InputError
        If it is not an assembly, or has a coordinate or attribute that netCDF cannot hold.
    FileError
        If the file cannot be written.
    """
    plain = check_structure(assembly)
    if plain.dtype.itemsize not in (1, 2, 4, 8) or plain.dtype == np.float16:
        plain = plain.astype(np.float32 if plain.dtype == np.float16 else np.float64)
    plain = plain.transpose(*(dim for dim in _ON_DISK if dim in plain.dims))
    return write_array(plain, path, overwrite=overwrite)


def read_dataset(path: str | os.PathLike[str]) -> xr.Dataset:
    """All variables and attributes of a netCDF file, whatever it holds, with the same care as a recording.

    Raises
    ------
    FileError
        If the file is missing, broken, or too large.
    """
    path = Path(path)
    with open_netcdf(path) as file:
        found = {name: _variable(path, variable) for name, variable in file.variables.items()}
        attrs = decode_attributes(dict(file.attrs), str(path))
    try:
        return xr.Dataset({name: variable for name, variable in found.items() if variable is not None}, attrs=attrs)
    except ValueError as error:
        raise FileError(f"{path} is broken ({reason(error)}); copy or write it again") from error


def _variable(path: Path, variable: StoredVariable) -> xr.Variable | None:
    if len(variable.dims) > 1 and variable.kind in "biuf":
        return xr.Variable(variable.dims, read_values(path, variable), decode_attributes(variable.attrs, str(path)))
    return read_coordinate(path, variable, variable.dims)


def describe_netcdf(path: Path) -> Description:
    """What is in a netCDF file, from its header."""
    with open_netcdf(path) as file:
        arrays = tuple(ArrayInfo(v.name, v.shape, v.dtype, v.dims) for v in file.variables.values())
        candidates = _candidates(file)
        attrs = decode_attributes(file_attributes(file), str(path))
        # an RDM's variable says what it was made of, and whether that was simulated
        holders = [name for name, found in file.variables.items() if found.dims[-1:] == ("pair",)]
        for name in (candidates or holders)[:1]:
            attrs |= decode_attributes(file.variables[name].attrs, str(path))
        notes = tuple(f"{name}: {value}" for name, value in attrs.items())
        if file.groups:
            notes += (f"The groups {shorten(list(file.groups))} are not read.",)
        if file.has_dim("pair"):
            return Description(str(path), "netCDF, RDMs of neuroguide", arrays, (f"ng.open_rdm({str(path)!r})",), notes)
    if attrs.get("kind") == "scores":
        return Description(
            str(path), "netCDF, scores of neuroguide", arrays, (f"ng.open_scores({str(path)!r})",), notes
        )
    if not candidates:
        wrong = "No variable has the dims 'presentation' and 'neuroid', as a recording would: rename its dims."
        return Description(str(path), "netCDF", arrays, (), (*notes, wrong))
    extra = f", variable={candidates[0]!r}" if len(candidates) > 1 else ""
    how = (f"ng.open_recording({str(path)!r}{extra})",)
    return Description(str(path), "netCDF, a recording in Brain-Score's layout", arrays, how, notes)


def recognises_netcdf(path: Path) -> bool:
    """Whether this is netCDF: classic, or HDF5 that says so by its suffix or its own mark."""
    magic = first_bytes(path)
    if magic.startswith(CLASSIC_MAGIC):
        return True
    if magic != HDF5_MAGIC:
        return False
    if path.suffix.lower() in _SUFFIXES:
        return True
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "_NCProperties" in file.attrs
    except (OSError, RuntimeError, KeyError, ValueError):
        return False


def _responses(path: Path, file: StoredFile, variable: str | None) -> StoredVariable:
    """The variable that holds the responses."""
    candidates = _candidates(file)
    if variable is not None:
        check_option("variable", variable, list(file.variables))
        candidates = [variable]
    if not candidates:
        if file.has_dim("pair"):
            raise FileError(f"{path} holds RDMs, not responses; open it with open_rdm")
        there = [f"{name} ({_dims(found)})" for name, found in file.variables.items()]
        raise FileError(
            f"{path} holds no responses: a variable with the dims 'presentation' and 'neuroid' was expected, "
            f"there {'are' if there else 'is'} {shorten(there) or 'none'}; name its dims so"
        )
    if len(candidates) > 1:
        raise FileError(
            f"{path} has {len(candidates)} variables that could be the responses ({shorten(candidates)}); "
            "choose one with variable='...'"
        )
    return file.variables[candidates[0]]


def _dims(variable: StoredVariable) -> str:
    """The dims of a variable for a message; their sizes where HDF5 has no names for them."""
    return ", ".join(dim or str(size) for dim, size in zip(variable.dims, variable.shape, strict=True))


def _candidates(file: StoredFile) -> list[str]:
    return [name for name, found in file.variables.items() if {"presentation", "neuroid"} <= set(found.dims)]


def _check_lengths(path: Path, sizes: dict[str, int], coords: dict[str, xr.Variable]) -> None:
    for name, coord in coords.items():
        for dim, length in zip(coord.dims, coord.shape, strict=True):
            if length != sizes[str(dim)]:
                raise FileError(
                    f"{path} has {length} values in {name!r} for {sizes[str(dim)]} along {dim!r}; it is broken"
                )


def _with_ids(coords: dict[str, xr.Variable]) -> dict[str, xr.Variable]:
    """Give the ids the names that they must have."""
    named = dict(coords)
    if "stimulus_id" not in named and "image_id" in named:
        named["stimulus_id"] = named["image_id"]
    for dim, name in (("presentation", "stimulus_id"), ("neuroid", "neuroid_id")):
        for reset in (f"{dim}_", dim):
            if name not in named and reset in named:
                named[name] = named.pop(reset)
    return named


LOADER = FileLoader(
    name="netcdf",
    title="netCDF in Brain-Score's layout",
    suffixes=_SUFFIXES,
    recognises=recognises_netcdf,
    open=read_netcdf,
    describe=describe_netcdf,
)
