"""Normalising each feature or site over stimuli, on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.options import check_option


def normalise_features(features: Tensor, how: str = "none") -> Tensor:
    """Normalise each feature over stimuli.

    Parameters
    ----------
    features : tensor of shape (..., n_stimuli, n_features)
    how : {"none", "center", "zscore"}
        ``"center"`` subtracts the mean over stimuli; ``"zscore"`` also divides by the standard deviation over stimuli
        (of the population, ddof 0), a constant feature becoming zero.

    Returns
    -------
    tensor of the same shape

    Raises
    ------
    OptionError
        If ``how`` is unknown.
    """
    check_option("normalise", how, ("none", "center", "zscore"))
    if how == "none":
        return features
    centred = features - features.mean(-2, keepdim=True)
    if how == "center":
        return centred
    deviation = centred.square().mean(-2, keepdim=True).sqrt()
    rounding = 8 * torch.finfo(features.dtype).eps * features.abs().mean(-2, keepdim=True)
    return torch.where(deviation > rounding, centred / torch.where(deviation > rounding, deviation, 1.0), 0.0)
