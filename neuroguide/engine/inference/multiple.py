"""Correction of p values for the number of tests."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError


def holm(p_values: Tensor) -> Tensor:
    """Adjust p values for the family-wise error rate (Holm 1979, Scandinavian Journal of Statistics 6:65).

    Parameters
    ----------
    p_values : tensor of shape (n_tests,)
        NaN for tests that were not done, which do not count.

    Returns
    -------
    tensor of shape (n_tests,)

    Raises
    ------
    InputError
        If the shape is another or a value lies outside 0 to 1.
    """
    ordered, order, n = _sorted(p_values)
    steps = torch.arange(n, 0, -1, dtype=ordered.dtype, device=ordered.device)
    return _restored(p_values, (ordered * steps).cummax(0).values, order)


def false_discovery_rate(p_values: Tensor) -> Tensor:
    """Adjust p values for the false discovery rate (Benjamini & Hochberg 1995, JRSS B 57:289).

    Parameters
    ----------
    p_values : tensor of shape (n_tests,)
        NaN for tests that were not done, which do not count.

    Returns
    -------
    tensor of shape (n_tests,)

    Raises
    ------
    InputError
        If the shape is another or a value lies outside 0 to 1.
    """
    ordered, order, n = _sorted(p_values)
    steps = n / torch.arange(1, n + 1, dtype=ordered.dtype, device=ordered.device)
    return _restored(p_values, (ordered * steps).flip(0).cummin(0).values.flip(0), order)


def _sorted(p_values: Tensor) -> tuple[Tensor, Tensor, int]:
    if p_values.ndim != 1 or bool(((p_values < 0) | (p_values > 1)).any()):
        raise InputError("p values are one list of numbers between 0 and 1")
    done = (~torch.isnan(p_values)).nonzero().flatten()
    ordered, order = p_values[done].sort()
    return ordered, done[order], len(done)


def _restored(p_values: Tensor, adjusted: Tensor, order: Tensor) -> Tensor:
    return torch.full_like(p_values, torch.nan).index_copy(0, order, adjusted.clamp_max(1))
