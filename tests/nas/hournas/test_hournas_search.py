"""Phases freeze what they should; a search stops anywhere and goes on bit for bit; it learns what there is to learn."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from neuroguide._core.errors import FileError, OptionError
from neuroguide.nas.guides import Performance
from neuroguide.nas.hournas import Budget, HourNAS, HourNASSettings, derive, measure, within
from neuroguide.nas.hournas.state import pack, restore_state, save_state
from neuroguide.nas.hournas.supernet import architecture_of, vital_blocks

SETTINGS = {
    "images": 480, "batch_size": 20, "candidates": 3, "recalibration": 40, "proposal_every": 2,
    "architecture_rate": 0.2, "proposals": {"number": 2, "steps": 60},
}  # fmt: skip


@pytest.fixture(scope="module")
def middle(tiny_table):
    low, high = tiny_table.range("flops")
    return (Budget("flops", (low + high) / 2, 0.1),)


@pytest.fixture(scope="module")
def start(tiny_space, tiny_table, tiny_data, middle):
    """``start(**settings)`` makes a search."""

    def make(seed=0, guide=None, budgets=middle, **changed):
        settings = HourNASSettings.from_json({**SETTINGS, **changed})
        return HourNAS(
            tiny_space, tiny_data, guide or Performance(), tiny_table, budgets, settings, seed=seed,
            device=torch.device("cpu"),
        )  # fmt: skip

    return make


@pytest.fixture(scope="module")
def whole(start):
    """One that went from beginning to end."""
    return finish(start())


def finish(search):
    while not search.finished:
        search.step()
    return search


def test_first_vital_blocks_alone_then_the_others(start, tiny_space):
    search = start()
    vital, identity = vital_blocks(tiny_space), len(tiny_space.operations)
    rest = [b for b in range(len(tiny_space.positions)) if b not in vital]
    untouched = {n: p.clone() for n, p in search.supernet.blocks[rest[0]].named_parameters()}
    while search.phase == 0:
        search.step()
        if search.phase == 0:
            assert all(search.supernet.path.operations[b] == (identity,) for b in rest)
            assert not search.logits.detach()[rest].any()
            assert search.decided == {}
    # nothing of the second phase has been trained or learned yet
    assert all(torch.equal(p, untouched[n]) for n, p in search.supernet.blocks[rest[0]].named_parameters())
    assert set(search.decided) == set(vital)
    assert search.logits.detach()[list(vital)].abs().max() > 0
    decided, learned = dict(search.decided), search.logits.detach()[list(vital)].clone()
    while not search.finished:
        search.step()
        assert all(search.supernet.path.operations[b] == (i,) for b, i in decided.items())
    assert search.decided == decided
    assert torch.equal(search.logits.detach()[list(vital)], learned)
    assert search.logits.detach()[rest].abs().max() > 0


def test_it_shows_as_many_images_as_it_was_given(start, whole):
    together = start(order="together", proposals=None)
    seen = [together.images_seen]
    while not together.finished:
        together.step()
        seen.append(together.images_seen)
    assert seen == sorted(seen)
    for search in (together, whole):
        assert search.images_seen == 480
        assert search.images_spent > 480
        # two weight steps for each architecture step, after the warmup
        assert 480 / 20 / 3 * 0.7 <= len(search.history) <= 480 / 20 / 3


def test_networks_of_the_second_phase_are_drawn_from_proposals(start, tiny_table, middle):
    search = start()
    while search.phase == 0:
        search.step()
    inside = []
    while not search.finished:
        search.step()
        path = search.supernet.path.operations
        inside.append(bool(within(tiny_table, middle, tiny_table.of(torch.tensor([row[0] for row in path])))))
    assert sum(inside) >= 0.7 * len(inside)


def test_derived_networks_keep_to_the_budget(whole, tiny_table, tiny_space, tiny_data, middle):
    found = derive(whole)
    assert len(found) == 3
    assert len({tiny_space.hash(architecture_of(tiny_space, choices)) for choices in found}) == 3
    assert within(tiny_table, middle, tiny_table.of(torch.tensor(found))).all()
    assert all(choices[b] == i for choices in found for b, i in whole.decided.items())
    network, outcome = measure(whole, found[0], tiny_data, Performance())
    assert not network.training
    low, high = middle[0].window
    assert low <= outcome["flops"] <= high
    assert 0 <= outcome["measures"]["P"] <= 1


def test_a_supernet_learns(start, tiny_data):
    """Classes that differ in brightness are told apart by a derived network with the shared weights."""
    search = finish(start(images=1000, batch_size=10, candidates=1))
    _, outcome = measure(search, derive(search)[0], tiny_data, Performance())
    assert outcome["measures"]["P"] > 0.4


def test_the_penalty_pulls_the_expected_cost_to_the_budget(start, tiny_table):
    low, high = tiny_table.range("flops")
    budgets = (Budget("flops", low + 0.15 * (high - low), 0.1),)
    free, pulled = (
        finish(start(order="together", images=240, proposals=None, penalty=penalty, budgets=budgets, warmup=0.0))
        for penalty in (0.0, 30.0)
    )
    distances = [
        abs(float(tiny_table.moments(s.probabilities)[0][tiny_table.column("flops")]) / budgets[0].target - 1)
        for s in (free, pulled)
    ]
    assert distances[1] < distances[0] - 0.1


def test_without_budgets_there_is_no_proposal(start):
    search = finish(start(budgets=(), images=300))
    assert search.proposals is None
    assert len(derive(search)) == 3


@pytest.mark.parametrize("stop", [3, 9, 14])
def test_a_search_goes_on_bit_for_bit_from_any_step(start, whole, tmp_path, stop):
    first = start()
    for _ in range(stop):
        first.step()
    save_state(first, tmp_path / "state.safetensors")
    second = start()
    restore_state(second, tmp_path / "state.safetensors")
    assert second.images_seen == first.images_seen
    finish(second)
    (a, plain_a), (b, plain_b) = pack(whole), pack(second)
    assert plain_a == plain_b
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert derive(whole) == derive(second)


def test_seeds_make_different_searches(start):
    a, b = (start(seed=seed, order="together", proposals=None) for seed in (0, 1))
    assert not torch.equal(a.supernet.stem[0].weight, b.supernet.stem[0].weight)
    for search in (a, b):
        search.step()
    assert a.supernet.path.operations != b.supernet.path.operations


def test_a_state_of_another_search_is_refused(start, tmp_path):
    path = tmp_path / "state.safetensors"
    save_state(start(), path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FileError, match="is not the state of this search"):
        restore_state(start(), path)
    path.write_bytes(data.replace(b'"format":"1"', b'"format":"9"'))
    with pytest.raises(FileError, match="install a newer"):
        restore_state(start(), path)


def test_settings_go_to_json_and_back():
    settings = HourNASSettings(proposals=None, temperature=(3.0, 1.0))
    assert HourNASSettings.from_json(settings.to_json()) == settings
    changed = HourNASSettings.from_json({"proposals": {"number": 3}})
    assert changed.proposals == dataclasses.replace(HourNASSettings().proposals, number=3)


@pytest.mark.parametrize(
    "changed",
    [{"order": "vital"}, {"paths": 1}, {"vital_share": 1.0}, {"temperature": (0.0, 1.0)}, {"images": 0},
     {"augmentation": ("flop",)}, {"proposals": {"spread": -1.0}}],
)  # fmt: skip
def test_impossible_settings_say_so(changed):
    with pytest.raises(OptionError):
        HourNASSettings.from_json(changed)


def test_a_budget_out_of_reach_is_refused_before_anything_is_trained(start):
    with pytest.raises(OptionError, match="they reach from"):
        start(budgets=(Budget("parameters", 1e9),))
