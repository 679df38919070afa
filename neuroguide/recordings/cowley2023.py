"""Cowley et al. 2023: macaque V4, Utah arrays, spike counts in 100 ms to images of 112 x 112 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core import catalog, download
from neuroguide._core.errors import FileError
from neuroguide.recordings._catalogued import attributes, description
from neuroguide.recordings._description import Description
from neuroguide.recordings._loader import ArchiveLoader
from neuroguide.stimuli.cowley2023 import NAME, stimulus_ids

README = "readme.txt"

_UNITS = "spikes in 100 ms"
_WINDOW = "100 ms (its start is not stated in the archive)"


def open_recording(variant: str | None = None) -> xr.DataArray:
    """One session of the archive.

    Parameters
    ----------
    variant : {"210325", "201025"}, optional
        The session. 210325 (the default): 50 units, 640 images, 6 to 10 repetitions. 201025: 89 units, 1,200 images,
        published as means over repetitions, so it has no reliability and no ceiling (``attrs["repetitions"]`` says so).

    Returns
    -------
    DataArray
        Dims presentation, neuroid. Presentations go by image, then repetition (the order in which they were shown was
        not published); the archive's padding of missing repetitions is dropped.

    Raises
    ------
    OptionError
        If the catalogue does not hold that session.
    DownloadError
        If the files cannot be had.
    """
    entry = catalog.entry(NAME)
    session = entry.variant(variant).name
    responses_path = next(path for path in entry.variant(session).paths if path.startswith("responses_"))
    files = download.fetch(entry, [README, responses_path])
    values = _read(files[responses_path])
    shown, repetition, responses = _present(values)
    n_images = values.shape[1]
    coords: dict[str, tuple[str, NDArray[Any]]] = {
        "stimulus_id": ("presentation", np.asarray(stimulus_ids(session, n_images))[shown]),
        "number": ("presentation", shown + 1),
        **_neuroids(session, animal_of(files[README], session), len(values)),
    }
    if values.ndim == 3:
        coords["repetition"] = ("presentation", repetition)
        repetitions = "single presentations"
    else:
        repetitions = "averaged by the source"
    return xr.DataArray(
        responses,
        dims=("presentation", "neuroid"),
        coords=coords,
        attrs=attributes(
            entry,
            identifier=f"{NAME}:{session}",
            stimulus_set=f"{NAME}:{session}",
            units=_UNITS,
            simultaneous=True,
            repetitions=repetitions,
            time_window=_WINDOW,
        ),
        name=f"{NAME}_{session}",
    )


def animal_of(readme: Path, session: str) -> str:
    """The animal of a session, from the table in the archive's readme."""
    for line in readme.read_text(encoding="utf-8", errors="replace").splitlines():
        cells = line.split()
        if len(cells) > 2 and cells[0] == session:
            return cells[1]
    raise FileError(f"{readme} has no row for session {session}; another file of that name was expected")


def _read(path: Path) -> NDArray[np.float64]:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FileError(f"{path} cannot be read as a numpy array: {error}") from error
    if values.ndim not in (2, 3) or values.dtype.kind != "f":
        raise FileError(
            f"{path} has shape {values.shape}; (units, images) or (units, images, repetitions) was expected"
        )
    return np.asarray(values, dtype=np.float64)


def _present(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Image and repetition of every presentation, and the responses (n_presentations, n_units)."""
    padded = values.reshape(*values.shape[:2], -1)
    shown, repetition = np.nonzero(~np.isnan(padded).all(axis=0))
    return shown, repetition, np.ascontiguousarray(padded[:, shown, repetition].T)


def _neuroids(session: str, animal: str, n_units: int) -> dict[str, tuple[str, NDArray[Any]]]:
    return {
        "neuroid_id": ("neuroid", np.asarray([f"{session}_unit{unit:02d}" for unit in range(n_units)])),
        "region": ("neuroid", np.full(n_units, "V4")),
        "animal": ("neuroid", np.full(n_units, animal)),
        "session": ("neuroid", np.full(n_units, session)),
    }


def describe(variant: str | None = None) -> Description:
    """What is in it; downloads nothing."""
    entry = catalog.entry(NAME)
    name = f"{NAME}:{entry.variant(variant).name}"
    return description(entry, variant, f'ng.open_recording("{name}")', f'ng.open_stimuli("{name}")')


LOADER = ArchiveLoader(
    name=NAME,
    title=catalog.entry(NAME).title,
    describe=describe,
    open=open_recording,
    variants=tuple(variant.name for variant in catalog.entry(NAME).variants),
)
