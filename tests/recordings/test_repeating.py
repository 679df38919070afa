"""Responses by stimulus and repetition."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import InputError
from neuroguide.recordings.repeating import by_repetition


def assembly(with_numbers: bool) -> xr.DataArray:
    coords = {
        "stimulus_id": ("presentation", ["b", "a", "b", "b", "a"]),
        "neuroid_id": ("neuroid", ["u", "v"]),
    }
    if with_numbers:
        coords["repetition"] = ("presentation", [2, 0, 1, 0, 1])
    return xr.DataArray(np.arange(10.0).reshape(5, 2), dims=("presentation", "neuroid"), coords=coords)


def test_stimuli_come_in_first_order_and_gaps_are_nan() -> None:
    expected = [[[0, 1], [4, 5], [6, 7]], [[2, 3], [8, 9], [np.nan, np.nan]]]
    np.testing.assert_array_equal(by_repetition(assembly(with_numbers=False)), expected)


def test_numbered_repetitions_are_in_their_order() -> None:
    expected = [[[6, 7], [4, 5], [0, 1]], [[2, 3], [8, 9], [np.nan, np.nan]]]
    np.testing.assert_array_equal(by_repetition(assembly(with_numbers=True)), expected)


def test_time_bins_are_refused() -> None:
    timed = assembly(with_numbers=False).expand_dims(time_bin=1, axis=2)
    timed = timed.assign_coords(time_bin_start=("time_bin", [0.0]), time_bin_end=("time_bin", [1.0]))
    with pytest.raises(InputError, match="average over time first"):
        by_repetition(timed)
