"""Majaj, Hong et al. 2015 as Brain-Score publishes it: macaque V4 and IT, 3,200 images with repetitions.

The file holds the responses with the ids of the images; what is known of each image is in a table beside it, and
becomes coordinates here. Both come from Brain-Score's public storage, without Brain-Score.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide._core import catalog, download
from neuroguide._core.errors import FileError
from neuroguide._core.options import unknown_option
from neuroguide.recordings._blocks import shorten
from neuroguide.recordings._catalogued import attributes, description
from neuroguide.recordings._description import Description
from neuroguide.recordings._loader import ArchiveLoader
from neuroguide.recordings.netcdf import read_netcdf
from neuroguide.stimuli.majajhong2015 import NAME, stimulus_columns

RESPONSES = "assy_dicarlo_MajajHong2015_public.nc"


def open_recording(variant: str | None = None) -> xr.DataArray:
    """All sites and presentations of the public split.

    Parameters
    ----------
    variant : None
        There is only one recording.

    Returns
    -------
    DataArray
        Dims presentation, neuroid (88 sites of V4, 168 of IT), time_bin (one, 70 to 170 ms); float32, as published.
        On presentation ``stimulus_id``, ``repetition`` and every column of the table of stimuli (``object_name``,
        ``category_name``, ``variation``, ...); on neuroid ``region``, ``animal``, ``arr``, ``row``, ``col``, ...

    Raises
    ------
    OptionError
        If a variant is given.
    FileError
        If a file is not what it should be.
    DownloadError
        If the files cannot be had.
    """
    if variant is not None:
        raise unknown_option(f"part of {NAME}", variant, [], how_to_add=f"give the name alone: {NAME!r}")
    entry = catalog.entry(NAME)
    path = download.fetch(entry, [RESPONSES])[RESPONSES]
    found = read_netcdf(path)
    _check(path, found)
    found = found.drop_vars("image_id", errors="ignore").assign_coords(_columns(path, found))
    found.attrs = attributes(
        entry,
        identifier=NAME,
        stimulus_set=NAME,
        units="as published (the file states none)",
        simultaneous=False,
        repetitions="single presentations",
        time_window=_window(found),
    )
    return found.rename(NAME)


def _check(path: Path, found: xr.DataArray) -> None:
    for dim, name in (("presentation", "stimulus_id"), ("presentation", "repetition"), ("neuroid", "region")):
        if name not in found.coords or found[name].dims != (dim,):
            there = shorten([str(other) for other, coord in found.coords.items() if dim in coord.dims]) or "none"
            raise FileError(f"{path} has no {name!r} for each {dim} (there: {there}); another file was expected")


def _columns(path: Path, found: xr.DataArray) -> dict[str, xr.Variable]:
    """The columns of the table of stimuli, one value a presentation; what the file itself says goes before."""
    table = stimulus_columns()
    shown, ids = pd.factorize(np.asarray([str(name) for name in found["stimulus_id"].values], dtype=object))
    rows = table.index.get_indexer(pd.Index(ids))
    if (rows < 0).any():
        absent = [str(name) for name in ids[rows < 0]]
        raise FileError(f"{path} shows {len(absent)} stimuli that the table of stimuli lacks: {shorten(absent, 3)}")
    columns = [name for name in table.columns if str(name) not in found.coords and str(name) not in found.dims]
    return {str(name): xr.Variable(("presentation",), table[name].to_numpy()[rows][shown]) for name in columns}


def _window(found: xr.DataArray) -> str:
    if not {"time_bin_start", "time_bin_end"} <= set(found.coords):
        return "70 to 170 ms"
    start, end = found["time_bin_start"].values.min(), found["time_bin_end"].values.max()
    return f"{start:g} to {end:g} ms"


def describe(variant: str | None = None) -> Description:
    """What is in it; downloads nothing."""
    return description(catalog.entry(NAME), variant, f'ng.open_recording("{NAME}")', f'ng.open_stimuli("{NAME}")')


LOADER = ArchiveLoader(name=NAME, title=catalog.entry(NAME).title, describe=describe, open=open_recording)
