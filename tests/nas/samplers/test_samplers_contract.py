"""Every sampler keeps the contract, on a space with choices that exist for some architectures only."""

from __future__ import annotations

from functools import partial

import numpy as np
import optuna
import pytest

from neuroguide.nas.samplers import samplers
from neuroguide.nas.samplers.base import ArchitectureSampler
from neuroguide.nas.spaces import open_space
from neuroguide.testing.samplers import check_rebuilt, check_sampler, check_stays_in_space, landscape

SPACE = open_space("macro", stages=2, operation=("conv", "mbconv"), activation=("relu", "elu"))


@pytest.mark.parametrize("name", list(samplers))
def test_keeps_the_contract(name):
    check_sampler(samplers[name], SPACE)


@pytest.mark.parametrize("name", ["random", "tpe", "nsga2"])
def test_keeps_the_contract_with_three_objectives(name):
    check_sampler(samplers[name], SPACE, objectives=3)


def test_keeps_the_contract_with_parameters_modelled_one_by_one():
    check_sampler(partial(samplers["tpe"], multivariate=False), SPACE, trials=20)


def test_the_contract_catches_a_sampler_with_a_state():
    class Forgetful(ArchitectureSampler):
        def __init__(self, space, *, seed=0, lag=1):
            super().__init__(space, seed=seed, lag=lag)
            self.state = np.random.default_rng(seed)

        def draw(self, study, trial, told, rng):
            return self.space.sample(self.state)

    with pytest.raises(AssertionError, match="keeps a state"):
        check_rebuilt(Forgetful, SPACE)


def test_the_contract_catches_a_sampler_that_leaves_the_space():
    other = open_space("macro", stages=2, operation=("conv", "mbconv"), activation=("relu", "elu"))

    class Partial(ArchitectureSampler):
        def draw(self, study, trial, told, rng):
            return other.sample(rng)

        def sample_relative(self, study, trial, search_space):
            return {}

        def sample_independent(self, study, trial, param_name, param_distribution):
            return param_distribution.choices[0]

    # all first options are a point of the space, so this one passes ...
    check_stays_in_space(Partial, other, trials=3)

    class Doubling(Partial):
        def infer_relative_search_space(self, study, trial):
            return {"stage1.depth": optuna.distributions.CategoricalDistribution((7,))}

        def sample_relative(self, study, trial, search_space):
            return {"stage1.depth": 7}

    # ... and this one proposes a depth that is not an option
    with pytest.raises(ValueError):
        check_stays_in_space(Doubling, other, trials=3)


@pytest.mark.parametrize("name", ["TPESampler", "NSGAIISampler", "RandomSampler"])
def test_optunas_own_samplers_search_our_space(name):
    study = optuna.create_study(direction="maximize", sampler=getattr(optuna.samplers, name)(seed=0))
    study.optimize(lambda trial: landscape(SPACE, SPACE.suggest(trial))[0], n_trials=25)
    assert study.best_value > np.median([t.value for t in study.trials])
