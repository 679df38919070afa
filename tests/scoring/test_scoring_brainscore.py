"""Our numbers against Brain-Score's own metrics, and our metrics, recordings and models inside its benchmarks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import neuroguide as ng
from neuroguide._core.errors import InputError, OptionError
from neuroguide.models import Model, Preprocess, to_model_commitment
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.scoring.brainscore_benchmark import to_benchmark
from neuroguide.scoring.brainscore_metrics import BrainScoreCeiling, BrainScoreMetric, internal_consistency
from neuroguide.stimuli import StimulusSet


@pytest.fixture
def vision(monkeypatch):
    """brainscore_vision; skips where it is not installed. Its store of results is switched off."""
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    return pytest.importorskip("brainscore_vision", exc_type=Exception)


def recorded(n_stimuli: int = 12, n_repetitions: int = 5, n_sites: int = 6, *, seed: int = 0, ties: bool = False):
    """Responses with a tuning and noise, presentations in random order, of one region."""
    rng = np.random.default_rng(seed)
    shown = rng.permutation(np.repeat(np.arange(n_stimuli), n_repetitions))
    repetition = np.array([int(np.sum(shown[:i] == stimulus)) for i, stimulus in enumerate(shown)])
    values = 5 * rng.random((n_stimuli, n_sites))[shown] + rng.standard_normal((len(shown), n_sites))
    if ties:
        values = values.round()
    return xr.DataArray(
        values,
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", [f"picture_{i:02d}" for i in shown]),
            "repetition": ("presentation", repetition),
            "object_name": ("presentation", [f"object_{i % 3}" for i in shown]),
            "neuroid_id": ("neuroid", [f"site_{i}" for i in range(n_sites)]),
            "region": ("neuroid", ["IT"] * n_sites),
        },
        attrs={"identifier": "made", "simulated": 1},
    )


def both(ties: bool):
    """Two averaged recordings of the same stimuli in another order, as ours and as Brain-Score's."""
    one = average_repetitions(recorded(seed=1, n_sites=9, ties=ties))
    other = average_repetitions(recorded(seed=2, ties=ties))
    return (one, other), tuple(ng.to_brainscore(each) for each in (one, other))


@pytest.mark.full
@pytest.mark.parametrize("ties", [False, True])
def test_rdm_is_brain_scores(vision, ties):
    ours, theirs = both(ties)
    expected = float(vision.load_metric("rdm")(*theirs))
    rdms = [ng.rdm(each, dtype="float64") for each in ours]
    assert ng.compare(*rdms, "spearman") == pytest.approx(expected, abs=1e-12)
    single = [ng.rdm(each, dtype="float32") for each in ours]
    if not ties:  # rounding to float32 parts what is tied
        assert ng.compare(*single, "spearman") == pytest.approx(expected, abs=1e-6)
    assert float(BrainScoreMetric("rsa", comparison="spearman")(*theirs)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.full
@pytest.mark.parametrize("ties", [False, True])
def test_cka_is_brain_scores(vision, ties):
    _, theirs = both(ties)
    for name, metric in {"cka": "cka-unbiased", "cka_biased": "cka"}.items():
        expected = float(vision.load_metric(name)(*theirs))
        assert float(BrainScoreMetric(metric)(*theirs)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.full
@pytest.mark.parametrize("n_repetitions", [2, 5, 8])
def test_internal_consistency_is_brain_scores(vision, n_repetitions):
    recording = recorded(n_repetitions=n_repetitions)
    expected = vision.load_metric("internal_consistency")(ng.to_brainscore(recording))
    found = internal_consistency(recording)
    assert float(found.median("neuroid").mean("split")) == pytest.approx(float(expected), abs=1e-12)
    by_split = expected.raw.transpose("split", "neuroid").sortby("neuroid_id")
    np.testing.assert_allclose(found.values, by_split.values, atol=1e-12)
    assert float(BrainScoreCeiling(BrainScoreMetric("ridge"))(ng.to_brainscore(recording))) == pytest.approx(
        float(expected), abs=1e-12
    )


def test_internal_consistency_needs_repetitions():
    recording = recorded()
    with pytest.raises(InputError, match="needs the coordinate 'repetition'"):
        internal_consistency(recording.drop_vars("repetition"))
    with pytest.raises(InputError, match="this recording has one of each"):
        internal_consistency(recorded(n_repetitions=1))
    assert internal_consistency(recorded(), n_splits=3).dims == ("split", "neuroid")


def test_metrics_without_sense_are_refused():
    with pytest.raises(OptionError, match="unknown metric 'rdm'"):
        BrainScoreMetric("rdm")
    with pytest.raises(OptionError, match="unknown normalise 'baseline'"):
        BrainScoreMetric(normalise="baseline")
    with pytest.raises(OptionError, match="no ceiling is defined for linear CKA"):
        BrainScoreCeiling(BrainScoreMetric("cka"))


def pictures(n: int = 12) -> StimulusSet:
    images = np.random.default_rng(3).integers(0, 256, (n, 16, 16, 3), dtype=np.uint8)
    return StimulusSet.from_arrays(images, [f"picture_{i:02d}" for i in range(n)], identifier="pictures", degrees=8.0)


def network() -> Model:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 20), nn.ReLU())
    return Model("small", module, Preprocess(8, degrees=8.0), ("1", "4"))


