"""Uniform numbers that depend on a key and a position alone, so that no image depends on another one.

A counter-based generator (the finaliser of SplitMix64; Steele, Lea & Flood 2014): the same key and position give the
same number on every machine, in any order and any batch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]

_STEP = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _hash(keys: Keys, positions: Keys) -> npt.NDArray[np.uint64]:
    """One hash for each (key, position), shape of keys followed by the shape of positions."""
    scrambled = _mix(np.asarray(keys, dtype=np.int64).astype(np.uint64) + _STEP)
    columns = scrambled.reshape(scrambled.shape + (1,) * positions.ndim)
    return _mix(columns + (positions.astype(np.uint64) + np.uint64(1)) * _STEP)


def child_keys(key: int, positions: Keys) -> Keys:
    """A key in [0, 2**63) for each position, shape of positions."""
    hashes: npt.NDArray[np.uint64] = _hash(np.asarray([key]), positions)[0]
    return (hashes >> np.uint64(1)).astype(np.int64)


def uniforms(keys: Keys, positions: Keys) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1), shape (n_keys, shape of positions)."""
    return (_hash(keys, positions) >> np.uint64(11)).astype(np.float64) * 2.0**-53
