"""The errors and the warning of neuroguide.

Each message is one sentence that names the file or argument, what was expected, what arrived and what to do.
"""

from __future__ import annotations

from neuroguide._core.text import sentence


class NeuroguideError(Exception):
    """Base of everything that neuroguide raises on purpose.

    Names from files are part of many messages: what a terminal would obey in them is written as an escape.
    """

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(sentence(part) if isinstance(part, str) else part for part in arguments))


class InputError(NeuroguideError, ValueError):
    """An argument, file or array is not what was expected."""


class OptionError(InputError):
    """A named option is unknown, or not possible together with the others."""


class FileError(InputError):
    """A file is missing, unreadable, truncated, of another format, or larger than allowed."""


class DownloadError(NeuroguideError, OSError):
    """A download failed, stalled, or arrived with another checksum."""


class MissingExtraError(NeuroguideError, ImportError):
    """An optional dependency is not installed; the message says which extra brings it."""


class CandidateError(NeuroguideError, RuntimeError):
    """A candidate of a search could not be evaluated (killed, out of memory, past its time)."""


class NeuroguideWarning(UserWarning):
    """Something that a user should know, although the result stands."""


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """The error for an optional dependency that is not installed.

    Parameters
    ----------
    package : str
        The package that could not be imported, e.g. ``"pynwb"``.
    extra : str
        The extra of neuroguide that brings it, e.g. ``"nwb"``.
    purpose : str
        What it is needed for, as the start of the sentence, e.g. ``"reading NWB files"``.
    """
    return MissingExtraError(f'{purpose} needs {package}, which is not installed: pip install "neuroguide[{extra}]"')
