"""Pearson, cosine, Spearman and rho-a: comparisons pair of stimuli by pair of stimuli."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide.engine.comparison.base import InnerProduct, centre, keep_only, rounding_of_mean, unit
from neuroguide.engine.ranks import WORTH_THREADS, centred_ranks
from neuroguide.engine.threads import map_in_threads


@dataclass(frozen=True)
class Pearson(InnerProduct):
    """Pearson's correlation."""

    def embed(self, rdms: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.InnerProduct`."""
        return unit(centre(rdms, keep), rounding_of_mean(rdms, keep))


@dataclass(frozen=True)
class Cosine(InnerProduct):
    """Cosine of the angle between the RDMs."""

    def embed(self, rdms: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.InnerProduct`."""
        return unit(keep_only(rdms, keep))


class _RankProduct(InnerProduct):
    """An inner product of ranks."""

    def similarity(self, a: Tensor, b: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.Comparison`."""
        # a long row is sorted by one thread; rows of a stack are sorted beside each other in any case
        beside = a.device.type == "cpu" and a.shape == b.shape and a.numel() >= WORTH_THREADS
        of_a, of_b = map_in_threads(lambda rdms: self.embed(rdms, keep), (a, b), worth=beside)
        return (of_a * of_b).sum(-1)


@dataclass(frozen=True)
class Spearman(_RankProduct):
    """Spearman's rank correlation, ties averaged; no gradient passes through ranks."""

    def embed(self, rdms: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.InnerProduct`."""
        return unit(_ranks(rdms, keep))


@dataclass(frozen=True)
class RhoA(_RankProduct):
    """The expectation of Spearman's coefficient under random breaking of ties (Schütt et al. 2023, eLife 12:e82566)."""

    def embed(self, rdms: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.InnerProduct`."""
        m = rdms.new_tensor(rdms.shape[-1]) if keep is None else keep.sum(-1, keepdim=True).to(rdms.dtype)
        # the length of untied centred ranks, sqrt((m**3 - m) / 12), in an order that keeps float32 exact
        longest = (m / 12).sqrt() * ((m - 1) * (m + 1)).sqrt()
        return _ranks(rdms, keep) / torch.where(m > 1, longest, torch.nan)


def _ranks(rdms: Tensor, keep: Tensor | None) -> Tensor:
    """Centred ranks among the kept pairs, zero elsewhere: the others are sorted behind them."""
    if keep is None:
        return centred_ranks(rdms)
    return centre(centred_ranks(keep_only(rdms, keep, torch.inf)), keep)
