"""Correlation, cosine and squared Euclidean distance, all from one half of a Gram matrix.

``d(i, j) = g_ii + g_jj - 2 g_ij`` with ``g_ij = z_i . z_j``, where the rows ``z`` lie around the origin. Correlation
and cosine distance are half the squared Euclidean distance of rows of unit length. With an origin among the rows no
product is larger than the largest distance, which keeps float32 exact to 1e-5 of it even where all stimuli evoke nearly
the same response.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide.engine.distance.base import (
    NOT_FINITE,
    centre_rows,
    check_features,
    distances_of_centred,
    distances_of_slices,
    mask_pairs,
    undefined,
)
from neuroguide.engine.distance.slices import SlicedRows, is_large
from neuroguide.engine.threads import map_in_threads
from neuroguide.engine.triangle import LEAST_HALVED

#: About how many rows tell where the origin of the others is put.
_SAMPLED = 64

#: Rows whose length is measured at once, while they are in the cache.
_AT_ONCE = 8


@dataclass(frozen=True)
class GramDistance:
    """The squared Euclidean distance of rows that are made from each stimulus on its own.

    Parameters
    ----------
    name : str
    embed : function of features -> (rows, dead)
        Rows of shape (..., n_stimuli, n_features) around the origin, finite also where there is no distance, and a
        mask of shape (..., n_stimuli) of those that have none.
    embed_sliced : function of features -> (rows, dead)
        The same of features of shape (n_stimuli, n_features) that are too large to be copied.
    reason : str
        Why a stimulus has none: "have the same response in every feature".
    least : int
        Features needed.
    """

    name: str
    embed: Callable[[Tensor], tuple[Tensor, Tensor]]
    embed_sliced: Callable[[Tensor], tuple[SlicedRows, Tensor]]
    reason: str
    least: int = 1

    def dissimilarities(self, features: Tensor, *, constant: str) -> Tensor:
        """See :class:`neuroguide.engine.distance.base.Distance`."""
        check_features(features, self.name, self.least)
        rows, dead = self.embed_sliced(features) if is_large(features) else self.embed(features)
        if constant == "error" and bool(dead.any()):
            broken = dead & ~torch.isfinite(features).all(-1)
            not_finite = bool(broken.any())
            raise undefined(broken if not_finite else dead, NOT_FINITE if not_finite else self.reason, self.name)
        condensed = distances_of_slices(rows.slices()) if isinstance(rows, SlicedRows) else distances_of_centred(rows)
        return mask_pairs(condensed, dead) if constant == "nan" else condensed


def _correlation(features: Tensor) -> tuple[Tensor, Tensor]:
    if features.ndim == 2 and len(features) >= LEAST_HALVED and not features.requires_grad:
        return _correlation_at_once(features)
    mean = features.mean(-1, keepdim=True)
    rows = features - mean
    return _unit_rows(rows, torch.linalg.vector_norm(rows, dim=-1, keepdim=True), _rounding(features, mean))


def _correlation_at_once(features: Tensor) -> tuple[Tensor, Tensor]:
    """In one pass over the features: what costs is to read and write them."""
    n_features = features.shape[1]
    scale = features.new_full((n_features,), (0.5 / n_features) ** 0.5)

    def normalised(part: Tensor, shift: Tensor | None) -> tuple[Tensor, Tensor]:
        rows, mean, inverse = torch.native_layer_norm(part, [n_features], scale, shift, 0.0)
        norm = inverse.reciprocal() * n_features**0.5
        dead = ~((norm > _rounding(part, mean)) & torch.isfinite(norm))
        return _without(rows, dead), dead.squeeze(-1)

    sample, _ = normalised(features[:: len(features) // _SAMPLED], None)
    return normalised(features, -sample.mean(0))


def _correlation_sliced(features: Tensor) -> tuple[SlicedRows, Tensor]:
    n, n_features = features.shape
    mean, deviation = features.new_empty(2, n, 1).unbind()

    def measure(start: int) -> None:
        part = slice(start, start + _AT_ONCE)
        _, mean[part], inverse = torch.native_layer_norm(features[part], [n_features], None, None, 0.0)
        deviation[part] = inverse.reciprocal()

    map_in_threads(measure, range(0, n, _AT_ONCE))
    scale, dead = _unit_scale(deviation * n_features**0.5, _rounding(features, mean))
    return SlicedRows(features, mean, scale, dead), dead.squeeze(-1)


def _cosine(features: Tensor) -> tuple[Tensor, Tensor]:
    norm = torch.linalg.vector_norm(features, dim=-1, keepdim=True)
    return _unit_rows(features, norm, features.new_zeros(()))


def _cosine_sliced(features: Tensor) -> tuple[SlicedRows, Tensor]:
    norm = torch.linalg.vector_norm(features, dim=-1, keepdim=True)
    scale, dead = _unit_scale(norm, features.new_zeros(()))
    return SlicedRows(features, torch.zeros_like(norm), scale, dead), dead.squeeze(-1)


def _euclidean(features: Tensor) -> tuple[Tensor, Tensor]:
    # a row sum is not finite as soon as one of its values is not, and costs no second copy of the features
    dead = ~torch.isfinite(features.detach().sum(-1, keepdim=True))
    return centre_rows(_without(features * features.shape[-1] ** -0.5, dead)), dead.squeeze(-1)


def _euclidean_sliced(features: Tensor) -> tuple[SlicedRows, Tensor]:
    total = features.sum(-1, keepdim=True)
    dead = ~torch.isfinite(total)
    scale = torch.full_like(total, features.shape[-1] ** -0.5)
    return SlicedRows(features, torch.zeros_like(total), scale, dead), dead.squeeze(-1)


def _rounding(features: Tensor, mean: Tensor) -> Tensor:
    """What the rounding of its mean leaves of the length of a constant row."""
    relative: float = 8 * torch.finfo(features.dtype).eps * features.shape[-1] ** 0.5
    return mean.abs() * relative


def _unit_rows(rows: Tensor, norm: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of length sqrt(1/2), so that their squared distance is one minus their cosine, around the origin."""
    scale, dead = _unit_scale(norm, least)
    return centre_rows(_without(rows * scale, dead)), dead.squeeze(-1)


def _unit_scale(norm: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """What rows of length ``norm`` are multiplied by, and which of them are too short, of shape (..., n_stimuli, 1)."""
    dead = ~((norm > least) & torch.isfinite(norm))
    return torch.where(dead, 1.0, norm).reciprocal() * 0.5**0.5, dead


def _without(rows: Tensor, dead: Tensor) -> Tensor:
    """Zero in dead rows, (..., n_stimuli, 1): they must not reach the others through the mean over stimuli."""
    if rows.requires_grad:
        return rows.masked_fill(dead, 0.0)
    # asking costs less than writing on the CPU, and waiting more on a GPU
    return rows.masked_fill_(dead, 0.0) if rows.device.type != "cpu" or bool(dead.any()) else rows


CORRELATION = GramDistance(
    "correlation", _correlation, _correlation_sliced, "have the same response in every feature", least=2
)
COSINE = GramDistance("cosine", _cosine, _cosine_sliced, "have no response at all")
EUCLIDEAN = GramDistance("euclidean", _euclidean, _euclidean_sliced, NOT_FINITE)
