"""Intervals, permutation tests and comparisons of models through the labelled functions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats

import neuroguide as ng
from neuroguide._core.errors import InputError, NeuroguideWarning, OptionError
from neuroguide.engine.dissimilarity import condense
from neuroguide.engine.inference.bootstrap import bootstrap_sites, bootstrap_stimuli
from neuroguide.models import Preprocess
from neuroguide.models.zoo import Model
from neuroguide.scoring import methods_paragraph
from neuroguide.stimuli import StimulusSet

N = 24


class Never(torch.nn.Module):
    """A network that must not be run."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise AssertionError("the network was run although the options are impossible")


@pytest.fixture
def never() -> Model:
    return Model("never", Never(), Preprocess(16), layers=("layer",))


@pytest.fixture
def many() -> StimulusSet:
    import pandas as pd

    images = np.random.default_rng(0).integers(0, 256, (N, 16, 16, 3), dtype=np.uint8)
    table = pd.DataFrame({"category_name": ["face", "hand", "tree"] * (N // 3)})
    return StimulusSet.from_arrays(images, [f"i{k:02d}" for k in range(N)], metadata=table, identifier="many")


@pytest.fixture
def responsive(model: Model, many: StimulusSet) -> xr.DataArray:
    """Sites that mix the units of the first layer, four noisy repetitions each."""
    rng = np.random.default_rng(5)
    features = torch.relu(model.module[0](model.preprocess(many.images()[:]))).detach().flatten(1).numpy()
    clean = features @ rng.normal(size=(features.shape[1], 30)) / 3
    trials = np.repeat(clean, 4, axis=0) + 0.3 * clean.std() * rng.normal(size=(4 * N, 30))
    return xr.DataArray(
        trials,
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", np.repeat(many.ids, 4)),
            "repetition": ("presentation", np.tile(np.arange(4), N)),
            "neuroid_id": ("neuroid", [f"n{k}" for k in range(30)]),
            "region": ("neuroid", ["V4", "IT"] * 15),
            "animal": ("neuroid", [f"m{k % 5}" for k in range(30)]),
        },
        attrs={"identifier": "responsive", "simulated": 1},
    )


def condensed(rdm: xr.DataArray) -> torch.Tensor:
    return condense(torch.as_tensor(rdm.values))


@pytest.mark.parametrize("resample", ["stimuli", "sites", "both"])
def test_intervals_are_those_of_the_engine(
    model: Model, responsive: xr.DataArray, many: StimulusSet, resample: str
) -> None:
    found = ng.score(
        model, responsive, stimuli=many, bootstrap=200, resample=resample, seed=3, dtype="float64", device="cpu"
    )
    features = torch.relu(model.module[0](model.preprocess(many.images()[:]))).detach().flatten(1).double()
    layer = condensed(ng.rdm(features, dtype="float64")).unsqueeze(0)
    means = responsive.values.reshape(N, 4, 30).mean(axis=1)[:, ::2]
    region = condensed(ng.rdm(means, dtype="float64")).unsqueeze(0)
    if resample == "stimuli":
        low, high = bootstrap_stimuli(layer, region, n_samples=200, seed=3).interval()
    else:
        low, high = bootstrap_sites(layer, torch.as_tensor(means), factors=resample, n_samples=200, seed=3).interval()
    cell = found.sel(layer="1", region="V4")
    assert float(cell["ci_low"]) == pytest.approx(float(low.flatten()[0]), abs=1e-6)
    assert float(cell["ci_high"]) == pytest.approx(float(high.flatten()[0]), abs=1e-6)
    assert (found["best_ci_low"] < found["best"]).all()
    assert ("normalized_ci_low" in found) == (resample == "stimuli")
    if resample == "stimuli":
        assert (found["normalized_ci_low"] < found["normalized"]).all()
        assert (found["normalized"] < found["normalized_ci_high"]).all()
    assert found.attrs["resample"] == resample


def test_animals_are_resampled_where_there_are_five(model: Model, responsive: xr.DataArray, many: StimulusSet) -> None:
    for resample in ("animals", "both", "stimuli"):
        found = ng.score(
            model, responsive, stimuli=many, per="animal", distance="euclidean", bootstrap=200, resample=resample
        )
        assert (found["ci_low"] < found["similarity"]).all()


@pytest.mark.parametrize("within", [None, "category_name"])
def test_permutations_tell_a_relation_from_none(
    model: Model, responsive: xr.DataArray, many: StimulusSet, within: str | None
) -> None:
    found = ng.score(model, responsive, stimuli=many, permutations=400, within=within)
    assert (found["p_value"].sel(layer="1") < 0.01).all()
    assert (found["p_value_max"] >= found["p_value"]).all()
    rng = np.random.default_rng(1)
    unrelated = responsive.copy(data=rng.normal(size=responsive.shape))
    ours = ng.score(model, ng.rdm(unrelated), stimuli=many, permutations=400, within=within)
    # by brute force: the same share of random orders, up to chance
    features = torch.relu(model.module[0](model.preprocess(many.images()[:]))).detach().flatten(1)
    one, other = (ng.rdm(x).values for x in (features, unrelated.values.reshape(N, 4, 30).mean(axis=1)))
    upper = np.triu_indices(N, 1)
    groups = many.metadata["category_name"].to_numpy() if within else np.zeros(N)
    above = 0
    for _ in range(400):
        order = np.arange(N)
        for group in np.unique(groups):
            places = np.flatnonzero(groups == group)
            order[places] = rng.permutation(places)
        null = stats.pearsonr(one[upper], other[np.ix_(order, order)][upper])[0]
        above += null >= stats.pearsonr(one[upper], other[upper])[0]
    assert float(ours["p_value"].sel(layer="1").values[0]) == pytest.approx(above / 400, abs=0.12)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"bootstrap": 200, "comparison": "kendall"}, "resampling is not available"),
        ({"bootstrap": 200, "comparison": "bures"}, "resampling is not available"),
        ({"bootstrap": 50}, "at least 200"),
        ({"permutations": 50}, "at least 100"),
        ({"bootstrap": 200, "resample": "site"}, "did you mean 'sites'"),
        ({"bootstrap": 200, "resample": "sites", "distance": "crossnobis"}, "cannot be resampled under the crossnobis"),
        ({"within": "category_name"}, "give permutations="),
        ({"permutations": 100, "within": "colour"}, "unknown within"),
        ({"per": "site", "bootstrap": 200}, "neither intervals nor p values"),
        ({"metric": "cka", "permutations": 100}, "use metric='rsa'"),
    ],
)
def test_what_is_impossible_is_refused_before_the_network_is_run(
    never: Model, responsive: xr.DataArray, many: StimulusSet, options: dict, sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        ng.score(never, responsive, stimuli=many, **options)


def test_too_little_data_says_how_much_is_needed(never: Model, responsive: xr.DataArray, many: StimulusSet) -> None:
    few = responsive.isel(presentation=slice(0, 40))
    with pytest.raises(InputError, match="at least 20 of them, the recording has 10"):
        ng.score(never, few, stimuli=many, bootstrap=200)
    with pytest.raises(InputError, match="at least 10 of them, V4 has 3"):
        ng.score(never, responsive.isel(neuroid=slice(0, 6)), stimuli=many, bootstrap=200, resample="sites")
    with pytest.raises(OptionError, match="V4 is an RDM"):
        ng.score(never, ng.rdm(responsive, by="region"), stimuli=many, bootstrap=200, resample="both")


def test_whitening_warns_where_it_is_an_approximation(
    model: Model, responsive: xr.DataArray, many: StimulusSet
) -> None:
    with pytest.warns(NeuroguideWarning, match="approximation for the correlation distance"):
        ng.score(model, responsive, stimuli=many, comparison="whitened-pearson")
    ng.score(model, responsive, stimuli=many, comparison="whitened-cosine", distance="crossnobis")


def test_models_are_compared_pair_by_pair(model: Model, responsive: xr.DataArray, many: StimulusSet) -> None:
    torch.manual_seed(7)
    other = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 7, stride=4), torch.nn.Tanh())
    models = {"right": model, "same": model, "other": Model("other", other, Preprocess(16), layers=("1",))}
    found = ng.compare_models(models, responsive, stimuli=many, bootstrap=300, seed=1)
    assert found["similarity"].dims == ("model", "region")
    expected = ng.score(model, responsive, stimuli=many)["similarity"].max("layer")
    np.testing.assert_allclose(found["similarity"].sel(model="right").values, expected.values, atol=1e-6)
    part = found.sel(region="IT")
    np.testing.assert_allclose(part["difference"].values, -part["difference"].values.T)
    assert float(part["p_value"].sel(model="right", model_2="same")) == 1
    p = part["p_value"].values[np.triu_indices(3, 1)]
    ordered = np.argsort(p)
    holm = np.maximum.accumulate(p[ordered] * [3, 2, 1]).clip(max=1)
    np.testing.assert_allclose(part["p_holm"].values[np.triu_indices(3, 1)][ordered], holm)
    # by Student's t with the number of stimuli minus one as degrees of freedom
    t = float(
        part["difference"].sel(model="right", model_2="other")
        / part["standard_error"].sel(model="right", model_2="other")
    )
    assert float(part["p_value"].sel(model="right", model_2="other")) == pytest.approx(2 * stats.t.sf(abs(t), N - 1))
    assert len(ng.plot.comparisons(found)) == 2
    ng.plot.comparison(found, region="IT", significance=part["p_holm"])
    methods = methods_paragraph(found)
    for part in (
        "Layers of the models right, same and other were compared with", "repetitions",
        f"{int(found['n_sites'][0])} sites in {found['region'].values[0]}",
        "300 samples of the stimuli", "chosen anew in every sample", "Student's t", "Holm's method", "torch", "seed 1.",
    ):  # fmt: skip
        assert part in methods
    again = ng.compare_models([model], responsive, stimuli=many, unit="layer", bootstrap=200)
    assert again["model"].values.tolist() == ["small: 1", "small: 3"]
    assert "Layers of the model small were" in methods_paragraph(again)


def test_what_cannot_be_compared_is_refused(never: Model, responsive: xr.DataArray, many: StimulusSet) -> None:
    with pytest.raises(InputError, match="at least 2 models"):
        ng.compare_models([never], responsive, stimuli=many)
    with pytest.raises(InputError, match="called 'never'"):
        ng.compare_models([never, dataclasses.replace(never)], responsive, stimuli=many)
    with pytest.raises(OptionError, match="give bootstrap="):
        ng.compare_models([never, never], responsive, stimuli=many, bootstrap=0)
