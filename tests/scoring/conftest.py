"""A small recording, its images, and a small network, all random and fixed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model
from neuroguide.stimuli import StimulusSet

N_STIMULI, N_REPETITIONS, N_SITES = 12, 4, 10


@pytest.fixture
def stimuli() -> StimulusSet:
    images = np.random.default_rng(0).integers(0, 256, (N_STIMULI, 16, 16, 3), dtype=np.uint8)
    return StimulusSet.from_arrays(images, [f"image{i:02d}" for i in range(N_STIMULI)], identifier="noise")


@pytest.fixture
def recording(stimuli: StimulusSet) -> xr.DataArray:
    """Two regions; repetitions are shuffled, so that nothing may rely on their order."""
    rng = np.random.default_rng(1)
    tuning = rng.gamma(2.0, 5.0, (N_STIMULI, N_SITES))
    trials = rng.poisson(np.repeat(tuning, N_REPETITIONS, axis=0)).astype(np.float32)
    order = rng.permutation(len(trials))
    return xr.DataArray(
        trials[order],
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", np.repeat(stimuli.ids, N_REPETITIONS)[order]),
            "repetition": ("presentation", np.tile(np.arange(N_REPETITIONS), N_STIMULI)[order]),
            "neuroid_id": ("neuroid", [f"site{i}" for i in range(N_SITES)]),
            "region": ("neuroid", ["V4"] * 4 + ["IT"] * 6),
            "animal": ("neuroid", ["m1", "m2"] * 5),
        },
        attrs={"identifier": "test recording", "simulated": 1, "citation": "nobody"},
    )


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=2), torch.nn.ReLU(), torch.nn.Conv2d(4, 6, 3, stride=2), torch.nn.ReLU()
    )
    return Model("small", network, Preprocess(16), layers=("1", "3"))
