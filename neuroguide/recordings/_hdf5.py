"""Opening HDF5 files that may be broken or lie: checked from their headers, and whatever goes wrong is one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neuroguide._core.errors import FileError, NeuroguideError
from neuroguide.recordings._sizes import MAX_BYTES, check_claim, reason

#: More objects than any recording has.
_MAX_OBJECTS = 100_000

#: Groups within groups, more than any recording has; the library takes ever longer for each.
_MAX_DEPTH = 64

#: Largest attribute that is read.
_MAX_ATTRIBUTE = 2**22


@contextmanager
def open_hdf5(path: Path, *, limit: int = MAX_BYTES) -> Iterator[h5py.File]:
    """Open an HDF5 file of which no array claims more than is there, and that keeps nothing in other files.

    Raises
    ------
    FileError
        If the file is not HDF5, truncated or broken, an array claims more than is stored for it or than ``limit``,
        or something lies outside the file (external links, external storage, virtual datasets).
    """
    try:
        with h5py.File(path, "r") as file:
            for name in _names(path, file):
                found = file.get(name)
                if isinstance(found, h5py.Dataset):
                    _check_dataset(path, name, found, limit)
            yield file
    except NeuroguideError:
        raise
    except Exception as error:  # a broken file ends in whatever the library trips over
        raise FileError(f"{path} is truncated or broken ({reason(error)}); copy or download it again") from error


def read_attributes(path: Path, found: h5py.HLObject, but: frozenset[str]) -> dict[str, Any]:
    """Attributes as text, numbers and lists of them; those in ``but`` are left out.

    Raises
    ------
    FileError
        If one is too large.
    """
    attrs: dict[str, Any] = {}
    for name in found.attrs:
        if name in but:
            continue
        stored = found.attrs.get_id(name)
        n_bytes = int(np.prod(stored.shape, dtype=object)) * stored.get_type().get_size()
        if n_bytes > _MAX_ATTRIBUTE:
            raise FileError(f"{path} has an attribute {name!r} of {n_bytes} bytes; that is no recording")
        value = found.attrs[name]
        if isinstance(value, h5py.Empty):
            attrs[name] = "" if value.dtype.kind in "SO" else []
        elif isinstance(value, np.ndarray):
            values = [_plain(item) for item in value.ravel().tolist()]
            attrs[name] = values[0] if value.size == 1 else values
        else:
            attrs[name] = _plain(value)
    return attrs


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value.item() if isinstance(value, np.generic) else value


def _names(path: Path, file: h5py.File) -> list[str]:
    """Every object of the file by its path in it."""
    names: list[str] = []
    outside: list[str] = []

    def visit(name: str, link: object) -> bool | None:
        # an error raised in here would leave h5py locked
        (outside if isinstance(link, h5py.ExternalLink) else names).append(name)
        return True if outside or len(names) > _MAX_OBJECTS or name.count("/") > _MAX_DEPTH else None

    file.visititems_links(visit)
    if outside:
        raise FileError(
            f"{path} has a link {outside[0]!r} to another file, which is not followed; copy all into one file"
        )
    if len(names) > _MAX_OBJECTS:
        raise FileError(f"{path} has more than {_MAX_OBJECTS} objects; that is no recording")
    if names and names[-1].count("/") > _MAX_DEPTH:
        raise FileError(f"{path} has groups within more than {_MAX_DEPTH} others; that is no recording")
    return names


def _check_dataset(path: Path, name: str, dataset: h5py.Dataset, limit: int) -> None:
    if dataset.is_virtual or dataset.external:
        raise FileError(f"{path} keeps {name!r} in other files, which are not read; copy the data into one file")
    n_values = int(np.prod([int(size) for size in dataset.shape or ()], dtype=object))
    claimed = n_values * dataset.id.get_type().get_size()
    check_claim(path, name, claimed, dataset.id.get_storage_size(), limit=limit)
