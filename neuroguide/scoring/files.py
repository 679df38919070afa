"""Scores datasets on disk."""

from __future__ import annotations

import os
from pathlib import Path

import xarray as xr

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import FileError
from neuroguide.recordings._isolated import read_isolated
from neuroguide.recordings.netcdf import read_dataset as read_dataset

#: Version of the layout that we write.
FORMAT = 1


def write_scores(scores: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a Scores dataset as netCDF, whole or not at all.

    Parameters
    ----------
    scores : xarray.Dataset
        As :func:`neuroguide.score` returns it.
    path : path
        The file; replaced if it exists.
    """
    with atomic_path(path) as temporary:
        try:
            scores.assign_attrs(format=FORMAT, kind="scores").to_netcdf(temporary, engine="netcdf4")
        except RuntimeError as error:
            # what the netCDF library makes of a full disk
            raise FileError(f"{path} cannot be written ({error}); is the disk full?") from error
    return Path(path)


def open_scores(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a Scores dataset that :func:`write_scores` wrote.

    Raises
    ------
    FileError
        If the file is missing, is not netCDF, holds something else, or was written by a newer neuroguide.
    """
    file = Path(path)
    if not file.is_file():
        raise FileError(f"{file} does not exist; give a scores file that `neuroguide score --out` wrote")
    scores: xr.Dataset = read_isolated("neuroguide.recordings.netcdf:read_dataset", file)
    if scores.attrs.get("kind") != "scores" or "similarity" not in scores:
        raise FileError(
            f"{file} is not a scores file (no `similarity` by layer and region); "
            f"`neuroguide inspect {file}` says what it holds"
        )
    written = str(scores.attrs.get("format", ""))
    if not written.isdecimal():
        raise FileError(f"{file} names no format of scores ({written!r}); write it again with `neuroguide score --out`")
    if int(written) > FORMAT:
        raise FileError(f"{file} has scores format {written}, this version reads up to {FORMAT}; upgrade neuroguide")
    return scores
