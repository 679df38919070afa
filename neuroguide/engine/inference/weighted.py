"""Similarities of resampled RDMs as batched products: how often a stimulus was drawn becomes a weight of its pairs.

In a sample where stimulus ``i`` occurs ``m_i`` times, the pair (i, j) occurs ``m_i m_j`` times, and pairs of copies of
the same stimulus are left out: their dissimilarity is zero by construction. Every similarity below equals
:func:`neuroguide.engine.similarity.compare` of the resampled RDMs with NaN for those pairs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neuroguide._core.errors import OptionError
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.comparison.kernels import CKA
from neuroguide.engine.comparison.vectors import Cosine, Pearson, RhoA, Spearman
from neuroguide.engine.comparison.whitening import WhitenedCosine, WhitenedPearson
from neuroguide.engine.inference.ranks import SortedRDMs, ranked_products
from neuroguide.engine.threads import map_in_threads
from neuroguide.engine.triangle import n_stimuli_of, pair_indices, square_form

#: Numbers held at once in the pair weights of a chunk of samples.
_CHUNK = 2_000_000


def check_resampled(method: Comparison) -> None:
    """Raise OptionError for a comparison that is not available in resampling."""
    known = isinstance(method, (Pearson, Cosine, Spearman, RhoA))
    if isinstance(method, (WhitenedCosine, WhitenedPearson)):
        known = method.stimulus_noise is None
    if isinstance(method, CKA):
        known = not method.unbiased
    if not known:
        raise OptionError(
            f"resampling is not available for {method!r}; use pearson, spearman, rho-a, cosine, cka, whitened-pearson "
            "or whitened-cosine with equal noise"
        )


def resampled_similarities(a: Tensor, b: Tensor, drawn: Tensor, method: Comparison) -> Tensor:
    """Similarity of every RDM in ``a`` with every RDM in ``b``, in every sample of the stimuli.

    Parameters
    ----------
    a : tensor of shape (n_a, n_pairs)
    b : tensor of shape (n_b, n_pairs), or (n_samples, n_b, n_pairs) where ``b`` was resampled itself
    drawn : tensor of shape (n_samples, n_stimuli)
        How often each stimulus was drawn.
    method : Comparison

    Returns
    -------
    tensor of shape (n_samples, n_a, n_b)
        NaN where a similarity is undefined.

    Raises
    ------
    OptionError
        If the comparison is not available in resampling.
    """
    check_resampled(method)
    # a common scale, so that float32 sums of squares neither overflow nor lose digits
    a, b = (values / values.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-30) for values in (a, b))
    size = max(1, _CHUNK // (a.shape[-1] * (1 + b.shape[-2] if b.ndim == 3 else 1)))
    products = _Products(a, b, method)
    # matrix products use all processors by themselves, the other steps have them taken by one chunk each
    apart = products.ranked and a.device.type == "cpu"
    if apart and len(drawn) > size:
        threads = torch.get_num_threads()
        size = math.ceil(len(drawn) / (threads * math.ceil(len(drawn) / (size * threads))))
    parts = [slice(start, start + size) for start in range(0, len(drawn), size)]

    def similarities(part: slice) -> Tensor:
        return products.similarities(drawn[part], part)

    return torch.cat(map_in_threads(similarities, parts) if apart else [similarities(part) for part in parts])


class _Products:
    """What is computed once for all samples, and the similarities in a chunk of samples."""

    def __init__(self, a: Tensor, b: Tensor, method: Comparison) -> None:
        self.a, self.b, self.method = a, b, method
        self.n = n_stimuli_of(a.shape[-1])
        self.first, self.second = pair_indices(self.n, a.device)
        self.ranked = isinstance(method, (Spearman, RhoA))
        self.whitened = isinstance(method, (WhitenedCosine, WhitenedPearson, CKA))
        if self.ranked:
            self.sorted_a = SortedRDMs(a)
            self.sorted_b = SortedRDMs(b) if b.ndim == 2 else None
        elif b.ndim == 2:
            cross = (a.unsqueeze(1) * b).flatten(0, 1)
            self.columns = torch.cat([a, b, a.square(), b.square(), cross]).mT.contiguous()
        if self.whitened:
            self.square_a, self.square_b = square_form(a), square_form(b)

    def similarities(self, drawn: Tensor, part: slice) -> Tensor:
        """Shape (n_chunk, n_a, n_b)."""
        drawn = drawn.to(self.a)
        b = self.b if self.b.ndim == 2 else self.b[part]
        if self.ranked:
            return self._ranked(drawn, b)
        weights = drawn[:, self.first] * drawn[:, self.second]
        sums = self._sums(weights, b)
        mean_a = mean_b = None
        if isinstance(self.method, (Pearson, WhitenedPearson)):
            mean_a, mean_b = sums.mean_a, sums.mean_b
        cross, own_a, own_b = sums.centred(mean_a, mean_b)
        if self.whitened:
            square_b = self.square_b if self.b.ndim == 2 else self.square_b[part]
            shift_a, row_a = _shifts(self.square_a, drawn, mean_a)
            shift_b, row_b = _shifts(square_b, drawn, mean_b)
            cross = cross - torch.einsum("si,sai,sbi->sab", drawn, shift_a, row_b)
            own_a = own_a - torch.einsum("si,sai,sai->sa", drawn, shift_a, row_a).unsqueeze(2)
            own_b = own_b - torch.einsum("si,sbi,sbi->sb", drawn, shift_b, row_b).unsqueeze(1)
        return _ratio(cross, own_a, own_b)

    def _ranked(self, drawn: Tensor, b: Tensor) -> Tensor:
        sorted_b = [SortedRDMs(own) for own in b] if self.sorted_b is None else self.sorted_b
        cross, own_a, own_b = ranked_products(self.sorted_a, sorted_b, drawn)
        if isinstance(self.method, RhoA):
            # the number of pairs in each sample: all pairs of draws but those of one stimulus with itself
            count = ((drawn.sum(1).square() - drawn.square().sum(1)) / 2)[:, None, None]
            own_a = own_b = (count / 12) * (1 - 1 / count.square())
        return _ratio(cross, own_a, own_b)

    def _sums(self, weights: Tensor, b: Tensor) -> _Sums:
        n_a, n_b = len(self.a), b.shape[-2]
        total = weights.sum(1)[:, None, None]
        if b.ndim == 2:
            sizes = [n_a, n_b, n_a, n_b, n_a * n_b]
            one_a, one_b, two_a, two_b, cross = torch.split(weights @ self.columns, sizes, dim=1)
            cross = cross.reshape(-1, n_a, n_b)
        else:
            weighted = weights.unsqueeze(1) * b
            one_a, two_a = weights @ self.a.mT, weights @ self.a.square().mT
            one_b, two_b = weighted.sum(2), (weighted * b).sum(2)
            cross = (weighted @ self.a.mT).mT
        return _Sums(total, one_a.unsqueeze(2), one_b.unsqueeze(1), two_a.unsqueeze(2), two_b.unsqueeze(1), cross)


class _Sums:
    """Weighted sums over pairs, each broadcastable to (n_chunk, n_a, n_b)."""

    def __init__(
        self, total: Tensor, one_a: Tensor, one_b: Tensor, two_a: Tensor, two_b: Tensor, cross: Tensor
    ) -> None:
        self.total, self.two_a, self.two_b, self.cross = total, two_a, two_b, cross
        self.mean_a, self.mean_b = one_a / total, one_b / total

    def centred(self, mean_a: Tensor | None, mean_b: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Sums of products around the means, or around zero."""
        if mean_a is None or mean_b is None:
            return self.cross, self.two_a, self.two_b
        return (
            self.cross - self.total * mean_a * mean_b,
            self.two_a - self.total * mean_a.square(),
            self.two_b - self.total * mean_b.square(),
        )


def _shifts(square: Tensor, drawn: Tensor, mean: Tensor | None) -> tuple[Tensor, Tensor]:
    """The shifts ``u`` of the shortest kernel (see comparison.whitening) and the weighted row sums of the RDM.

    With weights m and copies apart, the normal equations are ``(2 + M - 2 m_i) u_i + sum_j m_j u_j = (D m)_i``: solved
    in closed form, because they differ from a diagonal by one outer product.
    """
    rows = torch.einsum("...aij,sj->sai" if square.ndim == 3 else "saij,sj->sai", square, drawn)
    weights = drawn.unsqueeze(1)
    total = weights.sum(2, keepdim=True)
    if mean is not None:
        rows = rows - mean.reshape(len(drawn), -1, 1) * (total - weights)
    diagonal = 2 + total - 2 * weights
    common = (weights * rows / diagonal).sum(2, keepdim=True) / (1 + (weights / diagonal).sum(2, keepdim=True))
    return (rows - common) / diagonal, rows


def _ratio(cross: Tensor, own_a: Tensor, own_b: Tensor) -> Tensor:
    scale = (own_a.clamp_min(0) * own_b.clamp_min(0)).sqrt()
    return cross / torch.where(scale > 0, scale, torch.nan)
