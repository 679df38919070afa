"""Progressive search against Algorithm 1 by brute force on a small space, growing in other spaces, and the contract."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import optuna
import pytest
import torch
from torch import nn

from neuroguide._core.errors import OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.samplers import make_sampler, samplers
from neuroguide.nas.samplers.progressive_growth import GroupGrowth, Growing, growth_of
from neuroguide.nas.samplers.progressive_surrogate import Ensemble
from neuroguide.nas.spaces import DeclaredSpace, choice, open_space
from neuroguide.nas.spaces.cells.cell import Cell, canonical_cell
from neuroguide.testing.landscapes import Landscape, enumerate_codes
from neuroguide.testing.samplers import check_sampler, landscape

CELLS = open_space(
    "cells", blocks=(1, 2, 3), operations=("sep_conv_3x3", "identity"), inputs=1, concat="all", reduction="same"
)
EVERY = list(CELLS.enumerate())


def of_size(n):
    return {arch for arch in EVERY if len(arch.normal.blocks) == n}


def one_smaller(arch):
    """All cells that remain when a block that no other takes is taken away."""
    cell = arch.normal
    smaller = set()
    for i in set(range(len(cell.blocks))) - cell.used:

        def moved(half, i=i):
            return dataclasses.replace(half, input=half.input - (half.input > i + 2))

        left = [type(b)(moved(b.first), moved(b.second)) for j, b in enumerate(cell.blocks) if j != i]
        smaller.add(canonical_cell(Cell(tuple(left), "all")))
    return smaller


def worth(arch):
    return landscape(CELLS, arch)[0]


def run(sampler, trials, direction="maximize"):
    study = optuna.create_study(direction=direction, sampler=sampler)
    told = []
    for _ in range(trials):
        trial = study.ask()
        arch = CELLS.suggest(trial)
        told.append((arch, worth(arch)))
        study.tell(trial, told[-1][1])
    return told


def test_the_first_level_is_every_cell_of_one_block():
    assert len(of_size(1)) == 3
    told = run(make_sampler("progressive", CELLS, seed=0), 3)
    assert {arch for arch, _ in told} == of_size(1)
    orders = [[arch for arch, _ in run(make_sampler("progressive", CELLS, seed=s), 3)] for s in range(4)]
    assert any(order != orders[0] for order in orders)
    # or a part of it
    told = run(make_sampler("progressive", CELLS, seed=0, first=2, beam=4), 6)
    assert [len(arch.normal.blocks) for arch, _ in told] == [1, 1, 2, 2, 2, 2]


def test_expansions_by_brute_force():
    sampler = make_sampler("progressive", CELLS, seed=0)
    known = sorted(of_size(1), key=repr)[:2]
    expected = {arch for arch in of_size(2) if one_smaller(arch) & {k.normal for k in known}}
    assert 0 < len(expected) < len(of_size(2))
    assert set(sampler.expansions(0, known)) == expected
    # told ones are left out, and with nothing of the level's stature the lower one is expanded
    some = sorted(expected, key=repr)[:3]
    assert set(sampler.expansions(0, known + some)) == expected - set(some)
    assert set(sampler.expansions(1, known)) == expected
    larger = {arch for arch in of_size(3) if one_smaller(arch) & {k.normal for k in some}}
    assert set(sampler.expansions(1, known + some)) == larger
    # after full size, it begins again
    assert set(sampler.expansions(2, known + some)) == expected - set(some)
    assert sampler.expansions(0, list(EVERY)) == []


def test_a_study_is_algorithm_1_step_by_step():
    """Train all of one block; expand, predict by a surrogate of everything told, take the best K, train; grow."""
    beam, seed = 5, 3
    for direction, sign, lag in (("maximize", 1, 1), ("minimize", -1, 3)):
        sampler = make_sampler("progressive", CELLS, seed=seed, beam=beam, lag=lag)
        told = run(sampler, 3 + 3 * beam, direction)
        for level in range(3):
            start = 3 + level * beam
            known = told[: start - lag + 1]
            size = (1, 2, 1)[level]
            parents = {arch.normal for arch, _ in known if len(arch.normal.blocks) == size}
            expansions = [arch for arch in of_size(size + 1) if one_smaller(arch) & parents and arch not in dict(known)]
            surrogate = Ensemble(
                np.array([CELLS.describe(arch) for arch, _ in known]),
                np.array([sign * value for _, value in known]),
                seed=derive_seed(seed, "surrogate", level),
            )
            predicted = surrogate.predict(np.array([CELLS.describe(arch) for arch in expansions]))
            chosen = [arch for arch, _ in told[start : start + beam]]
            value = dict(zip(expansions, predicted, strict=True))
            assert [value[arch] for arch in chosen] == pytest.approx(sorted(predicted, reverse=True)[:beam], abs=1e-5)
            assert len(set(chosen)) == beam


def test_too_many_expansions_are_those_of_the_best():
    few = make_sampler("progressive", CELLS, seed=0, candidates=4)
    known = sorted(of_size(1), key=worth)
    best = known[-1]
    found = few.expansions(0, known[::-1])
    assert len(found) == 4
    assert all(best.normal in one_smaller(arch) for arch in found)


# -- the surrogate ---------------------------------------------------------------------------------------------------


def test_the_surrogate_ranks_what_it_has_not_seen():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (150, 12)).astype(float)
    y = 100 + 5 * (x @ rng.normal(size=12) + x[:, 0] * x[:, 1])
    surrogate = Ensemble(x[:100], y[:100], seed=1)
    predicted = surrogate.predict(x[100:])
    assert np.corrcoef(predicted, y[100:])[0, 1] > 0.9
    assert abs(predicted.mean() - y[100:].mean()) < 2
    assert np.array_equal(predicted, Ensemble(x[:100], y[:100], seed=1).predict(x[100:]))
    assert not np.array_equal(predicted, Ensemble(x[:100], y[:100], seed=2).predict(x[100:]))


def test_each_member_is_trained_without_its_fifth():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 4))
    y = rng.normal(size=20)
    fifth = torch.randperm(20, generator=torch.Generator().manual_seed(7)) % 5
    # two values of the first fifth trade places: mean and spread stay, and so does the first member
    i, j = (fifth == 0).nonzero().ravel()[:2].tolist()
    traded = y.copy()
    traded[[i, j]] = y[[j, i]]
    a, b = (Ensemble(x, values, seed=7)._members(torch.from_numpy(x).float()) for values in (y, traded))
    assert torch.allclose(a[0], b[0], atol=1e-5)
    assert not any(torch.allclose(a[e], b[e], atol=1e-3) for e in range(1, 5))


@pytest.mark.parametrize("n", [1, 2, 6])
def test_few_or_equal_values_are_no_trouble(n):
    x = np.random.default_rng(0).normal(size=(n, 3))
    assert np.isfinite(Ensemble(x, np.full(n, 2.0), seed=0).predict(x)).all()


# -- other spaces ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Toy:
    depth: int = choice(1, 2)
    kernel: int = choice(3, 5, 7)
    wide: bool = choice(False, True, when={"depth": 2})


def toy():
    return DeclaredSpace("toy", Toy, lambda arch, **kwargs: nn.Identity())


def test_groups_leave_their_first_options_one_after_the_other():
    growth = GroupGrowth(toy())
    # `wide` comes to exist with depth 2, and leaves its first option by itself
    assert list(growth.seedlings()) == [Toy(1, 3, False), Toy(2, 3, False), Toy(1, 5, False), Toy(1, 7, False)]
    assert list(growth.expand(Toy(1, 5, False))) == [Toy(2, 5, False)]
    assert list(growth.expand(Toy(2, 3, False))) == [Toy(2, 5, False), Toy(2, 7, False), Toy(2, 3, True)]
    assert list(growth.expand(Toy(2, 5, True))) == []
    assert [growth.stature(t) for t in (Toy(1, 3, False), Toy(1, 5, False), Toy(2, 5, True))] == [1, 1, 3]
    shared = open_space("macro", shared=True, depth=(1, 2), width=(8, 12), operation=("conv", "separable"),
                        kernel=3, skip="none", activation="relu", normalisation="batch")  # fmt: skip
    growth = GroupGrowth(shared)
    assert growth.levels == 2
    by_stature = {}
    for arch in shared.enumerate():
        s = arch.stages[0]
        differs = (s.depth != 1) + (s.width != 8) + (s.operation != "conv")
        assert growth.stature(arch) == max(1, differs)
        by_stature.setdefault(differs, set()).add(arch)
    assert set(growth.seedlings()) == by_stature[0] | by_stature[1]
    for arch in by_stature[1]:
        assert set(growth.expand(arch)) < by_stature[2]
    assert {new for arch in by_stature[2] for new in growth.expand(arch)} == by_stature[3]


def test_stages_of_macro_are_groups():
    space = open_space("macro", stages=2, operation="conv", skip="none", activation="relu", normalisation="batch")
    growth = GroupGrowth(space)
    # 3 depths, widths and kernels: 26 others for each of two stages
    assert len(list(growth.seedlings())) == 1 + 2 * 26
    first = list(growth.seedlings())[1]
    assert len(list(growth.expand(first))) == 26
    assert growth.levels == 1


def test_cells_say_themselves_how_they_grow():
    assert isinstance(CELLS, Growing)
    assert growth_of(CELLS) is CELLS
    assert not isinstance(open_space("macro"), Growing)
    own = open_space("cells")
    assert [own.stature(arch) for arch in (own.sample(np.random.default_rng(s)) for s in range(6))].count(None) > 0


@pytest.mark.parametrize("options", [{"blocks": (2, 3)}, {"reduction": "own"}])
def test_cells_that_cannot_be_grown_are_refused(options):
    with pytest.raises(OptionError, match="open it with blocks from 1 on and reduction='same'"):
        make_sampler("progressive", open_space("cells", **options))


def test_a_space_with_nothing_to_choose_is_refused():
    with pytest.raises(OptionError, match="nothing to choose"):
        make_sampler("progressive", open_space("macro", stages=1, depth=1, width=8, operation="conv", kernel=3,
                                               skip="none", activation="relu", normalisation="batch"))  # fmt: skip


@pytest.mark.parametrize("options", [{"first": 0}, {"beam": 0}, {"candidates": 0}, {"beam": 1.5}])
def test_impossible_options_are_refused(options):
    with pytest.raises(OptionError):
        make_sampler("progressive", CELLS, **options)


def test_keeps_the_contract_on_cells():
    space = open_space("cells", blocks=(1, 2, 3), operations=("identity", "max_pool_3x3"), reduction=("same", "own"))
    # past full size, and through random proposals where the first trials failed
    check_sampler(partial(samplers["progressive"], first=5, beam=4), space, trials=20)


def test_keeps_the_contract_on_macro():
    space = open_space("macro", stages=2, width=8, operation=("conv", "mbconv"), skip="none", activation="relu",
                       normalisation=("batch", "none"))  # fmt: skip
    check_sampler(partial(samplers["progressive"], first=4, beam=3), space, trials=14)


def test_a_space_that_is_used_up():
    small = open_space("cells", blocks=(1, 2), operations="identity", inputs=1, concat="all", reduction="same")
    study = optuna.create_study(direction="maximize", sampler=make_sampler("progressive", small, seed=0))
    study.optimize(lambda trial: landscape(small, small.suggest(trial))[0], n_trials=10)
    # one block; two that do not touch; the second takes the first once or twice
    assert small.size() == 1 + 1 + 2
    assert len({tuple(sorted(t.params.items())) for t in study.trials}) == 4


# -- against chance --------------------------------------------------------------------------------------------------


def test_progressive_and_controller_need_fewer_trials_than_random():
    """The small version of benchmarks/samplers.py: all cells of one or two blocks with four operations."""
    operations = ("sep_conv_3x3", "sep_conv_5x5", "identity", "max_pool_3x3")
    space = open_space("cells", blocks=(1, 2), operations=operations, concat="all", reduction="same")
    codes = enumerate_codes(space)
    assert len(codes) == 36 + 36 * 37 // 2 + 36 * (78 - 36)
    needed = {name: [] for name in ("random", "progressive", "controller")}
    for seed in range(5):
        land = Landscape(space, seed, codes=codes)
        for name, counts in needed.items():
            counts.append(_trials(make_sampler(name, space, seed=seed), land, land.threshold(0.005), 200))
    assert np.mean(needed["progressive"]) < 0.6 * np.mean(needed["random"]), needed
    assert np.mean(needed["controller"]) < 0.8 * np.mean(needed["random"]), needed


def _trials(sampler, land, goal, budget):
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for number in range(1, budget + 1):
        trial = study.ask()
        value = land(land.space.suggest(trial))
        study.tell(trial, value)
        if value >= goal:
            return number
    return budget
