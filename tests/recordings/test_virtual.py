"""The embedded recordings of the virtual primate: what they must be for everything else to be tried on them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import OptionError
from neuroguide.recordings import virtual
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.normalising import normalise_sites
from neuroguide.recordings.opening import inspect, open_recording
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.recordings.selecting import select
from neuroguide.stimuli import open_stimuli
from neuroguide.testing.loaders import check_loader


@pytest.fixture(scope="module")
def recording() -> xr.DataArray:
    return open_recording("virtual")


@pytest.fixture(scope="module")
def counts(recording: xr.DataArray) -> np.ndarray:
    """Spike counts, shape (12, 320, 296)."""
    return recording.values.reshape(12, 320, -1) / 10


def in_region(recording: xr.DataArray, region: str) -> np.ndarray:
    return recording["region"].values == region


def test_it_keeps_the_contract_of_loaders() -> None:
    check_loader(virtual.LOADER)
    check_loader(virtual.LOADER, repetitions=2)


def test_two_animals_with_sites_in_v4_and_it_see_every_stimulus_twelve_times(recording: xr.DataArray) -> None:
    assert recording.sizes == {"presentation": 3840, "neuroid": 296}
    assert in_region(recording, "V4").sum() == 128
    assert in_region(recording, "IT").sum() == 168
    sites = recording.neuroid.to_dataset(name="n").drop_vars("n").to_dataframe()
    assert set(sites["animal"]) == {"virtual-1", "virtual-2"}
    assert not sites.duplicated(["animal", "arr", "row", "col"]).any()
    assert recording["neuroid_id"].to_series().is_unique
    np.testing.assert_array_equal(recording["repetition"].values, np.repeat(np.arange(12), 320))
    np.testing.assert_array_equal(recording["stimulus_id"].values, np.tile(open_stimuli("virtual").ids, 12))


def test_values_are_rates_of_whole_spikes_in_100_ms(recording: xr.DataArray, counts: np.ndarray) -> None:
    assert recording.dtype == np.float32
    assert recording.attrs["units"] == "spikes/s"
    np.testing.assert_array_equal(counts, np.round(counts))
    assert counts.min() == 0
    alive = counts.mean(axis=(0, 1)) > 0
    rates = 10 * counts.mean(axis=(0, 1))[alive]
    assert 5 < np.median(rates) < 40
    assert rates.max() < 120


def test_it_says_that_it_is_simulated_whatever_is_done_with_it(recording: xr.DataArray) -> None:
    averaged = average_repetitions(recording)
    kept = [recording, averaged, normalise_sites(averaged, "zscore"), select(averaged, region="IT"), recording[:, :3]]
    assert all(assembly.attrs["simulated"] == 1 for assembly in kept)
    assert "SIMULATED" in str(inspect("virtual"))
    assert "no animal" in recording.attrs["source"]


def test_it_is_aligned_with_its_stimuli(recording: xr.DataArray) -> None:
    averaged = average_repetitions(recording)
    stimuli = open_stimuli(averaged.attrs["stimulus_set_identifier"]).select(averaged["stimulus_id"].values)
    for name in ("category_name", "object_name", "variation", "position_x", "size", "yaw"):
        np.testing.assert_array_equal(averaged[name].values, stimuli.metadata[name].to_numpy())
    assert averaged.attrs["degrees"] == stimuli.degrees


@pytest.mark.parametrize("region", ["V4", "IT"])
def test_reliability_is_spread_as_in_recordings(recording: xr.DataArray, region: str) -> None:
    reliability = split_half_reliability(recording[:, in_region(recording, region)], n_splits=25).values
    dead = np.isnan(reliability)
    assert 2 <= dead.sum() <= 8
    alive = reliability[~dead]
    assert 0.6 < np.median(alive) < 0.8
    assert np.quantile(alive, 0.75) - np.quantile(alive, 0.25) > 0.15
    assert (alive < 0.3).sum() >= 5
    assert (alive > 0.85).sum() >= 5


def test_single_trials_vary_a_little_more_than_poisson(counts: np.ndarray) -> None:
    mean, variance = counts.mean(axis=0), counts.var(axis=0, ddof=1)
    alive = mean.mean(axis=0) > 0.2
    fano = variance[:, alive].mean(axis=0) / mean[:, alive].mean(axis=0)
    assert 1.0 < np.median(fano) < 1.6
    assert np.quantile(fano, 0.05) > 0.95


def test_noise_is_shared_within_an_animal_and_an_array_and_not_between_animals(
    recording: xr.DataArray, counts: np.ndarray
) -> None:
    alive = counts.mean(axis=(0, 1)) > 0.2
    residual = (counts - counts.mean(axis=0))[:, :, alive].reshape(3840, -1)
    correlation = np.corrcoef(residual.T)
    animal, array = recording["animal"].values[alive], recording["arr"].values[alive]
    pairs = np.triu(np.ones_like(correlation, dtype=bool), 1)
    same_animal, same_array = animal[:, None] == animal, array[:, None] == array
    within_array = correlation[pairs & same_animal & same_array].mean()
    within_animal = correlation[pairs & same_animal & ~same_array].mean()
    between = correlation[pairs & ~same_animal].mean()
    assert 0.03 < within_array < 0.3
    assert 0.01 < within_animal < within_array
    assert abs(between) < 0.01


def test_it_tells_categories_of_unseen_objects_apart_better_than_v4_and_pixels(recording: xr.DataArray) -> None:
    averaged = average_repetitions(recording)
    pixels = open_stimuli("virtual").select(averaged["stimulus_id"].values).images(size=32)[:]
    spaces = {"pixels": pixels.reshape(320, -1).astype(float)}
    spaces |= {region: averaged.values[:, in_region(averaged, region)] for region in ("V4", "IT")}
    categories, objects = averaged["category_name"].values, averaged["object_name"].values
    right = {name: _nearest_category(values, categories, objects) for name, values in spaces.items()}
    assert right["IT"] > right["V4"] + 0.1
    assert right["V4"] > right["pixels"]
    assert right["IT"] > 0.6


def _nearest_category(features: np.ndarray, categories: np.ndarray, objects: np.ndarray) -> float:
    """Share of images nearest (by correlation) to the mean of their category, taken over the other objects."""
    scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    names = np.unique(categories)
    right = []
    for one in np.unique(objects):
        others = objects != one
        means = np.stack([scaled[others & (categories == name)].mean(axis=0) for name in names])
        guess = names[np.corrcoef(scaled[~others], means)[: (~others).sum(), (~others).sum() :].argmax(axis=1)]
        right.extend(guess == categories[~others])
    return float(np.mean(right))


def test_fewer_repetitions_are_the_first_ones(recording: xr.DataArray) -> None:
    few = open_recording("virtual", repetitions=3)
    xr.testing.assert_identical(few, recording[:960])


def test_bad_options_are_refused() -> None:
    with pytest.raises(OptionError, match="has 1 to 12 repetitions; got repetitions=13"):
        open_recording("virtual", repetitions=13)
    with pytest.raises(OptionError, match="has 1 to 12"):
        open_recording("virtual", repetitions=0)
    with pytest.raises(OptionError, match="give the name alone"):
        open_recording("virtual:V4")
    with pytest.raises(OptionError, match="did you mean 'repetitions'"):
        open_recording("virtual", repetition=3)


def test_it_opens_without_torch() -> None:
    code = (
        "import sys; from neuroguide.recordings.opening import open_recording;"
        "from neuroguide.stimuli import open_stimuli;"
        "open_recording('virtual'); open_stimuli('virtual').images()[0]; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
