"""Stimulus sets from a folder, a zip, a table beside either, or a numpy file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from tokenize import TokenError

import numpy as np
import pandas as pd

from neuroguide._core import settings
from neuroguide._core.errors import FileError, InputError
from neuroguide._core.paths import check_relative
from neuroguide.stimuli.pixels import SUFFIXES, ArrayPixels, FilePixels, Pixels, ZipPixels
from neuroguide.stimuli.stimulus_set import StimulusSet
from neuroguide.stimuli.tables import FILE_COLUMNS, MAX_TABLE_BYTES, StimulusTable, read_table
from neuroguide.stimuli.zips import check_zip, read_member


def open_files(
    path: Path,
    *,
    table: str | None = None,
    images: str | Path | None = None,
    degrees: float | None = None,
    identifier: str | None = None,
) -> StimulusSet:
    """Open the stimuli at a path.

    Parameters
    ----------
    path : Path
        A folder or a zip of images; a CSV table of them; or a ``.npy`` file of shape (n, height, width, 3), uint8.
    table : str, optional
        The CSV table inside the folder or zip. By default the only one there is; without one, every image is a
        stimulus and its path without suffix is its id. See :func:`neuroguide.stimuli.tables.read_table`.
    images : path, optional
        With a CSV: the folder or zip that its files are in; by default the CSV's own folder.
    degrees : float, optional
        Width of the images in degrees of visual angle. By default the column ``degrees`` of the table if it is the
        same in every row, else unknown.
    identifier : str, optional
        Name of the set; by default the file's or folder's.

    Returns
    -------
    StimulusSet

    Raises
    ------
    FileError
        If something is missing (images are named), damaged, unsafe or too large.
    InputError
        If the ids are not unique, or an option does not fit the kind of path.
    """
    if images is not None and path.suffix.lower() != ".csv":
        raise InputError(f"images= goes with a CSV table, but {path} is none; leave it out")
    if table is not None and path.suffix.lower() in (".csv", ".npy"):
        raise InputError(f"table= names a table inside a folder or zip, but {path} is a file; leave it out")
    if not path.exists():
        raise FileError(f"{path} does not exist; a folder, zip, CSV table or .npy file of images was expected")
    if path.is_dir():
        found, pixels = _folder(path, table)
    elif path.suffix.lower() == ".csv":
        found, pixels = _beside_table(path, path.parent if images is None else Path(images))
    elif path.suffix.lower() == ".npy":
        found, pixels = _numpy(path)
    elif path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        found, pixels = _zip(path, table)
    else:
        raise FileError(f"{path} is no stimulus set; a folder, zip, CSV table or .npy file of images was expected")
    return StimulusSet(
        found,
        pixels,
        identifier=identifier or path.stem,
        degrees=_stated_degrees(found) if degrees is None else degrees,
    )


def _folder(path: Path, table: str | None) -> tuple[pd.DataFrame, Pixels]:
    if table is None:
        tables = sorted(p.name for p in path.iterdir() if p.suffix.lower() == ".csv" and not p.name.startswith("."))
        table = _only_table(tables, str(path))
    if table is None:
        names = _image_names((p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()), str(path))
        return _table_of_names(names), FilePixels([path / name for name in names])
    return _beside_table(path / check_relative(table, source="the option table"), path)


def _beside_table(path: Path, images: Path) -> tuple[pd.DataFrame, Pixels]:
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise FileError(f"{path} has more than the {MAX_TABLE_BYTES:,} bytes accepted for a table")
        found = read_table(path.read_bytes(), name=str(path))
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror})") from error
    files = _files_of(found, str(path))
    if images.is_dir():
        _refuse_absent([file for file in files if not _is_file(images / file)], len(files), str(images))
        return found.metadata, FilePixels([images / file for file in files])
    if not images.exists():
        raise FileError(f"{images} does not exist; the folder or zip of the images in {path} was expected")
    members = {member.filename for member in check_zip(images)}
    return found.metadata, ZipPixels(images, _locate(files, members, "", str(images)))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # a name that is longer than any, say
        return False


def _zip(path: Path, table: str | None) -> tuple[pd.DataFrame, Pixels]:
    members = [member.filename for member in check_zip(path)]
    if table is None:
        table = _only_table(sorted(name for name in members if name.lower().endswith(".csv")), str(path))
    if table is None:
        names = _image_names(members, str(path))
        return _table_of_names(names), ZipPixels(path, names)
    with zipfile.ZipFile(path) as archive:
        found = read_table(read_member(archive, table), name=f"{table} in {path}")
    files = _files_of(found, f"{table} in {path}")
    folder = PurePosixPath(table).parent.as_posix()
    return found.metadata, ZipPixels(path, _locate(files, set(members), folder, str(path)))


#: What numpy raises over a damaged file.
_UNREADABLE = (
    OSError, ValueError, EOFError, TypeError, IndexError, MemoryError, OverflowError, RecursionError, TokenError,
)  # fmt: skip


def _numpy(path: Path) -> tuple[pd.DataFrame, Pixels]:
    try:
        images = np.lib.format.open_memmap(path, mode="r")  # never unpickles
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path} cannot be read as a numpy array without running code from it: {reason}") from error
    pixels = ArrayPixels(images)
    return pd.DataFrame({"stimulus_id": [str(i) for i in range(len(pixels))]}), pixels


def _only_table(tables: list[str], source: str) -> str | None:
    if len(tables) > 1:
        raise FileError(f"{source} holds {len(tables)} tables ({', '.join(tables[:5])}); choose one: table=...")
    return tables[0] if tables else None


def _image_names(names: Iterable[str], source: str) -> list[str]:
    found = sorted(name for name in names if name.lower().endswith(SUFFIXES) and "/." not in f"/{name}")
    if not found:
        raise FileError(f"{source} holds no images ({', '.join(SUFFIXES)})")
    if len(found) > settings.MAX_ZIP_MEMBERS:
        raise FileError(f"{source} holds {len(found):,} images, more than the {settings.MAX_ZIP_MEMBERS:,} accepted")
    return found


def _table_of_names(names: list[str]) -> pd.DataFrame:
    ids = [PurePosixPath(name).with_suffix("").as_posix() for name in names]
    return pd.DataFrame({"stimulus_id": ids, "filename": names})


def _files_of(table: StimulusTable, source: str) -> list[str]:
    if table.files is None:
        raise FileError(f"{source} has no column of files ({', '.join(FILE_COLUMNS)})")
    return table.files


def _locate(files: list[str], members: set[str], folder: str, source: str) -> list[str]:
    """Where the table's files are in a zip: beside the table, else at the root."""
    beside = [file if folder in ("", ".") else f"{folder}/{file}" for file in files]
    found = [near if near in members else file for near, file in zip(beside, files, strict=True)]
    _refuse_absent([file for file in found if file not in members], len(files), source)
    return found


def _refuse_absent(absent: list[str], total: int, source: str) -> None:
    if absent:
        some = ", ".join(file[:200] for file in absent[:5]) + (
            f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        )
        raise FileError(f"{source} lacks {len(absent)} of {total} images: {some}")


def _stated_degrees(table: pd.DataFrame) -> float | None:
    if "degrees" not in table.columns:
        return None
    stated = pd.to_numeric(table["degrees"], errors="coerce").unique()
    return float(stated[0]) if len(stated) == 1 and np.isfinite(stated[0]) and stated[0] > 0 else None
