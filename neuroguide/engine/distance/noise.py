"""Covariance of the trial noise between sites, from repetitions."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine.repetitions import repetition_mean

NOISES = ("shrinkage", "diagonal", "full", "none")


def noise_covariance(responses: Tensor, noise: str = "shrinkage") -> Tensor:
    """Covariance of the deviations of single repetitions from their stimulus's mean.

    Parameters
    ----------
    responses : tensor of shape (n_stimuli, n_repetitions, n_sites)
        Padded with NaN.
    noise : {"shrinkage", "diagonal", "full"}
        ``"shrinkage"``: shrunk towards a multiple of the identity by the optimal amount (Ledoit & Wolf 2004, J.
        Multivariate Analysis 88:365), then corrected for the degrees of freedom. ``"diagonal"``: the variance of each
        site. ``"full"``: the sample covariance, with trials minus stimuli degrees of freedom.

    Returns
    -------
    tensor of shape (n_sites, n_sites)

    Raises
    ------
    InputError
        If no stimulus is repeated, a site has no noise, trials of different sites are missing (their covariance is
        then unknown; not for "diagonal"), or "full" has fewer degrees of freedom than sites.
    OptionError
        If ``noise`` is unknown.
    """
    check_option("noise", noise, NOISES[:3])
    residuals = responses - repetition_mean(responses).unsqueeze(1)
    there = ~torch.isnan(residuals)
    freedom = (there.sum(1) - 1).clamp_min(0).sum(0)
    if bool((freedom < 1).any()):
        raise InputError("the noise is estimated from repetitions, but some sites were shown no stimulus twice")
    if noise == "diagonal":
        return torch.diag(_positive(torch.nan_to_num(residuals).square().sum((0, 1)) / freedom))
    whole = there.all(2)
    if not torch.equal(whole, there.any(2)):
        raise InputError(
            "some repetitions miss a part of the sites, so the noise covariance between sites is unknown; "
            "use noise='diagonal' for sites that were not recorded together"
        )
    trials, n_freedom, n_sites = residuals[whole], int(freedom[0]), residuals.shape[2]
    _positive(trials.square().mean(0))
    if noise == "full":
        if n_freedom < n_sites:
            raise InputError(
                f"a full noise covariance of {n_sites} sites needs at least {n_sites} degrees of freedom (trials minus "
                f"stimuli), there are {n_freedom}; use noise='shrinkage'"
            )
        return trials.mT @ trials / n_freedom
    return _ledoit_wolf(trials) * (len(trials) / n_freedom)


def whitening(covariance: Tensor) -> Tensor:
    """The matrix ``W`` with ``W.T @ W`` the inverse of the covariance; both of shape (n_sites, n_sites)."""
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    inverse: Tensor = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), identity, upper=False)
    return inverse


def _ledoit_wolf(trials: Tensor) -> Tensor:
    """Shrunk covariance of centred trials of shape (n_trials, n_sites)."""
    n_trials, n_sites = trials.shape
    sample = trials.mT @ trials / n_trials
    scale = sample.diagonal().mean()
    target = scale * torch.eye(n_sites, dtype=trials.dtype, device=trials.device)
    distance = (sample - target).square().sum()
    # the sum over all entries of the variance of the products x_i x_j, without building them
    error = (trials.square().sum(1).square().mean() - sample.square().sum()) / n_trials
    share = torch.where(distance > 0, torch.minimum(error, distance) / torch.where(distance > 0, distance, 1.0), 1.0)
    return share * target + (1 - share) * sample


def _positive(variances: Tensor) -> Tensor:
    silent = (variances <= 0).nonzero().flatten().tolist()
    if silent:
        raise InputError(
            f"sites at column {', '.join(map(str, silent[:10]))}{' and more' if len(silent) > 10 else ''} do not vary "
            "between repetitions, so their noise is unknown; leave them out"
        )
    return variances
