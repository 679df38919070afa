"""Labelled RDMs and their comparison, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from neuroguide._core.errors import InputError, NeuroguideWarning, OptionError
from neuroguide.scoring import compare, rdm


def means(recording: xr.DataArray, ids: list[str]) -> np.ndarray:
    shown = recording["stimulus_id"].values
    return np.stack([recording.values[shown == name].astype(float).mean(axis=0) for name in ids])


@pytest.mark.parametrize(
    ("distance", "scipys"), [("correlation", "correlation"), ("cosine", "cosine"), ("euclidean", "sqeuclidean")]
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_rdm_of_a_recording_is_scipys(
    recording: xr.DataArray, distance: str, scipys: str, dtype: str, tolerance: float
) -> None:
    found = rdm(recording, distance, dtype=dtype, device="cpu")
    ids = found["stimulus_id"].values.tolist()
    assert ids == list(dict.fromkeys(recording["stimulus_id"].values.tolist()))
    expected = squareform(pdist(means(recording, ids), scipys)) / (10 if distance == "euclidean" else 1)
    # averages of a float32 recording are float32
    assert np.abs(found.values - expected).max() <= max(tolerance, 2e-7) * expected.max()
    assert found.attrs["simulated"] == 1
    assert found.attrs["citation"] == "nobody"


def test_one_rdm_for_each_region(recording: xr.DataArray) -> None:
    both = rdm(recording, by="region")
    assert both.dims == ("region", "stimulus_id", "stimulus_id_2")
    assert both["n_sites"].values.tolist() == [4, 6]
    alone = rdm(recording.isel(neuroid=slice(4, 10)))
    np.testing.assert_allclose(both.sel(region="IT").values, alone.values, atol=1e-6)
    with pytest.raises(OptionError, match="region"):
        rdm(recording, by="regoin")


def test_zscore_is_per_site(recording: xr.DataArray) -> None:
    found = rdm(recording, normalise="zscore", dtype="float64", device="cpu")
    values = means(recording, found["stimulus_id"].values.tolist())
    expected = squareform(pdist(stats.zscore(values, axis=0), "correlation"))
    np.testing.assert_allclose(found.values, expected, atol=1e-6)


def test_plain_features_and_tensors() -> None:
    features = np.random.default_rng(2).normal(size=(5, 7))
    expected = squareform(pdist(features, "correlation"))
    np.testing.assert_allclose(rdm(features, dtype="float64").values, expected, atol=1e-12)
    np.testing.assert_allclose(rdm(torch.as_tensor(features), dtype="float64").values, expected, atol=1e-12)
    with pytest.raises(InputError, match=r"\(5,\)"):
        rdm(features[:, 0])
    with pytest.raises(InputError, match="numbers"):
        rdm([["a", "b"]])


def test_complex_features_are_refused() -> None:
    with pytest.raises(InputError, match="complex"):
        rdm(np.ones((3, 4)) * 1j)


def test_a_constant_response_is_named(recording: xr.DataArray) -> None:
    flat = recording.copy()
    flat[flat["stimulus_id"].values == "image03"] = 2.0
    with pytest.raises(InputError, match="image03"):
        rdm(flat)


def test_missing_means_are_an_error_until_dropped(recording: xr.DataArray) -> None:
    torn = recording.copy()
    torn.values[np.flatnonzero(torn["stimulus_id"].values == "image03"), 2] = np.nan
    with pytest.raises(InputError, match="drop="):
        rdm(torn)
    assert rdm(torn, drop="sites").attrs["n_sites"] == 9
    assert rdm(torn, drop="stimuli").sizes["stimulus_id"] == 11


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_compare_is_scipys_and_matches_stimuli_by_name(method: str) -> None:
    rng = np.random.default_rng(3)
    a, b = rdm(rng.normal(size=(8, 20)), dtype="float64"), rdm(rng.normal(size=(8, 20)), dtype="float64")
    expected = getattr(stats, f"{method}r")(squareform(a.values, checks=False), squareform(b.values, checks=False))[0]
    assert compare(a, b, method) == pytest.approx(expected, abs=1e-12)
    order = rng.permutation(8)
    assert compare(a, b.isel(stimulus_id=order, stimulus_id_2=order), method) == pytest.approx(expected, abs=1e-12)


def test_whitening_warns_where_it_is_an_approximation() -> None:
    features = np.random.default_rng(4).normal(size=(8, 20))
    with pytest.warns(NeuroguideWarning, match="approximation for the cosine distance"):
        compare(rdm(features, "cosine"), rdm(features), "whitened-cosine")
    assert compare(rdm(features, "euclidean"), rdm(features, "euclidean"), "whitened-cosine") == pytest.approx(1)


def test_different_stimuli_raise_unless_shared() -> None:
    features = np.random.default_rng(4).normal(size=(8, 20))
    a = rdm(features)
    b = a.isel(stimulus_id=slice(1, 8), stimulus_id_2=slice(1, 8))
    with pytest.raises(InputError, match="only in one: 0"):
        compare(a, b)
    assert compare(a, b, stimuli="shared") == pytest.approx(1.0)
    few = a.isel(stimulus_id=slice(0, 2), stimulus_id_2=slice(0, 2))
    with pytest.raises(InputError, match="at least 3"):
        compare(a, few, stimuli="shared")


def break_symmetry(values: np.ndarray) -> None:
    values[0, 1] += 1


def break_diagonal(values: np.ndarray) -> None:
    np.fill_diagonal(values, 1)


def break_a_pair(values: np.ndarray) -> None:
    values[0, 1] = values[1, 0] = np.nan


@pytest.mark.parametrize(
    ("change", "sentence"), [(break_symmetry, "symmetric"), (break_diagonal, "diagonal"), (break_a_pair, "finite")]
)
def test_what_is_no_rdm_is_refused(change, sentence: str) -> None:
    good = rdm(np.random.default_rng(5).normal(size=(5, 9)))
    bad = good.copy(deep=True)
    change(bad.values)
    with pytest.raises(InputError, match=sentence):
        compare(good, bad)


def test_an_rdm_without_variance_cannot_be_compared() -> None:
    good = rdm(np.random.default_rng(5).normal(size=(4, 9)))
    flat = good.copy(data=1 - np.eye(4))
    with pytest.raises(InputError, match="same value in all its pairs"):
        compare(good, flat)
    with pytest.raises(InputError, match="dims"):
        compare(good, good.expand_dims(region=["IT"]))
