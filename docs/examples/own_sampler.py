"""A sampler of one's own: climbs from the best network so far, and starts anew now and then."""

from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from neuroguide.nas.samplers import ArchitectureSampler, samplers
from neuroguide.nas.samplers.base import Told
from neuroguide.nas.spaces import Space, open_space
from neuroguide.testing.samplers import check_sampler


class Climber(ArchitectureSampler):
    """Mutates the best network in one place; with probability ``restart`` draws one at random."""

    def __init__(self, space: Space[Any], *, seed: int = 0, lag: int = 1, restart: float = 0.2) -> None:
        super().__init__(space, seed=seed, lag=lag)
        self.restart = restart

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """One architecture; all chance comes from ``rng``, all that is known from ``told``."""
        if not told or rng.random() < self.restart:
            return self.space.sample(rng)
        sign = -1 if study.direction == optuna.study.StudyDirection.MINIMIZE else 1
        best = max(told, key=lambda t: sign * t.value)
        return self.space.mutate(self.architecture(best), rng)


samplers.add("climber", Climber)

if __name__ == "__main__":
    check_sampler(Climber, open_space("macro"), trials=12)
