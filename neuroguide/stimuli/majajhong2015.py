"""The images of Majaj, Hong et al. 2015 that Brain-Score has made public: objects in front of natural backgrounds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from neuroguide._core import catalog, download
from neuroguide._core.errors import FileError
from neuroguide.stimuli.catalogued import attributes, whole_archive
from neuroguide.stimuli.pixels import ZipPixels
from neuroguide.stimuli.stimulus_set import StimulusSet
from neuroguide.stimuli.tables import FILE_COLUMNS, MAX_TABLE_BYTES, StimulusTable, read_table
from neuroguide.stimuli.zips import check_zip

NAME = "majajhong2015"

TABLE, IMAGES = "stimulus_hvm-public.csv", "stimulus_hvm-public.zip"

#: Width of the images as they were shown, as Brain-Score's benchmarks of this recording state it.
DEGREES = 8.0


def open_majajhong2015(variant: str | None = None) -> StimulusSet:
    """The 3,200 images of the public split, with everything that the archive's table says of each.

    Parameters
    ----------
    variant : None
        There is only one set.

    Raises
    ------
    OptionError
        If a variant is given.
    DownloadError
        If the files cannot be had.
    """
    entry = whole_archive(NAME, variant)
    files = download.fetch(entry, [TABLE, IMAGES])
    table = _read(files[TABLE])
    if table.files is None:
        raise FileError(f"{files[TABLE]} has no column of files ({', '.join(FILE_COLUMNS)})")
    members = {member.filename for member in check_zip(files[IMAGES])}
    absent = [name for name in table.files if name not in members]
    if absent:
        raise FileError(f"{files[IMAGES]} lacks {len(absent)} of {len(table.files)} images, the first is {absent[0]}")
    return StimulusSet(
        table.metadata,
        ZipPixels(files[IMAGES], table.files),
        identifier=NAME,
        degrees=DEGREES,
        attrs=attributes(entry),
    )


def stimulus_columns() -> pd.DataFrame:
    """What the archive's table says of each stimulus, without names of files; one row a stimulus, indexed by its id.

    Raises
    ------
    FileError
        If it is no table of stimuli.
    DownloadError
        If it cannot be had.
    """
    path = download.fetch(catalog.entry(NAME), [TABLE])[TABLE]
    table = _read(path).metadata
    twice = table["stimulus_id"][table["stimulus_id"].duplicated()]
    if len(twice):
        raise FileError(f"{path} has the stimulus {twice.iloc[0]!r} in two rows; one row a stimulus was expected")
    return table.drop(columns=["image_id", *FILE_COLUMNS], errors="ignore").set_index("stimulus_id")


def _read(path: Path) -> StimulusTable:
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise FileError(f"{path} has more than the {MAX_TABLE_BYTES:,} bytes accepted for a table")
    return read_table(path.read_bytes(), name=str(path))
