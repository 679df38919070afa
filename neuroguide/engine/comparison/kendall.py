"""Kendall's tau-a in O(m log**2 m)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide.engine.ranks import sort_rows, tie_bounds


@dataclass(frozen=True)
class Kendall:
    """Kendall's tau-a: concordant minus discordant, over all pairs of dissimilarities, ties counting as neither.

    The one for models that predict ties (Nili et al. 2014, PLoS Computational Biology 10:e1003553). No gradient.
    """

    def similarity(self, a: Tensor, b: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.Comparison`."""
        shape = torch.broadcast_shapes(a.shape, b.shape)  # type: ignore[no-untyped-call]
        a, b = a.detach().expand(shape), b.detach().expand(shape)
        if keep is None:
            return _tau_a(a, b)
        m = a.shape[-1]
        rows = zip(a.reshape(-1, m), b.reshape(-1, m), keep.expand(a.shape).reshape(-1, m), strict=True)
        return torch.stack([_tau_a(x[kept], y[kept]) for x, y, kept in rows]).reshape(shape[:-1])


def _tau_a(a: Tensor, b: Tensor) -> Tensor:
    m = a.shape[-1]
    if m < 2:
        return a.new_full(a.shape[:-1], torch.nan)
    x, y = _dense(a), _dense(b)
    # in the order of x, ties in the order of y: only discordant pairs are then inverted in y
    joint = (x * m + y).sort(dim=-1).values
    ties = _tied_pairs(x.sort(dim=-1).values) + _tied_pairs(y.sort(dim=-1).values) - _tied_pairs(joint)
    total = m * (m - 1) // 2
    return (total - ties - 2 * _inversions(joint % m)).to(a.dtype) / total


def _dense(values: Tensor) -> Tensor:
    """Whole numbers in [0, m) in the order of the values, equal where the values are."""
    ordered, order = sort_rows(values)
    return torch.empty_like(order).scatter_(-1, order, tie_bounds(ordered)[0])


def _tied_pairs(ordered: Tensor) -> Tensor:
    first, last = tie_bounds(ordered)
    return (last - first).sum(-1) // 2


def _inversions(values: Tensor) -> Tensor:
    """Pairs in the wrong order, by merging sorted halves from the bottom up, all blocks of a level at once."""
    m = values.shape[-1]
    padding = (1 << (m - 1).bit_length()) - m
    values = torch.nn.functional.pad(values, (0, padding), value=m)
    count, width = values.new_zeros(values.shape[:-1]), 1
    while width < values.shape[-1]:
        blocks = values.reshape(*values.shape[:-1], -1, 2 * width)
        left, right = blocks[..., :width].contiguous(), blocks[..., width:].contiguous()
        not_larger = torch.searchsorted(left, right, right=True)
        count = count + (width - not_larger).flatten(-2).sum(-1)
        values = blocks.sort(dim=-1).values.flatten(-2)
        width *= 2
    return count
