"""What is fuzzed: for each kind of file, small valid ones, hostile ones, and how a user opens it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fuzz_hostile as hostile
import fuzz_seeds as seeds
import numpy as np
from fuzz_mutations import damage, damage_hdf5, one_of

import neuroguide as ng
from neuroguide._core import catalog, download
from neuroguide.nas.data import open_data
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.leaderboard import to_csv
from neuroguide.nas.plan import restore_plan
from neuroguide.nas.pools import open_pool
from neuroguide.nas.run import open_run
from neuroguide.nas.trained import open_trained
from neuroguide.recordings.opening import inspect, open_target
from neuroguide.scoring.files import open_scores

#: Folder, generator -> the input that is opened.
Make = Callable[[Path, np.random.Generator], Path]


class HarmError(Exception):
    """Something came through that should not have."""


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes
    ----------
    seeds : callable
        ``seeds(folder) -> list of files`` that open.
    open : callable
        Open it as a user would, and look at what came out.
    hostile : tuple of callables
        Each writes one kind of file that means harm.
    structure : callable, optional
        Damages a file in its own terms, in place.
    isolated : bool
        Whether a child process reads it.
    """

    seeds: Callable[[Path], list[Path]]
    open: Callable[[Path], object]
    hostile: tuple[Make, ...] = ()
    structure: Callable[[Path, np.random.Generator], None] | None = None
    isolated: bool = True


def make(name: str, index: int, seed: int, folder: Path) -> Path:
    """Input number ``index`` of a target, in ``folder``; the same for the same seed."""
    target = TARGETS[name]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), index])
    kept = _seeds(name)
    if index < len(kept):
        return _copy(kept[index], folder)
    how = rng.random()
    if target.hostile and how < 0.2:
        return one_of(rng, target.hostile)(folder, rng)
    path = _copy(one_of(rng, kept), folder)
    if target.structure is not None and how < 0.6:
        with suppress(Exception):  # what its library cannot close any more is damaged enough
            target.structure(path, rng)
    else:
        victim = one_of(rng, sorted(p for p in path.rglob("*") if p.is_file())) if path.is_dir() else path
        victim.write_bytes(damage(victim.read_bytes(), rng))
    return path


@functools.cache
def _seeds(name: str) -> list[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    return TARGETS[name].seeds(folder)


def _copy(path: Path, folder: Path) -> Path:
    target = folder / path.name
    return Path(shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target))


def _recording(path: Path, **options: Any) -> None:
    inspect(path)
    np.isfinite(ng.open_recording(path, **options).values)


def _arrays(path: Path) -> None:
    _recording(path, array="array" if path.suffix == ".npy" else "resp", dims="neuroid, presentation, repetition",
               **({} if path.suffix == ".npy" else {"stimuli": "shown"}))  # fmt: skip


def _table(path: Path) -> None:
    _recording(path, **({"sites": "unit_*"} if path.name.startswith("wide") else {"value": "rate"}))


def _rdms(path: Path) -> None:
    inspect(path)
    ng.open_rdm(path)
    open_target(path)


def _pool(path: Path) -> None:
    pool = open_pool(path)
    pool.values("P + TG(V4, IT)", 1000)
    list(pool.architectures)


def _stimuli(path: Path) -> None:
    found = ng.open_stimuli(path)
    for image in list(found.images(size=8))[:3]:
        if image.shape != (8, 8, 3):
            raise HarmError(f"an image of shape {image.shape}")
    if "<script>" in found._repr_html_():
        raise HarmError("the name of a stimulus is not escaped")


def _training_images(path: Path) -> None:
    open_data(path, validation=1, cache=False)


def _run(path: Path) -> None:
    run = open_run(path)
    text = to_csv(run.leaderboard())
    cells = text.replace("\n", ",").replace('"', "").split(",")
    if any(cell[:1] in "=@+" and cell for cell in cells):
        raise HarmError("the leaderboard holds a formula")
    if "<script>" in run._repr_html_():
        raise HarmError("the page of a run is not escaped")
    run.history()
    restore_plan(RunFolder(path))


def _cached(path: Path) -> None:
    """A file of the cache, downloaded from a server that is not there: only the right content is good."""
    entry = catalog.CatalogEntry(
        name="things", title="", kind="images", base_url="http://127.0.0.1:9", licence="", citation="", supports="",
        files=(catalog.CatalogFile(path="a.bin", sha256=seeds.CACHED_SHA256, size=len(seeds.CACHED)),),
    )  # fmt: skip
    with _home(path):
        found = download.fetch(entry, patience=download.Patience(connect=0.5, read=0.5, attempts=1, pause=0.0))
        if found["a.bin"].read_bytes() != seeds.CACHED:
            raise HarmError("the cache gave out a bad file")


@contextmanager
def _home(path: Path) -> Any:
    before = os.environ.get("NEUROGUIDE_HOME")
    os.environ["NEUROGUIDE_HOME"] = str(path)
    try:
        yield
    finally:
        os.environ.pop("NEUROGUIDE_HOME")
        if before is not None:
            os.environ["NEUROGUIDE_HOME"] = before


TARGETS: dict[str, Target] = {
    "netcdf4": Target(seeds.netcdf4, _recording, hostile.HDF5, damage_hdf5),
    "netcdf-classic": Target(seeds.classic, _recording),
    "nwb": Target(seeds.nwb, _recording, hostile.HDF5, damage_hdf5),
    "matlab-5": Target(seeds.matlab5, _arrays, hostile.MATLAB5),
    "matlab-7.3": Target(seeds.matlab73, _arrays, (), damage_hdf5),
    "hdf5": Target(seeds.hdf5, _arrays, hostile.HDF5, damage_hdf5),
    "npy": Target(seeds.npy, _arrays, hostile.NPY),
    "npz": Target(seeds.npz, _arrays, hostile.NPZ),
    "csv": Target(seeds.csv, _table, hostile.CSV),
    "parquet": Target(seeds.parquet, _table, hostile.PARQUET),
    "rdm": Target(seeds.rdm, _rdms, hostile.HDF5, damage_hdf5),
    "scores": Target(seeds.scores, open_scores, hostile.HDF5, damage_hdf5),
    "pool": Target(seeds.pool, _pool, hostile.HDF5, damage_hdf5),
    "stimuli-zip": Target(seeds.stimuli_zip, _stimuli, hostile.ZIPS, isolated=False),
    "stimuli-folder": Target(seeds.stimuli_folder, _stimuli, hostile.FOLDERS, isolated=False),
    "stimuli-npy": Target(seeds.stimuli_npy, _stimuli, hostile.NPY, isolated=False),
    "images": Target(seeds.images, _stimuli, hostile.IMAGES, isolated=False),
    "training-zip": Target(seeds.training_zip, _training_images, hostile.ZIPS, isolated=False),
    "training-data": Target(seeds.training_data, open_data, hostile.WEIGHTS, hostile.garble_weights, isolated=False),
    "weights": Target(seeds.weights, open_trained, hostile.WEIGHTS, hostile.garble_weights, isolated=False),
    "run": Target(seeds.run, _run, hostile.RUNS, hostile.garble_run, isolated=False),
    "cache": Target(seeds.cached, _cached, isolated=False),
}


def read_many(path: Path, *, target: str, files: list[str]) -> list[dict[str, Any]]:
    """In the child that reads files: open each as in a process of its own, and say how that ended."""
    from fuzz import attempt

    from neuroguide.recordings._isolated import in_this_process

    with in_this_process():
        return [json.loads(json.dumps(attempt(target, Path(file)))) for file in files]
