from __future__ import annotations

import numpy as np
import pytest

from neuroguide._core.errors import InputError
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.timing import average_time, select_time


def test_bins_wholly_inside_the_window_are_kept(timed):
    kept = select_time(timed, (0, 120))
    assert kept["time_bin_start"].values.tolist() == [0, 50]
    assert kept.attrs["time_window"] == "0 to 100 ms"
    np.testing.assert_array_equal(kept.values, timed.values[:, :, 1:3])


def test_the_mean_of_equal_bins_is_the_plain_mean(timed):
    averaged = average_time(timed)
    assert averaged.dims == ("presentation", "neuroid")
    assert "time_bin_start" not in averaged.coords
    np.testing.assert_allclose(averaged.values, timed.values.mean(axis=2), rtol=1e-6)
    assert averaged.attrs == {**timed.attrs, "time_window": "-50 to 150 ms"}
    assert check_assembly(averaged).identical(averaged)


def test_the_mean_over_a_window(timed):
    averaged = average_time(timed, (0, 150))
    np.testing.assert_allclose(averaged.values, timed.values[:, :, 1:].mean(axis=2), rtol=1e-6)
    assert averaged.attrs["time_window"] == "0 to 150 ms"


def test_longer_bins_count_for_more(timed):
    two = timed.isel(time_bin=[0, 1]).assign_coords(time_bin_end=("time_bin", [0.0, 150.0]))
    expected = (50 * two.values[:, :, 0] + 150 * two.values[:, :, 1]) / 200
    np.testing.assert_allclose(average_time(two).values, expected, rtol=1e-6)


def test_missing_bins_do_not_count(timed):
    timed[3, 1, :2] = np.nan
    timed[5, 2, :] = np.nan
    averaged = average_time(timed)
    np.testing.assert_allclose(averaged.values[3, 1], timed.values[3, 1, 2:].mean(), rtol=1e-6)
    assert np.isnan(averaged.values).sum() == 1


def test_one_bin_is_taken_as_it_is(make_recording):
    one = make_recording(n_bins=1)
    averaged = average_time(one)
    np.testing.assert_array_equal(averaged.values, one.values[:, :, 0])
    assert averaged.dims == ("presentation", "neuroid")
    assert "time_bin_end" not in averaged.coords
    assert averaged.attrs["time_window"] == "-50 to 0 ms"


def test_without_bins_there_is_nothing_to_average(recording):
    assert average_time(recording).identical(recording)
    with pytest.raises(InputError, match="has no time bins"):
        average_time(recording, (70, 170))


def test_a_window_without_a_bin(timed):
    with pytest.raises(
        InputError, match="no time bin lies inside 60 to 90 ms; the recording has 4 bins from -50 to 150 ms"
    ):
        select_time(timed, (60, 90))


@pytest.mark.parametrize("window", [(170, 70), (70, 70), 70, "mean", (1, 2, 3)])
def test_windows_that_are_none(timed, window):
    with pytest.raises(InputError, match="time window"):
        select_time(timed, window)
