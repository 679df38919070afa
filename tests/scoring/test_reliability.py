"""Reliability of RDMs, on constructed recordings whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import InputError
from neuroguide.scoring import rdm_reliability


def timed(noise: tuple[float, float]) -> xr.DataArray:
    """Two time bins whose trials differ from the tuning by noise of these standard deviations."""
    rng = np.random.default_rng(0)
    tuning = rng.normal(size=(15, 30))
    trials = np.repeat(tuning, 4, axis=0)
    values = np.stack([trials + sd * rng.normal(size=trials.shape) for sd in noise], axis=2)
    return xr.DataArray(
        values,
        dims=("presentation", "neuroid", "time_bin"),
        coords={
            "stimulus_id": ("presentation", np.repeat([f"s{i}" for i in range(15)], 4)),
            "repetition": ("presentation", np.tile(np.arange(4), 15)),
            "neuroid_id": ("neuroid", [f"n{i}" for i in range(30)]),
            "region": ("neuroid", ["IT"] * 30),
            "time_bin_start": ("time_bin", [0.0, 50.0]),
            "time_bin_end": ("time_bin", [50.0, 100.0]),
        },
        attrs={"simulated": 1},
    )


def test_without_noise_it_is_one_and_with_much_it_is_small() -> None:
    found = rdm_reliability(timed((0.0, 20.0)), time="bins")
    assert found["reliability"].dims == ("region", "time_bin")
    assert found["split_half"].values[0, 0] == pytest.approx(1, abs=1e-5)
    assert abs(found["split_half"].values[0, 1]) < 0.2
    assert found["time_bin_start"].values.tolist() == [0, 50]
    assert found.attrs["simulated"] == 1


def test_spearman_brown_corrects_the_mean() -> None:
    found = rdm_reliability(timed((1.0, 1.0)))
    rbar = float(found["split_half"].values[0])
    assert 0.1 < rbar < 0.95
    assert float(found["reliability"].values[0]) == pytest.approx(2 * rbar / (1 + rbar))


def test_what_has_no_repetitions_or_bins_is_refused() -> None:
    once = timed((1.0, 1.0)).isel(presentation=slice(None, None, 4))
    with pytest.raises(InputError, match="at least 2 repetitions"):
        rdm_reliability(once)
    with pytest.raises(InputError, match="time bins"):
        rdm_reliability(timed((1.0, 1.0)).isel(time_bin=0), time="bins")
