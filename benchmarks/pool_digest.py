"""From a shard's RDMs to similarities: with every teacher and control, and with permuted and smaller ones."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pool_teachers
import torch
from numpy.typing import NDArray
from pool_entry import LEVELS, stimulus_sets
from pool_members import MILESTONES
from torch import Tensor

import neuroguide as ng
from neuroguide._core.atomic import atomic_path
from neuroguide._core.seeds import derive_seed
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.inference.permutation import draw_orders
from neuroguide.engine.similarity import unit_vectors
from neuroguide.engine.triangle import condense, square_form
from neuroguide.nas.guides import Teacher
from neuroguide.recordings.averaging import average_repetitions

#: Images at which permutations and smaller teachers are looked at.
VARIED = (0, 1000, 4000)
N_PERMUTATIONS = 200
N_DRAWS = 10
UNITS = (5, 10, 20, 40, 60, 80)
REPETITIONS = (1, 2, 4, 6)
STIMULI = {"it": (12, 23, 46, 69), "v4": (40, 80, 160, 320)}
#: (name, distance of the candidate, comparison): beside correlation and Pearson.
OTHERS = (("spearman", "correlation", "spearman"), ("whitened", "correlation", "whitened-pearson"),
          ("cka", "euclidean", "cka"))  # fmt: skip
_ROWS = [MILESTONES.index(images) for images in VARIED]


def decoded(shard: Any, where: str, distance: str = "correlation") -> Tensor:
    """RDMs of a shard, (trainings, stages, pairs) in float64; NaN where a stage is dead."""
    low, high = np.moveaxis(shard[f"range/{where}"], -1, 0)[..., None]
    found = torch.from_numpy(low + (high - low) / LEVELS * shard[f"rdm/{where}"].astype(np.float64))
    if distance == "correlation":
        return found
    mean, norm = (torch.from_numpy(shard[f"{name}/{where}"].astype(np.float64)) for name in ("mean", "norm"))
    features = torch.from_numpy(shard[f"features/{where}"].astype(np.float64))[..., None, None]
    inner = norm[..., :, None] * norm[..., None, :] * (1 - square_form(found))
    squares = norm[..., :, None] ** 2 + norm[..., None, :] ** 2 - 2 * inner
    return condense(squares / features + (mean[..., :, None] - mean[..., None, :]) ** 2)


def similarities(rdms: Tensor, teachers: Tensor, method: str = "pearson") -> NDArray[np.float32]:
    """``(trainings, stages, teachers)`` from RDMs and teachers' unit vectors; NaN for dead stages."""
    flat = rdms.flatten(0, 1)
    live = ~torch.isnan(flat).any(-1)
    found = torch.full((len(flat), len(teachers)), torch.nan)
    # one at a time: ranks and kernels of many would not fit
    for row in torch.nonzero(live).flatten():
        found[row] = (unit_vectors(flat[row], method).float() @ teachers.T).float()
    return found.reshape(*rdms.shape[:2], -1).numpy()


def highest(rdms: Tensor, teachers: Tensor) -> NDArray[np.float32]:
    """Maximum over live stages, ``(trainings, teachers)``; -1 where all are dead."""
    return np.nan_to_num(similarities(rdms, teachers), nan=-1.0).max(axis=1)


def units(vectors: list[NDArray[Any]] | NDArray[Any], method: str = "pearson") -> Tensor:
    """Unit vectors of teachers, float32, stacked."""
    return torch.stack([unit_vectors(torch.as_tensor(v, dtype=torch.float64), method).float() for v in vectors])


