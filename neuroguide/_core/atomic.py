"""Writes that are whole or absent: a temporary file beside the target, fsync, rename."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuroguide._core.errors import FileError

#: The disk is full, a quota is reached, or the file is larger than is allowed (EDQUOT is not known everywhere).
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path in the target's folder; rename it to ``path`` when the block ends without an error.

    Whatever happens inside the block, ``path`` holds either the old content or the whole new one.

    Parameters
    ----------
    path : path
        The file to write. Its folder is made if it does not exist.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    FileError
        If the folder cannot be made or written, or the file exists and ``overwrite`` is False.
    """
    target = check_target(path)
    if not overwrite and target.exists():
        raise FileError(f"{target} exists already; choose another name or remove it first")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {target.parent} ({error.strerror}); choose another place") from error
    # the suffix stays last: matplotlib and netCDF choose the format by it
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.tmp{target.suffix}")
    try:
        yield temporary
        if not temporary.exists():
            raise FileError(f"nothing was written for {target}")
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except PermissionError as error:
        raise FileError(f"cannot write {target} ({error.strerror}); choose a folder that you may write to") from error
    except OSError as error:
        # others may be about what the block reads
        if error.errno not in _FULL:
            raise
        raise FileError(f"cannot write {target} ({error.strerror}); make room, or choose another place") from error
    finally:
        temporary.unlink(missing_ok=True)


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that there is no room left on a disk."""
    while error is not None:
        # safetensors, which is written in Rust, gives the system's number in its text alone
        if (isinstance(error, OSError) and error.errno in _FULL) or f"(os error {errno.ENOSPC})" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def check_target(path: str | os.PathLike[str]) -> Path:
    """Whether a file can be written here, asked before long work whose result would be lost; makes nothing.

    Raises
    ------
    FileError
        If it is a folder, lies below a file, or the nearest folder that exists may not be written to.
    """
    target = Path(path)
    if target.is_dir():
        raise FileError(f"{target} is a folder, a file was expected; add a file name")
    above = next(folder for folder in target.absolute().parents if folder.exists())
    if not above.is_dir():
        raise FileError(f"{target} cannot be written, since {above} is a file; choose another place")
    if not os.access(above, os.W_OK):
        raise FileError(f"{target} cannot be written, since you may not write to {above}; choose another place")
    return target


def write_text(path: str | os.PathLike[str], text: str, *, overwrite: bool = True) -> Path:
    """Write a text file as a whole, UTF-8; see :func:`atomic_path`."""
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened (not on Windows)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
