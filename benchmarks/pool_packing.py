"""Pack shards into the netCDF files that are published: also while the training goes on.

    python benchmarks/pool_packing.py SHARDS

writes ``neuroguide/_data/pools/cifar10-*.nc`` (what ``ng.open_pool`` opens) and ``benchmarks/pools/*-controls.nc``
(what ``benchmarks/evidence.py`` needs beside it). Every member of a pool is in its file; what is not trained is NaN.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from pool import about_of
from pool_digest import OTHERS, VARIED, Digester, cached
from pool_entry import N_STAGES, build, data, stimulus_sets
from pool_members import MILESTONES, ON_THE_WAY, SEEDS, SPACES, Job, jobs, longer, mature, premature, space_of
from pool_proxies import PROXIES

from neuroguide._core.atomic import atomic_path, write_text
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.trainer import Preparation

ROOT = Path(__file__).parents[1]
VALIDATION = (250, 500, 1000, 2500, 5000)
STAGES = [f"stage{i + 1}" for i in range(N_STAGES)]
Variables = dict[str, tuple[tuple[str, ...], NDArray[Any]]]


def half(key: str) -> str:
    """Which half of `macro` a member is in: methods are chosen on one and reported on the other."""
    return "choose" if derive_seed("pool", "half", key) % 2 else "report"


def proxies(job: Job, shards: Path) -> list[float]:
    """Zero-cost proxies of the untrained network on 64 training images, computed once."""
    kept = shards / "proxies" / f"{job.pool}-{job.hash}-{job.seed}.json"
    if not kept.exists():
        rows = np.random.default_rng(derive_seed("pool", "proxies")).permutation(len(data().train))[:64]
        fidelity = premature(0)
        images = Preparation(data(), fidelity, torch.device("cpu"))(data().train.images[rows]).contiguous()
        network, _ = build(job, fidelity)
        values = [proxy(network, images, data().train.labels[rows]) for proxy in PROXIES.values()]
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(kept, json.dumps(values))
    return [float(value) for value in json.loads(kept.read_text())]


class Packing:
    """The arrays of one pool, filled shard by shard."""

    def __init__(self, pool: str, shards: Path, digester: Digester) -> None:
        self.pool, self.shards, self.digester = pool, shards, digester
        self.space = space_of(pool)
        self.jobs = list(jobs(pool))
        self.members = [job for job in self.jobs if job.seed == "A"]
        self.row = {job.hash: row for row, job in enumerate(self.members)}
        self.main: Variables = {}
        self.controls: Variables = {}
        self.reasons: dict[str, str] = {}

    def fill(self) -> tuple[xr.Dataset, xr.Dataset]:
        """Both datasets of what is there."""
        for job in self.jobs:
            path = self.shards / f"{job.name}.npz"
            if path.exists():
                at = (self.row[job.hash], list(SEEDS).index(job.seed))
                self._trainings(about_of(path)["trainings"], at, job)
                self._outcomes(path, at)
                self._similarities(cached(path, self.digester), at)
                self._put(self.main, "proxies", ("proxy",), at, np.array(proxies(job, self.shards)))
        self._longer()
        return self._main_dataset(), self._controls_dataset()

    def _put(self, into: Variables, name: str, dims: tuple[str, ...], at: tuple[int, int], values: Any) -> None:
        values = np.asarray(values)
        if name not in into:
            shape = (len(self.members), len(SEEDS), *values.shape)
            # proxies may be too large for float32
            kind = np.float64 if name == "proxies" else np.float32
            into[name] = (("architecture", "seed", *dims), np.full(shape, np.nan, kind))
        into[name][1][at] = values

    def _trainings(self, trainings: list[dict[str, Any]], at: tuple[int, int], job: Job) -> None:
        early, last = trainings[:-1], trainings[-1]
        for name in ("summed_training_loss", "validation_loss", "training_seconds", "validation_seconds",
                     "stimuli_seconds"):  # fmt: skip
            values = [np.nan if t[name] is None else t[name] for t in early]
            self._put(self.main, name, ("images",), at, values)
        for name in ("training_seconds", "test_accuracy", "test_loss", "validation_accuracy"):
            diverged = last["reason"] is not None and name.endswith("accuracy")
            value = 0.0 if diverged else last[name]
            self._put(self.main, f"mature_{name}", (), at, np.nan if value is None else value)
        on_the_way = [last["on_the_way"].get(str(images), np.nan) for images in ON_THE_WAY]
        self._put(self.main, "accuracy_on_the_way", ("images_on_the_way",), at, on_the_way)
        for training in trainings:
            if training["reason"]:
                self.reasons[f"{job.hash} {job.seed} {training['images']}"] = training["reason"]

    def _outcomes(self, path: Path, at: tuple[int, int]) -> None:
        with np.load(path, allow_pickle=False) as shard:
            right = np.unpackbits(shard["right/validation"], axis=1)[: len(MILESTONES), : VALIDATION[-1]]
        accuracy = np.stack([right[:, :n].mean(1) for n in VALIDATION], axis=1)
        for row, images in enumerate(MILESTONES):
            if f"{self.members[at[0]].hash} {list(SEEDS)[at[1]]} {images}" in self.reasons:
                accuracy[row] = 0.0
        self._put(self.main, "validation_accuracy", ("images", "validation_images"), at, accuracy)

    def _similarities(self, digest: dict[str, NDArray[Any]], at: tuple[int, int]) -> None:
        every = np.concatenate([digest[f"similarity/{w}"] for w in self.digester.sets], axis=-1)
        published = ~self._untrained()
        early = every[: len(MILESTONES)]
        self._put(self.main, "similarity", ("images", "stage", "teacher"), at, early[..., published])
        self._put(self.main, "mature_similarity", ("stage", "teacher"), at, every[-1][..., published])
        highest = np.nan_to_num(early[..., ~published], nan=-1.0).max(axis=1)
        self._put(self.controls, "untrained", ("images", "untrained_teacher"), at, highest)
        for name, _, comparison in OTHERS:
            parts = [digest[f"{name}/{w}"] for w in self.digester.sets if self.digester.brain[w]]
            highest = np.nan_to_num(np.concatenate(parts, axis=-1), nan=-1.0).max(axis=1)
            self._put(self.controls, name, ("images_early", "brain_teacher"), at, highest)
            # in the pool too: the guide "auto" may compare by any
            later = np.full((len(MILESTONES) - len(highest), highest.shape[1]), np.nan)
            whole = np.concatenate([highest, later])
            self._put(self.main, f"similarity_{comparison}", ("images", "teacher_compared"), at, whole)
        for name, values in digest.items():
            kind = name.split("/")[0]
            if kind in ("null", "units", "repetitions", "stimuli"):
                plain = name.replace("/", " ")
                self._put(self.controls, plain, ("images_varied", f"{plain} draw"), at, values)

    def _names(self) -> list[str]:
        return [name for w in self.digester.sets for name in self.digester.by_set[w]]

    def _untrained(self) -> NDArray[np.bool_]:
        return np.array([name.startswith("untrained") for name in self._names()])

    def _longer(self) -> None:
        values = np.full(len(self.members), np.nan, np.float32)
        for job in self.members:
            path = self.shards / "longer" / f"{job.hash}-A.npz"
            if self.pool == "macro" and path.exists():
                values[self.row[job.hash]] = about_of(path)["trainings"][-1]["test_accuracy"]
        self.main["longer_test_accuracy"] = (("architecture",), values)

    def _members(self) -> Variables:
        costs = [self.space.cost(job.arch) for job in self.members]
        text = [json.dumps(self.space.to_json(job.arch), sort_keys=True) for job in self.members]
        return {
            "architecture_json": (("architecture",), np.array(text, dtype=object)),
            **{
                name: (("architecture",), np.array([getattr(c, name) for c in costs], np.int64))
                for name in ("parameters", "macs", "flops")
            },
        }

    def _main_dataset(self) -> xr.Dataset:
        rows = {row["name"]: row for row in self.digester.table}
        named = [name for name, no in zip(self._names(), self._untrained(), strict=True) if not no]
        keys = [job.hash for job in self.members]
        coords: dict[str, Any] = {
            "architecture": np.array(keys, dtype=object),
            "seed": np.array(list(SEEDS), dtype=object),
            "images": np.array(MILESTONES),
            "images_on_the_way": np.array(ON_THE_WAY),
            "validation_images": np.array(VALIDATION),
            "stage": np.array(STAGES, dtype=object),
            "proxy": np.array(list(PROXIES), dtype=object),
            "teacher": np.array(named, dtype=object),
            "teacher_compared": np.array([n for w in self.digester.sets for n in self.digester.brain[w]], dtype=object),
            "teacher_kind": ("teacher", np.array([rows[n]["kind"] for n in named], dtype=object)),
            "teacher_stimuli": ("teacher", np.array([rows[n]["stimuli"] for n in named], dtype=object)),
            "teacher_ceiling": ("teacher", np.array([rows[n]["ceiling"] or np.nan for n in named])),
        }
        if self.pool == "macro":
            coords["half"] = ("architecture", np.array([half(key) for key in keys], dtype=object))
        sizes = {w: len(stimuli) for w, stimuli in stimulus_sets().items()}
        attrs = {
            "format": 1,
            "kind": "pool",
            "name": f"cifar10-{self.pool}",
            "space": json.dumps(SPACES[self.pool]),
            "data": f"cifar10, identifier {data().identifier}: 45,000 training, 5,000 validation, 10,000 test images",
            "seeds": json.dumps(SEEDS),
            "premature_fidelity": json.dumps(premature(1000).to_json()),
            "mature_fidelity": json.dumps(mature().to_json()),
            "longer_fidelity": json.dumps(longer().to_json()),
            "stimuli": json.dumps(sizes),
            "reasons": json.dumps(self.reasons),
            "licence": "MIT for this table. Similarities derive from recordings of other licences: see the catalogue.",
        }
        return xr.Dataset({**self._members(), **self.main}, coords, attrs)

    def _controls_dataset(self) -> xr.Dataset:
        untrained = [name for name, yes in zip(self._names(), self._untrained(), strict=True) if yes]
        brain = [name for w in self.digester.sets for name in self.digester.brain[w]]
        coords: dict[str, Any] = {
            "architecture": np.array([job.hash for job in self.members], dtype=object),
            "seed": np.array(list(SEEDS), dtype=object),
            "images": np.array(MILESTONES),
            "images_varied": np.array(VARIED),
            "images_early": np.array(MILESTONES[: MILESTONES.index(4000) + 1]),
            "untrained_teacher": np.array(untrained, dtype=object),
            "brain_teacher": np.array(brain, dtype=object),
        }
        return xr.Dataset(self.controls, coords, {"format": 1, "kind": "pool controls", "name": self.pool})


def write(dataset: xr.Dataset, path: Path) -> None:
    """Compressed, to five decimals."""
    encoding = {
        name: {"zlib": True, "complevel": 6, "shuffle": True, "least_significant_digit": 5}
        for name, variable in dataset.data_vars.items()
        if variable.dtype.kind == "f" and variable.ndim > 1
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        dataset.to_netcdf(temporary, engine="netcdf4", encoding=encoding)


def main() -> None:
    """Pack all pools."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    shards = parser.parse_args().shards
    torch.set_num_threads(1)
    digester = Digester(shards)
    for pool in SPACES:
        packing = Packing(pool, shards, digester)
        if not any((shards / f"{job.name}.npz").exists() for job in packing.jobs):
            continue
        main_part, controls = packing.fill()
        write(main_part, ROOT / "neuroguide" / "_data" / "pools" / f"cifar10-{pool}.nc")
        write(controls, ROOT / "benchmarks" / "pools" / f"{pool}-controls.nc")
        trained = int(np.isfinite(main_part["mature_test_accuracy"]).sum())
        print(f"{pool}: {trained} of {len(packing.jobs)} entries packed", flush=True)


if __name__ == "__main__":
    main()
