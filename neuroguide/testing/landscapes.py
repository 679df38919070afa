"""Known landscapes: every architecture of an enumerated space has a stated value, so that samplers can be compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.spaces.base import Space

Array = np.ndarray[Any, np.dtype[np.float64]]


class Landscape:
    """An additive part and a part of pairwise interactions over a space's encoding, without noise.

    With the encoding ``x`` of an architecture (one-hot for each parameter),
    ``value = a . x + c * sum_{i<j} B_ij x_i x_j``, where ``a`` and ``B`` are standard normal, drawn from the seed, and
    ``c`` makes the variance of the second term over the space ``interaction`` times that of the first.

    Parameters
    ----------
    space : Space
        A space that can be enumerated.
    seed : int
        Of ``a`` and ``B``.
    interaction : float
        Variance of the interactions, in units of the additive part's.
    codes : array of shape (n_architectures, n_code), optional
        Encodings of all architectures, if they are at hand already (:func:`enumerate_codes`).
    """

    def __init__(self, space: Space[Any], seed: int, *, interaction: float = 1.0, codes: Array | None = None) -> None:
        if interaction < 0:
            raise InputError(f"interaction = {interaction} is not possible; give a ratio of variances, 0 or larger")
        self.space = space
        codes = enumerate_codes(space) if codes is None else codes
        rng = np.random.default_rng(derive_seed("landscape", seed))
        self._single = rng.normal(size=codes.shape[1])
        self._pairs = np.triu(rng.normal(size=(codes.shape[1], codes.shape[1])), 1)
        additive = codes @ self._single
        spread = _interactions(codes, self._pairs).std()
        if spread > 0:
            self._pairs *= np.sqrt(interaction) * additive.std() / spread
        #: The value of every architecture of the space, in the order of ``space.enumerate()``.
        self.values: Array = additive + _interactions(codes, self._pairs)

    def __call__(self, arch: Any) -> float:
        """The value of one architecture."""
        code = self.space.encode(arch)[None]
        return float((code @ self._single + _interactions(code, self._pairs))[0])

    def threshold(self, share: float) -> float:
        """The value that the best ``share`` of all architectures reach (0.005: the top 0.5%)."""
        if not 0 < share <= 1:
            raise InputError(f"share = {share} is not possible; give a share of the architectures, above 0 and up to 1")
        ordered = np.sort(self.values)[::-1]
        return float(ordered[max(1, int(np.floor(share * len(ordered)))) - 1])


def enumerate_codes(space: Space[Any]) -> Array:
    """Encodings of every architecture of a space, shape (n_architectures, n_code)."""
    return np.array([space.encode(arch) for arch in space.enumerate()])


def _interactions(codes: Array, pairs: Array) -> Array:
    total: Array = ((codes @ pairs) * codes).sum(axis=1)
    return total
