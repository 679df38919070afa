"""Networks that every search reports or measures beside its candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.samplers.base import DrawnTrial
from neuroguide.nas.spaces import Space


def middle_architecture(space: Space[Any]) -> Any:
    """The middle option of every choice: a network that is neither the smallest nor the largest (our choice)."""

    def middle(name: str, distribution: BaseDistribution) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return distribution.choices[(len(distribution.choices) - 1) // 2]
        if isinstance(distribution, IntDistribution):
            steps = (distribution.high - distribution.low) // distribution.step
            return distribution.low + distribution.step * (steps // 2)
        if isinstance(distribution, FloatDistribution):
            return (distribution.low + distribution.high) / 2
        raise InputError(f"the choice {name!r} has no middle; give reference=")

    return space.suggest(DrawnTrial(middle))


def reference_set(space: Space[Any], n: int, seed: int) -> list[Any]:
    """Different random architectures, for a guide that is standardised over a fixed set.

    Raises
    ------
    InputError
        If the space does not hold so many.
    """
    found: dict[str, Any] = {}
    for i in range(100 * n):
        arch = space.sample(np.random.default_rng(derive_seed(seed, "reference set", i)))
        found.setdefault(space.hash(arch), arch)
        if len(found) == n:
            return list(found.values())
    raise InputError(f"the space {space.name!r} holds too few architectures to standardise a guide over {n} of them")
