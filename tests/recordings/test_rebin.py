"""Rasters to bins."""

from __future__ import annotations

import numpy as np
import pytest

from neuroguide._core.errors import InputError
from neuroguide.recordings import rebin


def test_counts_become_rates(timed):
    counts = timed.round().astype(np.uint8)
    found = rebin(counts, 100, counts=True)
    assert found["time_bin_start"].values.tolist() == [-50, 50]
    assert found["time_bin_end"].values.tolist() == [50, 150]
    by_hand = counts.values.reshape(20, 3, 2, 2).sum(axis=3) / 0.1
    np.testing.assert_allclose(found.values, by_hand)
    assert found.dtype == np.float32
    assert found.attrs == {**timed.attrs, "units": "spikes/s"}


def test_rates_are_averaged_and_what_is_left_over_goes(timed):
    found = rebin(timed, 150)
    assert found.sizes["time_bin"] == 1
    np.testing.assert_allclose(found.values[:, :, 0], timed.values[:, :, :3].mean(axis=2), rtol=1e-6)
    assert set(found.coords) == set(timed.coords)


def test_a_missing_value_is_missing(timed):
    timed[0, 1, 2] = np.nan
    assert np.argwhere(np.isnan(rebin(timed, 100).values)).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("width", [0, 25, 60, 250, -50])
def test_what_does_not_divide_is_refused(timed, width):
    with pytest.raises(InputError, match=f"bins of {width} ms cannot be made from 4 bins of 50 ms"):
        rebin(timed, width)


def test_no_bins_or_gaps(recording, timed):
    with pytest.raises(InputError, match="has no time bins"):
        rebin(recording, 50)
    with pytest.raises(InputError, match="follow one another"):
        rebin(timed.isel(time_bin=[0, 2]), 100)
