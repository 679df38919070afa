"""Kriegeskorte et al. 2008: RDMs of monkey IT and human IT over 92 object images, and model RDMs to compare with.

No responses were published, only dissimilarities (1 - Pearson correlation across neurons or voxels).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core import catalog, download
from neuroguide._core.errors import FileError
from neuroguide._core.matfile import read_mat, text
from neuroguide.recordings._catalogued import attributes, description
from neuroguide.recordings._description import Description
from neuroguide.recordings._loader import ArchiveLoader
from neuroguide.stimuli.kriegeskorte2008 import N_STIMULI, NAME, SUPPLEMENT, open_kriegeskorte2008

MODELS = "92_modelRDMs.mat"
SUBJECTS = "92_brainRDMs.mat"

#: The supplement's names for its two RDMs: our region, species, how it was measured, number of sites.
REGIONS = {
    "mIT_674neurons": ("monkey IT", "macaque", "single neurons", 674),
    "hITvisStim_316vx": ("human IT", "human", "fMRI voxels", 316),
}

#: What the stored models are; "EVA" is a measurement, not a model.
MODEL_TITLES = {
    "animacy": "category model: animate or not",
    "FaceBodyManmadeNatobj": "category model: face, body, man-made, natural object",
    "monkeyIT": "measured: monkey IT",
    "EVA": "measured: human early visual cortex",
    "HMAX": "image model: HMAX",
    "V1": "image model: V1",
    "Silhouette": "image model: silhouettes",
    "RADON": "image model: Radon transform of silhouettes",
}


def open_rdm(variant: str | None = None) -> xr.DataArray:
    """The published RDMs.

    Parameters
    ----------
    variant : {"regions", "models", "subjects"}, optional
        ``"regions"`` (the default): monkey IT (674 neurons of two monkeys) and human IT (316 voxels, average of four
        subjects), with a leading dim ``region``. ``"models"``: the eight stored model RDMs, leading dim ``model``.
        ``"subjects"``: human IT of each subject and session, leading dims ``subject`` and ``session``.

    Returns
    -------
    DataArray
        Leading dims, then ``stimulus_id`` and ``stimulus_id_2``; float64, symmetric, zero diagonal. The stimuli are
        those of ``open_stimuli("kriegeskorte2008")``, in their order.

    Raises
    ------
    OptionError
        If there is no such variant.
    DownloadError
        If the files cannot be had.
    """
    part = catalog.entry(NAME).variant(variant)
    files = download.fetch(catalog.entry(NAME), part.paths)
    if part.name == "models":
        return _models(files[MODELS])
    if part.name == "subjects":
        return _subjects(files[SUBJECTS])
    return _regions(files[SUPPLEMENT])


def _regions(path: Path) -> xr.DataArray:
    stored = read_mat(path, "RDMs_mIT_hIT_fig1")["RDMs_mIT_hIT_fig1"].ravel()
    found = {text(rdm["name"]): _square(rdm["RDM"], path) for rdm in stored}
    if set(found) != set(REGIONS):
        raise FileError(f"{path} holds the RDMs {', '.join(found)}; {', '.join(REGIONS)} were expected")
    about = list(REGIONS.values())
    coords = {
        name: ("region", np.asarray([row[column] for row in about]))
        for column, name in enumerate(("region", "species", "measurement", "n_sites"))
    }
    return _labelled(
        np.stack([found[name] for name in REGIONS]), ("region",), coords, "regions", "1 - Pearson correlation"
    )


def _models(path: Path) -> xr.DataArray:
    stored = read_mat(path, "Models")["Models"].ravel()
    names = [text(model["name"]) for model in stored]
    if unknown := [name for name in names if name not in MODEL_TITLES]:
        raise FileError(f"{path} holds the unexpected model {unknown[0]!r}")
    coords = {
        "model": ("model", np.asarray(names)),
        "model_title": ("model", np.asarray([MODEL_TITLES[name] for name in names])),
    }
    rdms = np.stack([_square(model["RDM"], path) for model in stored])
    return _labelled(rdms, ("model",), coords, "models", "dissimilarity, each model's own")


def _subjects(path: Path) -> xr.DataArray:
    stored = read_mat(path, "RDMs")["RDMs"]
    stored = stored.reshape(stored.shape[-2:])  # MATLAB's 1 x subjects x sessions
    # each is named like "hIT | BE | Session: 1"
    names = [[text(rdm["name"]).split(" | ") for rdm in row] for row in stored]
    subjects = [row[0][1] for row in names]
    sessions = [int(name[2].removeprefix("Session: ")) for name in names[0]]
    coords = {"subject": ("subject", np.asarray(subjects)), "session": ("session", np.asarray(sessions))}
    rdms = np.stack([np.stack([_square(rdm["RDM"], path) for rdm in row]) for row in stored])
    return _labelled(rdms, ("subject", "session"), coords, "subjects", "1 - Pearson correlation", region="human IT")


def _square(stored: NDArray[Any], path: Path) -> NDArray[np.float64]:
    """The full matrix from a stored one, condensed (upper triangle, row by row) or full."""
    values = np.asarray(stored, dtype=np.float64)
    n = N_STIMULI
    if values.size == n * (n - 1) // 2:
        square = np.zeros((n, n))
        square[np.triu_indices(n, 1)] = values.ravel()
        return square + square.T
    if values.shape != (n, n):
        raise FileError(f"{path} holds an RDM of shape {values.shape}; one of {n} stimuli was expected")
    if not np.allclose(values, values.T, atol=1e-5) or not np.allclose(np.diag(values), 0, atol=1e-5):
        raise FileError(f"{path} holds an RDM that is not symmetric with a zero diagonal")
    # some were stored in single precision and are symmetric only to its rounding
    square = (values + values.T) / 2
    np.fill_diagonal(square, 0)
    return square


def _labelled(
    values: NDArray[np.float64],
    leading: tuple[str, ...],
    coords: dict[str, tuple[str, NDArray[Any]]],
    variant: str,
    units: str,
    **others: str,
) -> xr.DataArray:
    stimuli = open_kriegeskorte2008().metadata
    ids = np.asarray(stimuli["stimulus_id"].tolist())
    return xr.DataArray(
        values,
        dims=(*leading, "stimulus_id", "stimulus_id_2"),
        coords={
            **coords,
            "stimulus_id": ("stimulus_id", ids),
            "stimulus_id_2": ("stimulus_id_2", ids),
            "category_name": ("stimulus_id", np.asarray(stimuli["category_name"].tolist())),
        },
        attrs=attributes(
            catalog.entry(NAME),
            identifier=f"{NAME}:{variant}",
            stimulus_set=NAME,
            units=units,
            simultaneous=False,
            **others,
        ),
        name="dissimilarity",
    )


def describe(variant: str | None = None) -> Description:
    """What is in it; downloads nothing."""
    entry = catalog.entry(NAME)
    name = NAME if variant is None else f"{NAME}:{variant}"
    return description(entry, variant, f'ng.open_rdm("{name}")', f'ng.open_stimuli("{NAME}")')


LOADER = ArchiveLoader(
    name=NAME,
    title=catalog.entry(NAME).title,
    describe=describe,
    open_rdm=open_rdm,
    variants=tuple(variant.name for variant in catalog.entry(NAME).variants),
)
