from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy import stats

from neuroguide._core.errors import InputError, OptionError
from neuroguide.recordings.normalising import normalise_sites


def test_none_changes_nothing_but_says_so(recording):
    normalised = normalise_sites(recording)
    np.testing.assert_array_equal(normalised.values, recording.values)
    assert normalised.attrs["normalise"] == "none"
    assert "normalise" not in recording.attrs


@pytest.mark.parametrize("n_bins", [None, 3])
def test_zscore_is_scipys(make_recording, n_bins):
    recording = make_recording(n_bins=n_bins).astype(np.float64)
    normalised = normalise_sites(recording, "zscore")
    np.testing.assert_allclose(normalised.values, stats.zscore(recording.values, axis=0), rtol=1e-12, atol=1e-12)
    assert normalised.attrs == {**recording.attrs, "normalise": "zscore"}
    assert set(normalised.coords) == set(recording.coords)


def test_centred_sites_have_mean_zero(recording):
    normalised = normalise_sites(recording, "center")
    np.testing.assert_allclose(normalised.values, recording.values - recording.values.mean(axis=0), atol=1e-6)


def test_missing_responses_are_ignored_and_stay(recording):
    recording[2, 1] = np.nan
    recording[:, 2] = np.nan
    normalised = normalise_sites(recording, "zscore")
    expected = stats.zscore(recording.values.astype(np.float64), axis=0, nan_policy="omit")
    np.testing.assert_allclose(normalised.values[:, :2], expected[:, :2], rtol=1e-5, atol=1e-5)
    assert np.isnan(normalised.values[:, 2]).all()


@pytest.mark.parametrize("how", ["center", "zscore"])
def test_a_silent_site_is_zero_not_nan(recording, how, caplog):
    recording[:, 1] = 0.1
    recording[4, 1] = np.nan
    with caplog.at_level(logging.INFO, logger="neuroguide"):
        normalised = normalise_sites(recording, how)
    silent = np.delete(normalised.values[:, 1], 4)
    np.testing.assert_array_equal(silent, 0)
    assert np.isnan(normalised.values[4, 1])
    assert ("1 silent sites" in caplog.text and "site_1" in caplog.text) == (how == "zscore")


def test_baseline_is_the_mean_before_onset(timed):
    normalised = normalise_sites(timed, "baseline")
    before = timed.values[:, :, 0].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(normalised.values, timed.values - before[:, np.newaxis], atol=1e-5)


def test_baseline_may_be_a_coordinate(recording):
    known = recording.assign_coords(baseline=("neuroid", [1.0, 2.0, 3.0]))
    np.testing.assert_allclose(normalise_sites(known, "baseline").values, recording.values - [1, 2, 3], atol=1e-6)


def test_baseline_needs_one(recording, timed):
    for without in (recording, timed.isel(time_bin=[1, 2, 3])):
        with pytest.raises(InputError, match="needs responses from before stimulus onset"):
            normalise_sites(without, "baseline")


def test_an_unknown_way_gets_the_closest_name(recording):
    with pytest.raises(OptionError, match="unknown normalise 'z-score'; did you mean 'zscore'"):
        normalise_sites(recording, "z-score")
