"""The surrogate of the sampler `progressive`: an ensemble of small networks that predicts values from descriptions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuroguide.nas.samplers.adam import Adam

Array = np.ndarray[Any, np.dtype[np.float64]]

#: Liu et al. 2018, section 3.3: five predictors, each trained on four fifths of the data.
MEMBERS = 5
#: Our choices, for tens to hundreds of architectures.
_UNITS, _STEPS, _LEARNING_RATE, _DECAY = 64, 200, 0.01, 1e-3


class Ensemble:
    """Five networks of one hidden layer, the mean of which is the prediction.

    As in the paper, member ``e`` is trained without the ``e``-th fifth of the data, on the absolute error by Adam;
    values are standardised first, and all members are trained at once, as one batched product.

    Parameters
    ----------
    descriptions : array of shape (n_architectures, n_description)
    values : array of shape (n_architectures,)
    seed : int
        Of weights and fifths.
    """

    def __init__(self, descriptions: Array, values: Array, *, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        x = torch.from_numpy(descriptions).float()
        y = torch.from_numpy(values)
        self._mean = y.mean()
        spread = y.std(correction=0)
        # equal values: nothing to tell apart
        self._spread = spread if bool(spread > 0) else torch.ones_like(spread)
        n = len(y)
        fifth = torch.randperm(n, generator=generator) % MEMBERS
        used = (fifth[None] != torch.arange(MEMBERS)[:, None]).float() if n >= MEMBERS else torch.ones(MEMBERS, n)
        used = used / used.sum(1, keepdim=True)
        self._weights = _draw(x.shape[1], generator)
        optimiser = Adam(self._weights, learning_rate=_LEARNING_RATE, weight_decay=_DECAY)
        target = ((y - self._mean) / self._spread).float()
        for _ in range(_STEPS):
            optimiser.step(((self._members(x) - target).abs() * used).sum())

    def predict(self, descriptions: Array) -> Array:
        """Predicted values, shape (n_architectures,)."""
        with torch.no_grad():
            members = self._members(torch.from_numpy(descriptions).float())
        predicted: Array = (members.mean(0).double() * self._spread + self._mean).numpy()
        return predicted

    def _members(self, x: Tensor) -> Tensor:
        first, bias, last, shift = self._weights
        # one product for all members: (n, inputs) by (inputs, members * units)
        hidden = torch.relu((x @ first).view(len(x), MEMBERS, _UNITS) + bias)
        return ((hidden * last).sum(2) + shift).T


def _draw(n_inputs: int, generator: torch.Generator) -> list[Tensor]:
    """Weights of all members: normal, scaled by the number of inputs."""

    def normal(*shape: int, scale: float) -> Tensor:
        return (scale * torch.randn(shape, generator=generator)).requires_grad_()

    return [
        normal(n_inputs, MEMBERS * _UNITS, scale=n_inputs**-0.5),
        normal(MEMBERS, _UNITS, scale=0.0),
        normal(MEMBERS, _UNITS, scale=_UNITS**-0.5),
        normal(MEMBERS, scale=0.0),
    ]
