"""The tables on made-up pools in which it is known what helps."""

import json

import evidence
import evidence_beyond
import evidence_halving
import evidence_searches
import evidence_tables as tables
import numpy as np
import pytest
import xarray as xr
from evidence_pool import Table
from pool_members import MILESTONES, SPACES, members, space_of
from pool_packing import half
from pool_proxies import PROXIES

from neuroguide.nas.pools import Pool

BRAIN = ("V4", "V4-89", "monkey IT", "human IT")
SETS = ("v4", "v4-89", "it", "cifar")
TEACHERS = {
    "V4": "v4", "V4-89": "v4-89", "monkey IT": "it", "human IT": "it", "V1": "it", "HMAX": "it",
    **{f"pixels@{w}": w for w in SETS},
    **{f"EfficientNet-Lite0 blocks.{b}@{w}": w for b in (4, 8, 13) for w in SETS},
    **{f"ResNet stage{s}@{w}": w for s in (1, 2, 3) for w in SETS},
}  # fmt: skip


def made(pool, n, *, helps, noise=0.6):
    """A pool in which P sees the quality with noise, IT and V4 see it too if ``helps``, and nothing else does."""
    rng = np.random.default_rng(0)
    everyone, space = members(pool)[:n], space_of(pool)
    quality = rng.normal(size=n)
    images, seeds = np.array(MILESTONES), 2
    shape = (n, seeds, len(images))

    def seen(scale, *more):
        return rng.normal(size=(*shape, *more)) * scale

    fade = noise * 2 * (1000 / (1000 + images))
    signal = quality[:, None, None] + seen(1) * fade
    accuracy = np.repeat((0.4 + 0.05 * signal)[..., None], 5, axis=-1).clip(0, 1)
    accuracy[:, :, 0] = 0.1 + 0.01 * rng.normal(size=(n, seeds, 5))
    similarity = seen(0.05, 3, len(TEACHERS)) + 0.2
    names = list(TEACHERS)
    if helps:
        for name in ("V4", "monkey IT"):
            similarity[..., names.index(name)] = 0.2 + 0.05 * (quality[:, None, None, None] + seen(0.3, 3))
    variables = {
        "architecture_json": (("architecture",), np.array([json.dumps(space.to_json(a)) for a in everyone], object)),
        "validation_accuracy": (("architecture", "seed", "images", "validation_images"), accuracy),
        "validation_loss": (("architecture", "seed", "images"), seen(1)),
        "summed_training_loss": (("architecture", "seed", "images"), seen(1)),
        "similarity": (("architecture", "seed", "images", "stage", "teacher"), similarity),
        **{f"similarity_{comparison}": (("architecture", "seed", "images", "teacher_compared"),
                                        similarity[..., [names.index(name) for name in BRAIN]].max(axis=3))
           for comparison in ("spearman", "whitened-pearson", "cka")},
        "proxies": (("architecture", "seed", "proxy"), rng.lognormal(size=(n, seeds, len(PROXIES)))),
        "mature_test_accuracy": (
            ("architecture", "seed"), 0.6 + 0.03 * (quality[:, None] + 0.1 * rng.normal(size=(n, 2)))),
        **{f"{k}_seconds": (("architecture", "seed", "images"), np.ones(shape))
           for k in ("training", "validation", "stimuli")},
        "mature_training_seconds": (("architecture", "seed"), np.ones((n, 2))),
        "longer_test_accuracy": (("architecture",), np.full(n, np.nan)),
        **{name: (("architecture",), rng.integers(1000, 9000, n)) for name in ("parameters", "macs", "flops")},
    }  # fmt: skip
    coords = {
        "architecture": np.array([space.hash(a) for a in everyone], object),
        "seed": np.array(["A", "B"], object), "images": images, "validation_images": [250, 500, 1000, 2500, 5000],
        "teacher": np.array(names, object), "teacher_stimuli": ("teacher", np.array(list(TEACHERS.values()), object)),
        "teacher_compared": np.array(BRAIN, object),
        "teacher_ceiling": ("teacher", np.where(np.array(names) == "V4", 0.9, np.nan)),
        "proxy": np.array(list(PROXIES), object),
        "half": ("architecture", np.array([half(space.hash(a)) for a in everyone], object)),
    }  # fmt: skip
    attrs = {
        "name": f"cifar10-{pool}", "space": json.dumps(SPACES[pool]), "reasons": "{}",
        "stimuli": json.dumps({"v4": 640, "v4-89": 300, "it": 92, "cifar": 300}),
    }  # fmt: skip
    return Table(Pool(xr.Dataset(variables, coords, attrs)), _controls(rng, n, coords))


def _controls(rng, n, coords):
    def random(*more):
        return 0.2 + 0.05 * rng.normal(size=(n, 2, *more))

    varied = ("architecture", "seed", "images_varied")
    draws = {"null V4": 200, "null monkey IT": 200, "null monkey IT within": 200, "units V4-89": 60,
             "repetitions V4": 40} | {f"stimuli V4 {k}": 10 for k in (40, 80, 160, 320)}  # fmt: skip
    draws |= {f"stimuli monkey IT {k}": 10 for k in (12, 23, 46, 69)}
    variables = {name: ((*varied, f"{name} draw"), random(3, count)) for name, count in draws.items()}
    untrained = [f"untrained {i} stage{s}@{w}" for i in range(5) for s in (1, 2, 3) for w in SETS]
    variables["untrained"] = (("architecture", "seed", "images", "untrained_teacher"), random(8, len(untrained)))
    for name in ("spearman", "whitened", "cka"):
        variables[name] = (("architecture", "seed", "images_early", "brain_teacher"), random(6, 4))
    own = {
        "architecture": coords["architecture"], "seed": coords["seed"], "images": coords["images"],
        "images_varied": [0, 1000, 4000], "images_early": coords["images"][:6],
        "untrained_teacher": np.array(untrained, object), "brain_teacher": np.array(BRAIN, object),
    }  # fmt: skip
    return xr.Dataset(variables, own)


