"""From mean rates to spike counts in single trials: Poisson-like noise that the sites of an array share in part.

Rate of a site in a trial = (mean rate x shared gain x own gain) + shared fluctuation, never below zero; its count is
Poisson. The shared gain and the shared fluctuation differ from trial to trial and belong to an array; part of the gain
belongs to the whole animal (after Goris, Movshon & Simoncelli 2014 and Lin, Okun, Carandini & Harris 2015; the amounts
are our choice).
"""

from __future__ import annotations

import numpy as np
from simulated_sites import Sites

from neuroguide._core.seeds import derive_seed

#: Length of the window in which spikes are counted, seconds (70 to 170 ms after the image came on).
WINDOW = 0.1

_ANIMAL_GAIN, _ARRAY_GAIN, _OWN_GAIN = 0.12, 0.14, 0.25

#: Standard deviation of the shared fluctuation, as a share of a site's mean rate.
_FLUCTUATION = 0.15


def simulate_trials(sites: Sites, n_repetitions: int, seed: int) -> np.ndarray:
    """Spike counts, uint8, shape (n_stimuli, n_repetitions, n_sites)."""
    n_stimuli, n_sites = sites.rates.shape
    counts = np.zeros((n_stimuli, n_repetitions, n_sites), dtype=np.uint8)
    for animal in sites.table["animal"].unique():
        rng = np.random.default_rng(derive_seed(seed, "trials", animal))
        animal_gain = _ANIMAL_GAIN * rng.standard_normal((n_stimuli, n_repetitions, 1))
        for array in sites.table.loc[sites.table["animal"] == animal, "arr"].unique():
            here = np.flatnonzero((sites.table["animal"] == animal) & (sites.table["arr"] == array))
            rates = sites.rates[:, None, here]
            array_gain = _ARRAY_GAIN * rng.standard_normal((n_stimuli, n_repetitions, 1))
            own = rng.gamma(_OWN_GAIN**-2, _OWN_GAIN**2, (n_stimuli, n_repetitions, len(here)))
            coupling = _FLUCTUATION * rng.normal(1.0, 0.5, len(here)) * rates.mean(axis=0)
            fluctuation = rng.standard_normal((n_stimuli, n_repetitions, 1)) * coupling
            expected = np.maximum(rates * np.exp(animal_gain + array_gain) * own + fluctuation, 0.0) * WINDOW
            counts[:, :, here] = np.minimum(rng.poisson(expected), 255)
    return counts
