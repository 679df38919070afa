"""From the maps of the hidden network to the mean rates of sites: where each looks, what it likes, how fast it fires.

Every number here is our choice, guided by what recordings with chronic arrays look like; none is fitted to data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuroguide._core.seeds import derive_seed

#: Width of the images in degrees of visual angle.
DEGREES = 8.0

#: Highest rate of a site, spikes/s.
_HIGHEST = 220.0


@dataclass(frozen=True)
class Array:
    """One electrode array.

    Parameters
    ----------
    name, region : str
        ``arr`` and ``region`` of its sites.
    rows, columns : int
        Electrodes.
    stages : tuple of str
        Which maps of the network its sites read, chosen at random.
    field : tuple of float
        Smallest and largest radius (standard deviation) of a receptive field, degrees.
    channels : int
        How many channels a site reads.
    silent, untuned : int
        How many of its sites are dead, and how many fire without regard to the image.
    """

    name: str
    region: str
    rows: int
    columns: int
    stages: tuple[str, ...]
    field: tuple[float, float]
    channels: int
    silent: int
    untuned: int


#: What is implanted in each animal: 64 sites in V4, 84 in IT.
ARRAYS = (
    Array("M", "V4", 8, 8, ("early", "middle_first", "middle", "middle"), (0.5, 1.2), 6, silent=2, untuned=4),
    Array("P", "IT", 6, 7, ("late_first",), (1.5, 3.0), 10, silent=1, untuned=2),
    Array("A", "IT", 6, 7, ("late",), (2.0, 4.0), 10, silent=2, untuned=3),
)

ANIMALS = ("virtual-1", "virtual-2")


@dataclass(frozen=True)
class Sites:
    """All sites of both animals.

    Attributes
    ----------
    table : DataFrame
        One row a site: neuroid_id, region, animal, arr, row, col.
    rates : array of shape (n_stimuli, n_sites)
        Mean rates, spikes/s.
    """

    table: pd.DataFrame
    rates: np.ndarray


def simulate_sites(maps: dict[str, np.ndarray], reference: dict[str, np.ndarray], seed: int) -> Sites:
    """Draw the sites and compute their mean rates.

    Parameters
    ----------
    maps : dict of arrays of shape (n_stimuli, channels, height, width)
        What the network's stages give for the stimuli.
    reference : dict of arrays of shape (n_reference, channels, height, width)
        The same for other images: channels and thresholds are scaled by them, not by the stimuli.
    seed : int
        Seed of all draws.
    """
    tables, rates = [], []
    for number, animal in enumerate(ANIMALS):
        for array in ARRAYS:
            rng = np.random.default_rng(derive_seed(seed, "sites", animal, array.name))
            table = _electrodes(animal, array)
            drive, drive_reference = _drives(array, table, maps, reference, 1.0 if number == 0 else -1.0, rng)
            tables.append(table)
            rates.append(_rates(array, drive, drive_reference, rng))
    return Sites(pd.concat(tables, ignore_index=True), np.concatenate(rates, axis=1))


def _electrodes(animal: str, array: Array) -> pd.DataFrame:
    row, column = (grid.ravel() for grid in np.mgrid[: array.rows, : array.columns])
    return pd.DataFrame(
        {
            "neuroid_id": [f"{animal}_{array.name}_{r}_{c}" for r, c in zip(row, column, strict=True)],
            "region": array.region,
            "animal": animal,
            "arr": array.name,
            "row": row,
            "col": column,
        }
    )


def _drives(
    array: Array,
    table: pd.DataFrame,
    maps: dict[str, np.ndarray],
    reference: dict[str, np.ndarray],
    side: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Input of each site for the stimuli and for the reference images, in standard deviations over the latter."""
    x, y = _centres(array, table, side, rng)
    radius = rng.uniform(*array.field, len(table))
    shared = _topography(array, {stage: maps[stage].shape[1] for stage in array.stages}, rng)
    drives, drives_reference = [], []
    for site in range(len(table)):
        stage = array.stages[rng.integers(len(array.stages))]
        window = _window(maps[stage].shape[-1], x[site], y[site], radius[site])
        seen = np.einsum("nchw,hw->nc", maps[stage], window, optimize=True)
        seen_reference = np.einsum("nchw,hw->nc", reference[stage], window, optimize=True)
        mean, spread = seen_reference.mean(axis=0), seen_reference.std(axis=0) + 1e-6
        weights = np.zeros(seen.shape[1])
        private = rng.choice(len(weights), array.channels, replace=False)
        weights[private] = rng.standard_normal(array.channels)
        # neighbours share a part of their tuning, as they do in cortex
        weights += shared[stage][site] * np.sqrt(array.channels / len(weights))
        summed = ((seen - mean) / spread) @ weights
        summed_reference = ((seen_reference - mean) / spread) @ weights
        scale = summed_reference.std()
        drives.append(summed / scale)
        drives_reference.append(summed_reference / scale)
    return np.stack(drives, axis=1), np.stack(drives_reference, axis=1)


def _centres(array: Array, table: pd.DataFrame, side: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Centres of receptive fields, degrees from the middle of the image: ordered in V4, near the middle in IT."""
    scatter = rng.normal(0, 0.3, (2, len(table)))
    along = table["col"].to_numpy() / (array.columns - 1)
    down = table["row"].to_numpy() / (array.rows - 1)
    if array.region == "V4":
        # each animal's array covers the half of the visual field opposite to it, and a little beyond the middle
        return side * (-0.5 + 3.3 * along) + scatter[0], 2.6 - 5.2 * down + scatter[1]
    return 0.8 * side + 2 * scatter[0], 2 * scatter[1]


def _window(size: int, x: float, y: float, radius: float) -> np.ndarray:
    """A Gaussian receptive field over a map, summing to one."""
    steps = ((np.arange(size) + 0.5) / size - 0.5) * DEGREES
    window = np.exp(-((steps[None, :] - x) ** 2 + (-steps[:, None] - y) ** 2) / (2 * radius**2))
    return np.asarray(window / window.sum())


def _topography(array: Array, channels: dict[str, int], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """For each stage a weight vector at every electrode, smooth over the array; shape (n_sites, channels)."""
    row, column = (grid.ravel() for grid in np.mgrid[: array.rows, : array.columns])
    distance = (row[:, None] - row[None, :]) ** 2 + (column[:, None] - column[None, :]) ** 2
    smooth = np.exp(-distance / (2 * 1.5**2))
    smooth /= np.sqrt((smooth**2).sum(axis=1, keepdims=True))
    return {stage: smooth @ rng.standard_normal((len(row), n)) for stage, n in sorted(channels.items())}


def _rates(array: Array, drive: np.ndarray, reference: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean rates, spikes/s: a threshold, a gain and a baseline of each site's own."""
    n_sites = drive.shape[1]
    threshold = rng.uniform(-1.0, 0.6, n_sites)
    evoked = np.maximum(drive - threshold, 0.0) / np.maximum(reference - threshold, 0.0).mean(axis=0)
    mean_rate = np.exp(rng.normal(np.log(12.0), 0.6, n_sites))
    tuned = rng.beta(2.0, 3.5, n_sites)
    order = rng.permutation(n_sites)
    silent, untuned = order[: array.silent], order[array.silent : array.silent + array.untuned]
    tuned[untuned] = 0.03 * tuned[untuned]
    mean_rate[silent] = 0.0
    rates = mean_rate * ((1 - tuned) + tuned * evoked)
    return np.asarray(_HIGHEST * np.tanh(rates / _HIGHEST))
