"""Costs add up, budgets are read, the best network within them is found exactly."""

from __future__ import annotations

import itertools

import pytest
import torch

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.hournas import Budget, CostTable, affordable_share, check_reachable, parse_budget, within
from neuroguide.nas.hournas.budget import best_within, show
from neuroguide.nas.hournas.latency import latency, with_latency
from neuroguide.nas.hournas.supernet import architecture_of, choices_of


def networks(table):
    """Every network of a table."""
    options = [row.nonzero().flatten().tolist() for row in table.allowed]
    return torch.tensor(list(itertools.product(*options)))


@pytest.mark.parametrize(
    ("text", "quantity", "target"),
    [
        ("300MFLOPs", "flops", 3e8),
        ("0.3 GFLOPs", "flops", 3e8),
        ("150MMACs", "macs", 1.5e8),
        ("150mmacs", "macs", 1.5e8),
        ("5.3Mparameters", "parameters", 5.3e6),
        ("40kparameters", "parameters", 4e4),
        ("12ms", "latency:cpu", 12.0),
        ("1.5ms:onnxruntime", "latency:onnxruntime", 1.5),
    ],
)
def test_budgets_are_read(text, quantity, target):
    budget = parse_budget(text)
    assert (budget.quantity, budget.target) == (quantity, pytest.approx(target))
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize("text", ["300M", "FLOPs", "300 watts", "-3MFLOPs", "12ms:tpu", "3e8FLOPs:cpu", "0MACs"])
def test_budgets_that_say_nothing_are_refused(text):
    with pytest.raises(OptionError):
        parse_budget(text)


def test_the_error_of_a_budget_without_unit_gives_examples():
    with pytest.raises(OptionError, match="300MFLOPs"):
        parse_budget("300M")


def test_costs_of_networks_are_those_of_the_built_ones(tiny_space, tiny_table):
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        choices = [int(row.nonzero()[torch.randint(int(row.sum()), (1,), generator=generator)]) for row in
                   tiny_table.allowed]  # fmt: skip
        arch = architecture_of(tiny_space, choices)
        cost = tiny_space.cost(arch, image_size=16, n_classes=4)
        assert tiny_table.of(torch.tensor(choices)).tolist() == [cost.parameters, cost.macs, cost.flops]
        # up to the order of identities within a stage
        assert architecture_of(tiny_space, choices_of(tiny_space, arch)) == arch


def test_mean_and_variance_are_those_of_all_networks(made_up_table):
    table = made_up_table
    logits = torch.randn(3, 3, generator=torch.Generator().manual_seed(1)).double()
    p = torch.where(table.allowed, logits, -torch.inf).softmax(-1)
    every = networks(table)
    weights = p[torch.arange(3), every].prod(1)
    costs = table.of(every)
    expected = (weights[:, None] * costs).sum(0)
    spread = (weights[:, None] * (costs - expected) ** 2).sum(0)
    mean, variance = table.moments(p)
    torch.testing.assert_close(mean, expected)
    torch.testing.assert_close(variance, spread)


def test_ranges_and_shares_are_those_of_all_networks(made_up_table):
    costs = made_up_table.of(networks(made_up_table))
    assert made_up_table.range("macs") == (costs[:, 0].min(), costs[:, 0].max())
    budget = Budget("macs", float(costs[:, 0].median()), 0.1)
    share = within(made_up_table, [budget], costs).float().mean()
    assert affordable_share(made_up_table, [budget], n=20_000) == pytest.approx(float(share), abs=0.02)


def test_the_best_network_within_budgets_is_the_best_of_all(made_up_table):
    every = networks(made_up_table)
    costs = made_up_table.of(every)
    for seed in range(10):
        scores = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed)).double()
        budgets = [Budget("macs", float(costs[seed, 0]), 0.15), Budget("parameters", float(costs[seed, 1]), 0.3)]
        totals = scores[torch.arange(3), every].sum(1)
        totals[~within(made_up_table, budgets, costs)] = -torch.inf
        found = best_within(made_up_table, budgets, scores)
        assert found.tolist() == every[totals.argmax()].tolist()


def test_what_no_network_can_meet_is_refused_with_what_can(made_up_table):
    low, high = made_up_table.range("macs")
    with pytest.raises(OptionError, match=rf"from {show('macs', low)} to {show('macs', high)}"):
        check_reachable(made_up_table, [Budget("macs", 10 * high)])
    # each alone is reachable
    costs = made_up_table.of(networks(made_up_table))
    cheap = costs[costs[:, 0].argmin()]
    budgets = [Budget("macs", float(cheap[0]), 0.01), Budget("parameters", float(costs[:, 1].max()), 0.01)]
    assert not within(made_up_table, budgets, costs).any()
    with pytest.raises(OptionError, match=r"together; with .*parameters.* they reach from"):
        check_reachable(made_up_table, budgets)


def test_a_budget_on_something_that_is_not_in_the_table(made_up_table):
    with pytest.raises(OptionError, match="unknown quantity of a budget 'flops'"):
        check_reachable(made_up_table, [Budget("flops", 100.0)])


def test_tables_that_are_none_are_refused(made_up_table):
    table = made_up_table
    with pytest.raises(InputError, match="needs an operation"):
        CostTable(table.quantities, table.blocks, table.operations, table.fixed, table.costs, table.allowed & False)
    with pytest.raises(InputError, match="finite"):
        CostTable(table.quantities, table.blocks, table.operations, table.fixed, table.costs - 30, table.allowed)


def test_a_table_comes_back_from_its_tensors(made_up_table):
    table = CostTable.restore(made_up_table.tensors(), made_up_table.names())
    assert table.blocks == made_up_table.blocks
    assert torch.equal(table.costs, made_up_table.costs)


def test_latency_is_a_column_like_any_other(tiny_space, tiny_table):
    table = with_latency(tiny_table, tiny_space, "cpu", image_size=16, n_classes=4)
    low, high = table.range("latency:cpu")
    assert 0 < low < high < 1000
    check_reachable(table, [Budget("latency:cpu", (low + high) / 2)])
    # the identity takes no time, everything else some
    costs = table.costs[..., table.column("latency:cpu")]
    assert (costs[:, -1] == 0).all()
    assert (costs[:, :-1] > 0).all()


def test_an_unknown_or_absent_runtime_is_refused():
    module, images = torch.nn.Conv2d(3, 3, 1), torch.zeros(1, 3, 4, 4)
    with pytest.raises(OptionError, match="runtime"):
        latency(module, images, "tpu")
    if not torch.cuda.is_available():
        with pytest.raises(OptionError, match="CUDA"):
            latency(module, images, "cuda")
