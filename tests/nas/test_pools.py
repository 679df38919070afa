"""Tabulated pools: what is looked up, what it costs, and that every proposal of every sampler is in the table."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import neuroguide as ng
from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.nas.guides import AutoWeights
from neuroguide.nas.pools import Pool, TableGuide, open_pool, pool_names
from neuroguide.nas.pools_search import PoolSearch
from neuroguide.nas.spaces import open_space

OPTIONS = {
    "depth": [1, 2], "width": [8], "operation": ["conv", "separable"], "kernel": [3, 5], "skip": ["none", "add"],
    "activation": ["relu"], "normalisation": ["batch"], "shared": True,
}  # fmt: skip
TEACHERS = ("V4", "IT")


@pytest.fixture
def dataset():
    space = open_space("macro", **OPTIONS)
    members = list(space.enumerate())
    n = len(members)
    rng = np.random.default_rng(0)
    variables = {
        "architecture_json": (("architecture",), np.array([json.dumps(space.to_json(a)) for a in members], object)),
        "validation_accuracy": (
            ("architecture", "seed", "images", "validation_images"), rng.uniform(0.1, 0.5, (n, 2, 2, 2))),
        "validation_loss": (("architecture", "seed", "images"), rng.uniform(1, 3, (n, 2, 2))),
        "summed_training_loss": (("architecture", "seed", "images"), rng.uniform(1, 3, (n, 2, 2))),
        "similarity": (("architecture", "seed", "images", "stage", "teacher"), rng.uniform(-0.2, 0.8, (n, 2, 2, 3, 2))),
        "proxies": (("architecture", "seed", "proxy"), rng.normal(size=(n, 2, 1))),
        "mature_test_accuracy": (("architecture", "seed"), rng.uniform(0.4, 0.7, (n, 2))),
        **{name: (("architecture",), rng.integers(1000, 9000, n)) for name in ("parameters", "macs", "flops")},
    }  # fmt: skip
    coords = {
        "architecture": np.array([space.hash(a) for a in members], object),
        "seed": np.array(["A", "B"], object),
        "images": [0, 1000],
        "validation_images": [1000, 5000],
        "teacher": np.array(TEACHERS, object),
        "teacher_stimuli": ("teacher", np.array(["v4", "it"], object)),
        "teacher_ceiling": ("teacher", [0.5, np.nan]),
        "proxy": np.array(["synflow"], object),
    }
    attrs = {
        "format": 1, "kind": "pool", "name": "made", "space": json.dumps({"space": "macro", "options": OPTIONS}),
        "stimuli": json.dumps({"v4": 600, "it": 90}),
    }  # fmt: skip
    return xr.Dataset(variables, coords, attrs)


@pytest.fixture
def pool(dataset):
    return Pool(dataset)


def test_measures_are_those_of_the_table(pool, dataset):
    found = pool.measures(1000, validation_images=1000)
    assert found["P"] == pytest.approx(dataset["validation_accuracy"].values[:, 0, 1, 0])
    assert found["similarity/IT"] == pytest.approx(dataset["similarity"].values[:, 0, 1, :, 1].max(axis=1))
    assert found["synflow"] == pytest.approx(dataset["proxies"].values[:, 0, 0])


def test_dead_stages_leave_the_maximum(dataset):
    dataset["similarity"][3, 0, 1, 0, 0] = np.nan
    dataset["similarity"][4, 0, 1, :, 0] = np.nan
    found = Pool(dataset).measures(1000)["similarity/V4"]
    assert found[3] == pytest.approx(dataset["similarity"].values[3, 0, 1, 1:, 0].max())
    assert found[4] == -1


def test_fitted_weights_look_before_and_after(pool, dataset):
    weights = AutoWeights(("P", "similarity/V4", "initial similarity/IT"), (0,), ((0.3, 0, 0.5),), ((0.1, 1, 1),),
                          ((1, 2, 3),))  # fmt: skip
    measures, untrained = pool.measures(1000), pool.measures(0)["similarity/IT"]
    assert measures["initial similarity/IT"] == pytest.approx(untrained)
    expected = (measures["P"] - 0.3) / 0.1 + 2 * measures["similarity/V4"] + 3 * (untrained - 0.5)
    assert pool.values(weights, 1000) == pytest.approx(expected)
    assert pool.cost(weights, 1000, validation_images=1000) == pytest.approx(1000 + (1000 + 600 + 90) / 3)
    both = replace(weights, features=("P", "similarity/V4", "initial similarity/V4"))
    assert pool.cost(both, 1000, validation_images=1000) == pytest.approx(1000 + (1000 + 2 * 600) / 3)
    assert pool.cost(both, 0, validation_images=1000) == pytest.approx((1000 + 600) / 3)
    with pytest.raises(InputError, match="no spearman similarities after 1000 images"):
        pool.values(replace(weights, comparison="spearman"), 1000)
    dataset["similarity_spearman"] = dataset["similarity"].max("stage").rename(teacher="teacher_compared") / 2
    halved = dict(zip(weights.features, (measures["P"], measures["similarity/V4"] / 2, untrained / 2), strict=True))
    expected = (halved["P"] - 0.3) / 0.1 + 2 * halved["similarity/V4"] + 3 * (halved["initial similarity/IT"] - 0.5)
    assert Pool(dataset).values(replace(weights, comparison="spearman"), 1000) == pytest.approx(expected)
    dataset["mature_test_accuracy"][2, 0] = np.nan
    assert np.flatnonzero(np.isnan(Pool(dataset).values(weights, 1000))).tolist() == [2]


def test_values_of_guides(pool):
    measures = pool.measures(1000)
    tg = (measures["similarity/V4"] / 0.5 + measures["similarity/IT"]) / 2
    assert pool.values("P + 2 TG(V4, IT)", 1000) == pytest.approx(measures["P"] + 2 * tg)
    assert pool.values("TG(IT)", 1000) == pytest.approx(measures["similarity/IT"])
    assert pool.values("synflow", 0) == pytest.approx(measures["synflow"])
    assert pool.values("loss", 1000) == pytest.approx(-measures["loss"])
    assert pool.values(lambda m: m["P"] - m["flops"], 1000) == pytest.approx(measures["P"] - measures["flops"])
    weighted = TableGuide(teachers=("V4", "IT"), weights=(0.2, 0.8), ceiling=False)
    assert pool.values(weighted, 1000) == pytest.approx(
        0.2 * measures["similarity/V4"] + 0.8 * measures["similarity/IT"]
    )


def test_standardised_values_do_not_depend_on_scale(pool, dataset):
    guide = TableGuide(True, TEACHERS, standardise=True)
    before = pool.values(guide, 1000)
    dataset["similarity"] = dataset["similarity"] * 0.01 + 0.3
    assert Pool(dataset).values(guide, 1000) == pytest.approx(before)


def test_costs_in_image_equivalents(pool):
    assert pool.cost("P", 1000) == pytest.approx(1000 + 5000 / 3)
    assert pool.cost("TG(V4, IT)", 1000) == pytest.approx(1000 + 690 / 3)
    assert pool.cost("P + TG(IT)", 1000, validation_images=1000) == pytest.approx(1000 + 1000 / 3 + 90 / 3)
    assert pool.cost("synflow", 1000) == 0


@pytest.mark.parametrize("sampler", ["random", "evolution", "tpe", "controller"])
def test_searches_find_every_proposal_and_repeat(pool, sampler):
    run = pool.search(sampler, "P + TG(V4, IT)", trials=12, seed=3)
    assert run.values == pytest.approx(pool.values("P + TG(V4, IT)", 1000)[run.rows])
    assert run.image_equivalents[-1] == pytest.approx(len(set(run.rows)) * pool.cost("P + TG(V4, IT)", 1000))
    assert run.chosen[-1] == run.mature[np.argmax(run.values)]
    assert (pool.search(sampler, "P + TG(V4, IT)", trials=12, seed=3).rows == run.rows).all()


def test_cost_to_an_accuracy():
    run = PoolSearch(
        np.array([0, 1, 0, 2]), np.array([1.0, 2, 1, 3]), np.array([0.9, 0.1, 0.9, 0.5]), np.arange(1, 5.0)
    )
    assert run.chosen.tolist() == [0.9, 0.1, 0.1, 0.5]
    assert run.cost_to(0.8) == 1
    assert run.cost_to(0.95) == float("inf")


def test_every_draw_mutation_and_expansion_is_tabulated(pool):
    rng = np.random.default_rng(1)
    for _ in range(50):
        arch = pool.space.sample(rng)
        for found in (arch, pool.space.mutate(arch, rng), *pool.space.neighbours(arch)):
            assert pool.architectures[pool.row(found)] == found


def test_an_unfinished_pool_says_so_and_cannot_be_searched(dataset):
    dataset["mature_test_accuracy"][2, 0] = np.nan
    pool = Pool(dataset)
    assert pool.trained().sum() == len(pool) - 1
    assert np.isnan(pool.measures(1000)["similarity/V4"][2])
    with pytest.raises(InputError, match="1 of its members are not trained"):
        pool.search("random", trials=2)


def test_a_sample_of_a_space_cannot_be_searched(dataset):
    with pytest.raises(InputError, match="holds 10 of its space's"):
        Pool(dataset.isel(architecture=slice(10))).search("random", trials=2)


def test_unknown_things_are_named(pool):
    with pytest.raises(OptionError, match="known: IT, V4"):
        pool.values("TG(It)", 1000)
    with pytest.raises(OptionError, match="1500"):
        pool.values("P", 1500)
    with pytest.raises(OptionError, match="is not understood"):
        pool.values("P + IT", 1000)
    with pytest.raises(InputError, match="no measure 'synflo'"):
        pool.values("synflo", 1000)
    with pytest.raises(InputError, match="no architecture"):
        pool.row("0000")
    with pytest.raises(OptionError, match="unknown pool"):
        open_pool("cifar100-macro")


def test_files_are_read_back_and_others_refused(dataset, tmp_path):
    dataset.to_netcdf(tmp_path / "made.nc")
    again = ng.open_pool(tmp_path / "made.nc")
    assert again.values("P + TG(V4, IT)", 1000) == pytest.approx(Pool(dataset).values("P + TG(V4, IT)", 1000))
    assert again.hashes == Pool(dataset).hashes
    dataset.assign_attrs(kind="scores").to_netcdf(tmp_path / "other.nc")
    with pytest.raises(FileError, match="is not a pool"):
        open_pool(tmp_path / "other.nc")
    dataset.assign_attrs(format=2).to_netcdf(tmp_path / "newer.nc")
    with pytest.raises(FileError, match="format 2"):
        open_pool(tmp_path / "newer.nc")
    dataset.assign_attrs(format=np.nan).to_netcdf(tmp_path / "garbled.nc")
    with pytest.raises(FileError, match=r"garbled\.nc garbles its pool format"):
        open_pool(tmp_path / "garbled.nc")


@pytest.mark.parametrize("name", pool_names())
def test_shipped_pools_hold_their_members(name):
    pool = open_pool(name)
    assert [pool.space.hash(arch) for arch in pool.architectures] == pool.hashes
    rng = np.random.default_rng(0)
    if pool.space.size() == len(pool):
        assert set(pool.hashes) == {pool.space.hash(arch) for arch in pool.space.enumerate()}
        for _ in range(30):
            pool.row(pool.space.mutate(pool.space.sample(rng), rng))
        for arch in pool.space.seedlings() if hasattr(pool.space, "seedlings") else ():
            for grown in pool.space.expand(arch):
                pool.row(grown)
    values = pool.values("P + TG(V4, monkey IT)", 1000)
    assert np.isfinite(values[pool.trained()]).all()
