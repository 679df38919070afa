"""What is in a file that no loader of recordings knows."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path, PurePosixPath

from neuroguide._core.errors import FileError
from neuroguide.recordings._blocks import shorten
from neuroguide.recordings._description import Description
from neuroguide.recordings._sizes import check_readable, first_bytes, reason
from neuroguide.stimuli.pixels import SUFFIXES


def inspect_file(path: str | os.PathLike[str]) -> Description:
    """Say what a file is that no loader recognises: a zip of images, or what it starts with.

    Raises
    ------
    FileError
        If the file is missing, empty, truncated or broken.
    """
    path = Path(path)
    check_readable(path)
    if first_bytes(path, 2) == b"PK" or path.suffix.lower() == ".zip":
        return _describe_zip(path)
    return Description(
        str(path),
        "a file of an unknown kind",
        notes=(
            f"It starts with {first_bytes(path, 16)!r}; netCDF, NWB, HDF5, MATLAB, numpy, zip and tables are known.",
        ),
    )


def _describe_zip(path: Path) -> Description:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, IndexError, struct.error) as error:
        raise FileError(f"{path} is truncated or broken ({reason(error)}); copy or download it again") from error
    images = [info for info in members if PurePosixPath(info.filename).suffix.lower() in SUFFIXES]
    size = sum(info.file_size for info in members) / 1e6
    names = shorten([info.filename for info in members], 5)
    note = f"{len(members)} files, {len(images)} of them images, {size:.1f} MB unpacked: {names}."
    how = (f"stimuli = ng.open_stimuli({str(path)!r})",) if images else ()
    return Description(str(path), "zip", (), how, (note,))
