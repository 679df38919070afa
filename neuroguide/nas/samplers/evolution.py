"""Aging evolution.

Real, Aggarwal, Huang & Le 2019, "Regularized Evolution for Image Classifier Architecture Search".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from neuroguide._core.errors import OptionError
from neuroguide.nas.samplers.base import ArchitectureSampler, Told, at_least

if TYPE_CHECKING:
    from neuroguide.nas.spaces.base import Space


class AgingEvolution(ArchitectureSampler):
    """Algorithm 1 of Real et al. 2019: a tournament chooses the parent, the oldest leaves.

    The first ``population`` proposals are random. From then on, ``sample`` members of the living population are drawn
    with replacement, the best of them is mutated in one place, and the child takes the place of the oldest member: the
    living are the ``population`` trials told last.

    Parameters
    ----------
    space : Space
        Where architectures come from.
    seed, lag, redraws
        See :class:`~neuroguide.nas.samplers.base.ArchitectureSampler`.
    population : int
        P of the paper. The paper takes 100 for 20,000 networks; the default is our choice for tens to hundreds of
        candidates.
    sample : int
        S of the paper (25 there).

    Raises
    ------
    OptionError
        If ``sample`` is larger than ``population``, or either is not a positive whole number.
    """

    def __init__(
        self,
        space: Space[Any],
        *,
        seed: int = 0,
        lag: int = 1,
        redraws: int = 20,
        population: int = 8,
        sample: int = 6,
    ) -> None:
        super().__init__(space, seed=seed, lag=lag, redraws=redraws)
        self.population = at_least("population", population, 1)
        self.sample = at_least("sample", sample, 1)
        if sample > population:
            raise OptionError(
                f"sample = {sample} is larger than population = {population}; give a sample that the population holds"
            )

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """A random architecture while the population fills, then a mutated tournament winner."""
        if len(told) < self.population:
            return self.space.sample(rng)
        living = told[-self.population :]
        contest = [living[i] for i in rng.integers(len(living), size=self.sample)]
        sign = -1.0 if study.directions[0] == StudyDirection.MINIMIZE else 1.0
        parent = max(contest, key=lambda t: sign * t.values[0])
        return self.space.mutate(self.architecture(parent), rng)
