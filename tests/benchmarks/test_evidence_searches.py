"""Search costs from proposals that are known."""

import numpy as np
import pytest
from evidence_searches import cost_to, median_cost

CHOSEN = np.array([[0.5, 0.7, 0.6, 0.9], [0.8, 0.8, 0.8, 0.8]])
SPENT = np.array([[10.0, 20, 20, 30], [5, 10, 15, 20]])


def test_costs_are_those_of_the_first_trial_that_is_there():
    assert cost_to(CHOSEN, SPENT, 0.7).tolist() == [20, 5]
    assert cost_to(CHOSEN, SPENT, 0.85).tolist() == [30, np.inf]


def test_the_median_of_many_searches_and_its_interval():
    rng = np.random.default_rng(0)
    # every trial has one chance in twenty: the median of the first success is at trial 14
    mature = rng.permutation(np.linspace(0, 1, 400))
    chosen = np.maximum.accumulate(rng.choice(mature, (300, 100)), axis=1)
    median, low, high = median_cost(chosen, np.tile(np.arange(1.0, 101), (300, 1)), mature, n_samples=300)
    assert median == pytest.approx(14, abs=2.5)
    assert low < median < high
    assert high - low < 15
