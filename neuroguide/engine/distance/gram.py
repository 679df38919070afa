"""Correlation, cosine and squared Euclidean distance, all from one half of a Gram matrix.

``d(i, j) = g_ii + g_jj - 2 g_ij`` with ``g_ij = z_i . z_j``, where the rows ``z`` are centred over stimuli. Correlation
and cosine distance are half the squared Euclidean distance of rows of unit length; the centring keeps float32 exact to
1e-5 of the largest distance even where all stimuli evoke nearly the same response.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide.engine.distance.base import NOT_FINITE, check_features, mask_pairs, squared_distances, undefined


@dataclass(frozen=True)
class GramDistance:
    """The squared Euclidean distance of rows that are made from each stimulus on its own.

    Parameters
    ----------
    name : str
    embed : function of features -> (rows, dead)
        Rows of shape (..., n_stimuli, n_features) and a mask of shape (..., n_stimuli) of those that have no distance.
    reason : str
        Why a stimulus has none: "have the same response in every feature".
    least : int
        Features needed.
    """

    name: str
    embed: Callable[[Tensor], tuple[Tensor, Tensor]]
    reason: str
    least: int = 1

    def dissimilarities(self, features: Tensor, *, constant: str) -> Tensor:
        """See :class:`neuroguide.engine.distance.base.Distance`."""
        check_features(features, self.name, self.least)
        rows, dead = self.embed(features)
        if constant == "nan":
            # a dead row must not reach the others through the mean over stimuli
            return mask_pairs(squared_distances(rows.masked_fill(dead.unsqueeze(-1), 0.0)), dead)
        if bool(dead.any()):
            broken = dead & ~torch.isfinite(features).all(-1)
            not_finite = bool(broken.any())
            raise undefined(broken if not_finite else dead, NOT_FINITE if not_finite else self.reason, self.name)
        return squared_distances(rows)


def _correlation(features: Tensor) -> tuple[Tensor, Tensor]:
    mean = features.mean(-1, keepdim=True)
    # a constant row leaves only the rounding of its mean
    rounding = 8 * torch.finfo(features.dtype).eps * features.shape[-1] ** 0.5 * mean.abs()
    return _unit_rows(features - mean, rounding, owned=True)


def _cosine(features: Tensor) -> tuple[Tensor, Tensor]:
    return _unit_rows(features, features.new_zeros(()), owned=False)


def _euclidean(features: Tensor) -> tuple[Tensor, Tensor]:
    # a row sum is not finite as soon as one of its values is not, and costs no second copy of the features
    dead = ~torch.isfinite(features.detach().sum(-1))
    return features * features.shape[-1] ** -0.5, dead


def _unit_rows(rows: Tensor, rounding: Tensor, *, owned: bool) -> tuple[Tensor, Tensor]:
    """Rows of length sqrt(1/2), so that their squared distance is one minus their cosine; in place if owned."""
    norm = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    dead = ~((norm > rounding) & torch.isfinite(norm))
    scale = torch.where(dead, 1.0, norm).reciprocal() * 0.5**0.5
    return (rows.mul_(scale) if owned and not rows.requires_grad else rows * scale), dead.squeeze(-1)


CORRELATION = GramDistance("correlation", _correlation, "have the same response in every feature", least=2)
COSINE = GramDistance("cosine", _cosine, "have no response at all")
EUCLIDEAN = GramDistance("euclidean", _euclidean, NOT_FINITE)
