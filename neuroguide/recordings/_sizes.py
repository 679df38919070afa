"""What a file claims against what it holds: checked in the header, before anything is read."""

from __future__ import annotations

from pathlib import Path

from neuroguide._core.errors import FileError

#: Largest array that is read from a file, unless the caller allows more.
MAX_BYTES = 16 * 2**30

#: Longest text (in characters) that all strings of a file may have together.
MAX_TEXT = 2**28

#: Deflate, which is what netCDF and HDF5 use, makes nothing smaller than about 1/1030.
_MOST_COMPRESSED = 1100

#: Below this a false claim does no harm.
_HARMLESS = 64 * 2**20

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
CLASSIC_MAGIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")


def check_readable(path: Path) -> None:
    """Raise FileError, in one sentence, if this is not a file that can be read."""
    try:
        if path.is_dir():
            raise FileError(f"{path} is a folder, a file was expected; name a file in it")
        if not path.exists():
            raise FileError(f"{path} does not exist; check the path")
        if path.stat().st_size == 0:
            raise FileError(f"{path} is empty (0 bytes); copy or download it again")
        with path.open("rb"):
            pass
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror or error}); check the path and its permissions"
        ) from error
    except ValueError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{str(path)!r} is not a path ({error}); check it") from error


def first_bytes(path: Path, n: int = 8) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as handle:
        return handle.read(n)


def check_claim(path: Path, name: str, claimed: int, stored: int, *, limit: int = MAX_BYTES) -> None:
    """Compare the size that an array claims with the bytes that are stored for it.

    Raises
    ------
    FileError
        If it is larger than ``limit``, or than any compression could explain.
    """
    if claimed > limit:
        raise FileError(
            f"{path} claims {_size(claimed)} for {name!r}, at most {_size(limit)} are read; "
            "if that is right, take a part of it, or allow more with max_bytes=..."
        )
    if claimed > _HARMLESS and claimed > stored * _MOST_COMPRESSED:
        raise FileError(
            f"{path} claims {_size(claimed)} for {name!r} but holds {_size(stored)} of it; "
            "the file is broken or was never filled: copy or write it again"
        )


def reason(error: BaseException) -> str:
    """The first sentence of a library's message, short enough to be part of another."""
    text = str(error).strip().partition("\n")[0].partition(". ")[0] or type(error).__name__
    return text.rstrip(".")[:160]


def _size(n_bytes: int) -> str:
    """A number of bytes as people say it."""
    value, unit = float(n_bytes), "bytes"
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.4g} {unit}"
