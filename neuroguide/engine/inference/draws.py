"""Bootstrap and jackknife draws, the same on every device."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_indices(n: int, n_samples: int, seed: int) -> Tensor:
    """Random draws with replacement: integer tensor of shape (n_samples, n) in [0, n), on the CPU.

    The draws depend on ``n``, ``n_samples`` and ``seed`` alone, so that everything computed from one seed (layers,
    their maximum, the ceiling) sees the same samples.
    """
    return torch.randint(n, (n_samples, n), generator=torch.Generator().manual_seed(seed))


def leave_one_out(n: int) -> Tensor:
    """All indices but one: integer tensor of shape (n, n - 1)."""
    kept = ~torch.eye(n, dtype=torch.bool)
    return torch.arange(n).expand(n, n)[kept].reshape(n, n - 1)


def multiplicities(indices: Tensor, n: int) -> Tensor:
    """How often each of ``n`` things was drawn: integer tensor of shape (n_samples, n)."""
    return torch.zeros(len(indices), n, dtype=torch.int64).scatter_add_(1, indices, torch.ones_like(indices))
