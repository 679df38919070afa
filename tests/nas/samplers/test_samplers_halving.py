"""Halving around a sampler: what is promoted, and what the sampler inside may learn from."""

from __future__ import annotations

import optuna

from neuroguide.nas.halving import Halving
from neuroguide.nas.samplers import make_sampler
from neuroguide.nas.samplers.halving import HalvingSampler
from neuroguide.nas.spaces import open_space

SPACE = open_space("macro", stages=1)
LADDER = Halving.parse("8x100, 4x200, 2x400")


def climb(inside="random", *, trials=28, direction="maximize", worth=None, value=None):
    """Trials told in order; a trial's value is ``value(number)``, by default the last digits of a multiple of it."""
    sampler = HalvingSampler(make_sampler(inside, SPACE, seed=3), LADDER, worth)
    study = optuna.create_study(direction=direction, sampler=sampler)
    for _ in range(trials):
        trial = study.ask(SPACE.distributions())
        study.tell(trial, (value or (lambda n: n * 37 % 11))(trial.number))
    return study.trials


def test_the_better_half_climbs_best_first():
    trials = climb()
    values = {t.number: t.value for t in trials}
    params = {t.number: t.params for t in trials}
    for ladder in (0, 14):
        first = sorted(range(ladder, ladder + 8), key=lambda n: (-values[n], n))
        assert [params[ladder + 8 + i] for i in range(4)] == [params[n] for n in first[:4]]
        second = sorted(range(ladder + 8, ladder + 12), key=lambda n: (-values[n], n))
        assert [params[ladder + 12 + i] for i in range(2)] == [params[n] for n in second[:2]]


def test_smaller_is_better_where_the_study_says_so():
    trials = climb(direction="minimize", trials=9)
    best = min(trials[:8], key=lambda t: t.value)
    assert trials[8].params == best.params


def test_promotion_by_something_else_than_the_value():
    trials = climb(worth=lambda trial: -trial.number, trials=12)
    assert [t.params for t in trials[8:12]] == [t.params for t in trials[:4]]


def test_the_sampler_inside_learns_from_first_rungs_alone():
    # what the higher rungs are worth differs, so that a sampler that saw them would propose other candidates
    ladder, other = climb("evolution"), climb("evolution", value=lambda n: n * 37 % 11 if n % 14 < 8 else -n)
    assert [t.params for t in ladder[14:22]] == [t.params for t in other[14:22]]
    third = climb("evolution", value=lambda n: n * 29 % 13)
    assert [t.params for t in ladder[14:22]] != [t.params for t in third[14:22]]


def test_candidates_of_a_first_rung_are_distinct():
    trials = climb(trials=22)
    first = [str(sorted(t.params.items())) for t in trials if t.number % 14 < 8]
    assert len(set(first)) == 16
