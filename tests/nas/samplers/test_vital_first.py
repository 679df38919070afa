"""Vital blocks first: what each phase holds fixed, and that the order is kept over restarts and lags."""

from __future__ import annotations

import numpy as np
import optuna
import pytest

from neuroguide._core.errors import OptionError
from neuroguide.nas.samplers import make_sampler
from neuroguide.nas.spaces import open_space
from neuroguide.testing.landscapes import Landscape
from neuroguide.testing.samplers import check_sampler, run_study

SPACE = open_space("hourglass", kernel=(3, 5), squeeze_excite=False)


def layout(*stages):
    """The JSON of a layout with these channels, blocks and strides."""
    rows = [dict(zip(("channels", "blocks", "stride"), stage, strict=True)) for stage in stages]
    style = {"activation": "relu", "squeeze": 0.05, "squeeze_of": "expanded", "expand_always": True}
    return {"stem": 8, "stem_stride": 1, "stages": rows, "head": 8, "style": style}


def make(space, *, seed=0, lag=1):
    return make_sampler("hourglass", space, seed=seed, lag=lag, vital=12, loosened=0.0)


def vital(arch):
    return [block for block, position in zip(arch.blocks, SPACE.positions, strict=True) if position.vital]


def test_keeps_the_contract_on_the_hourglass_space():
    check_sampler(make, SPACE)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_vital_blocks_alone_then_the_others_alone(direction):
    study = optuna.create_study(direction=direction)
    run_study(make, SPACE, trials=40, study=study)
    found = [SPACE.suggest(optuna.trial.FixedTrial(trial.params)) for trial in study.trials]
    first, second = found[:12], found[12:]
    assert all(sum(block is not None for block in arch.blocks) == len(vital(arch)) for arch in first)
    assert len(set(first)) == 12
    value = {"maximize": max, "minimize": min}[direction]
    best = value(study.trials[:12], key=lambda trial: trial.value).number
    assert all(vital(arch) == vital(found[best]) for arch in second)
    assert len(set(second)) > 20
    assert any(sum(block is not None for block in arch.blocks) > len(vital(arch)) for arch in second)


def test_children_differ_from_a_parent_in_the_blocks_of_one_place():
    study = run_study(make, SPACE, trials=40)
    found = [SPACE.suggest(optuna.trial.FixedTrial(trial.params)) for trial in study.trials]
    for number in range(20, 40):
        near = [SPACE.parameters(parent) for parent in found[12:number]]
        own = SPACE.parameters(found[number])
        changed = [{n for n in own.keys() & parent.keys() if own[n] != parent[n]} for parent in near]
        assert min(len(names) for names in changed) <= 1


def test_loosened_changes_vital_blocks_again():
    study = run_study(
        lambda space, seed, lag: make_sampler("hourglass", space, seed=seed, lag=lag, vital=12, loosened=1.0),
        SPACE,
        trials=60,
    )
    found = [SPACE.suggest(optuna.trial.FixedTrial(trial.params)) for trial in study.trials]
    assert len({tuple(vital(arch)) for arch in found[12:]}) > 3


def test_better_than_random_on_a_landscape():
    small = layout((4, 2, 1), (8, 2, 2))
    space = open_space("hourglass", layout=small, kernel=(3, 5), expansion=(1, 6), squeeze_excite=False)
    best = {"random": [], "hourglass": []}
    for seed in range(4):
        land = Landscape(space, seed)
        for name, values in best.items():
            study = optuna.create_study(direction="maximize", sampler=make_sampler(name, space, seed=seed))
            study.optimize(lambda trial, land=land: land(space.suggest(trial)), n_trials=60)
            values.append((land.values > study.best_value).mean())
    assert np.mean(best["hourglass"]) < np.mean(best["random"])


def test_spaces_without_optional_blocks_are_refused():
    for space in (open_space("cells"), open_space("macro", depth=2), open_space("hourglass", layout=layout((4, 1, 2)))):
        with pytest.raises(OptionError, match=r"no block of space .* is optional"):
            make_sampler("hourglass", space)


def test_impossible_options():
    for options in ({"vital": 0}, {"loosened": 1.5}, {"sample": 9}, {"population": 0}):
        with pytest.raises(OptionError):
            make_sampler("hourglass", SPACE, **options)
