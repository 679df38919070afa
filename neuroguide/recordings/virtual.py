"""The virtual primate: simulated V4 and IT sites of two animals, embedded in the package.

Nothing here was recorded from an animal. ``data/README.md`` says how the responses are made.
"""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import FileError, OptionError
from neuroguide.recordings._description import ArrayInfo, Description
from neuroguide.recordings._loader import ArchiveLoader
from neuroguide.stimuli.virtual import NAME, RESPONSES, check_variant, embedded, manifest
from neuroguide.stimuli.virtual import open_virtual as open_stimuli

TITLE = "Virtual primate: SIMULATED V4 and IT, two animals, rendered objects"

_SITE_COLUMNS = ("neuroid_id", "region", "animal", "arr", "row", "col")


def open_virtual(variant: str | None = None, *, repetitions: int | None = None) -> xr.DataArray:
    """The simulated recording: 128 V4 and 168 IT sites of two animals, 320 stimuli, 12 repetitions.

    Parameters
    ----------
    variant : str, optional
        There is only one recording: leave it out.
    repetitions : int, optional
        Only so many repetitions of each stimulus, the first ones; all if not given.

    Returns
    -------
    DataArray
        Spikes/s in single trials, float32, dims presentation, neuroid. Presentations go by repetition, then stimulus,
        with what each image shows; neuroids have ``region``, ``animal``, ``arr``, ``row``, ``col``.
        ``attrs["simulated"]`` is 1.

    Raises
    ------
    OptionError
        If a variant is asked for, or more repetitions than there are.
    FileError
        If the embedded files are missing or not those that this version of neuroguide was built with.
    """
    check_variant(variant)
    about, stored = manifest(), _read()
    counts = stored["counts"]
    n_stimuli, available, _ = counts.shape
    taken = available if repetitions is None else repetitions
    if not 1 <= taken <= available:
        raise OptionError(f"the virtual primate has 1 to {available} repetitions; got repetitions={repetitions}")
    stimuli = open_stimuli()
    if stored["stimulus_id"].tolist() != stimuli.ids:
        raise FileError(f"{embedded(RESPONSES)} and the embedded images are of different builds; install again")
    first, last = about["window_ms"]
    rates = counts[:, :taken].astype(np.float32) * np.float32(1000 / (last - first))
    shown = np.tile(np.arange(n_stimuli), taken)
    columns = stimuli.metadata.drop(columns=["filename", "scene"])
    coords: dict[str, tuple[str, NDArray[Any]]] = {
        str(name): ("presentation", _plain(columns[name].to_numpy())[shown]) for name in columns
    }
    coords["repetition"] = ("presentation", np.repeat(np.arange(taken), n_stimuli))
    coords |= {name: ("neuroid", _plain(stored[name])) for name in _SITE_COLUMNS}
    return xr.DataArray(
        rates.transpose(1, 0, 2).reshape(taken * n_stimuli, -1),
        dims=("presentation", "neuroid"),
        coords=coords,
        attrs={
            "identifier": NAME,
            "stimulus_set_identifier": NAME,
            "source": about["source"],
            "licence": about["licence"],
            "citation": about["citation"],
            "simulated": 1,
            # the sites of an animal share noise; between the animals it is independent, as it would be estimated
            "simultaneous": 1,
            "normalise": "none",
            "units": "spikes/s",
            "repetitions": "single presentations",
            "time_window": f"{first} to {last} ms after stimulus onset",
            "degrees": float(about["degrees"]),
        },
        name=NAME,
    )


def _read() -> dict[str, NDArray[Any]]:
    """The stored arrays; what is read was compared with its checksum, and nothing is unpickled."""
    path = embedded(RESPONSES)
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in ("counts", "stimulus_id", *_SITE_COLUMNS)}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise FileError(f"{path} cannot be read ({error}); install neuroguide again") from error


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Text as Python strings, as every loader gives it."""
    return values if values.dtype.kind in "iuf" else values.astype(object)


def describe(variant: str | None = None) -> Description:
    """What is in it."""
    check_variant(variant)
    counts = _read()["counts"]
    n_stimuli, repetitions, n_sites = counts.shape
    return Description(
        source=NAME,
        format=TITLE,
        arrays=(ArrayInfo("responses", (n_stimuli * repetitions, n_sites), "float32", ("presentation", "neuroid")),),
        how_to_open=(f'ng.open_recording("{NAME}")', f'ng.open_stimuli("{NAME}")'),
        notes=(
            "SIMULATED: no animal was recorded. For learning, trying out and testing; it says nothing about brains.",
            f"{n_stimuli} stimuli, {repetitions} repetitions, {n_sites} sites of two animals in V4 and IT.",
            f"Licence: {manifest()['licence']}.",
            f"Cite: {manifest()['citation']}",
            "Embedded in the package: nothing to download.",
        ),
    )


LOADER = ArchiveLoader(name=NAME, title=TITLE, describe=describe, open=open_virtual)
