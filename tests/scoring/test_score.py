"""ng.score, against a computation with numpy and scipy alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats
from scipy.spatial.distance import pdist

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.models.zoo import Model
from neuroguide.scoring import best_pairs, compare, open_scores, rdm, rdm_reliability, score, write_scores
from neuroguide.stimuli import StimulusSet


def by_hand(model: Model, recording: xr.DataArray, stimuli: StimulusSet, comparison: str) -> np.ndarray:
    ids = list(dict.fromkeys(recording["stimulus_id"].values.tolist()))
    images = model.preprocess(stimuli.select(ids).images()[:])
    first = torch.relu(model.module[0](images)).detach()
    second = torch.relu(model.module[2](first)).detach()
    shown = recording["stimulus_id"].values
    means = np.stack([recording.values[shown == name].astype(float).mean(axis=0) for name in ids])
    layers = [pdist(x.flatten(1).double().numpy(), "correlation") for x in (first, second)]
    regions = [pdist(means[:, recording["region"].values == name], "correlation") for name in ("V4", "IT")]
    correlate = getattr(stats, f"{comparison}r")
    return np.array([[correlate(layer, region)[0] for region in regions] for layer in layers])


@pytest.mark.parametrize("comparison", ["pearson", "spearman"])
def test_scores_are_those_of_numpy_and_scipy(
    model: Model, recording: xr.DataArray, stimuli: StimulusSet, comparison: str
) -> None:
    found = score(model, recording, stimuli=stimuli, comparison=comparison, device="cpu", dtype="float64")
    assert found["similarity"].dims == ("layer", "region")
    assert found["layer"].values.tolist() == ["1", "3"]
    assert found["region"].values.tolist() == ["V4", "IT"]
    np.testing.assert_allclose(found["similarity"].values, by_hand(model, recording, stimuli, comparison), atol=1e-6)
    np.testing.assert_allclose(found["normalized"].values, (found["similarity"] / found["ceiling"]).values)
    assert found["n_sites"].values.tolist() == [4, 6]


def test_attrs_say_what_was_done(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    attrs = score(model, recording, stimuli=stimuli, seed=5).attrs
    assert attrs["simulated"] == 1
    assert attrs["model"] == "small"
    assert attrs["degrees"] == "unknown"
    assert json.loads(attrs["sites_per_animal"]) == {"m1": 5, "m2": 5}
    assert (attrs["n_stimuli"], attrs["seed"], attrs["distance"]) == (12, 5, "correlation")


def test_the_order_of_presentations_does_not_matter(
    model: Model, recording: xr.DataArray, stimuli: StimulusSet
) -> None:
    order = np.random.default_rng(9).permutation(recording.sizes["presentation"])
    one = score(model, recording, stimuli=stimuli)["similarity"].values
    other = score(model, recording.isel(presentation=order), stimuli=stimuli)["similarity"].values
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_no_repetitions_no_ceiling(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    once = recording.isel(presentation=np.flatnonzero(recording["repetition"].values == 0))
    found = score(model, once, stimuli=stimuli)
    assert "ceiling" not in found
    assert "once" in found.attrs["no_ceiling"]


def test_an_rdm_is_enough(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    published = rdm(recording, by="region")
    found = score(model, published, stimuli=stimuli)
    expected = score(model, recording, stimuli=stimuli)
    np.testing.assert_allclose(found["similarity"].values, expected["similarity"].values, atol=1e-5)
    assert "RDM without its repetitions" in found.attrs["no_ceiling"]
    with pytest.raises(InputError, match="zscore"):
        score(model, published, stimuli=stimuli, normalise="zscore")


def test_a_layer_chosen_on_other_stimuli_scores_less_than_the_best(
    recording: xr.DataArray, stimuli: StimulusSet
) -> None:
    torch.manual_seed(3)
    wide = torch.nn.Sequential(*[torch.nn.Conv2d(3, 3, 1) for _ in range(12)])
    model = Model("wide", wide, layers=tuple(str(i) for i in range(12)))
    found = score(model, recording, stimuli=stimuli, layer_choice="crossvalidated", normalise="center")
    best = found["similarity"].max("layer")
    assert (found["crossvalidated"] < best).all()
    assert set(found["chosen_layer"].values.tolist()) <= set(model.layers)


def test_a_dead_layer_is_named(recording: xr.DataArray, stimuli: StimulusSet) -> None:
    class Dead(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.silent = torch.nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.silent(-x.abs() - 1)

    with pytest.raises(InputError, match="silent"):
        score(Model("dead", Dead(), layers=("silent",)), recording, stimuli=stimuli)


def test_wrong_options_are_sentences(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    with pytest.raises(OptionError, match="did you mean 'rsa'"):
        score(model, recording, stimuli=stimuli, metric="rsb")
    with pytest.raises(OptionError, match="correlation"):
        score(model, recording, stimuli=stimuli, distance="corelation")
    with pytest.raises(OptionError, match="pearson"):
        score(model, recording, stimuli=stimuli, comparison="pearso")
    with pytest.raises(OptionError, match="device"):
        score(model, recording, stimuli=stimuli, device="gpu")
    with pytest.raises(OptionError, match="known"):
        score(model, recording, stimuli=stimuli, layers=["nosuch"])
    with pytest.raises(InputError, match="stimuli="):
        score(model, recording)
    with pytest.raises(InputError, match="image00"):
        score(model, recording, stimuli=stimuli.select(stimuli.ids[1:]))
    with pytest.raises(InputError, match="not understood"):
        score(model, 3, stimuli=stimuli)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="stimuli of type int"):
        score(model, recording, stimuli=3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="needs repetitions, which a model has not"):
        score(model, recording, stimuli=stimuli, distance=("euclidean", "crossnobis"))
    for wrong in ({"bootstrap": -5}, {"bootstrap": 2.5}, {"seed": "a"}, {"permutations": -1}):
        with pytest.raises(OptionError, match="is not possible"):
            score(model, recording, stimuli=stimuli, **wrong)


def test_scores_survive_the_disk(model: Model, recording: xr.DataArray, stimuli: StimulusSet, tmp_path) -> None:
    found = score(model, recording, stimuli=stimuli)
    again = open_scores(write_scores(found, tmp_path / "scores.nc"))
    assert again.attrs.items() >= found.attrs.items()
    again.attrs = dict(found.attrs)
    xr.testing.assert_identical(again, found)
    newer = tmp_path / "newer.nc"
    found.assign_attrs(format=99, kind="scores").to_netcdf(newer)
    with pytest.raises(FileError, match="upgrade"):
        open_scores(newer)
    found.assign_attrs(format="x", kind="scores").to_netcdf(tmp_path / "odd.nc")
    with pytest.raises(FileError, match="names no format"):
        open_scores(tmp_path / "odd.nc")
    with pytest.raises(FileError, match="does not exist"):
        open_scores(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(FileError, match="is not a netCDF file"):
        open_scores(tmp_path / "text.nc")


def test_bootstrap_intervals_hold_the_estimate(model: Model) -> None:
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    many = StimulusSet.from_arrays(images, [f"i{k:02d}" for k in range(30)], identifier="many")
    responses = torch.relu(model.module[0](model.preprocess(images))).detach().flatten(1).numpy()[:, :40]
    assembly = xr.DataArray(
        responses + 0.5 * rng.normal(size=responses.shape),
        dims=("presentation", "neuroid"),
        coords={"stimulus_id": ("presentation", many.ids), "neuroid_id": ("neuroid", [f"n{k}" for k in range(40)])},
    )
    found = score(model, assembly, stimuli=many, bootstrap=400)
    assert (found["ci_low"] < found["similarity"]).all()
    assert (found["similarity"] < found["ci_high"]).all()
    assert found["best"].values == pytest.approx(found["similarity"].max("layer").values)
    assert (found["best_ci_low"] < found["best_ci_high"]).all()
    assert found.attrs["ci_level"] == 0.95
    few = many.select(many.ids[:10])
    with pytest.raises(InputError, match="needs at least 20 of them"):
        score(model, assembly.isel(presentation=slice(0, 10)), stimuli=few, bootstrap=200)


def test_cka_is_its_formula(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    found = score(model, recording, stimuli=stimuli, metric="cka", dtype="float64", device="cpu")
    ids = list(dict.fromkeys(recording["stimulus_id"].values.tolist()))
    x = (
        torch.relu(model.module[0](model.preprocess(stimuli.select(ids).images()[:])))
        .detach()
        .flatten(1)
        .double()
        .numpy()
    )
    shown = recording["stimulus_id"].values
    y = np.stack([recording.values[shown == name].astype(float).mean(axis=0) for name in ids])[:, :4]
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    expected = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert float(found["similarity"].sel(layer="1", region="V4")) == pytest.approx(expected, abs=1e-6)
    assert "CKA" in found.attrs["no_ceiling"]


@pytest.mark.parametrize("metric", ["ridge", "pls"])
def test_regressions_find_a_linear_readout_and_correct_for_noise(model: Model, metric: str) -> None:
    rng = np.random.default_rng(6)
    images = rng.integers(0, 256, (120, 16, 16, 3), dtype=np.uint8)
    images[1] = images[0]
    many = StimulusSet.from_arrays(images, [f"i{k:03d}" for k in range(120)], identifier="many")
    features = (
        torch.relu(model.module[2](torch.relu(model.module[0](model.preprocess(images))))).detach().flatten(1).numpy()
    )
    clean = features @ rng.normal(size=(features.shape[1], 6))
    clean = (clean - clean.mean(axis=0)) / clean.std(axis=0)
    trials = np.repeat(clean, 4, axis=0) + 0.8 * rng.normal(size=(480, 6))
    assembly = xr.DataArray(
        trials,
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", np.repeat(many.ids, 4)),
            "repetition": ("presentation", np.tile(np.arange(4), 120)),
            "neuroid_id": ("neuroid", [f"n{k}" for k in range(6)]),
        },
    )
    found = score(model, assembly, stimuli=many, metric=metric)
    raw, corrected = (float(found[name].sel(layer="3").values[0]) for name in ("similarity", "normalized"))
    assert 0.3 < raw < corrected < 1.05
    shuffled = many.ids[60:] + many.ids[:60]
    wrong = assembly.assign_coords(stimulus_id=("presentation", np.repeat(shuffled, 4)))
    assert abs(float(score(model, wrong, stimuli=many, metric=metric)["similarity"].sel(layer="3").values[0])) < 0.3


def test_metrics_of_sites_refuse_what_they_cannot_do(
    model: Model, recording: xr.DataArray, stimuli: StimulusSet
) -> None:
    with pytest.raises(OptionError, match="rsa"):
        score(model, recording, stimuli=stimuli, metric="ridge", bootstrap=100)
    with pytest.raises(InputError, match="is an RDM"):
        score(model, rdm(recording, by="region"), stimuli=stimuli, metric="cka")
    with pytest.raises(InputError, match="CKA with V4 is undefined"):
        score(model, xr.full_like(recording, 2), stimuli=stimuli, metric="cka")


def test_the_best_pair_is_of_the_time_window_that_was_scored(
    model: Model, recording: xr.DataArray, stimuli: StimulusSet
) -> None:
    later = recording.copy(data=np.random.default_rng(2).poisson(5, recording.shape).astype(np.float32))
    timed = xr.concat([recording, later], dim="time_bin").transpose("presentation", "neuroid", "time_bin")
    timed = timed.assign_coords(
        time_bin_start=("time_bin", [0.0, 100.0]), time_bin_end=("time_bin", [100.0, 200.0])
    ).assign_attrs(recording.attrs)
    found = score(model, timed, stimuli=stimuli, time=(0, 100))
    for region, pair in best_pairs(model, timed, found, stimuli=stimuli).items():
        best = float(found["similarity"].sel(region=region).max())
        assert compare(*pair.values()) == pytest.approx(best, abs=1e-5)


def test_halves_that_disagree_are_refused_with_a_way_out(model: Model, stimuli: StimulusSet) -> None:
    values = np.zeros((24, 3))
    assembly = xr.DataArray(
        values,
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", np.repeat(stimuli.ids, 2)),
            "repetition": ("presentation", np.tile([0, 1], 12)),
            "neuroid_id": ("neuroid", ["a", "b", "c"]),
        },
    )
    noise = (assembly.copy(data=np.random.default_rng(seed).normal(size=values.shape)) for seed in range(50))
    unreliable = next(each for each in noise if float(rdm_reliability(each)["split_half"].values[0]) < 0)
    with pytest.raises(InputError, match="do not agree"):
        score(model, unreliable, stimuli=stimuli)
    assert np.isfinite(score(model, rdm(unreliable), stimuli=stimuli)["similarity"]).all()
