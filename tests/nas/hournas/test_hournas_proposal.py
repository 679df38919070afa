"""Space proposals keep to their budgets, differ from one another, and follow what was learned."""

from __future__ import annotations

import pytest
import torch

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.hournas import Budget, Proposals, ProposalSettings, affordable_share, counted_table, propose, within
from neuroguide.nas.hournas.proposal import sample, uniform_logits
from neuroguide.nas.spaces import open_space


@pytest.fixture(scope="module")
def table():
    """The whole space of the published network at 224 pixels."""
    return counted_table(open_space("hourglass", layout="imagenet"), image_size=224, n_classes=1000)


@pytest.fixture(scope="module")
def budgets():
    return (Budget("flops", 7.7e8), Budget("parameters", 5.3e6))


@pytest.fixture(scope="module")
def proposals(table, budgets):
    return propose(table, budgets, ProposalSettings(number=4))


def test_a_thousand_draws_are_affordable_and_distinct(table, budgets, proposals):
    drawn = proposals.draw(1000, seed=3)
    costs = table.of(drawn.choices)
    for budget in budgets:
        cost = costs[:, table.column(budget.quantity)]
        assert ((cost / budget.target - 1).abs() <= 0.05).all()
    assert len({tuple(row) for row in drawn.choices.tolist()}) >= 100
    assert drawn.rejected < 0.1
    assert set(drawn.proposal.tolist()) == {0, 1, 2, 3}
    # of the full product space hardly any is
    assert affordable_share(table, budgets, n=20_000) < 0.005


def test_without_rejection_nearly_all_draws_are_affordable(table, budgets, proposals):
    generator = torch.Generator().manual_seed(0)
    for logits in proposals.logits:
        choices = sample(logits.expand(500, -1, -1), generator)
        assert table.allowed[torch.arange(22), choices].all()
        assert within(table, budgets, table.of(choices)).float().mean() > 0.9


def test_proposals_are_kept_apart(table, budgets):
    def overlap(diversity):
        p = propose(table, budgets, ProposalSettings(number=3, diversity=diversity)).probabilities
        roots = p.sqrt()
        pairs = torch.einsum("kbo,lbo->kl", roots, roots) / 22
        return float((pairs.sum() - 3) / 6)

    assert overlap(2.0) < overlap(0.0) - 0.03


def test_proposals_follow_what_was_learned(table, budgets):
    prior = torch.zeros(table.allowed.shape)
    # the last stage's block is kept by no other demand
    liked = table.operations.index("k5_e3")
    prior[10, liked] = 5.0
    p = propose(table, budgets, ProposalSettings(number=2), prior=prior).probabilities
    plain = propose(table, budgets, ProposalSettings(number=2)).probabilities
    assert (p[:, 10, liked] > plain[:, 10, liked] + 0.3).all()


def test_decided_blocks_stay_decided(table, budgets):
    decided = table.with_fixed({0: 3, 21: 5})
    drawn = propose(decided, budgets, ProposalSettings(number=2)).draw(50, seed=0)
    assert set(drawn.choices[:, 0].tolist()) == {3}
    assert set(drawn.choices[:, 21].tolist()) == {5}


def test_proposals_depend_on_the_seed_alone(table, budgets):
    settings = ProposalSettings(number=2, steps=40)
    a, b, c = (propose(table, budgets, settings, seed=seed).logits for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_what_cannot_be_reached_is_refused(table):
    with pytest.raises(OptionError, match="they reach from"):
        propose(table, [Budget("parameters", 5e7)])
    proposals = Proposals(table, (Budget("flops", 2e8, 1e-6),), uniform_logits(table)[None])
    with pytest.raises(InputError, match="miss the budgets"):
        proposals.draw(100, seed=0)


def test_gumbel_draws_have_the_probabilities_of_the_softmax():
    logits = torch.tensor([0.3, -1.0, 1.2, -50.0]).double()
    drawn = sample(logits.expand(40_000, -1), torch.Generator().manual_seed(5))
    share = torch.bincount(drawn, minlength=4) / 40_000
    torch.testing.assert_close(share.double(), logits.softmax(0), atol=0.008, rtol=0)


@pytest.mark.parametrize("changed", [{"number": 0}, {"steps": 0}, {"spread": -1.0}, {"affordability": 0.0}])
def test_impossible_settings_are_refused(changed):
    with pytest.raises(OptionError):
        ProposalSettings(**changed)
