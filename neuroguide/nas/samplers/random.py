"""Random search: the baseline that every other sampler has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from neuroguide.nas.samplers.base import ArchitectureSampler, Told


class RandomArchitectures(ArchitectureSampler):
    """Every choice uniform over its options; architectures told before are drawn again.

    Takes part in a study with any number of objectives. Parameters are those of
    :class:`~neuroguide.nas.samplers.base.ArchitectureSampler`.
    """

    multi_objective = True

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """One draw from the space."""
        return self.space.sample(rng)