@pytest.fixture(scope="module")
def helped():
    return made("macro", 120, helps=True)


@pytest.fixture(scope="module")
def useless():
    return made("macro", 120, helps=False)


def test_a_teacher_that_knows_is_found(helped):
    found = tables.increment(helped, tables.HEADLINE)
    assert found.low > 0.05
    assert tables.increment(helped, "P + TG(pixels@v4, pixels@it)").value < 0.02
    assert tables.partial(helped, tables.BRAIN, n_samples=200).low > 0.3
    assert tables.permuted(helped).p == pytest.approx(1 / 201)


def test_a_teacher_that_knows_nothing_is_not_found(useless):
    found = tables.increment(useless, tables.HEADLINE)
    assert found.high < 0.02
    assert abs(tables.partial(useless, tables.BRAIN, n_samples=10).value) < 0.25
    assert tables.permuted(useless).p > 0.01


def test_the_ceiling_and_the_efficiency(helped, useless):
    assert tables.ceiling_of(helped).value > 0.95
    better = tables.efficiency_of(helped, tables.HEADLINE, 0.8)
    assert better.low > 1
    worse = tables.efficiency_of(useless, tables.HEADLINE, 0.8)
    assert worse.ratio < 1


def test_the_same_measures_of_the_same_pool_make_no_increment(helped):
    assert tables.increment(helped, "P").value == 0


def test_costs_of_sums_count_one_training(helped):
    assert helped.cost("P & TG(V4)", 1000, 1000) == helped.cost("P + TG(V4)", 1000, 1000)
    assert helped.cost("P & synflow", 1000, 1000) == helped.cost("P", 1000, 1000)


def test_better_guides_are_chosen_where_they_are_better(helped, useless):
    scores = {
        m.name: evidence_beyond.cross_validated(helped, m, helped.stratum("c")) for m in evidence_beyond.METHODS[:3]
    }
    assert scores["P, IT, V4"] > scores["P"] + 0.1
    scores = {
        m.name: evidence_beyond.cross_validated(useless, m, useless.stratum("c")) for m in evidence_beyond.METHODS[:3]
    }
    assert scores["P, IT, V4"] < scores["P"] + 0.02


def test_what_is_fixed_ranks_as_what_was_fitted(helped):
    method = evidence_beyond.METHODS[2]
    kept = evidence_beyond.chosen_half(helped)
    auto = evidence_beyond.fixed(helped, method)
    weights = evidence_beyond.fitted(evidence_beyond.design(helped, method, 1000, kept), helped.mature[kept])
    expected = evidence_beyond.design(helped, method, 1000, kept) @ weights
    assert helped.pool.values(auto, 1000)[helped.rows][kept] == pytest.approx(expected, abs=1e-4)


def test_halving_climbs_by_the_guide():
    values = {250: np.array([5.0, 4, 3, 2, 1]), 1000: np.array([0.0, 1, 2, 9, 9])}
    drawn = np.array([[0, 1, 2, 3], [4, 3, 2, 1]])
    # of the first two by 250 images, the better by 1,000
    assert evidence_halving.climb(values, drawn, ((4, 250), (2, 1000))).tolist() == [1, 2]
    assert evidence_halving.climb(values, drawn, ((4, 1000),)).tolist() == [3, 4]


def test_fitted_weights_are_those_of_ridge_regression():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    y = x @ [1.0, 0.0, -0.5] + 0.1 * rng.normal(size=500)
    found = evidence_beyond.fitted(x, y)
    assert found / found[0] == pytest.approx([1, 0, -0.5], abs=0.02)


def test_every_table_of_every_pool_is_made(helped, monkeypatch, tmp_path):
    samplers = evidence_searches.SAMPLERS["macro"]
    rows = np.random.default_rng(0).integers(len(helped.pool), size=(len(samplers), 2, 5, 60)).astype(np.int16)
    searches = xr.Dataset(
        {"rows_macro": (("sampler", "guide", "search", "trial"), rows)},
        {"sampler": list(samplers), "guide": ["P", tables.HEADLINE]},
    )
    searches.to_netcdf(tmp_path / "searches.nc")
    monkeypatch.setattr(evidence_searches, "FILE", tmp_path / "searches.nc")
    monkeypatch.setattr(tables, "CONFIRMATORY", 100)
    monkeypatch.setattr(tables, "EXPLORATORY", 60)
    monkeypatch.setattr(evidence_beyond, "CONFIRMATORY", 100)
    monkeypatch.setattr(evidence_beyond, "REPETITIONS", 1)
    small = {"macro": helped, "cells": made("cells", 40, helps=False), "macro-wide": made("macro-wide", 30, helps=True)}
    found = evidence.blocks(small)
    assert {"primary", "secondary", "everything cells", "efficiency macro-wide", "beyond"} <= set(found)
    assert all(text.strip() for text in found.values())
    assert found["searches"].count("| `macro` |") == 2 * len(samplers)
    page = evidence.fill("a <!-- table: primary -->old<!-- end --> b <!-- table: other -->\n<!-- end -->", found)
    assert found["primary"] in page
    assert "old" not in page
    assert "Not enough networks yet." in page
    assert evidence.fill(page, found) == page


def test_half_of_the_macro_pool_is_for_choosing():
    keys = [half(space_of("macro").hash(a)) for a in members("macro")]
    assert len(keys) == 243
    assert 105 <= keys.count("choose") <= 138
