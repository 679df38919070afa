"""Small recordings whose right answers are known, and small archives in the layout of the catalogued ones.

The archives let their loaders be tested without a download.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from scipy.io import savemat

from neuroguide._core import catalog

Put = Callable[[str, dict[str, bytes]], Path]


@pytest.fixture
def put_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Replace a catalogue entry's files by these, and put them into an empty cache."""
    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path / "cache"))

    def _put(name: str, contents: dict[str, bytes]) -> Path:
        files = []
        for path, content in contents.items():
            target = tmp_path / "cache" / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            files.append(catalog.CatalogFile(path=path, sha256=digest, size=len(content)))
        known = {**catalog.entries(), name: dataclasses.replace(catalog.entry(name), files=tuple(files))}
        monkeypatch.setattr(catalog, "_load", lambda: known)
        return tmp_path / "cache" / name

    return _put


def mat_bytes(content: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, content)
    return buffer.getvalue()


def npy_bytes(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def struct_array(rows: list[dict[str, object]], shape: tuple[int, ...]) -> np.ndarray:
    """A MATLAB structure array of these rows."""
    array = np.empty(len(rows), dtype=[(name, object) for name in rows[0]])
    for i, row in enumerate(rows):
        array[i] = tuple(row.values())
    return array.reshape(shape)


def cell_array(texts: list[str]) -> np.ndarray:
    cells = np.empty((1, len(texts)), dtype=object)
    cells[0] = texts
    return cells


@pytest.fixture
def small_cowley2023(put_archive: Put) -> np.ndarray:
    """Session 210325 with 3 units, 4 images and 2, 3, 1 and 3 repetitions; returns (units, images, repetitions)."""
    responses = np.arange(36, dtype=float).reshape(3, 4, 3)
    responses[:, 0, 2:] = np.nan
    responses[:, 2, 1:] = np.nan
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(1, 5):
            picture = io.BytesIO()
            Image.fromarray(np.full((8, 8, 3), 40 * number, np.uint8)).save(picture, format="JPEG")
            archive.writestr(f"image{number:04d}.jpg", picture.getvalue())
    rows = [
        "session ID | animal ID | train/test",
        "210324 \t\tXX \t train",
        "210325 \t\tPE \t   test",
        "201025 \t\tPE \ttest",
    ]
    readme = "\n".join(rows)
    put_archive(
        "cowley2023",
        {
            "readme.txt": readme.encode(),
            "responses_raw/responses_210325.npy": npy_bytes(responses),
            "responses_repeat_averaged/responses_201025.npy": npy_bytes(np.nanmean(responses, axis=2)),
            "images/images_210325.zip": packed.getvalue(),
            "images/images_201025.zip": packed.getvalue(),
        },
    )
    return responses


OBJECTS = ("car", "couch", "face", "flower", "guitar", "hand", "kiwi")


@pytest.fixture
def small_zhangdesimone(put_archive: Put) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Two neurons with 3 and 2 to 3 trials of each of the 21 stimuli; returns their rasters and labels by name."""
    rng = np.random.default_rng(0)
    stimuli = [f"{name}_{position}" for name in OBJECTS for position in ("lower", "middle", "upper")]
    neurons, contents = {}, {}
    for name, unit, lacking in (("bp1001spk_01A", "A", 0), ("bp1002spk_03B", "B", 1)):
        labels = [str(label) for label in rng.permutation(stimuli * 3)]
        if lacking:
            labels.remove("face_upper")
        raster = (rng.random((len(labels), 1000)) < 0.02).astype(np.uint8)
        neurons[name] = (raster, labels)
        contents[f"{name}_raster_data.mat"] = mat_bytes(
            {
                "raster_data": raster,
                "raster_labels": {"combined_ID_position": cell_array(labels)},
                "raster_site_info": {
                    "session_ID": int(name[2:6]),
                    "recording_channel": int(name[10:12]),
                    "unit": unit,
                    "alignment_event_time": 501,
                },
            }
        )
    put_archive("zhangdesimone7objects", contents)
    return neurons


@pytest.fixture
def small_kriegeskorte(put_archive: Put) -> dict[str, np.ndarray]:
    """The three MATLAB files with random RDMs and one-colour images; returns the RDMs (92, 92) by name."""
    rng = np.random.default_rng(0)
    counts = {
        "human bodypart": 12,
        "human face": 12,
        "nonhuman bodypart": 12,
        "nonhuman face": 12,
        "natural inanimate": 23,
        "artificial inanimate": 21,
    }
    categories = [category for category, n in counts.items() for _ in range(n)]
    labels = ["animate", "inanim", "human", "nonhumani", "body", "face", "natObj", "artiObj"]
    labels += ["rand24", "rand48", "other48", "monkeyape"]
    rdms = {}
    for name in ("mIT_674neurons", "hITvisStim_316vx", "animacy", "HMAX", *(f"{s}{k}" for s in "AB" for k in (1, 2))):
        square = rng.random((92, 92))
        rdms[name] = (square + square.T) * (1 - np.eye(92))
    rows, columns = np.triu_indices(92, 1)
    stimuli = [
        {"category": category, "image": np.full((5, 5, 3), i, np.uint8)} for i, category in enumerate(categories)
    ]
    regions = [
        {"name": name, "RDM": rdms[name][rows, columns][None]} for name in ("mIT_674neurons", "hITvisStim_316vx")
    ]
    subjects = [
        {"RDM": rdms[f"{s}{k}"].astype(np.float32), "name": f"hIT | {s} | Session: {k}"} for s in "AB" for k in (1, 2)
    ]
    put_archive(
        "kriegeskorte2008",
        {
            "Kriegeskorte_Neuron2008_supplementalData.mat": mat_bytes(
                {
                    "categoryLabels": cell_array(labels),
                    "categoryVectors": (rng.random((92, 12)) < 0.5).astype(np.uint8),
                    "stimuli_92objs": struct_array(stimuli, (1, 92)),
                    "RDMs_mIT_hIT_fig1": struct_array(regions, (1, 2)),
                }
            ),
            "92_modelRDMs.mat": mat_bytes(
                {"Models": struct_array([{"RDM": rdms[n], "name": n} for n in ("animacy", "HMAX")], (1, 2))}
            ),
            "92_brainRDMs.mat": mat_bytes({"RDMs": struct_array(subjects, (1, 2, 2))}),
        },
    )
    return rdms


def make(
    n_stimuli: int = 5, n_repetitions: int = 4, n_sites: int = 3, n_bins: int | None = None, seed: int = 0
) -> xr.DataArray:
    """Spike rates with a tuning and noise, presentations in random order."""
    rng = np.random.default_rng(seed)
    tuning = rng.uniform(1, 9, size=(n_stimuli, n_sites, n_bins or 1))
    shown = rng.permutation(np.repeat(np.arange(n_stimuli), n_repetitions))
    repetition = np.array([np.sum(shown[:i] == stimulus) for i, stimulus in enumerate(shown)])
    values = (tuning[shown] + rng.normal(size=(len(shown), n_sites, n_bins or 1))).astype(np.float32)
    dims = ("presentation", "neuroid", "time_bin")
    coords: dict[str, object] = {
        "stimulus_id": ("presentation", np.array([f"stimulus_{i}" for i in shown], dtype=object)),
        "repetition": ("presentation", repetition),
        "category_name": ("presentation", np.array(["animal", "plant"], dtype=object)[shown % 2]),
        "trial": ("presentation", np.arange(len(shown))),
        "neuroid_id": ("neuroid", np.array([f"site_{i}" for i in range(n_sites)], dtype=object)),
        "region": ("neuroid", np.array(["V4", "IT"], dtype=object)[np.arange(n_sites) % 2]),
        "animal": ("neuroid", np.array(["A", "B"], dtype=object)[np.arange(n_sites) // 2 % 2]),
    }
    attrs = {"identifier": "made", "simulated": 1, "units": "spikes/s"}
    if n_bins is None:
        return xr.DataArray(values[:, :, 0], dims=dims[:2], coords=coords, attrs=attrs)
    starts = np.arange(n_bins) * 50.0 - 50.0
    coords |= {"time_bin_start": ("time_bin", starts), "time_bin_end": ("time_bin", starts + 50.0)}
    return xr.DataArray(values, dims=dims, coords=coords, attrs=attrs)


@pytest.fixture
def make_recording() -> Callable[..., xr.DataArray]:
    """A function that makes an assembly: n_stimuli, n_repetitions, n_sites, n_bins, seed."""
    return make


@pytest.fixture
def recording() -> xr.DataArray:
    """5 stimuli, 4 repetitions, 3 sites, no time bins."""
    return make()


@pytest.fixture
def timed() -> xr.DataArray:
    """The same with four bins of 50 ms from -50 ms."""
    return make(n_bins=4)
