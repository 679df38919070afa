from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroguide._core.errors import InputError
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.averaging import average_repetitions


def _by_hand(recording):
    stimuli = list(dict.fromkeys(recording["stimulus_id"].values.tolist()))
    means = []
    for stimulus in stimuli:
        rows = recording.values[recording["stimulus_id"].values == stimulus].astype(np.float64)
        count = (~np.isnan(rows)).sum(axis=0)
        means.append(np.where(count, np.nansum(rows, axis=0) / np.maximum(count, 1), np.nan))
    return stimuli, np.stack(means)


@pytest.mark.parametrize("n_bins", [None, 1, 3])
@pytest.mark.parametrize("order", [("presentation", "neuroid"), ("neuroid", "presentation")])
def test_means_are_those_of_a_loop_over_stimuli(make_recording, n_bins, order):
    recording = make_recording(n_bins=n_bins)
    dims = order if n_bins is None else (*order, "time_bin")
    on_disk = recording.transpose(*dims).copy()
    stimuli, means = _by_hand(recording)
    averaged = average_repetitions(on_disk)
    assert averaged.dims == recording.dims
    assert averaged["stimulus_id"].values.tolist() == stimuli
    np.testing.assert_allclose(averaged.values, means, rtol=1e-6)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_missing_responses_are_ignored(seed):
    rng = np.random.default_rng(seed)
    shown = rng.integers(0, 4, size=12)
    values = np.where(rng.random((12, 3)) < 0.4, np.nan, rng.normal(size=(12, 3)))
    recording = xr.DataArray(
        values,
        dims=("presentation", "neuroid"),
        coords={"stimulus_id": ("presentation", shown), "neuroid_id": ("neuroid", [0, 1, 2])},
    )
    stimuli, means = _by_hand(recording)
    averaged = average_repetitions(recording)
    assert averaged["stimulus_id"].values.tolist() == stimuli
    np.testing.assert_allclose(averaged.values, means, rtol=1e-12, atol=1e-12)


def test_stimulus_columns_stay_and_those_of_trials_go(recording):
    recording["trial"].attrs["note"] = "number"
    recording["category_name"].attrs["note"] = "kept"
    averaged = average_repetitions(recording)
    assert set(averaged.coords) == {"stimulus_id", "category_name", "n_repetitions", "neuroid_id", "region", "animal"}
    assert averaged["category_name"].attrs == {"note": "kept"}
    expected = dict(zip(recording["stimulus_id"].values, recording["category_name"].values, strict=True))
    found = dict(zip(averaged["stimulus_id"].values, averaged["category_name"].values, strict=True))
    assert found == expected


def test_a_column_that_is_missing_for_a_stimulus_is_constant(recording):
    size = np.where(recording["stimulus_id"].values == "stimulus_1", np.nan, 3.0)
    averaged = average_repetitions(recording.assign_coords(size=("presentation", size)))
    assert np.isnan(averaged["size"].values[averaged["stimulus_id"].values == "stimulus_1"]).all()


def test_attributes_and_name_stay(recording):
    recording.name = "responses"
    averaged = average_repetitions(recording)
    assert averaged.attrs == recording.attrs
    assert averaged.name == "responses"


def test_the_number_of_repetitions_is_recorded(recording):
    fewer = recording.isel(presentation=np.flatnonzero(recording["trial"].values != 3))
    averaged = average_repetitions(fewer)
    seen = fewer["stimulus_id"].values.tolist()
    assert averaged["n_repetitions"].values.tolist() == [seen.count(s) for s in averaged["stimulus_id"].values]


def test_averaging_twice_changes_nothing(recording):
    once = average_repetitions(recording)
    assert average_repetitions(once).identical(once)


def test_float32_stays_and_counts_become_float64(recording):
    assert average_repetitions(recording).dtype == np.float32
    assert average_repetitions(recording.astype(np.uint8)).dtype == np.float64


def test_sums_are_taken_in_float64(make_recording):
    recording = make_recording(n_stimuli=2, n_repetitions=2000, n_sites=1) * 0 + np.float32(0.1)
    np.testing.assert_array_equal(average_repetitions(recording).values, np.float32(0.1))


def test_a_stimulus_without_a_response_at_a_site_is_missing_there(recording):
    recording[recording["stimulus_id"].values == "stimulus_0", 1] = np.nan
    averaged = average_repetitions(check_assembly(recording))
    missing = np.isnan(averaged.values)
    assert missing.sum() == 1
    assert missing[averaged["stimulus_id"].values == "stimulus_0", 1]


def test_the_result_is_an_assembly(timed):
    averaged = average_repetitions(timed)
    assert check_assembly(averaged).identical(averaged)


def test_something_else_is_refused():
    with pytest.raises(InputError, match=r"is a ndarray, an xarray.DataArray was expected"):
        average_repetitions(np.zeros((3, 3)))


@pytest.mark.parametrize("order", [("neuroid", "presentation"), ("presentation", "neuroid")])
def test_no_second_copy_is_made(make_recording, order):
    recording = make_recording(n_stimuli=100, n_repetitions=100, n_sites=1).isel(neuroid=np.zeros(400, dtype=int))
    recording = recording.transpose(*order).copy()
    recording.values[::7, ::5] = np.nan
    assert recording.nbytes == 16e6
    average_repetitions(recording)  # what is imported at first use is not counted
    tracemalloc.start()
    average_repetitions(recording)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * recording.nbytes
