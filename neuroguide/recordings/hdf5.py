"""Plain HDF5 files, of which the user says what their arrays are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from neuroguide.recordings._hdf5 import open_hdf5
from neuroguide.recordings._sizes import HDF5_MAGIC, MAX_BYTES, first_bytes
from neuroguide.recordings._stored import StoredVariable, stored_dataset
from neuroguide.recordings.arrays import array_loader
from neuroguide.recordings.netcdf import recognises_netcdf


def recognises_hdf5(path: Path) -> bool:
    """Whether this is HDF5 of no kind that another loader knows."""
    return first_bytes(path) == HDF5_MAGIC and not recognises_netcdf(path) and path.suffix.lower() != ".nwb"


@contextmanager
def open_arrays(path: Path, *, limit: int = MAX_BYTES) -> Iterator[dict[str, StoredVariable]]:
    """The arrays of an HDF5 file by their paths in it.

    Raises
    ------
    FileError
        If it is truncated or broken, claims more than it holds, or keeps data in other files.
    """
    with open_hdf5(path, limit=limit) as file:
        found: dict[str, StoredVariable] = {}

        def visit(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = stored_dataset(path, name, item)

        file.visititems(visit)
        yield found


LOADER = array_loader("hdf5", "HDF5", (".h5", ".hdf5"), recognises_hdf5, open_arrays)
