from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import InputError, OptionError
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.opening import open_recording
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.recordings.timing import average_time


def _simulated(n_stimuli, n_repetitions, signal, noise, n_sites=20, seed=0):
    rng = np.random.default_rng(seed)
    tuning = signal * rng.normal(size=(n_stimuli, n_sites))
    shown = np.repeat(np.arange(n_stimuli), n_repetitions)
    return xr.DataArray(
        tuning[shown] + noise * rng.normal(size=(len(shown), n_sites)),
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", [f"s{i}" for i in shown]),
            "neuroid_id": ("neuroid", np.arange(n_sites)),
            "region": ("neuroid", ["IT"] * n_sites),
        },
        attrs={"simulated": 1},
    )


def _loop(recording, n_splits, seed):
    """The definition, one site and stimulus after the other."""
    rng = np.random.default_rng(seed)
    ids = recording["stimulus_id"].values
    reliability = []
    for responses in recording.values.T:
        correlations = []
        for _ in range(n_splits):
            halves = []
            for stimulus in dict.fromkeys(ids.tolist()):
                there = responses[(ids == stimulus) & ~np.isnan(responses)]
                if len(there) < 2:
                    continue
                there = rng.permutation(there)
                half = (len(there) + rng.integers(2)) // 2
                halves.append((there[:half].mean(), there[half:].mean()))
            correlations.append(np.corrcoef(np.array(halves).T)[0, 1])
        r = np.mean(correlations)
        reliability.append(2 * r / (1 + r) if r > 0 else r)
    return np.array(reliability)


def test_it_recovers_the_variance_of_the_signal():
    # the mean over n repetitions has reliability s^2 / (s^2 + e^2 / n)
    recording = _simulated(400, 6, signal=1.0, noise=2.0)
    expected = 1 / (1 + 4 / 6)
    assert float(split_half_reliability(recording).mean()) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_it_is_the_definition_in_a_loop(missing):
    recording = _simulated(25, 5, signal=1.0, noise=1.5, n_sites=4)
    rng = np.random.default_rng(5)
    recording.values[rng.random(recording.shape) < missing] = np.nan
    found = split_half_reliability(recording, n_splits=300).values
    np.testing.assert_allclose(found, _loop(recording, 300, seed=9), atol=0.03)


def test_padding_with_nan_changes_nothing():
    recording = _simulated(30, 4, signal=1.0, noise=1.0)
    fewer = recording.isel(presentation=np.flatnonzero(np.arange(120) % 7 != 0))
    padded = recording.where(xr.DataArray(np.arange(120) % 7 != 0, dims="presentation"))
    np.testing.assert_allclose(
        split_half_reliability(padded), split_half_reliability(check_assembly(padded)), atol=0.03
    )
    np.testing.assert_allclose(
        split_half_reliability(check_assembly(padded)), split_half_reliability(fewer), atol=1e-12
    )


def test_sites_with_other_gaps_than_their_neighbours_are_not_affected():
    recording = _simulated(30, 4, signal=1.0, noise=1.0)
    with_gaps = recording.copy()
    with_gaps[::5, 3] = np.nan
    found, expected = split_half_reliability(with_gaps).values, split_half_reliability(recording).values
    np.testing.assert_array_equal(np.delete(found, 3), np.delete(expected, 3))
    assert found[3] == pytest.approx(expected[3], abs=0.15)


def test_seed_and_labels(timed):
    first = split_half_reliability(timed, seed=3)
    assert first.identical(split_half_reliability(timed, seed=3))
    assert not np.array_equal(first.values, split_half_reliability(timed, seed=4).values)
    assert first.dims == ("neuroid", "time_bin")
    assert first["region"].values.tolist() == timed["region"].values.tolist()
    assert first.attrs["simulated"] == 1
    one = split_half_reliability(timed.isel(time_bin=2, drop=True), seed=3)
    np.testing.assert_allclose(first.values[:, 2], one.values, atol=1e-12)


def test_the_order_in_memory_does_not_matter(timed):
    on_disk = timed.transpose("neuroid", "presentation", "time_bin").copy()
    np.testing.assert_array_equal(split_half_reliability(on_disk), split_half_reliability(timed))


def test_a_silent_site_has_none_and_noise_has_nearly_none():
    recording = _simulated(60, 10, signal=0.0, noise=1.0, n_sites=30)
    recording[:, 0] = 0.1
    recording[:, 1] = np.nan
    found = split_half_reliability(recording).values
    assert np.isnan(found[:2]).all()
    assert abs(np.mean(found[2:])) < 0.1
    assert (np.abs(found[2:]) <= 1).all()


def test_a_site_that_fired_once_has_no_nan():
    recording = _simulated(20, 4, signal=0.0, noise=0.0, n_sites=1)
    recording[7, 0] = 1.0
    assert split_half_reliability(recording).values.tolist() == [0.0]


def test_repetitions_are_needed(recording):
    once = recording.isel(presentation=np.unique(recording["stimulus_id"].values, return_index=True)[1])
    with pytest.raises(InputError, match=r"needs repetitions: each of the 5 stimuli .* presented once"):
        split_half_reliability(once)
    with pytest.raises(OptionError, match="n_splits is 0"):
        split_half_reliability(recording, n_splits=0)


def test_two_stimuli_are_too_few(make_recording):
    assert np.isnan(split_half_reliability(make_recording(n_stimuli=2)).values).all()


@pytest.mark.real
def test_v4_of_session_210325(neuroguide_home):
    found = split_half_reliability(open_recording("cowley2023:210325"))
    assert float(found.median()) == pytest.approx(0.755, abs=0.015)


@pytest.mark.real
def test_it_of_zhang_and_desimone(neuroguide_home):
    found = split_half_reliability(average_time(open_recording("zhangdesimone7objects"), (100, 400)))
    assert float(found.median()) == pytest.approx(0.786, abs=0.03)
