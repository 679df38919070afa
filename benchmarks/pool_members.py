"""Who is in the pools, in which order they are trained, and how: what docs/evidence-plan.md fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroguide._core.seeds import derive_seed
from neuroguide.nas.fidelity import Fidelity, mature_fidelity
from neuroguide.nas.spaces import Space, open_space

SEEDS = {"A": 1, "B": 2}
MILESTONES = (0, 250, 500, 1000, 2000, 4000, 8000, 16000)
MATURE = 60_000
LONGER = 300_000
#: Images of the mature training at which its accuracy is looked at on the way.
ON_THE_WAY = (1000, 2000, 4000, 8000, 16000, 32000)
N_WIDE = 100

SPACES: dict[str, dict[str, Any]] = {
    "macro": {
        "space": "macro",
        "options": {
            "operation": ["conv", "separable", "bottleneck"],
            "activation": ["relu"],
            "normalisation": ["batch"],
            "shared": True,
        },
    },
    "cells": {
        "space": "cells",
        "options": {
            "blocks": [1, 2],
            "operations": ["sep_conv_3x3", "identity", "max_pool_3x3"],
            "inputs": [1],
            "concat": ["all"],
            "reduction": ["same"],
            "repeats": 1,
            "filters": 8,
        },
    },
    "macro-wide": {"space": "macro", "options": {}},
}


@dataclass(frozen=True)
class Job:
    """One architecture and seed; ``longer`` trains it on 300,000 images and nothing else."""

    pool: str
    arch: Any
    hash: str
    seed: str
    longer: bool = False

    @property
    def name(self) -> str:
        """Of its shard, without ending."""
        return f"{'longer' if self.longer else self.pool}/{self.hash}-{self.seed}"


def space_of(pool: str) -> Space[Any]:
    """The space of a pool's members."""
    return open_space(SPACES[pool]["space"], **SPACES[pool]["options"])


def premature(images: int) -> Fidelity:
    """The fidelity that a search has by default."""
    return Fidelity(images=images)


def mature() -> Fidelity:
    """The fidelity that defines how good a network is."""
    return mature_fidelity(MATURE, augmentation=("flip",))


def longer() -> Fidelity:
    """Five times as long."""
    return mature_fidelity(LONGER)


def members(pool: str) -> list[Any]:
    """The architectures in their fixed shuffled order."""
    space = space_of(pool)
    if pool == "macro-wide":
        normed = open_space("macro", activation=["relu"], normalisation=["batch", "layer"])
        found: dict[str, Any] = {}
        draw = 0
        while len(found) < N_WIDE:
            rng = np.random.default_rng(derive_seed("pool", pool, draw))
            arch = (space, normed)[draw % 2].sample(rng)
            found.setdefault(space.hash(arch), arch)
            draw += 1
        return list(found.values())
    everyone = list(space.enumerate())
    order = np.random.default_rng(derive_seed("pool order", pool)).permutation(len(everyone))
    return [everyone[i] for i in order]


def jobs(pool: str) -> list[Job]:
    """Seed A of all members and seed B of the first half: every fourth is a B until A is through."""
    space, everyone = space_of(pool), members(pool)
    hashes = [space.hash(arch) for arch in everyone]
    first = [Job(pool, arch, name, "A") for arch, name in zip(everyone, hashes, strict=True)]
    second = [Job(job.pool, job.arch, job.hash, "B") for job in first[: (len(first) + 1) // 2]]
    found = []
    for i, job in enumerate(first, start=1):
        found.append(job)
        if i % 3 == 0:
            found.append(second.pop(0))
    return found + second


def in_order() -> list[Job]:
    """All jobs in the order of docs/evidence-plan.md, amendment 5; the dozen of ``pool.py`` come after ``cells``."""
    wide, again = jobs("macro-wide"), _of("macro", "B")
    turns = [job for i in range(0, len(wide), 4) for job in [*wide[i : i + 4], again.pop(0)]]
    return _of("macro", "A") + _of("cells", "A") + turns + again + _of("cells", "B")


def _of(pool: str, seed: str) -> list[Job]:
    return [job for job in jobs(pool) if job.seed == seed]
