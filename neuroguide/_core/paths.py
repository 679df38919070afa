"""Relative paths that come from a file or a server: checked before they are joined to a folder."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from neuroguide._core.errors import FileError


def check_relative(path: str, *, source: str) -> PurePosixPath:
    """Return ``path`` if it can only lead to a place inside the folder that it is joined to.

    Parameters
    ----------
    path : str
        A path with forward slashes, as written in a catalogue entry, a table or a zip.
    source : str
        Where it was written, for the error: ``"stimuli.zip"``.

    Raises
    ------
    FileError
        If it is empty, absolute, names a drive, holds a backslash or a control character, or climbs with ``..``.
    """
    parts = PurePosixPath(path)
    unsafe = (
        not parts.parts
        or parts.is_absolute()
        or PureWindowsPath(path).drive != ""
        or "\\" in path
        or ".." in parts.parts
        or any(ord(character) < 32 for character in path)
    )
    if unsafe:
        raise FileError(f"{source} holds the unsafe path {path!r}; a path inside its own folder was expected")
    return parts
