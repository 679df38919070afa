"""Zips from anywhere: checked from their directory before a single byte is inflated, and never extracted to disk."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from neuroguide._core import settings
from neuroguide._core.errors import FileError
from neuroguide._core.paths import check_relative

#: Largest single file inside a zip, unpacked; an image of the largest size accepted stays below it.
MAX_MEMBER_BYTES = 512 * 1024**2


def check_zip(path: Path) -> list[zipfile.ZipInfo]:
    """The files inside a zip, folders and what macOS adds left out.

    Parameters
    ----------
    path : Path
        The zip.

    Raises
    ------
    FileError
        If it is no zip or damaged; if a name leads out of its folder or is there twice, a member is a symbolic link
        or encrypted; if it has too many members or would unpack to too much (``settings.MAX_ZIP_MEMBERS``,
        ``settings.MAX_ZIP_BYTES``, :data:`MAX_MEMBER_BYTES`).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist") from error
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, IndexError, struct.error) as error:
        raise FileError(f"{path} is no zip or is damaged ({error}); download or pack it again") from error
    if len(members) > settings.MAX_ZIP_MEMBERS:
        raise FileError(f"{path} holds {len(members):,} files, more than the {settings.MAX_ZIP_MEMBERS:,} accepted")
    for member in members:
        _check_member(member, path)
    total = sum(member.file_size for member in members)
    if total > settings.MAX_ZIP_BYTES:
        raise FileError(f"{path} would unpack to {total:,} bytes, more than the {settings.MAX_ZIP_BYTES:,} accepted")
    files = [m for m in members if not m.is_dir() and not _added_by_macos(m.filename)]
    seen: set[str] = set()
    for member in files:
        if member.filename in seen:
            raise FileError(f"{path} holds {member.filename!r} twice; pack it again")
        seen.add(member.filename)
    return files


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of one file inside an open zip.

    Raises
    ------
    FileError
        If it is not there, damaged, or larger than :data:`MAX_MEMBER_BYTES`.
    """
    where = f"{name} in {archive.filename}"
    try:
        size = archive.getinfo(name).file_size
        if size > MAX_MEMBER_BYTES:
            raise FileError(f"{where} is larger than the {MAX_MEMBER_BYTES:,} bytes accepted")
        with archive.open(name) as member:
            return member.read(size)  # without a number, a member that lies about its size is inflated whole
    except KeyError as error:
        raise FileError(f"{where} is missing") from error
    except FileError:
        raise
    except (
        OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, ValueError,
        EOFError, IndexError, struct.error,
    ) as error:  # fmt: skip
        raise FileError(f"{where} is damaged ({error}); download or pack it again") from error


def _check_member(member: zipfile.ZipInfo, path: Path) -> None:
    # orig_filename: zipfile itself cuts a name at a NUL and turns backslashes round on Windows
    check_relative(member.orig_filename, source=str(path))
    if stat.S_ISLNK(member.external_attr >> 16):
        raise FileError(f"{path} holds the symbolic link {member.filename!r}; pack the file that it points to")
    if member.flag_bits & 0x1:
        raise FileError(f"{path} is encrypted ({member.filename!r}); unpack it with its password first")
    if member.file_size > MAX_MEMBER_BYTES:
        raise FileError(
            f"{member.filename!r} in {path} would unpack to {member.file_size:,} bytes, "
            f"more than the {MAX_MEMBER_BYTES:,} accepted"
        )


def _added_by_macos(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in (".DS_Store", "Thumbs.db")
