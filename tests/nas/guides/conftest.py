"""Teachers that need no files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from neuroguide.stimuli import StimulusSet

N = 12


@pytest.fixture
def shown() -> StimulusSet:
    """Twelve smooth coloured pictures, so that small networks tell them apart."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (N, 4, 4, 3), dtype=np.uint8)
    return StimulusSet.from_arrays(coarse.repeat(5, axis=1).repeat(5, axis=2), [f"image{i:02d}" for i in range(N)])


@pytest.fixture
def make_recording() -> Callable[..., xr.DataArray]:
    """A function that makes an assembly with repeated presentations, in shuffled order."""

    def make(
        regions: tuple[str, ...] = ("V4", "IT"), sites: int = 9, repetitions: int = 4, noise: float = 0.3, seed: int = 1
    ) -> xr.DataArray:
        rng = np.random.default_rng(seed)
        signal = rng.normal(size=(N, sites * len(regions)))
        stimulus, repetition = np.divmod(np.arange(N * repetitions), repetitions)
        values = signal[stimulus] + noise * rng.normal(size=(len(stimulus), signal.shape[1]))
        order = rng.permutation(len(stimulus))
        return xr.DataArray(
            values[order],
            dims=("presentation", "neuroid"),
            coords={
                "stimulus_id": ("presentation", np.array([f"image{i:02d}" for i in stimulus[order]])),
                "repetition": ("presentation", repetition[order]),
                "neuroid_id": ("neuroid", np.array([f"n{i}" for i in range(signal.shape[1])])),
                "region": ("neuroid", np.repeat(regions, sites)),
            },
            attrs={"identifier": "made", "simulated": 1, "licence": "MIT"},
        )

    return make


@pytest.fixture
def make_rdm() -> Callable[..., xr.DataArray]:
    """A function that makes labelled RDMs with a leading dim ``region``."""

    def make(*regions: str, seed: int = 2) -> xr.DataArray:
        rng = np.random.default_rng(seed)
        ids = np.array([f"image{i:02d}" for i in range(N)])
        squares = rng.uniform(0.1, 2, (len(regions), N, N))
        squares = squares + squares.transpose(0, 2, 1)
        squares[:, np.arange(N), np.arange(N)] = 0
        return xr.DataArray(
            squares,
            dims=("region", "stimulus_id", "stimulus_id_2"),
            coords={"region": list(regions), "stimulus_id": ids, "stimulus_id_2": ids},
            attrs={"identifier": "published"},
        )

    return make
