"""Every site on its own: scores, pictures and guides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.spatial.distance import pdist

import neuroguide as ng
from neuroguide._core.errors import InputError, NeuroguideWarning, OptionError
from neuroguide.models.activations import activations
from neuroguide.models.zoo import Model
from neuroguide.nas.guides import Teacher, load
from neuroguide.stimuli import StimulusSet

KIND = {"image_size": 16, "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}


def means_of(recording: xr.DataArray, ids: list[str]) -> np.ndarray:
    shown = recording["stimulus_id"].values
    return np.stack([recording.values[shown == name].astype(np.float64).mean(axis=0) for name in ids])


def test_scores_of_sites_are_those_of_scipy(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    placed = recording.assign_coords(row=("neuroid", np.arange(10) // 4), col=("neuroid", np.arange(10) % 4))
    found = ng.score(model, placed, stimuli=stimuli, per="site", comparison="spearman", dtype="float64")
    assert found["similarity"].dims == ("layer", "neuroid")
    ids = list(dict.fromkeys(recording["stimulus_id"].values.tolist()))
    features = activations(model, stimuli.select(ids), device="cpu", dtype="float64")
    means = means_of(recording, ids)
    for site in range(10):
        own = pdist(means[:, site : site + 1], "sqeuclidean")
        expected = stats.spearmanr(pdist(features["3"].numpy(), "correlation"), own)[0]
        assert float(found["similarity"].sel(layer="3").values[site]) == pytest.approx(expected, abs=1e-6)
    assert found["neuroid_id"].values.tolist() == recording["neuroid_id"].values.tolist()
    assert (found["reliability"] > 0).all()
    assert len(ng.plot.sites(found["similarity"].sel(layer="3"))) == 2
    ranked = found.isel(neuroid=found["similarity"].sel(layer="3").argsort().values)
    assert ranked["neuroid_id"].shape == (10,)


def test_a_silent_site_has_no_score(model: Model, recording: xr.DataArray, stimuli: StimulusSet) -> None:
    silent = recording.copy()
    silent.values[:, 4] = 1
    found = ng.score(model, silent, stimuli=stimuli, per="site")
    assert np.isnan(found["similarity"].values).any(axis=0).tolist() == [i == 4 for i in range(10)]
    with pytest.raises(OptionError, match="is an RDM"):
        ng.score(model, ng.rdm(recording), stimuli=stimuli, per="site")


def test_sites_guide_a_search(model: Model, recording: xr.DataArray, stimuli: StimulusSet, tmp_path: Path) -> None:
    guide = Teacher(recording, ["IT"], stimuli, per="site").prepare(**KIND)
    assert [layer.name for layer in guide.layers] == [f"site{i}" for i in range(4, 10)]
    measured = guide.measure(model.module, ["1", "3"], accuracy=None, device="cpu")
    values = [float(measured[f"similarity/site{i}"]) for i in range(4, 10)]
    assert measured["TG"] == pytest.approx(np.mean(values))
    again = load(guide.save(tmp_path), tmp_path)
    assert again.measure(model.module, ["1", "3"], accuracy=None, device="cpu") == measured
    silent = recording.copy()
    silent.values[:, 4] = 1
    with pytest.warns(NeuroguideWarning, match="1 of 6 sites of IT respond alike"):
        assert len(Teacher(silent, ["IT"], stimuli, per="site").prepare(**KIND).layers) == 5
    with pytest.raises(InputError, match="is an RDM"):
        Teacher(ng.rdm(recording, by="region"), stimuli=stimuli, per="site").prepare(**KIND)


@pytest.mark.parametrize(
    ("distance", "own", "theirs"),
    [
        ("crossnobis", "crossnobis", "euclidean"),
        ("mahalanobis(noise=diagonal)/cosine", "mahalanobis(noise=diagonal)", "cosine"),
        (("poisson-kl(prior_rate=2.0)", "correlation"), "poisson-kl(prior_rate=2.0)", "correlation"),
    ],
)
def test_guides_take_distances_of_repetitions_and_pairs(
    model: Model, recording: xr.DataArray, stimuli: StimulusSet, tmp_path: Path, distance, own: str, theirs: str
) -> None:
    guide = Teacher(recording, stimuli=stimuli, distance=distance, ceiling=False).prepare(**KIND)
    region = ng.rdm(recording, own, by="region", dtype="float64")
    rows, columns = np.triu_indices(12, 1)
    for layer in guide.layers:
        np.testing.assert_allclose(layer.rdm.numpy(), region.sel(region=layer.name).values[rows, columns], atol=1e-9)
        assert (layer.about["distance"], layer.distance) == (own, theirs)
    measured = guide.measure(model.module, ["1", "3"], accuracy=None, device="cpu")
    again = load(guide.save(tmp_path), tmp_path)
    assert again.measure(model.module, ["1", "3"], accuracy=None, device="cpu") == measured
    with pytest.raises(OptionError, match="neither sites nor repetitions"):
        Teacher(model, stimuli=stimuli, distance="crossnobis").prepare(**KIND)
