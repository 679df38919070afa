"""Adam (Kingma & Ba 2015, Algorithm 1) for the small networks of samplers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class Adam:
    """Makes steps along the gradients of a few small tensors.

    torch's own imports its compiler at the first step: seconds in every client that makes or resumes a search.

    Parameters
    ----------
    parameters : iterable of tensors
    learning_rate : float
    weight_decay : float
        Added to the gradient, times the parameter.
    """

    def __init__(self, parameters: Iterable[Tensor], *, learning_rate: float, weight_decay: float = 0.0) -> None:
        self._parameters = list(parameters)
        self._learning_rate = learning_rate
        self._weight_decay = weight_decay
        self._means = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
        self._squares = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
        self._steps = 0

    def step(self, loss: Tensor) -> None:
        """Make one step that lowers the loss; the paper's settings (0.9, 0.999, 1e-8)."""
        self._steps += 1
        gradients = torch.autograd.grad(loss, self._parameters)
        rate = self._learning_rate / (1 - 0.9**self._steps)
        scale = (1 - 0.999**self._steps) ** -0.5
        with torch.no_grad():
            for p, gradient, mean, square in zip(self._parameters, gradients, self._means, self._squares, strict=True):
                gradient = gradient.add(p, alpha=self._weight_decay)
                mean.lerp_(gradient, 0.1)
                square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                p.addcdiv_(mean, square.sqrt().mul_(scale).add_(1e-8), value=-rate)