@pytest.mark.full
@pytest.mark.parametrize("normalise", ["none", "zscore"])
def test_a_benchmark_of_theirs_gives_our_scores(vision, tmp_path, monkeypatch, normalise):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    recording = recorded()
    ours = ng.score(
        network(), recording, stimuli=pictures(), normalise=normalise, comparison="spearman", dtype="float64",
        device="cpu",
    )  # fmt: skip
    metric = BrainScoreMetric("rsa", comparison="spearman", normalise=normalise)
    benchmark = to_benchmark(recording, stimuli=pictures(), metric=metric)
    for layer in ("1", "4"):
        found = benchmark(to_model_commitment(network(), region_layer_map={"IT": layer}, device="cpu"))
        expected = ours.sel(layer=layer, region="IT")
        assert float(found.raw) == pytest.approx(float(expected["similarity"]), abs=1e-6)
        assert float(found.ceiling) == pytest.approx(float(expected["ceiling"]) ** 2, abs=1e-9)
        assert float(found) == pytest.approx(float(expected["normalized"]) ** 2, abs=1e-6)
        scores = ng.from_brainscore(found)
        assert scores["similarity"].dims == ("layer", "region")
        assert float(scores["similarity"].squeeze()) == float(found.raw)


@pytest.mark.full
@pytest.mark.parametrize("metric", ["ridge", "pls", "cka", "cka-unbiased"])
def test_the_other_metrics_run_in_a_benchmark(vision, tmp_path, monkeypatch, metric):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    recording = recorded(n_stimuli=40)
    ceiling = (lambda assembly: 1 + 0 * BrainScoreCeiling()(assembly)) if metric.startswith("cka") else None
    benchmark = to_benchmark(recording, stimuli=pictures(40), metric=BrainScoreMetric(metric), ceiling=ceiling)
    found = benchmark(to_model_commitment(network(), region_layer_map={"IT": "4"}, device="cpu"))
    assert found.ndim == 0
    assert np.isfinite(float(found))
    if metric in ("ridge", "pls"):
        assert found.raw.raw.sizes["neuroid"] == 6


@pytest.mark.full
def test_brain_scores_own_metric_takes_our_recording_and_model(vision, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    recording = recorded()
    benchmark = to_benchmark(recording, stimuli=pictures(), metric=vision.load_metric("rdm"))
    found = benchmark(to_model_commitment(network(), region_layer_map={"IT": "4"}, device="cpu"))
    ours = ng.score(network(), recording, stimuli=pictures(), comparison="spearman", dtype="float64", device="cpu")
    assert float(found.raw) == pytest.approx(float(ours["similarity"].sel(layer="4", region="IT")), abs=1e-6)


@pytest.mark.full
def test_benchmarks_of_other_data_have_other_names(vision, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names = {
        to_benchmark(recorded(), stimuli=pictures()).identifier,
        to_benchmark(recorded(seed=1), stimuli=pictures()).identifier,
        to_benchmark(recorded(), stimuli=pictures(), metric=BrainScoreMetric(seed=1)).identifier,
        to_benchmark(recorded(), stimuli=pictures(), visual_degrees=4).identifier,
    }
    assert len(names) == 4
    assert to_benchmark(recorded(), stimuli=pictures()).identifier in names
    regions = recorded().assign_coords(region=("neuroid", ["V4", "IT"] * 3))
    with pytest.raises(InputError, match="the recording has V4, IT; give region="):
        to_benchmark(regions, stimuli=pictures())
    assert to_benchmark(regions, region="V4", stimuli=pictures()).region == "V4"
    unknown = StimulusSet.from_arrays(pictures().images()[:], pictures().ids)
    with pytest.raises(InputError, match="give visual_degrees="):
        to_benchmark(recorded(), stimuli=unknown)


@pytest.mark.full
def test_scores_there_and_back(vision):
    scores = ng.score(network(), recorded(), stimuli=pictures(), device="cpu")
    there = ng.to_brainscore(scores)
    assert type(there).__name__ == "Score"
    np.testing.assert_array_equal(there.values, scores["normalized"].values)
    np.testing.assert_array_equal(there.raw.values, scores["similarity"].values)
    np.testing.assert_array_equal(there.attrs["ceiling"].values, scores["ceiling"].values)
    xr.testing.assert_identical(ng.from_brainscore(there), scores)
    bare = scores.drop_vars(["ceiling", "normalized"])
    xr.testing.assert_identical(ng.from_brainscore(ng.to_brainscore(bare)), bare)


@pytest.mark.full
def test_what_can_be_converted_is_told(vision, tmp_path):
    assert ng.from_brainscore(ng.to_brainscore(pictures(), folder=tmp_path)).ids == pictures().ids
    with pytest.raises(InputError, match="not a list"):
        ng.to_brainscore([])
    with pytest.raises(InputError, match="list arrived"):
        ng.from_brainscore([])
    with pytest.raises(InputError, match="has the variable 'similarity'"):
        ng.to_brainscore(xr.Dataset())
