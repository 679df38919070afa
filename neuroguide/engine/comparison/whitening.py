"""Whitened comparisons: RDMs weighed by the covariance of the noise of their entries.

The dissimilarities of an RDM share stimuli, so that their errors are correlated. With the covariance ``V`` of squared
Euclidean dissimilarities under independent noise, the whitened cosine is ``a' V^-1 b / sqrt(a' V^-1 a  b' V^-1 b)``
(Diedrichsen et al. 2021, Neurons, Behavior, Data analysis, and Theory 5(3)).

``V`` has as many rows as there are pairs, but ``a' V^-1 a`` is also the squared length of the shortest kernel ``G`` (in
the metric of the noise) that has the dissimilarities ``a = G_ii + G_jj - 2 G_ij``: with ``D`` the square RDM this is
``G_ij = (u_i + u_j - D_ij) / 2`` with the ``u`` that make it shortest. So nothing larger than the RDM is ever built.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.comparison.base import InnerProduct, centre, keep_only, rounding_of_mean, unit
from neuroguide.engine.triangle import square_form


@dataclass(frozen=True, eq=False)
class WhitenedCosine(InnerProduct):
    """Cosine of whitened RDMs; on squared Euclidean RDMs with the default noise it equals linear CKA.

    Exact for distances of the squared Euclidean kind (Mahalanobis, crossnobis), an approximation for others.

    Parameters
    ----------
    stimulus_noise : tensor of shape (n_stimuli,) or (n_stimuli, n_stimuli), optional
        Variance of the noise of each stimulus's response, or the covariance between stimuli; by default equal and
        independent. The time is quadratic in the number of stimuli without it and with variances, cubic with a
        covariance or missing pairs.
    """

    stimulus_noise: Tensor | None = None

    def embed(self, rdms: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.InnerProduct`."""
        return unit(_shortest_kernel(keep_only(rdms, keep), keep, self.stimulus_noise))


@dataclass(frozen=True, eq=False)
class WhitenedPearson(InnerProduct):
    """Pearson's correlation of whitened RDMs: the whitened cosine after subtracting each RDM's mean.

    Parameters
    ----------
    stimulus_noise : tensor, optional
        As for :class:`WhitenedCosine`.
    """

    stimulus_noise: Tensor | None = None

    def embed(self, rdms: Tensor, keep: Tensor | None) -> Tensor:
        """See :class:`neuroguide.engine.comparison.base.InnerProduct`."""
        kernel = _shortest_kernel(centre(rdms, keep), keep, self.stimulus_noise)
        return unit(kernel, rounding_of_mean(rdms, keep))


def double_centred(square: Tensor) -> Tensor:
    """``-H D H / 2`` with ``H`` the centring matrix: the kernel behind squared Euclidean distances.

    Parameters
    ----------
    square : tensor of shape (..., n_stimuli, n_stimuli)
        Symmetric.
    """
    means = square.mean(-1, keepdim=True)
    return (square - means - means.mT + means.mean(-2, keepdim=True)) * -0.5


def _shortest_kernel(rdms: Tensor, keep: Tensor | None, noise: Tensor | None) -> Tensor:
    """The kernel in units of its noise, flattened to (..., n_stimuli**2)."""
    square = square_form(rdms)
    n = square.shape[-1]
    if noise is not None:
        noise = _check_noise(noise, n).to(square)
    if noise is None and keep is None:
        return double_centred(square).flatten(-2)
    if noise is not None and noise.ndim == 2:
        if keep is not None:
            raise InputError(
                "whitening by a full covariance needs every pair of stimuli; give variances, or leave out the stimuli "
                "with missing pairs"
            )
        return _projected(square, noise).flatten(-2)
    scale = torch.ones(n, dtype=square.dtype, device=square.device) if noise is None else noise.rsqrt()
    return _least_squares(square, keep, scale).flatten(-2)


def _projected(square: Tensor, covariance: Tensor) -> Tensor:
    """``P L^-1 (-D / 2) L^-T P``: what no shift ``u_i + u_j`` can shorten, for noise ``L L'``."""
    lower: Tensor = torch.linalg.cholesky(covariance)
    half = torch.linalg.solve_triangular(lower, square * -0.5, upper=False)
    kernel: Tensor = torch.linalg.solve_triangular(lower, half.mT, upper=False)
    ones = torch.ones(len(lower), 1, dtype=square.dtype, device=square.device)
    shift = torch.linalg.solve_triangular(lower, ones, upper=False)
    shift = shift / torch.linalg.vector_norm(shift)
    kernel = kernel - shift @ (shift.mT @ kernel)
    projected: Tensor = kernel - (kernel @ shift) @ shift.mT
    return projected


def _least_squares(square: Tensor, keep: Tensor | None, scale: Tensor) -> Tensor:
    """The shortest kernel for independent noise and missing pairs, whose kernel entries are free, hence zero.

    Its squared length is ``sum_i u_i**2 s_i**4 + sum_{i<j} (u_i + u_j - D_ij)**2 s_i**2 s_j**2 / 2`` with ``s**2`` the
    inverse noise variances; the normal equations for ``u`` are solved.
    """
    n = len(scale)
    weights = torch.outer(scale, scale).square()
    if keep is not None:
        weights = weights * square_form(keep.to(square.dtype))
    else:
        weights = weights - torch.diag(weights.diagonal())
    diagonal = 2 * scale**4 + weights.sum(-1)
    shift: Tensor = torch.linalg.solve(weights + torch.diag_embed(diagonal), (weights * square).sum(-1, keepdim=True))
    kernel = weights.sqrt() * (shift + shift.mT - square) * 0.5
    eye = torch.eye(n, dtype=square.dtype, device=square.device)
    return kernel + eye * (shift * scale.square().unsqueeze(-1))


def _check_noise(noise: Tensor, n_stimuli: int) -> Tensor:
    if tuple(noise.shape) not in ((n_stimuli,), (n_stimuli, n_stimuli)):
        raise InputError(
            f"stimulus_noise is given for {n_stimuli} stimuli as their variances or their covariance matrix, "
            f"a tensor of shape {tuple(noise.shape)} arrived"
        )
    if noise.ndim == 1 and not bool((noise > 0).all()):
        raise InputError("stimulus_noise holds variances, which must be above zero")
    return noise
