"""Distances that weigh sites by their trial noise: Mahalanobis and crossnobis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine.distance.base import distances_from_gram, mask_pairs, squared_distances, undefined
from neuroguide.engine.distance.noise import NOISES, noise_covariance, whitening
from neuroguide.engine.repetitions import check_repetitions, repetition_mean


@dataclass(frozen=True)
class Mahalanobis:
    """Squared Mahalanobis distance of the mean responses, divided by the number of sites.

    ``d(i, j) = (m_i - m_j)' S^-1 (m_i - m_j) / p`` with the noise covariance ``S`` of
    :func:`neuroguide.engine.distance.noise.noise_covariance`. Biased upwards by the noise of the means; see
    :class:`Crossnobis`. It pairs with the squared Euclidean distance of a model.

    Parameters
    ----------
    noise : {"shrinkage", "diagonal", "full", "none"}
        ``"diagonal"`` is the only honest one for sites that were not recorded together; ``"none"`` is the squared
        Euclidean distance.
    """

    noise: str = "shrinkage"

    def __post_init__(self) -> None:
        check_option("noise", self.noise, NOISES)

    def dissimilarities(self, features: Tensor, *, constant: str) -> Tensor:
        """See :class:`neuroguide.engine.distance.base.Distance`; features (..., n_stimuli, n_repetitions, n_sites)."""
        return _each(features, lambda one: self._one(one, constant))

    def _one(self, responses: Tensor, constant: str) -> Tensor:
        dead = _unrepeated(responses, 1, constant, "Mahalanobis")
        means = repetition_mean(responses).masked_fill(dead.unsqueeze(-1), 0.0) * responses.shape[2] ** -0.5
        if self.noise != "none":
            means = means @ whitening(noise_covariance(responses, self.noise)).mT
        return mask_pairs(squared_distances(means), dead) if constant == "nan" else squared_distances(means)


@dataclass(frozen=True)
class Crossnobis:
    """Cross-validated squared Mahalanobis distance, divided by the number of sites: unbiased, possibly negative.

    ``d(i, j) = g_ii + g_jj - 2 g_ij`` where ``g_ij`` is the mean of ``x_ir' S^-1 x_js / p`` over all pairs of different
    repetitions ``r != s``: trial noise, independent between repetitions, drops out. A repetition is never split, and
    stimuli may have different numbers of them. Equal to the leave-one-repetition-out crossnobis distance where all have
    the same number (Walther et al. 2016, NeuroImage 137:188), and to rsatoolbox's ``calc_rdm_unbalanced`` where not.

    Parameters
    ----------
    noise : {"shrinkage", "diagonal", "full", "none"}
        As for :class:`Mahalanobis`.
    center : bool
        Subtract each site's mean over stimuli first. It changes nothing where all stimuli have the same repetitions;
        else it removes the noise that a large common response would add (our choice; False is rsatoolbox's).
    """

    noise: str = "shrinkage"
    center: bool = True

    def __post_init__(self) -> None:
        check_option("noise", self.noise, NOISES)

    def dissimilarities(self, features: Tensor, *, constant: str) -> Tensor:
        """See :class:`neuroguide.engine.distance.base.Distance`; features (..., n_stimuli, n_repetitions, n_sites)."""
        return _each(features, lambda one: self._one(one, constant))

    def _one(self, responses: Tensor, constant: str) -> Tensor:
        dead = _unrepeated(responses, 2, constant, "crossnobis")
        there = ~torch.isnan(responses)
        if not torch.equal(there.all(2), there.any(2)):
            return self._by_site(responses, dead, constant)
        filled = self._whitened(responses, dead)
        shown = there[:, :, 0].to(filled.dtype)
        return _masked(_cross_products(filled, shown) / responses.shape[2], dead, constant)

    def _by_site(self, responses: Tensor, dead: Tensor, constant: str) -> Tensor:
        """Sites with repetitions of their own: with diagonal noise the distance is a mean over sites."""
        if self.noise not in ("diagonal", "none"):
            raise InputError(
                "some repetitions miss a part of the sites, so the noise covariance between sites is unknown; "
                "use Crossnobis(noise='diagonal') for sites that were not recorded together"
            )
        filled = self._whitened(responses, dead)
        shown = (~torch.isnan(responses)).to(filled.dtype)
        sites = range(responses.shape[2])
        gram = torch.stack([_cross_products(filled[:, :, site : site + 1], shown[:, :, site]) for site in sites]).mean(
            0
        )
        return _masked(gram, dead, constant)

    def _whitened(self, responses: Tensor, dead: Tensor) -> Tensor:
        """Responses with unit noise, and zero where missing."""
        centred = responses
        if self.center:
            centred = responses - repetition_mean(responses)[~dead].mean(0)
        filled = torch.nan_to_num(centred).masked_fill(dead[:, None, None], 0.0)
        if self.noise == "none":
            return filled
        return filled @ whitening(noise_covariance(responses, self.noise)).mT


def _cross_products(filled: Tensor, shown: Tensor) -> Tensor:
    """Mean product of every two stimuli over all pairs of different repetitions.

    All pairs of repetitions minus those of the same one; responses (n_stimuli, n_repetitions, n_sites) with zeros
    where missing, and shown (n_stimuli, n_repetitions) of ones and zeros.
    """
    total, same = filled.sum(1), filled.flatten(1)
    count = shown.sum(1)
    pairs = torch.outer(count, count) - shown @ shown.mT
    return (total @ total.mT - same @ same.mT) / torch.where(pairs > 0, pairs, torch.nan)


def _masked(gram: Tensor, dead: Tensor, constant: str) -> Tensor:
    condensed = distances_from_gram(gram)
    return mask_pairs(condensed, dead) if constant == "nan" else condensed


def _unrepeated(responses: Tensor, least: int, constant: str, name: str) -> Tensor:
    """The stimuli with fewer than ``least`` repetitions at some site; an error under ``constant="error"``."""
    check_repetitions(responses, least=0)
    dead = ((~torch.isnan(responses)).sum(1) < least).any(1)
    if constant == "error" and bool(dead.any()):
        raise undefined(dead, f"have fewer than {least} repetitions at some site", name)
    return dead


def _each(features: Tensor, one: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply a function of (n_stimuli, n_repetitions, n_sites) over the leading dimensions."""
    if features.ndim < 3 or features.shape[-3] < 2 or features.shape[-1] < 1:
        raise InputError(
            "distances that use repetitions take responses of shape (..., n_stimuli, n_repetitions, n_sites) with at "
            f"least 2 stimuli, {tuple(features.shape)} arrived"
        )
    batch = features.shape[:-3]
    return torch.stack([one(member) for member in features.reshape(-1, *features.shape[-3:])]).reshape(*batch, -1)
