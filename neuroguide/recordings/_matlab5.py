"""MATLAB files of version 5 to 7.2, read a tag at a time: nothing is allocated that the file does not hold.

scipy's reader trusts the sizes that a file claims, and descends into nested cells without a bound. The format is
described in MathWorks' "MAT-File Format". Numbers, text and cells of text are read, also inside structures; objects,
functions and sparse matrices are listed only.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from neuroguide._core.errors import FileError
from neuroguide.recordings._sizes import MAX_BYTES, MAX_TEXT, check_claim
from neuroguide.recordings._stored import StoredVariable

_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXT = {2: "latin-1", 1: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_OTHERS = {1: "cell", 2: "struct", 3: "object", 5: "sparse matrix", 16: "function", 17: "object"}
_CELL, _STRUCT, _CHAR = 1, 2, 4

#: Deeper structures, more fields and longer lists of text are not looked into.
_DEPTH, _FIELDS, _CELLS = 6, 1000, 1_000_000

#: Longest single text, in characters.
_LONGEST = 1_000_000

_CHUNK = 1 << 16


class _Stream:
    """Bytes of one variable, decompressed as they are asked for."""

    def __init__(self, path: Path, handle: IO[bytes], size: int, order: str, compressed: bool) -> None:
        self.path, self.order, self.position = path, order, 0
        self._handle, self._left = handle, size
        self._inflate = zlib.decompressobj() if compressed else None
        self._pending = b""

    def take(self, n: int) -> bytearray:
        """Exactly so many bytes; the caller has checked that they may be allocated."""
        found = bytearray(n)
        filled = 0
        while filled < n:
            part = self._some(n - filled)
            found[filled : filled + len(part)] = part
            filled += len(part)
        self.position += n
        return found

    def skip(self, n: int) -> None:
        if n < 0:
            raise self.broken("a part of it ends before it begins")
        self.position += n
        while n:
            n -= len(self._some(n))

    def tag(self) -> tuple[int, int, bytes | None]:
        """Type and length of the next element, and its bytes where they are packed into the tag."""
        head = bytes(self.take(8))
        kind, size = struct.unpack(f"{self.order}II", head)
        if kind >> 16:
            if kind >> 16 > 4:
                raise self.broken(f"an element of {kind >> 16} bytes is packed into 4")
            return kind & 0xFFFF, kind >> 16, head[4 : 4 + (kind >> 16)]
        return kind, size, None

    def element(self, most: int) -> tuple[int, bytes]:
        """A small element: its type and bytes."""
        kind, size, packed = self.tag()
        if packed is not None:
            return kind, packed
        if size > most:
            raise self.broken(f"{size} bytes where at most {most} belong")
        found = bytes(self.take(size))
        self.skip(-size % 8)
        return kind, found

    def broken(self, why: str) -> FileError:
        return FileError(f"{self.path} is truncated or broken ({why}); copy or download it again")

    def _some(self, n: int) -> bytes:
        n = min(n, _CHUNK)
        if self._inflate is None:
            part = self._handle.read(min(n, self._left))
            self._left -= len(part)
        else:
            part = self._inflated(n)
        if not part:
            raise self.broken("a variable in it ends too early")
        return part

    def _inflated(self, n: int) -> bytes:
        assert self._inflate is not None
        while True:
            source = self._pending or self._handle.read(min(_CHUNK, self._left))
            if not self._pending:
                self._left -= len(source)
            try:
                part = self._inflate.decompress(source, n)
            except zlib.error as error:
                raise self.broken(str(error)) from error
            self._pending = self._inflate.unconsumed_tail
            if part or not source:
                return part


@dataclass(frozen=True)
class _Matrix:
    """The head of a matrix, and where its content begins and ends in the stream."""

    kind: int
    shape: tuple[int, ...]
    name: str
    complex: bool
    end: int


@contextmanager
def open_matlab5(path: Path, *, limit: int = MAX_BYTES) -> Iterator[dict[str, StoredVariable]]:
    """The variables of a MATLAB file by name, fields of structures as ``"data.resp"``.

    Raises
    ------
    FileError
        If it is of another version, truncated or broken, or a variable claims more than is stored for it.
    """
    stored: dict[str, StoredVariable] = {}
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
        if order is None or not head.startswith(b"MATLAB"):
            raise FileError(
                f"{path} is not a MATLAB file of version 5 or newer; save it in MATLAB with save(..., '-v7')"
            )
        while handle.tell() < size:
            tag = handle.read(8)
            kind, length = struct.unpack(f"{order}II", tag) if len(tag) == 8 else (0, size)
            start = handle.tell()
            if kind not in (_MATRIX, _COMPRESSED) or start + length > size:
                raise FileError(f"{path} is truncated: a variable in it ends after the file; copy or download it again")
            opened = partial(_at, path, handle, start, length, order, kind == _COMPRESSED)
            _list(opened, length, "", stored, limit)
            handle.seek(start + length)
        yield stored


def _at(path: Path, handle: IO[bytes], start: int, length: int, order: str, compressed: bool) -> _Stream:
    """The content of a top-level element from its beginning."""
    handle.seek(start)
    stream = _Stream(path, handle, length, order, compressed)
    if compressed and stream.tag()[0] != _MATRIX:
        raise stream.broken("what is compressed in it is no variable")
    return stream


def _list(
    opened: Callable[[], _Stream], n_stored: int, parent: str, stored: dict[str, StoredVariable], limit: int
) -> None:
    stream = opened()
    _list_matrix(stream, _head(stream, n_stored if not parent else None), opened, n_stored, parent, stored, limit, 0)


def _list_matrix(
    stream: _Stream, matrix: _Matrix, opened: Callable[[], _Stream], n_stored: int, parent: str,
    stored: dict[str, StoredVariable], limit: int, depth: int,
) -> None:  # fmt: skip
    """Enter a matrix, and the fields of a structure, into ``stored``; the stream stands after its head."""
    name = parent or matrix.name
    if not name or name in stored:
        return
    place = stream.position
    if matrix.kind == _STRUCT and int(np.prod(matrix.shape)) == 1 and depth < _DEPTH:
        for field, inner in _fields(stream):
            _list_matrix(stream, inner, opened, n_stored, f"{name}.{field}", stored, limit, depth + 1)
            stream.skip(inner.end - stream.position)
        return
    n_values = int(np.prod(matrix.shape, dtype=object))
    read, kind, listed = _not_read, "O", _OTHERS.get(matrix.kind, "object")
    if matrix.kind in _CLASSES:
        dtype = np.dtype(_CLASSES[matrix.kind])
        check_claim(stream.path, name, n_values * dtype.itemsize, n_stored, limit=limit)
        read = _read_numbers
        kind, listed = ("c", "complex") if matrix.complex else (dtype.kind, str(dtype))
    elif matrix.kind == _CHAR and n_values <= _LONGEST:
        read, kind, listed = _read_text, "U", "str"
    elif matrix.kind == _CELL and 0 < n_values <= _CELLS and _head(stream, None).kind == _CHAR:
        read, kind, listed = _read_cells, "U", "str"

    def values(rows: Any) -> NDArray[Any]:
        again = opened()
        again.skip(place - again.position)
        found: NDArray[Any] = read(again, name, matrix, limit)[rows]
        return found

    shape = (1,) if matrix.kind == _CHAR else matrix.shape
    stored[name] = StoredVariable(name, (), shape, kind, listed, {}, values)


def _head(stream: _Stream, size: int | None) -> _Matrix:
    """The head of the matrix that comes next; ``size`` where its tag was read already."""
    if size is None:
        kind, size, packed = stream.tag()
        if kind != _MATRIX or packed is not None:
            raise stream.broken(f"type {kind} where a matrix belongs")
    end = stream.position + size
    if size == 0:
        return _Matrix(6, (0, 0), "", False, end)
    flags = stream.element(16)[1]
    if len(flags) < 8:
        raise stream.broken("a matrix without flags")
    (word,) = struct.unpack(f"{stream.order}I", flags[:4])
    if word & 0xFF == 17:
        return _Matrix(17, (1, 1), _name(stream), False, end)
    packed = stream.element(256)[1]
    sizes = np.frombuffer(packed[: len(packed) // 4 * 4], dtype=f"{stream.order}i4")
    if sizes.size < 2 or (sizes < 0).any():
        raise stream.broken("a matrix without a shape")
    return _Matrix(word & 0xFF, tuple(int(n) for n in sizes), _name(stream), bool(word & 0x800), end)


def _name(stream: _Stream) -> str:
    return stream.element(1024)[1].decode("latin-1").rstrip("\0")


def _fields(stream: _Stream) -> Iterator[tuple[str, _Matrix]]:
    """Name and head of each field of a structure; the caller moves to the end of each."""
    said = stream.element(8)[1][:4]
    width = struct.unpack(f"{stream.order}i", said)[0] if len(said) == 4 else 0
    if not 0 < width <= 1024:
        raise stream.broken(f"names of {width} bytes in a structure")
    packed = stream.element(width * _FIELDS)[1]
    for i in range(0, len(packed), width):
        inner = _head(stream, None)
        yield packed[i : i + width].partition(b"\0")[0].decode("latin-1"), inner


def _read_numbers(stream: _Stream, name: str, matrix: _Matrix, limit: int) -> NDArray[Any]:
    kind, size, packed = stream.tag()
    n_values = int(np.prod(matrix.shape, dtype=object))
    if kind not in _NUMBERS:
        raise stream.broken(f"type {kind} where the numbers of {name!r} belong")
    dtype = np.dtype(f"{stream.order}{_NUMBERS[kind]}")
    if size != n_values * dtype.itemsize or size > limit:
        raise stream.broken(f"{size} bytes for the {n_values} numbers of {name!r}")
    values = np.frombuffer(packed if packed is not None else stream.take(size), dtype=dtype)
    shaped: NDArray[Any] = values.astype(_CLASSES[matrix.kind], copy=False).reshape(matrix.shape, order="F")
    return shaped


def _read_text(stream: _Stream, name: str, matrix: _Matrix, limit: int) -> NDArray[Any]:
    return np.asarray([_text(stream, name, matrix)], dtype=object)


def _read_cells(stream: _Stream, name: str, matrix: _Matrix, limit: int) -> NDArray[Any]:
    texts = []
    total = 0
    for _ in range(int(np.prod(matrix.shape))):
        inner = _head(stream, None)
        if inner.kind != _CHAR and int(np.prod(inner.shape, dtype=object)):
            raise FileError(f"{stream.path} holds a cell in {name!r} that is no text; choose a list of text")
        texts.append(_text(stream, name, inner) if inner.kind == _CHAR else "")
        stream.skip(inner.end - stream.position)
        total += len(texts[-1])
        if total > MAX_TEXT:
            raise FileError(f"{stream.path} holds more text in {name!r} than any recording; it is broken")
    return np.asarray(texts, dtype=object).reshape(matrix.shape, order="F")


def _text(stream: _Stream, name: str, matrix: _Matrix) -> str:
    n_values = int(np.prod(matrix.shape, dtype=object))
    if n_values == 0:
        return ""
    kind, content = stream.element(4 * min(n_values, _LONGEST) + 8)
    if kind not in _TEXT or matrix.shape[0] != 1:
        raise FileError(f"{stream.path} holds a block of characters in {name!r}; save a cell array of text instead")
    width = {"utf-16": 2, "utf-32": 4}.get(_TEXT[kind])
    encoding = _TEXT[kind] + ({"<": "-le", ">": "-be"}[stream.order] if width else "")
    return content.decode(encoding, "replace")


def _not_read(stream: _Stream, name: str, matrix: _Matrix, limit: int) -> NDArray[Any]:
    raise FileError(f"{stream.path} holds a {_OTHERS.get(matrix.kind, 'object')} in {name!r}, which is not read")
