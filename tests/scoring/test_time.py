"""Scores over time, and one time against another."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import InputError, OptionError
from neuroguide.recordings import normalise_sites
from neuroguide.scoring import methods_paragraph, rdm_reliability, score, temporal_generalisation


@pytest.fixture
def timed(recording: xr.DataArray) -> xr.DataArray:
    """Two bins before the stimulus, noise alone, and two after it, the second one stronger."""
    rng = np.random.default_rng(2)
    noise = rng.gamma(9.0, 1.0, (recording.sizes["presentation"], recording.sizes["neuroid"], 4))
    noise[:, :, 2:] += recording.values[:, :, None] * np.array([1.0, 2.0])
    starts = np.arange(4) * 50.0 - 100
    coords = {name: coord.variable for name, coord in recording.coords.items()}
    coords |= {"time_bin_start": ("time_bin", starts), "time_bin_end": ("time_bin", starts + 50)}
    return xr.DataArray(noise, dims=(*recording.dims, "time_bin"), coords=coords, attrs=recording.attrs)


def test_each_bin_is_scored_as_if_alone(model, timed, stimuli):
    found = score(model, timed, stimuli=stimuli, time="each", normalise="zscore")
    assert found["similarity"].dims == ("layer", "region", "time_bin")
    assert found["time_bin_end"].values.tolist() == [-50, 0, 50, 100]
    assert found["n_sites"].dims == ("region",)
    for index, window in enumerate([(-100, -50), (-50, 0), (0, 50), (50, 100)]):
        if index < 2:
            alone = score(model, timed.isel(time_bin=[index]).isel(presentation=_once(timed)), stimuli=stimuli)
            assert alone["similarity"].shape == (2, 2)
            continue
        alone = score(model, timed, stimuli=stimuli, time=window, normalise="zscore")
        for name in ("similarity", "ceiling", "normalized"):
            np.testing.assert_allclose(found[name].isel(time_bin=index).values, alone[name].values, rtol=1e-5)
    assert found.attrs["time"] == "each"


def _once(timed):
    return np.flatnonzero(timed["repetition"].values == 0)


def test_bins_before_the_stimulus_have_no_ceiling_and_say_so(model, timed, stimuli):
    rng = np.random.default_rng(5)
    timed[:, :, 0] = rng.permuted(timed.values[:, :, 0], axis=0)
    found = score(model, timed, stimuli=stimuli, time="each")
    missing = int(np.isnan(found["ceiling"].values).sum())
    if missing:
        assert f"in {missing} of 8 bins" in found.attrs["no_ceiling"]
    assert np.isfinite(found["ceiling"].values[:, 3]).all()


def test_the_baseline_is_that_of_the_whole_recording(model, timed, stimuli):
    found = score(model, timed, stimuli=stimuli, time="each", normalise="baseline")
    changed = normalise_sites(timed, "baseline").isel(time_bin=[3])
    alone = score(model, changed, stimuli=stimuli)
    np.testing.assert_allclose(found["similarity"].isel(time_bin=3).values, alone["similarity"].values, rtol=1e-5)


def test_a_regression_in_each_bin(model, timed, stimuli):
    found = score(model, timed, stimuli=stimuli, time="each", metric="ridge")
    alone = score(model, timed, stimuli=stimuli, time=(50, 100), metric="ridge")
    np.testing.assert_allclose(found["similarity"].isel(time_bin=3).values, alone["similarity"].values, atol=1e-5)


def test_the_paragraph_says_that_bins_were_scored_by_themselves(model, timed, stimuli):
    text = methods_paragraph(score(model, timed, stimuli=stimuli, time="each"))
    assert "4 bins from -100 to 100 ms, each scored by itself" in text


def test_what_has_no_time_bins(model, recording, stimuli, timed):
    with pytest.raises(OptionError, match="has no time bins to be taken one by one"):
        score(model, recording, stimuli=stimuli, time="each")
    with pytest.raises(OptionError, match="use per='region'"):
        score(model, timed, stimuli=stimuli, time="each", per="animal")
    with pytest.raises(OptionError, match="has no time bins"):
        temporal_generalisation(recording)
    timed[:, :, 1] = 0
    with pytest.raises(InputError, match="in the time bin -50 to 0 ms: the correlation distance is undefined"):
        score(model, timed, stimuli=stimuli, time="each")


def test_generalisation_is_symmetric_and_its_diagonal_the_split_half(timed):
    found = temporal_generalisation(timed, n_splits=60)
    assert found.dims == ("region", "time_bin", "time_bin_2")
    np.testing.assert_allclose(found.values, found.values.transpose(0, 2, 1), atol=1e-12)
    alone = rdm_reliability(timed, time="bins", n_splits=60)
    diagonal = np.diagonal(found.values, axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal, alone["split_half"].values, atol=0.08)  # other random splits
    late = found.values[:, 2, 3]
    assert (late > 0.5).all()  # the same tuning twice
    assert (np.abs(found.values[:, 0, 3]) < 0.4).all()  # noise and tuning


def test_generalisation_against_a_computation_by_hand(timed):
    """With two repetitions there is one way to halve them."""
    from scipy.spatial.distance import pdist

    two = timed.isel(presentation=np.flatnonzero(timed["repetition"].values < 2), neuroid=slice(0, 4))
    found = temporal_generalisation(two, n_splits=400).values[0]
    ids = sorted(set(two["stimulus_id"].values.tolist()))
    halves = np.stack([
        [two.values[(two["stimulus_id"].values == i) & (two["repetition"].values == r)][0] for i in ids] for r in (0, 1)
    ])  # fmt: skip
    rng = np.random.default_rng(0)
    total = np.zeros((4, 4))
    for _ in range(400):
        swap = rng.random(len(ids)) < 0.5
        first = np.where(swap[:, None, None], halves[1], halves[0])
        second = np.where(swap[:, None, None], halves[0], halves[1])
        rdms = [[pdist(half[:, :, t], "correlation") for t in range(4)] for half in (first, second)]
        cross = np.array([[np.corrcoef(a, b)[0, 1] for b in rdms[1]] for a in rdms[0]])
        total += (cross + cross.T) / 2
    np.testing.assert_allclose(found, total / 400, atol=0.06)


@pytest.mark.real
def test_the_rdm_of_it_becomes_reliable_100_ms_after_the_stimulus(neuroguide_home):
    import neuroguide as ng

    timed = ng.open_recording("zhangdesimone7objects", bin_ms=100)
    found = rdm_reliability(timed, time="bins", n_splits=20)["split_half"].values[0]
    before, after = found[:5], found[6:]  # the bin from 0 to 100 ms is neither
    assert np.abs(before).max() < 0.3
    assert after.min() > 0.5
    across = temporal_generalisation(timed, n_splits=20).values[0]
    assert np.abs(across[:5, 6:]).max() < 0.3
