"""What neuroguide raises and warns of: for ``except`` clauses, and for plugins, which raise the same.

Each message is one sentence that names the file or argument, what was expected, what arrived and what to do.
"""

from neuroguide._core.errors import (
    CandidateError,
    DownloadError,
    FileError,
    InputError,
    MissingExtraError,
    NeuroguideError,
    NeuroguideWarning,
    OptionError,
)

__all__ = [
    "CandidateError",
    "DownloadError",
    "FileError",
    "InputError",
    "MissingExtraError",
    "NeuroguideError",
    "NeuroguideWarning",
    "OptionError",
]
