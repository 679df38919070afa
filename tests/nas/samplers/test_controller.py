"""The controller: REINFORCE against gradients by hand, the policy against exact probabilities, and the contract."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import optuna
import pytest
import torch
from torch import nn

from neuroguide._core.errors import OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.samplers import make_sampler
from neuroguide.nas.samplers.adam import Adam
from neuroguide.nas.samplers.controller_policy import Policy, Reinforce
from neuroguide.nas.spaces import DeclaredSpace, choice, open_space
from neuroguide.nas.spaces.parameters import Parameter, settings
from neuroguide.testing.samplers import check_sampler, landscape

ONE = (Parameter("kernel", (3, 5, 7)),)
NESTED = (
    Parameter("fixed", ("only",)),
    Parameter("depth", (1, 2)),
    Parameter("kernel", (3, 5, 7), {"depth": (2,)}),
    Parameter("skip", (False, True)),
)


def reinforce(policy, **options):
    settings = {"learning_rate": 0.1, "entropy": 0.0, "decay": 0.5, "batch": 1, "scaled": False}
    return Reinforce(policy, **{**settings, **options})


def asked(values):
    return {name: value for name, value in values.items() if name != "fixed"}


def test_the_gradient_of_one_choice_by_hand():
    """For logits z: d/dz of -(R - b) log p_a is (R - b) (p - e_a); of -c H it is c p (log p + H)."""
    policy = Policy(ONE, seed=3)
    with torch.no_grad():
        out, _ = policy.lstm(policy.embedding(torch.tensor([3])))
        logits = policy.head(out[0]).numpy()
    p = np.exp(logits) / np.exp(logits).sum()
    advantage, weight = 0.7, 0.3
    reinforce(policy, entropy=weight).loss([({"kernel": 5}, advantage)]).backward()
    entropy = -(p * np.log(p)).sum()
    expected = advantage * (p - np.array([0, 1, 0])) + weight * p * (np.log(p) + entropy)
    assert policy.head.bias.grad.numpy() == pytest.approx(expected, abs=1e-12)
    # and through the head into the LSTM's output
    assert policy.head.weight.grad.numpy() == pytest.approx(np.outer(expected, out[0].numpy()), abs=1e-12)


def test_a_step_is_adams_on_the_mean_over_the_batch():
    policy, twin = Policy(ONE, seed=3), Policy(ONE, seed=3)
    teacher = reinforce(policy, batch=2)
    teacher.learn({"kernel": 3}, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(policy.parameters(), twin.parameters(), strict=True))
    teacher.learn({"kernel": 7}, 3.0)
    # the first advantage is 0, the second 3 - 1; the first step of Adam is the rate times the gradient's sign
    log_p, _ = twin.score({"kernel": 7})
    (-(0 + 2.0 * log_p) / 2).backward()
    for a, b in zip(policy.parameters(), twin.parameters(), strict=True):
        step = -0.1 * b.grad / (b.grad.abs() + 1e-8)
        assert torch.allclose(a, b + step, atol=1e-12)


def test_adam_is_torchs():
    rng = torch.Generator().manual_seed(0)
    start = torch.randn(4, 3, generator=rng, dtype=torch.float64)
    a, b = start.clone().requires_grad_(), start.clone().requires_grad_()
    own, torchs = Adam([a], learning_rate=0.05, weight_decay=0.1), torch.optim.Adam([b], lr=0.05, weight_decay=0.1)
    for _ in range(20):
        own.step((a**4 - a).sum())
        torchs.zero_grad()
        (b**4 - b).sum().backward()
        torchs.step()
    assert torch.allclose(a, b, atol=1e-12)
    assert not torch.allclose(a, start, atol=0.1)


def test_the_moving_baseline_by_hand():
    teacher = reinforce(Policy(ONE, seed=0), decay=0.75)
    assert [teacher.advantage(r) for r in (4.0, 8.0, 1.0)] == [0.0, 4.0, 1.0 - 5.0]
    assert teacher.baseline == 0.75 * 5.0 + 0.25 * 1.0


def test_scaled_advantages_have_no_unit():
    rewards = np.random.default_rng(0).normal(size=20)
    small, large = (reinforce(Policy(ONE, seed=0), decay=0.9, scaled=True) for _ in range(2))
    a = [small.advantage(r) for r in rewards]
    b = [large.advantage(1000 * r + 7) for r in rewards]
    assert a == pytest.approx(b)
    # by hand: the second difference, against the averages of squares 0 and d^2 with weights 0.09 and 0.1
    d = rewards[1] - rewards[0]
    assert a[1] == pytest.approx(d / math.sqrt(0.1 * d**2 / 0.19))
    assert reinforce(Policy(ONE, seed=0), scaled=True).advantage(5.0) == 0.0


def test_scores_are_the_probabilities_of_the_draws():
    policy = Policy(NESTED, seed=1)
    with torch.no_grad():
        for weight in policy.parameters():
            weight *= 15
    every = list(settings(NESTED))
    assert len(every) == 2 + 6
    exact = [math.exp(policy.score(asked(values))[0].item()) for values in every]
    assert sum(exact) == pytest.approx(1)
    assert max(exact) > 0.3
    rng = np.random.default_rng(0)
    drawn = [policy.choose(rng) for _ in range(2000)]
    for values, chance in zip(every, exact, strict=True):
        assert drawn.count(values) / 2000 == pytest.approx(chance, abs=4 * math.sqrt(0.25 / 2000))


def test_later_choices_depend_on_earlier_ones():
    policy = Policy(NESTED, seed=1)
    with torch.no_grad():
        for weight in policy.parameters():
            weight *= 15
    chance = {
        (depth, skip): math.exp(
            policy.score({"depth": depth, "skip": skip} | ({"kernel": 3} if depth == 2 else {}))[0].item()
        )
        for depth, skip in itertools.product((1, 2), (False, True))
    }
    ratio = [chance[depth, True] / chance[depth, False] for depth in (1, 2)]
    assert abs(math.log(ratio[0] / ratio[1])) > 0.01


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    policy = Policy(NESTED, seed=1)
    policy.choose(np.random.default_rng(0))
    reinforce(policy).learn({"depth": 1, "skip": True}, 1.0)
    assert torch.equal(torch.rand(1), expected)


@dataclasses.dataclass(frozen=True)
class Toy:
    a: int = choice(0, 1, 2)
    b: int = choice(0, 1, 2)


def test_a_study_is_a_replay_of_the_algorithm():
    """Every proposal is a draw from a policy that was taught, one by one, what was told up to the lag before."""
    space = DeclaredSpace("toy", Toy, lambda arch, **kwargs: nn.Identity())
    for direction, sign, lag in (("maximize", 1, 1), ("minimize", -1, 3)):
        options = {"learning_rate": 0.05, "entropy": 0.01, "decay": 0.8, "batch": 2, "scaled": True}
        sampler = make_sampler("controller", space, seed=5, lag=lag, redraws=0, **options)
        study = optuna.create_study(direction=direction, sampler=sampler)
        values = []
        for n in range(12):
            trial = study.ask()
            arch = space.suggest(trial)
            policy = Policy(space.declared, seed=derive_seed(5, "controller"))
            teacher = reinforce(policy, **options)
            for earlier in study.trials[: max(0, n - lag + 1)]:
                teacher.learn(earlier.params, sign * earlier.values[0])
            expected = policy.choose(np.random.default_rng(derive_seed(5, "proposal", n)))
            assert dataclasses.asdict(arch) == expected
            values.append(float(arch.a - 2 * arch.b))
            study.tell(trial, values[-1])


def test_draws_that_were_told_before_grow_warmer():
    policy = Policy(ONE, seed=0)
    with torch.no_grad():
        policy.head.bias[:] = torch.tensor([8.0, 0.0, 0.0])
    rng = np.random.default_rng(0)
    share = {t: np.mean([policy.choose(rng, t)["kernel"] == 3 for _ in range(300)]) for t in (1.0, 8.0)}
    assert share[1.0] > 0.98
    # e / (e + 2)
    assert share[8.0] == pytest.approx(np.e / (np.e + 2), abs=0.1)
    # so a policy that has made up its mind still sees the whole of a small space
    space = DeclaredSpace("toy", Toy, lambda arch, **kwargs: nn.Identity())
    study = optuna.create_study(
        direction="maximize", sampler=make_sampler("controller", space, seed=0, learning_rate=0.1, warming=1.0)
    )
    study.optimize(lambda trial: float(space.suggest(trial).a), n_trials=9)
    assert len({tuple(t.params.items()) for t in study.trials}) == 9


def test_it_learns_what_is_good():
    space = DeclaredSpace("toy", Toy, lambda arch, **kwargs: nn.Identity())
    sampler = make_sampler("controller", space, seed=0, redraws=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda trial: float(space.suggest(trial).a == 2) + (space.suggest(trial).b == 1), n_trials=150)
    # 2/3 by chance
    assert np.mean([t.value for t in study.trials[-30:]]) > 1.5


def test_keeps_the_contract_on_cells():
    space = open_space("cells", blocks=(1, 2), operations=("sep_conv_3x3", "identity"), reduction=("same", "own"))
    check_sampler(lambda space, seed, lag: make_sampler("controller", space, seed=seed, lag=lag), space, trials=16)


def test_another_study_is_replayed_from_its_beginning():
    space = open_space("macro", stages=1)
    used = make_sampler("controller", space, seed=0)
    proposals = []
    for sampler in (used, used, make_sampler("controller", space, seed=0)):
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(lambda trial: landscape(space, space.suggest(trial))[0], n_trials=8)
        proposals.append([t.params for t in study.trials])
    assert proposals[0] == proposals[1] == proposals[2]


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 0},
        {"entropy": -1},
        {"decay": 1.5},
        {"batch": 0},
        {"scaled": "yes"},
        {"warming": 2},
        {"learning_rate": True},
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(OptionError):
        make_sampler("controller", open_space("macro"), **options)