class Digester:
    """Everything about teachers that is computed once."""

    def __init__(self, shards: Path) -> None:
        self.table, self.rdms = pool_teachers.read(shards / "teachers.npz")
        self.sets = list(stimulus_sets())
        self.by_set = {w: [row["name"] for row in self.table if row["stimuli"] == w] for w in self.sets}
        self.unit = {w: units([self.rdms[name] for name in names]) for w, names in self.by_set.items()}
        self.brain = {w: [n for n in self.by_set[w] if _kind(self.table, n) == "brain"] for w in self.sets}
        self.other = {
            (name, w): units([self.rdms[teacher] for teacher in self.brain[w]], method)
            for name, _, method in OTHERS
            for w in self.sets
            if self.brain[w]
        }

    def digest(self, path: Path) -> dict[str, NDArray[Any]]:
        """All similarities of one shard."""
        found: dict[str, NDArray[Any]] = {}
        with np.load(path, allow_pickle=False) as shard:
            for w in self.sets:
                rdms = decoded(shard, w)
                found[f"similarity/{w}"] = similarities(rdms, self.unit[w])
                for name, distance, method in OTHERS if self.brain[w] else ():
                    other = rdms if distance == "correlation" else decoded(shard, w, distance)
                    early = other[: MILESTONES.index(4000) + 1]
                    found[f"{name}/{w}"] = similarities(early, self.other[name, w], method)
                varied = rdms[_ROWS]
                for name, teachers in self._variants(w).items():
                    found[name] = highest(varied, teachers)
                for name, pairs, teacher in self._fewer_stimuli(w):
                    found[name] = np.stack(
                        [highest(varied[..., kept], teacher[None, row]) for row, kept in enumerate(pairs)], axis=-1
                    )[:, 0]
        return found

    @functools.cache  # noqa: B019
    def _variants(self, where: str) -> dict[str, Tensor]:
        """Unit vectors of permuted and smaller versions of a set's recording."""
        found = {}
        if where == "v4":
            found["null/V4"] = self._permuted("V4", None)
            found["repetitions/V4"] = _fewer_repetitions()
        if where == "it":
            found["null/monkey IT"] = self._permuted("monkey IT", None)
            metadata = stimulus_sets()["it"].metadata
            _, categories = np.unique(metadata["category_name"].astype(str), return_inverse=True)
            found["null/monkey IT within"] = self._permuted("monkey IT", torch.from_numpy(categories))
        if where == "v4-89":
            found["units/V4-89"] = _fewer_units(list(stimulus_sets()[where].ids))
        return found

    def _permuted(self, name: str, categories: Tensor | None) -> Tensor:
        square = square_form(torch.from_numpy(self.rdms[name]))
        orders = draw_orders(len(square), N_PERMUTATIONS, derive_seed("pool", "permutations", name), categories)
        return units([condense(square[order][:, order]).numpy() for order in orders])

    @functools.cache  # noqa: B019
    def _fewer_stimuli(self, where: str) -> list[tuple[str, NDArray[np.intp], Tensor]]:
        """For each number of stimuli: its name, the pairs of each draw, and the teacher's unit vectors on them."""
        name = {"it": "monkey IT", "v4": "V4"}.get(where)
        found = []
        for count in STIMULI.get(where, ()):
            n = len(stimulus_sets()[where])
            rows, columns = np.triu_indices(n, 1)
            pairs = []
            for draw in range(N_DRAWS):
                rng = np.random.default_rng(derive_seed("pool", "fewer stimuli", where, count, draw))
                kept = np.zeros(n, bool)
                kept[rng.permutation(n)[:count]] = True
                pairs.append(np.flatnonzero(kept[rows] & kept[columns]))
            teacher = units([self.rdms[str(name)][kept] for kept in pairs])
            found.append((f"stimuli/{name}/{count}", np.stack(pairs), teacher))
        return found


def _kind(table: list[dict[str, Any]], name: str) -> str:
    return next(row["kind"] for row in table if row["name"] == name)


def _fewer_units(ids: list[str]) -> Tensor:
    """Teachers from some of the 89 units of session 201025: 10 draws of each number."""
    recording = average_repetitions(ng.open_recording("cowley2023:201025"))
    order = {str(name): row for row, name in enumerate(recording["stimulus_id"].values)}
    responses = torch.from_numpy(recording.values[[order[name] for name in ids]].astype(np.float64))
    found = []
    for count in UNITS:
        for draw in range(N_DRAWS):
            rng = np.random.default_rng(derive_seed("pool", "fewer units", count, draw))
            found.append(rdm(responses[:, rng.permutation(responses.shape[1])[:count]]).numpy())
    return units(found)


def _fewer_repetitions() -> Tensor:
    """Teachers from some repetitions of session 210325: 10 draws of each number."""
    recording = ng.open_recording("cowley2023:210325")
    found = []
    for count in REPETITIONS:
        for draw in range(N_DRAWS):
            rng = np.random.default_rng(derive_seed("pool", "fewer repetitions", count, draw))
            ranks = np.empty(recording.sizes["presentation"])
            stimulus = recording["stimulus_id"].values
            for name in np.unique(stimulus):
                own = np.flatnonzero(stimulus == name)
                ranks[own] = rng.permutation(len(own))
            part = recording.isel(presentation=ranks < count)
            found.append(Teacher(part, ceiling=False).lesson().layers[0].rdm.numpy())
    return units(found)


def cached(path: Path, digester: Digester) -> dict[str, NDArray[Any]]:
    """A shard's digest, computed once."""
    kept = path.parent.parent / "digests" / path.parent.name / path.name
    if not kept.exists() or kept.stat().st_mtime < path.stat().st_mtime:
        found = digester.digest(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as temporary, open(temporary, "wb") as file:
            np.savez(file, **found)
    with np.load(kept, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
