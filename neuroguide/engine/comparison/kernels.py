"""Comparisons of kernels: linear CKA and Bures, from RDMs or from features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.comparison.base import InnerProduct, unit
from neuroguide.engine.comparison.whitening import WhitenedCosine, double_centred
from neuroguide.engine.triangle import condense, square_form


@dataclass(frozen=True)
class CKA(InnerProduct):
    """Centred kernel alignment of the linear kernels behind two squared Euclidean RDMs.

    Parameters
    ----------
    unbiased : bool
        Leave out the diagonal of the kernels (Song et al. 2012, JMLR 13:1393), so that unrelated features of
        any number score zero on average; needs at least four stimuli and every pair.
    """

    unbiased: bool = False

    def embed(self, rdms: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.InnerProduct`."""
        if not self.unbiased:
            return WhitenedCosine().embed(rdms, keep)
        if keep is not None:
            raise InputError("unbiased CKA needs every pair of stimuli; leave out the stimuli with missing pairs")
        return unit(_u_centred(square_form(rdms)))


@dataclass(frozen=True)
class Bures:
    """Bures similarity of the centred kernels behind two squared Euclidean RDMs.

    ``tr((A^1/2 B A^1/2)^1/2) / sqrt(tr A tr B)``: the fidelity of the kernels, also the nuclear norm of the cross
    covariance of the features. Its gradient exists where the eigenvalues are distinct.
    """

    def similarity(self, a: Tensor, b: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.Comparison`."""
        if keep is not None:
            raise InputError("Bures similarity needs every pair of stimuli; leave out the stimuli with missing pairs")
        first, second = double_centred(square_form(a)), double_centred(square_form(b))
        values, vectors = torch.linalg.eigh(first)
        root = (vectors * _root(values).unsqueeze(-2)) @ vectors.mT
        overlap = _root(torch.linalg.eigvalsh(root @ second @ root)).sum(-1)
        traces = first.diagonal(dim1=-2, dim2=-1).sum(-1) * second.diagonal(dim1=-2, dim2=-1).sum(-1)
        return overlap / torch.where(traces > 0, traces, torch.nan).sqrt()


def linear_cka(x: Tensor, y: Tensor, *, unbiased: bool = False) -> Tensor:
    """Linear centred kernel alignment of two sets of features of the same stimuli.

    ``|X'Y|^2 / (|X'X| |Y'Y|)`` of centred features (Kornblith et al. 2019, ICML), through the smaller of the
    features' covariance and the stimuli's kernel.

    Parameters
    ----------
    x : tensor of shape (..., n_stimuli, n_features)
    y : tensor of shape (..., n_stimuli, n_other_features)
    unbiased : bool
        As for :class:`CKA`.

    Returns
    -------
    tensor of the leading shape
        NaN where all stimuli have the same features.

    Raises
    ------
    InputError
        If the stimuli differ in number, or unbiased CKA has fewer than four.
    """
    if x.ndim < 2 or y.ndim < 2 or x.shape[-2] != y.shape[-2]:
        raise InputError(
            f"features of the same stimuli are compared, of shape (..., n_stimuli, n_features); {tuple(x.shape)} and "
            f"{tuple(y.shape)} arrived"
        )
    n = x.shape[-2]
    x, y = (_near_one(features - features.mean(-2, keepdim=True)) for features in (x, y))
    if not unbiased and max(x.shape[-1], y.shape[-1]) < n:
        cross, own_x, own_y = ((p.mT @ q).square().sum((-2, -1)) for p, q in ((x, y), (x, x), (y, y)))
        x_length, y_length = (torch.where(own > 0, own, torch.nan).sqrt() for own in (own_x, own_y))
        return cross / (x_length * y_length)
    if unbiased:
        # of the kernel K, -2 K has the same entries off the diagonal as its RDM up to shifts, which U-centring removes
        kernels = [_u_centred(-2 * (features @ features.mT)) for features in (x, y)]
    else:
        kernels = [(features @ features.mT).flatten(-2) for features in (x, y)]
    return (unit(kernels[0]) * unit(kernels[1])).sum(-1)


def _near_one(features: Tensor) -> Tensor:
    """Divided by a power of two, which changes no digit: fourth powers of large or small numbers leave float32."""
    exponent = torch.frexp(features.detach().abs().amax((-2, -1), keepdim=True)).exponent
    return torch.ldexp(features, -exponent.clamp(-120, 120))


def _u_centred(square: Tensor) -> Tensor:
    """U-centred kernel behind an RDM, above the diagonal (Székely & Rizzo 2014, Annals of Statistics 42:2382)."""
    n = square.shape[-1]
    if n < 4:
        raise InputError(f"unbiased CKA needs at least 4 stimuli, {n} arrived")
    kernel = -0.5 * square
    kernel = kernel - torch.diag_embed(kernel.diagonal(dim1=-2, dim2=-1))
    sums = kernel.sum(-1, keepdim=True)
    total = sums.sum(-2, keepdim=True)
    return condense(kernel - (sums + sums.mT) / (n - 2) + total / ((n - 1) * (n - 2)))


def _root(values: Tensor) -> Tensor:
    """Square roots, zero (with a zero gradient) where rounding made an eigenvalue negative."""
    positive = values > 0
    return torch.where(positive, torch.where(positive, values, 1.0).sqrt(), 0.0)
