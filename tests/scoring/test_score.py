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
from neuroguide.scoring import open_scores, rdm, score, write_scores
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
    assert "RDMs" in found.attrs["no_ceiling"]
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
    with pytest.raises(FileError, match="does not exist"):
        open_scores(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(FileError, match="cannot be read"):
        open_scores(tmp_path / "text.nc")
