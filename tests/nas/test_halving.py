"""The ladder of successive halving, and searches that climb it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.halving import Halving, Rung, open_halving
from neuroguide.nas.plan import restore_plan
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import search
from neuroguide.testing.candidates import STAND_IN, StandInGuide

LADDER = "6x500, 3x1000, 1x4000"


def test_a_ladder_is_written_and_read():
    ladder = Halving.parse("16x500 filters=4 repeats=1, 8x1000,4x2000")
    assert ladder.rungs == (Rung(16, 500, {"filters": 4, "repeats": 1}), Rung(8, 1000), Rung(4, 2000))
    assert Halving.parse(str(ladder)) == ladder == open_halving(list(ladder.rungs))
    assert ladder.trials == 28
    assert ladder.images == 2000


def test_the_number_of_a_trial_says_where_it_stands():
    ladder = Halving.parse(LADDER)
    assert [ladder.rung(n) for n in range(20)] == [0] * 6 + [1] * 3 + [2] + [0] * 6 + [1] * 3 + [2]
    assert [ladder.start(n) for n in range(20)] == [0] * 6 + [6] * 3 + [9] + [10] * 6 + [16] * 3 + [19]
    whole = Fidelity(images=4000, batch_size=10)
    assert [ladder.fidelity(n, whole).images for n in (0, 6, 9, None)] == [500, 1000, 4000, 4000]
    assert ladder.fidelity(0, whole).batch_size == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("16x500", "fewer than two rungs"),
        ("16x500, 16x1000", "fewer candidates than the one before"),
        ("16x500, 8x100", "at least as many images"),
        ("16x500, 8x1000 filters=4", "the last rung trains the whole network"),
        ("16*500, 8x1000", r"'16\*500' is no rung"),
        ("16x500 filters=big, 8x1000", "is no rung"),
    ],
)
def test_impossible_ladders(text, message):
    with pytest.raises(ValueError, match=message):
        Halving.parse(text)


@pytest.fixture
def climbed(tmp_path, monkeypatch):
    """``climbed(name, **options)`` searches with stand-ins, whose accuracy tells the images they were trained on."""

    def start(name="run", *, space=None, guide=None, **options):
        given = {"trials": None, "executor": "inline", "evaluate": STAND_IN, "halving": LADDER, **options}
        space = space or open_space("macro", stages=1, activation=("relu",), normalisation=("batch",))
        return search(space, guide or StandInGuide(), run=tmp_path / name, **given)

    return start


def test_a_search_climbs(climbed):
    run = climbed()
    results = run.results
    assert [results[n]["rung"] for n in range(10)] == [0] * 6 + [1] * 3 + [2]
    assert run.finished
    assert run.best.trial == 9
    architectures = [json.dumps(results[n]["architecture"], sort_keys=True) for n in range(10)]
    ranked = sorted(range(6), key=lambda n: (-results[n]["value"], n))
    assert architectures[6:9] == [architectures[n] for n in ranked[:3]]
    assert architectures[9] == architectures[ranked[0]]
    # nothing on a higher rung is answered from a lower one
    assert not any("duplicate_of" in result for result in results.values())
    table = run.leaderboard()
    ranked_rungs = table[table["kind"] == "candidate"].sort_values("rank")["rung"].tolist()
    assert ranked_rungs == sorted(ranked_rungs, reverse=True)
    assert run.history()["value"].notna().tolist() == [False] * 9 + [True]
    assert [p.name for p in (run.path / "artifacts").iterdir()].count("trial-00009.safetensors") == 1


def test_workers_wait_for_the_rung_below(climbed):
    serial = climbed("serial", lag=3)
    parallel = climbed("parallel", lag=3, executor="local:2", guide=StandInGuide(seconds=0.02))
    assert serial.leaderboard(seconds=False).equals(parallel.leaderboard(seconds=False))


def test_a_candidate_that_fails_does_not_climb(climbed):
    run = climbed(guide=StandInGuide(failing=0.3), seed=0)
    failed = [n for n in range(6) if run.results[n]["reason"] is not None]
    assert failed
    assert len(failed) <= 3
    architectures = {n: run.results[n]["architecture"] for n in run.results}
    assert not any(architectures[n] == architectures[f] for n in (6, 7, 8) for f in failed)


def test_every_image_is_counted_and_the_settings_are_kept(climbed):
    run = climbed(guide=StandInGuide(failing=1.0), reference=None)
    # stand-ins that fail count as trained in full
    assert run.image_equivalents == 6 * 500 + 3 * 1000 + 4000
    plan = restore_plan(run.folder)
    assert str(plan.halving) == LADDER
    assert plan.fidelity.images == 4000


def test_promotion_by_one_measure(climbed):
    run = climbed(promotion="P")
    results = run.results
    best = max(range(6), key=lambda n: results[n]["measures"]["P"])
    assert results[6]["architecture"] == results[best]["architecture"]
    with pytest.raises(ValueError, match=r"unknown promotion 'Q'"):
        climbed("other", promotion="Q")


def test_smaller_networks_on_the_first_rung(climbed):
    space = open_space("cells", blocks=(1,), filters=8, repeats=2)
    halving = Halving.parse("4x500 filters=4 repeats=1, 2x500")
    arch = space.sample(np.random.default_rng(0))
    small_space, small = halving.network(0, space, arch)
    assert (small.filters, small.repeats, small.normal) == (4, 1, arch.normal)
    assert small_space.contains(small)
    assert small_space.cost(small).macs < space.cost(arch).macs / 3
    assert halving.network(4, space, arch) == (space, arch)
    run = climbed(space=space, halving=halving)
    assert run.results[0]["architecture"]["filters"] == 8


def test_what_is_refused(climbed, tmp_path):
    with pytest.raises(ValueError, match="trials = 11 leaves a ladder of 10 trials"):
        climbed(trials=11)
    with pytest.raises(ValueError, match="both say how long to train"):
        climbed(images=100)
    with pytest.raises(ValueError, match="space 'macro' has no size 'filters'"):
        climbed(halving="6x500 filters=4, 3x1000")
    with pytest.raises(ValueError, match="halving promotes by one value"):
        climbed(sampler="nsga2")
    assert not (tmp_path / "run" / "run.toml").exists()
