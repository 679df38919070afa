"""Is one model better than another? Paired comparisons from one bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.inference.distributions import t_cdf
from neuroguide.engine.inference.multiple import false_discovery_rate, holm
from neuroguide.engine.inference.result import Bootstrap


@dataclass(frozen=True)
class PairedComparison:
    """All pairs of models, compared in the same bootstrap samples.

    Attributes
    ----------
    first, second : integer tensors of shape (n_comparisons,)
        The models of each comparison.
    difference : tensor of shape (n_comparisons,)
        Similarity of the first minus that of the second.
    standard_error : tensor of shape (n_comparisons,)
    p_values : tensor of shape (n_comparisons,)
        Two-sided, by Student's t.
    p_values_holm : tensor of shape (n_comparisons,)
        Adjusted for the family-wise error rate.
    p_values_fdr : tensor of shape (n_comparisons,)
        Adjusted for the false discovery rate.
    freedom : int
    """

    first: Tensor
    second: Tensor
    difference: Tensor
    standard_error: Tensor
    p_values: Tensor
    p_values_holm: Tensor
    p_values_fdr: Tensor
    freedom: int


def compare_models(bootstrap: Bootstrap) -> PairedComparison:
    """Compare every two models (or layers) of a bootstrap.

    The difference is divided by its standard error, from the differences within samples, and referred to Student's t
    with the smallest number of stimuli, sites or subjects minus one as degrees of freedom (Schütt et al. 2023, eLife
    12:e82566).

    Parameters
    ----------
    bootstrap : Bootstrap
        Of estimates of shape (n_models,); take one region, or the mean over them, with ``.map``.

    Returns
    -------
    PairedComparison

    Raises
    ------
    InputError
        If there are fewer than two models, or the estimates have another shape.
    """
    if bootstrap.estimate.ndim != 1 or len(bootstrap.estimate) < 2:
        raise InputError(
            "models are compared on one similarity each, of shape (n_models,) with at least 2 models; "
            f"{tuple(bootstrap.estimate.shape)} arrived: choose a region with .map(lambda s: s[..., 0])"
        )
    first, second = torch.triu_indices(len(bootstrap.estimate), len(bootstrap.estimate), 1)
    contrast = bootstrap.map(lambda s: s[..., first] - s[..., second])
    error = contrast.variance().sqrt()
    p_values = t_test(contrast.estimate, error, contrast.freedom)
    return PairedComparison(
        first,
        second,
        contrast.estimate,
        error,
        p_values,
        holm(p_values),
        false_discovery_rate(p_values),
        contrast.freedom,
    )


def t_test(difference: Tensor, standard_error: Tensor, freedom: int) -> Tensor:
    """Two-sided p values by Student's t; 1 where both are zero (a model compared with itself).

    Parameters
    ----------
    difference, standard_error : tensor of shape (n_tests,)
    freedom : int

    Returns
    -------
    tensor of shape (n_tests,)
    """
    values = []
    for value, error in zip(difference.tolist(), standard_error.tolist(), strict=True):
        if error > 0:
            values.append(2 * t_cdf(-abs(value) / error, freedom))
        else:
            values.append(1.0 if value == 0 else 0.0)
    return torch.tensor(values, dtype=difference.dtype, device=difference.device)
