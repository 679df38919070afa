"""Symmetrised Kullback-Leibler divergence of Poisson rates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.distance.base import (
    NOT_FINITE,
    check_features,
    distances_from_gram,
    mask_pairs,
    undefined,
)


@dataclass(frozen=True)
class PoissonKL:
    """Symmetrised Kullback-Leibler divergence between Poisson distributions, divided by the number of features.

    ``d(i, j) = sum_k (l_ik - l_jk) (log l_ik - log l_jk) / p`` of the rates ``l = (x + prior_rate * prior_weight) /
    (1 + prior_weight)``: a Gamma prior keeps silent sites finite. The defaults are rsatoolbox's (Schütt et al. 2023,
    eLife 12:e82566).

    Parameters
    ----------
    prior_rate : float
        Rate expected before seeing the data, in the units of the responses (counts, or spikes/s).
    prior_weight : float
        Weight of the prior in observations.

    Raises
    ------
    OptionError
        If either is not above zero.
    """

    prior_rate: float = 1.0
    prior_weight: float = 0.1

    def __post_init__(self) -> None:
        if not (self.prior_rate > 0 and self.prior_weight > 0):
            raise OptionError(
                "a Poisson prior needs a rate and a weight above zero, "
                f"{self.prior_rate} and {self.prior_weight} arrived"
            )

    def dissimilarities(self, features: Tensor, *, constant: str) -> Tensor:
        """See :class:`neuroguide.engine.distance.base.Distance`; features are mean rates or counts.

        Raises
        ------
        InputError
            If a response is negative, or not finite under ``constant="error"``.
        """
        check_features(features, "Poisson")
        dead = ~torch.isfinite(features.detach().sum(-1))
        if constant == "error" and bool(dead.any()):
            raise undefined(dead, NOT_FINITE, "Poisson")
        if bool((features < 0).any()):
            raise InputError("Poisson distance needs rates or counts of zero and above; negative responses arrived")
        alive = features.masked_fill(dead.unsqueeze(-1), 1.0) if constant == "nan" else features
        rates = (alive + self.prior_rate * self.prior_weight) / (1 + self.prior_weight)
        logs = rates.log()
        rates, logs = rates - rates.mean(-2, keepdim=True), logs - logs.mean(-2, keepdim=True)
        kernel = rates @ logs.mT / features.shape[-1]
        condensed = distances_from_gram((kernel + kernel.mT) / 2)
        return mask_pairs(condensed, dead) if constant == "nan" else condensed
