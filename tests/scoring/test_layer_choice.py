"""Halves of the stimuli keep copies of an image together."""

from __future__ import annotations

import numpy as np

from neuroguide.scoring.layer_choice import _halves


def test_copies_are_in_the_same_half():
    groups = np.array([0, 1, 2, 0, 3, 4, 5, 1, 6, 7])
    rng = np.random.default_rng(0)
    for _ in range(50):
        first, second = _halves(groups, rng)
        assert not set(groups[first]) & set(groups[second])
        assert sorted([*first, *second]) == list(range(10))
        assert 3 <= len(first) <= 5


def test_without_copies_the_halves_are_equal():
    first, second = _halves(np.arange(11), np.random.default_rng(0))
    assert (len(first), len(second)) == (5, 6)
