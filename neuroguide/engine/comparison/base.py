"""What a comparison of RDMs is, and the inner products that most comparisons are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor


class Comparison(Protocol):
    """A comparison of RDMs: two stacks of condensed RDMs in, a number for each pair of RDMs out."""

    def similarity(self, a: Tensor, b: Tensor, keep: Tensor | None) -> Tensor:
        """Similarity over the pairs of stimuli marked in ``keep`` (None: all); NaN where it is undefined.

        Parameters
        ----------
        a, b : tensor of shape (..., n_pairs)
            Leading dimensions broadcast.
        keep : boolean tensor of shape (..., n_pairs), or None
        """
        ...


class InnerProduct(ABC):
    """A comparison that is the inner product of two vectors, one for each RDM."""

    @abstractmethod
    def embed(self, rdms: Tensor, keep: Tensor | None) -> Tensor:
        """The vectors: of shape (..., any), NaN for an RDM that has none.

        Parameters
        ----------
        rdms : tensor of shape (..., n_pairs)
        keep : boolean tensor of shape (..., n_pairs), or None
            The pairs that count; the others may hold anything.
        """

    def similarity(self, a: Tensor, b: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`Comparison`."""
        return (self.embed(a, keep) * self.embed(b, keep)).sum(-1)


def keep_only(values: Tensor, keep: Tensor | None, other: float = 0.0) -> Tensor:
    """The values where ``keep`` is True (everywhere if it is None), ``other`` elsewhere."""
    return values if keep is None else torch.where(keep, values, other)


def centre(values: Tensor, keep: Tensor | None) -> Tensor:
    """Values minus their mean over ``keep``; zero elsewhere."""
    if keep is None:
        return values - values.mean(-1, keepdim=True)
    kept = keep_only(values, keep)
    return keep_only(kept - kept.sum(-1, keepdim=True) / keep.sum(-1, keepdim=True), keep)


def unit(vectors: Tensor, rounding: Tensor | float = 0.0) -> Tensor:
    """Vectors of length one; NaN where the length is not above ``rounding``."""
    norm = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / torch.where(norm > rounding, norm, torch.nan)


def rounding_of_mean(values: Tensor, keep: Tensor | None) -> Tensor:
    """The length that equal values may leave when their mean is subtracted, of shape (..., 1)."""
    kept = keep_only(values.detach(), keep)
    length: Tensor = torch.linalg.vector_norm(kept, dim=-1, keepdim=True)
    return length * (8 * torch.finfo(values.dtype).eps)
