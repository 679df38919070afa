"""MATLAB files (version 5 to 7) of the catalogue, read by scipy and taken apart carefully.

Only for files whose checksum was verified: scipy's reader trusts sizes that the file claims.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neuroguide._core.errors import FileError


def read_mat(path: Path, *names: str) -> dict[str, np.ndarray[Any, Any]]:
    """Variables of a MATLAB file.

    Parameters
    ----------
    path : Path
        A file of version 5 to 7 (not 7.3, which is HDF5).
    *names : str
        The variables to read; nothing else is.

    Returns
    -------
    dict of str to array
        Structures are record arrays whose fields are arrays again.

    Raises
    ------
    FileError
        If the file cannot be read or lacks a variable.
    """
    from scipy.io import loadmat

    try:
        with path.open("rb") as handle:
            found = loadmat(handle, variable_names=list(names))
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist; fetch it again") from error
    except Exception as error:  # a broken file ends in whatever scipy's parser trips over
        reason = " ".join(str(error).split())
        raise FileError(f"{path} cannot be read as a MATLAB file ({type(error).__name__}: {reason})") from error
    if lacking := [name for name in names if name not in found]:
        raise FileError(f"{path} lacks the variable {lacking[0]!r}; another file of that name was expected")
    return {name: found[name] for name in names}


def text(cell: Any) -> str:
    """The text in a cell or field that MATLAB wrapped into an array of one string."""
    return str(np.asarray(cell).item())


def texts(cells: Any) -> list[str]:
    """The texts of a cell array, in order."""
    return [text(cell) for cell in np.asarray(cells).ravel()]
