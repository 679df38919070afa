"""Successive halving around another sampler: it proposes for the first rung, and the better ones are promoted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from neuroguide.nas.halving import Halving
from neuroguide.nas.samplers.base import ArchitectureSampler, Told


class HalvingSampler(ArchitectureSampler):
    """Proposes by another sampler on the first rung of a ladder, and on the others the best of the rung below.

    The search must tell every trial of a rung before it asks for the next rung
    (:meth:`neuroguide.nas.halving.Halving.start`). The sampler inside learns from first rungs alone.

    Parameters
    ----------
    inside : ArchitectureSampler
        Proposes on the first rung.
    halving : Halving
    worth : callable, optional
        ``worth(told trial) -> float``, larger is better: by what candidates are promoted; by default the told value,
        in the direction of the study.
    """

    def __init__(
        self, inside: ArchitectureSampler, halving: Halving, worth: Callable[[FrozenTrial], float] | None = None
    ) -> None:
        super().__init__(inside.space, seed=inside.seed, lag=inside.lag, redraws=inside.redraws)
        self._inside = inside
        self._halving = halving
        self._worth = worth

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """What the sampler inside draws."""
        return self._inside.draw(study, trial, told, rng)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The parameters of a drawn architecture, or of a promoted one."""
        if self._halving.rung(trial.number) == 0:
            return super().sample_relative(study, trial, search_space)
        return dict(self._promoted(study, trial).params)

    def told(self, study: optuna.Study, trial: FrozenTrial) -> list[FrozenTrial]:
        """Complete trials of first rungs."""
        return [t for t in super().told(study, trial) if self._halving.rung(t.number) == 0]

    def _promoted(self, study: optuna.Study, trial: FrozenTrial) -> FrozenTrial:
        """The trial of the rung below that this trial goes on with: the best first, the earlier of equal ones."""
        start = self._halving.start(trial.number)
        sign = -1.0 if study.directions[0] == StudyDirection.MINIMIZE else 1.0
        below = [t for t in ArchitectureSampler.told(self, study, trial) if self._halving.start(start - 1) <= t.number]
        below = [t for t in below if t.number < start]
        ranked = sorted(below, key=lambda t: (-(self._worth(t) if self._worth else sign * t.values[0]), t.number))
        first = {self.space.hash(self.architecture(t)): t for t in reversed(ranked)}
        # the same network twice comes last: it would only be answered from the store
        distinct = [t for t in ranked if first[self.space.hash(self.architecture(t))] is t]
        return (distinct + [t for t in ranked if t not in distinct])[trial.number - start]
