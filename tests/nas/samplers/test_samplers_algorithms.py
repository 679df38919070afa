"""Each sampler does what its paper says, checked step by step, and beats chance where there is something to learn."""

from __future__ import annotations

import itertools

import numpy as np
import optuna
import pytest

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.samplers import make_sampler, sampler_options
from neuroguide.nas.samplers.nsga2 import NSGA2, crowding, fronts, survivors
from neuroguide.nas.spaces import open_space
from neuroguide.testing.landscapes import Landscape
from neuroguide.testing.samplers import landscape, run_study

SPACE = open_space("macro", stages=2, operation=("conv", "mbconv"), activation=("relu",), normalisation=("batch",))


def _differences(a, b):
    """Parameters of both that differ."""
    return [name for name in a if name in b and a[name] != b[name]]


def test_aging_evolution_mutates_a_tournament_winner_among_the_living():
    population, sample = 5, 3
    sampler = make_sampler("evolution", SPACE, seed=0, population=population, sample=sample, redraws=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(40):
        trial = study.ask()
        study.tell(trial, landscape(SPACE, SPACE.suggest(trial))[0])
    for trial in study.trials[population:]:
        living = study.trials[trial.number - population : trial.number]
        parents = [t for t in living if len(_differences(t.params, trial.params)) <= 1]
        # the parent is among the living, and it is the best of a sample: not one of the worst two of five, unless
        # the sample drew the same member more than once
        assert parents, f"trial {trial.number} descends from nobody alive"
    # with a sample as large as can be, the parent is nearly always the best of the living
    sampler = make_sampler("evolution", SPACE, seed=0, population=population, sample=population, redraws=0)
    study.sampler = sampler
    hits = 0
    for _ in range(30):
        trial = study.ask()
        best = max(study.trials[-1 - population : -1], key=lambda t: t.value)
        study.tell(trial, landscape(SPACE, SPACE.suggest(trial))[0])
        hits += len(_differences(best.params, trial.params)) <= 1
    # the best is in a sample of 5 out of 5 with probability 1 - 0.8**5 = 0.67
    assert hits >= 14


def test_evolution_minimises_where_the_study_does():
    means = {}
    for direction in ("minimize", "maximize"):
        study = optuna.create_study(direction=direction, sampler=make_sampler("evolution", SPACE, seed=0))
        study.optimize(lambda trial: landscape(SPACE, SPACE.suggest(trial))[0], n_trials=60)
        means[direction] = np.mean([t.value for t in study.trials[-20:]])
    assert means["minimize"] < means["maximize"] - 2


def test_no_architecture_is_proposed_twice_unless_asked_to():
    small = open_space(
        "macro", stages=1, depth=(1, 2), width=(8, 16), operation=("conv",), kernel=(3, 5), skip=("none", "add"),
        activation=("relu",), normalisation=("batch",),
    )  # fmt: skip
    assert small.size() == 16
    study = run_study(lambda space, seed, lag: make_sampler("random", space, seed=seed, redraws=200), small, trials=16)
    assert len({tuple(sorted(t.params.items())) for t in study.trials}) == 16
    study = run_study(lambda space, seed, lag: make_sampler("random", space, seed=seed, redraws=0), small, trials=16)
    assert len({tuple(sorted(t.params.items())) for t in study.trials}) < 16


def _fronts_by_hand(costs):
    left, level, result = set(range(len(costs))), 0, {}
    while left:
        now = {
            i for i in left if not any(all(costs[j] <= costs[i]) and any(costs[j] < costs[i]) for j in left if j != i)
        }
        result |= dict.fromkeys(now, level)
        left -= now
        level += 1
    return [result[i] for i in range(len(costs))]


def test_fronts_equal_the_definition():
    rng = np.random.default_rng(0)
    for _ in range(20):
        costs = rng.integers(0, 5, size=(25, 3)).astype(float)
        assert fronts(costs).tolist() == _fronts_by_hand(costs)


def test_crowding_by_hand():
    # one front of four: f1 spans 0..4, f2 spans 0..10
    costs = np.array([[0.0, 10.0], [1.0, 6.0], [3.0, 1.0], [4.0, 0.0]])
    expected = [np.inf, (3 - 0) / 4 + (10 - 1) / 10, (4 - 1) / 4 + (6 - 0) / 10, np.inf]
    assert crowding(costs).tolist() == pytest.approx(expected)
    assert crowding(np.ones((3, 2))).tolist() == [0, 0, 0]


def test_survivors_come_front_by_front_then_by_crowding():
    costs = np.array([[0.0, 4.0], [1.0, 3.0], [1.1, 2.9], [4.0, 0.0], [5.0, 5.0], [2.0, 3.5]])
    # the first front is 0, 1, 2, 3; of its two inner points, 2 is the less crowded
    assert survivors(costs, 3).tolist() == [0, 3, 2]
    # then point 5 (second front, dominated by 1), and last point 4, which all dominate
    assert survivors(costs, 6).tolist() == [0, 3, 2, 1, 5, 4]


def test_nsga2_takes_each_parameter_from_either_parent():
    sampler = NSGA2(SPACE, population=2, mutation=0.0, crossover=1.0, redraws=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for _ in range(40):
        trial = study.ask()
        SPACE.suggest(trial)
        study.tell(trial, [1.0, 1.0])
    parents = study.trials[:2]
    mixed = 0
    # with equal values, the two eldest stay parents for ever
    for trial in study.trials[2:]:
        for name, value in trial.params.items():
            assert any(value == p.params[name] for p in parents if name in p.params) or not any(
                name in p.params for p in parents
            )
        mixed += all(trial.params != p.params for p in parents)
    assert mixed >= 5


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("multivariate", [True, False])
def test_tpe_proposes_what_optunas_own_would_from_the_same_seed(multivariate):
    options = {"multivariate": multivariate, "redraws": 0}
    study = run_study(lambda space, **given: make_sampler("tpe", space, **given, **options), SPACE, trials=30)
    for number in (12, 20, 29):
        seed = int(np.random.default_rng(derive_seed(0, "proposal", number)).integers(2**32))
        own = optuna.samplers.TPESampler(
            seed=seed, multivariate=multivariate, constant_liar=False, warn_independent_sampling=False
        )
        by_hand = optuna.create_study(direction="maximize", sampler=own)
        by_hand.add_trials(study.trials[:number])
        trial = by_hand.ask()
        SPACE.suggest(trial)
        assert trial.params == study.trials[number].params


def _needed(name, seed, space, codes_of, budget):
    land = codes_of(seed)
    goal = land.threshold(0.005)
    study = optuna.create_study(direction="maximize", sampler=make_sampler(name, space, seed=seed))
    for number in range(budget):
        trial = study.ask()
        value = land(space.suggest(trial))
        study.tell(trial, value)
        if value >= goal:
            return number + 1
    return budget


def test_evolution_and_tpe_need_fewer_trials_than_random():
    """The small version of benchmarks/samplers.py: 8 landscapes, 150 trials, a sign test on all pairs of seeds."""
    space = open_space(
        "macro", stages=2, depth=(1, 2), operation=("conv", "separable"), skip=("none", "add"),
        activation=("relu",), normalisation=("batch",),
    )  # fmt: skip
    codes = np.array([space.encode(arch) for arch in space.enumerate()])
    lands = {seed: Landscape(space, seed, codes=codes) for seed in range(8)}
    needed = {
        name: [_needed(name, seed, space, lands.__getitem__, 150) for seed in lands]
        for name in ("random", "evolution", "tpe")
    }
    for name in ("evolution", "tpe"):
        pairs = [np.sign(r - n) for r, n in itertools.product(needed["random"], needed[name])]
        assert np.mean(pairs) > 0.3, needed
        assert np.mean(needed[name]) < 0.7 * np.mean(needed["random"]), needed


def test_a_landscape_is_what_it_says():
    space = open_space(
        "macro", stages=1, operation=("conv", "mbconv"), activation=("relu", "elu"), normalisation=("batch",)
    )
    land = Landscape(space, seed=3, interaction=0.5)
    archs = list(space.enumerate())
    assert [land(arch) for arch in archs] == pytest.approx(land.values.tolist())
    assert (land.values >= land.threshold(0.01)).sum() == int(0.01 * len(archs))
    # without interactions a linear model explains everything; with half, it does not
    codes = np.column_stack([np.array([space.encode(arch) for arch in archs]), np.ones(len(archs))])

    def unexplained(values):
        return np.var(values - codes @ np.linalg.lstsq(codes, values, rcond=None)[0]) / np.var(values)

    assert unexplained(Landscape(space, 3, interaction=0.0).values) < 1e-20
    assert unexplained(land.values) > 0.02
    with pytest.raises(InputError, match="share"):
        land.threshold(0)


def test_unknown_names_and_options_get_suggestions():
    with pytest.raises(OptionError, match="did you mean 'evolution'"):
        make_sampler("evolutoin", SPACE)
    with pytest.raises(
        OptionError, match="unknown option of sampler 'evolution' 'populaton'; did you mean 'population'"
    ):
        make_sampler("evolution", SPACE, populaton=3)
    assert sampler_options("evolution") == {"redraws": 20, "population": 8, "sample": 6}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("evolution", {"population": 0}),
        ("evolution", {"population": 2.5}),
        ("evolution", {"population": 4, "sample": 5}),
        ("tpe", {"startup": 0}),
        ("tpe", {"multivariate": "yes"}),
        ("nsga2", {"population": 1}),
        ("nsga2", {"mutation": 1.5}),
        ("random", {"redraws": -1}),
        ("random", {"lag": 0}),
    ],
)
def test_impossible_options_are_refused(name, options):
    with pytest.raises(OptionError):
        make_sampler(name, SPACE, **options)


def test_one_value_samplers_refuse_several_objectives():
    study = optuna.create_study(directions=["maximize"] * 2, sampler=make_sampler("evolution", SPACE))
    trial = study.ask()
    with pytest.raises(OptionError, match="use sampler 'nsga2'"):
        SPACE.suggest(trial)


def test_a_study_of_something_else_is_refused():
    study = optuna.create_study(direction="maximize", sampler=make_sampler("evolution", SPACE, population=1, sample=1))
    study.add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(InputError, match="trial 0 of the study holds no architecture of space 'macro'"):
        SPACE.suggest(study.ask())
