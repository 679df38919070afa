"""What is in a file that no loader knows: HDF5, MATLAB, numpy, zip, tables. Headers only, nothing is unpickled."""

from __future__ import annotations

import os
import struct
import tokenize
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import pandas as pd

from neuroguide._core.errors import FileError
from neuroguide.recordings._blocks import shorten
from neuroguide.recordings._description import ArrayInfo, Description
from neuroguide.recordings._hdf5 import open_hdf5
from neuroguide.recordings._sizes import HDF5_MAGIC, check_readable, first_bytes, reason

_NUMPY_MAGIC = b"\x93NUMPY"
_IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
_TABLES = {".csv": ",", ".tsv": "\t"}

#: More members or arrays than this are counted, not listed.
_LISTED = 200


def inspect_file(path: str | os.PathLike[str]) -> Description:
    """Say what is in a file and how to open it, from headers alone.

    Parameters
    ----------
    path : path
        netCDF, HDF5, MATLAB (any version), .npy, .npz, zip or a table.

    Returns
    -------
    Description
        Arrays with shapes and types, and lines of Python that open them.

    Raises
    ------
    FileError
        If the file is missing, empty, truncated or broken.
    """
    path = Path(path)
    check_readable(path)
    for recognises, describe in _KINDS:
        if recognises(path):
            return describe(path)
    return Description(
        str(path),
        "a file of an unknown kind",
        notes=(f"It starts with {first_bytes(path, 16)!r}; netCDF, HDF5, MATLAB, numpy, zip and tables are known.",),
    )


def _describe_netcdf(path: Path) -> Description:
    from neuroguide.recordings.netcdf import describe_netcdf

    return describe_netcdf(path)


def _is_netcdf(path: Path) -> bool:
    from neuroguide.recordings.netcdf import recognises_netcdf

    return recognises_netcdf(path)


def _describe_hdf5(path: Path) -> Description:
    import h5py

    arrays: list[ArrayInfo] = []

    def visit(name: str, found: object) -> None:
        if isinstance(found, h5py.Dataset):
            text = h5py.check_string_dtype(found.dtype) is not None
            arrays.append(ArrayInfo(name, tuple(found.shape or ()), "str" if text else str(found.dtype)))

    with open_hdf5(path) as file:
        file.visititems(visit)
        matlab = any("MATLAB_class" in file[array.name].attrs for array in arrays[:_LISTED])
    kind = "MATLAB 7.3 (HDF5)" if matlab else "HDF5"
    note = ("MATLAB stores arrays column by column: the axes are in reverse here.",) if matlab else ()
    reading = [f"import h5py; file = h5py.File({str(path)!r})", "values = file[{name!r}][...]"]
    return Description(str(path), kind, _listed(arrays), _recipe(arrays, reading), (*note, *_counted(arrays)))


def _describe_matlab(path: Path) -> Description:
    from scipy.io import whosmat

    _check_matlab_length(path)
    try:
        arrays = [ArrayInfo(name, tuple(int(n) for n in shape), kind) for name, shape, kind in whosmat(path)]
    except Exception as error:  # a broken file ends in whatever scipy's parser trips over
        raise FileError(f"{path} is truncated or broken ({reason(error)}); copy or download it again") from error
    reading = [
        f"from scipy.io import loadmat; file = loadmat({str(path)!r}, simplify_cells=True)",
        "values = file[{name!r}]",
    ]
    return Description(
        str(path), "MATLAB (version 4 to 7)", _listed(arrays), _recipe(arrays, reading), _counted(arrays)
    )


