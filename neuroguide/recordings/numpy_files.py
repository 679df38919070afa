"""Numpy's files: .npy and .npz. Headers are read as literals, and nothing is ever unpickled."""

from __future__ import annotations

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from neuroguide._core.errors import FileError
from neuroguide.recordings._sizes import MAX_BYTES, check_claim, first_bytes, reason
from neuroguide.recordings._stored import StoredVariable
from neuroguide.recordings.arrays import array_loader

_MAGIC = b"\x93NUMPY"


def recognises_numpy(path: Path) -> bool:
    """Whether this is a .npy file, or a zip of them."""
    if first_bytes(path, 6) == _MAGIC or path.suffix.lower() == ".npy":
        return True
    if first_bytes(path, 2) != b"PK":
        return path.suffix.lower() == ".npz"
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, IndexError, struct.error):
        return path.suffix.lower() == ".npz"
    return bool(names) and all(name.endswith(".npy") for name in names)


def open_numpy(path: Path, *, limit: int = MAX_BYTES) -> AbstractContextManager[dict[str, StoredVariable]]:
    """The arrays of a .npy file (one, called ``array``) or a .npz file.

    Raises
    ------
    FileError
        If it is truncated or broken, or an array claims more than is stored for it.
    """
    return _open_npz(path, limit) if first_bytes(path, 2) == b"PK" else _open_npy(path, limit)


@contextmanager
def _open_npy(path: Path, limit: int) -> Iterator[dict[str, StoredVariable]]:
    with path.open("rb") as handle:
        shape, dtype = _header(handle, "array", path)
        stored = path.stat().st_size - handle.tell()
    _check(path, "array", shape, dtype, stored, limit)

    def read(rows: Any) -> NDArray[Any]:
        return np.asarray(np.load(path, allow_pickle=False, mmap_mode="r")[rows])

    yield {"array": _variable(path, "array", shape, dtype, read)}


@contextmanager
def _open_npz(path: Path, limit: int) -> Iterator[dict[str, StoredVariable]]:
    try:
        with zipfile.ZipFile(path) as archive:
            found = {}
            for info in archive.infolist():
                if info.is_dir():
                    continue
                name = info.filename.removesuffix(".npy")
                with archive.open(info) as handle:
                    shape, dtype = _header(handle, name, path)
                    held = info.file_size - handle.tell()
                _check(path, name, shape, dtype, held, limit)
                check_claim(path, name, info.file_size, info.compress_size, limit=limit)
                found[name] = _variable(path, name, shape, dtype, partial(_member, path, archive, info))
            yield found
    except FileError:
        raise
    except (
        zipfile.BadZipFile, OSError, RuntimeError, ValueError, NotImplementedError, EOFError, IndexError, struct.error,
        zlib.error, lzma.LZMAError, MemoryError,
    ) as error:  # fmt: skip
        raise FileError(f"{path} is truncated or broken ({reason(error)}); copy or download it again") from error


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, rows: Any) -> NDArray[Any]:
    with archive.open(info) as handle:
        values: NDArray[Any] = np.lib.format.read_array(handle, allow_pickle=False)
    return np.asarray(values[rows])


def _check(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], stored: int, limit: int) -> None:
    claimed = int(np.prod(shape, dtype=object)) * (0 if dtype.hasobject else dtype.itemsize)
    check_claim(path, name, claimed, stored, limit=limit)
    if claimed > stored:
        raise FileError(
            f"{path} is truncated: the header of {name!r} promises {claimed} bytes and {stored} are there; "
            "copy it again"
        )


def _variable(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], read: Any) -> StoredVariable:
    if dtype.kind in "biufcU":
        return StoredVariable(name, (), shape, dtype.kind, str(dtype), {}, read)

    def refuse(rows: Any) -> NDArray[Any]:
        raise FileError(f"{path} holds {dtype} in {name!r}, which is not read; save numbers or text")

    return StoredVariable(name, (), shape, "O", "object" if dtype.hasobject else str(dtype), {}, refuse)


def _header(handle: IO[bytes], name: str, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type from the header of a .npy file, which numpy reads as a literal and never runs."""
    try:
        version = np.lib.format.read_magic(handle)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"its format is {version}")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(handle)
        if min(shape, default=0) < 0:
            raise ValueError(f"its shape is {shape}")
    except (ValueError, TypeError, IndexError, MemoryError, RecursionError, tokenize.TokenError) as error:
        raise FileError(
            f"{path} is truncated or broken at {name!r} ({reason(error)}); copy or write it again"
        ) from error
    return tuple(int(n) for n in shape), dtype


LOADER = array_loader("numpy", "numpy", (".npy", ".npz"), recognises_numpy, open_numpy)