def _check_matlab_length(path: Path) -> None:
    """Version 5 starts each variable with its length, which must lie within the file: scipy would not notice."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        header = handle.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
        while order and handle.tell() < size:
            tag = handle.read(8)
            length = struct.unpack(f"{order}4xI", tag)[0] if len(tag) == 8 else size
            if handle.tell() + length > size:
                raise FileError(f"{path} is truncated: a variable in it ends after the file; copy or download it again")
            handle.seek(length, os.SEEK_CUR)


def _describe_npy(path: Path) -> Description:
    with path.open("rb") as handle:
        array = _numpy_header(handle, path.stem, path)
        stored = path.stat().st_size - handle.tell()
    n_bytes = int(np.prod(array.shape, dtype=object)) * (
        0 if array.dtype == "object" else np.dtype(array.dtype).itemsize
    )
    if n_bytes > stored:
        raise FileError(
            f"{path} is truncated: its header promises {n_bytes} bytes and {stored} are there; copy it again"
        )
    reading = [f"import numpy as np; values = np.load({str(path)!r}, mmap_mode='r')"]
    return Description(str(path), "numpy array", (array,), _recipe([array], reading), _objects([array]))


def _describe_zip(path: Path) -> Description:
    arrays: list[ArrayInfo] = []
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if members and all(info.filename.endswith(".npy") for info in members):
                for info in members[:_LISTED]:
                    with archive.open(info) as handle:
                        arrays.append(_numpy_header(handle, info.filename[:-4], path))
    except (
        zipfile.BadZipFile,
        OSError,
        RuntimeError,
        ValueError,
        NotImplementedError,
        EOFError,
        IndexError,
        struct.error,
    ) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} is truncated or broken ({reason(error)}); copy or download it again") from error
    if arrays:
        reading = [f"import numpy as np; file = np.load({str(path)!r})", "values = file[{name!r}]"]
        return Description(str(path), "numpy arrays (.npz)", tuple(arrays), _recipe(arrays, reading), _objects(arrays))
    images = [info for info in members if PurePosixPath(info.filename).suffix.lower() in _IMAGES]
    size = sum(info.file_size for info in members) / 1e6
    note = f"{len(members)} files, {len(images)} of them images, {size:.1f} MB unpacked: {_names(members)}."
    how = (f"stimuli = ng.open_stimuli({str(path)!r})",) if images else ()
    return Description(str(path), "zip", (), how, (note,))


def _describe_table(path: Path) -> Description:
    separator = _TABLES[path.suffix.lower()]
    try:
        head = pd.read_csv(path, sep=separator, nrows=100, dtype=str, on_bad_lines="error")
        with path.open("rb") as handle:
            n_rows = sum(chunk.count(b"\n") for chunk in iter(lambda: handle.read(1 << 20), b"")) - 1
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise FileError(f"{path} is not a table of text ({reason(error)}); check its separator and encoding") from error
    columns = [str(column) for column in head.columns]
    note = f"Columns: {shorten(columns, 40)}; about {n_rows} rows."
    if {"stimulus_id", "image_id", "filename"} & set(columns):
        how = (f"stimuli = ng.open_stimuli({str(path)!r})",)
    else:
        how = (f"import pandas as pd; table = pd.read_csv({str(path)!r}, sep={separator!r})",)
    return Description(str(path), "table", (), how, (note,))


def _numpy_header(handle: IO[bytes], name: str, path: Path) -> ArrayInfo:
    """Shape and type from the header of a .npy file, which numpy reads as a literal and never runs."""
    try:
        version = np.lib.format.read_magic(handle)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(handle)
        if min(shape, default=0) < 0:
            raise ValueError(f"its shape is {shape}")
    except (ValueError, TypeError, IndexError, MemoryError, RecursionError, tokenize.TokenError) as error:
        raise FileError(
            f"{path} is truncated or broken at {name!r} ({reason(error)}); copy or write it again"
        ) from error
    return ArrayInfo(name, tuple(int(n) for n in shape), str(dtype))


def _recipe(arrays: list[ArrayInfo], reading: list[str]) -> tuple[str, ...]:
    """Lines that turn the array most like responses into an assembly; the user says which axis is which."""
    numbers = [
        array for array in arrays if len(array.shape) in (2, 3) and array.dtype != "object" and "str" not in array.dtype
    ]
    if not numbers:
        return ()
    name = max(numbers, key=lambda array: int(np.prod(array.shape, dtype=object))).name
    rank = len(next(array.shape for array in numbers if array.name == name))
    dims = ("presentation", "neuroid", "time_bin")[:rank]
    edges = ", 'time_bin_start': ('time_bin', starts), 'time_bin_end': ('time_bin', ends)" if rank == 3 else ""
    return (
        *(line.format(name=name) for line in reading),
        f"# say which axis is which: here {' x '.join(dims)} is assumed",
        f"assembly = xr.DataArray(values, dims={dims}, coords={{'stimulus_id': ('presentation', ids), "
        f"'neuroid_id': ('neuroid', sites){edges}}})",
        "ng.rdm(assembly)",
    )


def _objects(arrays: list[ArrayInfo]) -> tuple[str, ...]:
    names = [array.name for array in arrays if array.dtype == "object"]
    if not names:
        return ()
    return (
        f"{shorten(names)} would have to be unpickled, which can run code, and is never read: save numbers or text.",
    )


def _listed(arrays: list[ArrayInfo]) -> tuple[ArrayInfo, ...]:
    return tuple(arrays[:_LISTED])


def _counted(arrays: list[ArrayInfo]) -> tuple[str, ...]:
    return (f"{len(arrays)} arrays, the first {_LISTED} are listed.",) if len(arrays) > _LISTED else ()


def _names(members: list[zipfile.ZipInfo]) -> str:
    return shorten([info.filename for info in members], 5)


def _is_hdf5(path: Path) -> bool:
    # MATLAB puts 512 bytes of its own before
    start = first_bytes(path, 520)
    return start.startswith(HDF5_MAGIC) or start[512:520] == HDF5_MAGIC


def _is_matlab(path: Path) -> bool:
    return first_bytes(path, 6) == b"MATLAB" or path.suffix.lower() == ".mat"


_KINDS: tuple[tuple[Callable[[Path], bool], Callable[[Path], Description]], ...] = (
    (_is_netcdf, _describe_netcdf),
    (_is_hdf5, _describe_hdf5),
    (_is_matlab, _describe_matlab),
    (lambda path: first_bytes(path, 6) == _NUMPY_MAGIC or path.suffix.lower() == ".npy", _describe_npy),
    (lambda path: first_bytes(path, 2) == b"PK" or path.suffix.lower() in (".zip", ".npz"), _describe_zip),
    (lambda path: path.suffix.lower() in _TABLES, _describe_table),
)
