"""How similar a perfect model could be: the noise ceiling of an RDM."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError, NeuroguideWarning, OptionError
from neuroguide.engine.comparison.base import Comparison, centre, unit
from neuroguide.engine.comparison.kendall import Kendall
from neuroguide.engine.comparison.vectors import Cosine, Pearson, RhoA, Spearman
from neuroguide.engine.comparison.whitening import WhitenedCosine, WhitenedPearson
from neuroguide.engine.device import as_floating
from neuroguide.engine.dissimilarity import Distance, rdm
from neuroguide.engine.normalising import normalise_features
from neuroguide.engine.ranks import centred_ranks
from neuroguide.engine.repetitions import check_repetitions, half_means
from neuroguide.engine.similarity import compare, resolve_comparison

#: Numbers held at once while the half splits are computed.
_CHUNK = 32_000_000


@dataclass(frozen=True)
class SplitHalfCeiling:
    """The ceiling of an RDM by its repetitions.

    Attributes
    ----------
    splits : tensor of shape (n_splits,)
        Similarity of the RDMs of the two halves, for each random split.
    split_half : tensor, a number
        Their mean, ``rbar``.
    reliability : tensor, a number
        ``R = 2 rbar / (1 + rbar)``, for the RDM of all repetitions (Spearman 1910; Brown 1910).
    ceiling : tensor, a number
        ``sqrt(R)``: the largest similarity expected of a model without noise.
    """

    splits: Tensor
    split_half: Tensor
    reliability: Tensor
    ceiling: Tensor


def split_half_ceiling(
    responses: Tensor,
    distance: str | Distance = "correlation",
    method: str | Comparison = "pearson",
    *,
    normalise: str = "none",
    n_splits: int = 100,
    seed: int = 0,
    dtype: torch.dtype | None = None,
) -> SplitHalfCeiling:
    """Ceiling of an RDM from random halves of its repetitions.

    The ceiling covers trial noise only, and is approximate: the noise of an RDM is not additive. It is slightly low
    where the halves agree little.

    Parameters
    ----------
    responses, distance, method, normalise, seed, dtype
        As for :func:`split_half_similarities`.
    n_splits : int
        Number of random splits, at least 100.

    Returns
    -------
    SplitHalfCeiling

    Raises
    ------
    InputError
        If there are too few repetitions, or the halves do not agree at all (``rbar <= 0``): there is no ceiling then.
    OptionError
        If ``n_splits`` is below 100, or another option is unknown.

    Warns
    -----
    NeuroguideWarning
        If ``rbar < 0.3``: the ceiling is slightly low.
    """
    if n_splits < 100:
        raise OptionError(f"a split-half ceiling needs n_splits of at least 100, {n_splits} arrived")
    return ceiling_from_splits(
        split_half_similarities(
            responses, distance, method, normalise=normalise, n_splits=n_splits, seed=seed, dtype=dtype
        )
    )


def split_half_similarities(
    responses: Tensor,
    distance: str | Distance = "correlation",
    method: str | Comparison = "pearson",
    *,
    normalise: str = "none",
    n_splits: int = 100,
    seed: int = 0,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Similarity of the RDMs of two random halves of the repetitions, for each of many splits.

    Parameters
    ----------
    responses : tensor of shape (n_stimuli, n_repetitions, n_sites)
        Padded with NaN where a stimulus or a site has fewer repetitions; each site needs at least two of each
        stimulus. A repetition stays whole: all sites that have the same repetitions are split alike, and of an odd
        number of repetitions one more goes to a random half.
    distance : str or Distance
        As for :func:`neuroguide.engine.dissimilarity.rdm`.
    method : str or Comparison
        As for :func:`neuroguide.engine.similarity.compare`.
    normalise : {"none", "center", "zscore"}
        Normalisation of each site over stimuli, estimated anew in every half.
    n_splits : int
        Number of random splits.
    seed : int
        Seed of the splits.
    dtype : torch.dtype, optional
        float32 or float64; by default that of the responses.

    Returns
    -------
    tensor of shape (n_splits,)

    Raises
    ------
    InputError
        If there are too few repetitions.
    """
    responses = as_floating(responses, dtype)
    check_repetitions(responses, least=2)
    n_stimuli, n_repetitions, n_sites = responses.shape
    size = max(1, _CHUNK // (n_stimuli * max(n_stimuli, n_repetitions * n_sites)))
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, n_splits, size):
        halves = half_means(responses, min(size, n_splits - start), generator)
        first, second = (rdm(normalise_features(half, normalise), distance) for half in halves)
        parts.append(compare(first, second, method))
    return torch.cat(parts)


def ceiling_from_splits(splits: Tensor) -> SplitHalfCeiling:
    """Ceiling from the similarities of split halves; see :class:`SplitHalfCeiling`.

    Parameters
    ----------
    splits : tensor of shape (n_splits,)

    Raises
    ------
    InputError
        If their mean is zero or less.

    Warns
    -----
    NeuroguideWarning
        If their mean is below 0.3.
    """
    split_half = splits.mean()
    if not bool(split_half > 0):
        raise InputError(
            f"the two halves of the repetitions give RDMs that do not agree (mean similarity {float(split_half):.3f}), "
            "so there is no ceiling; use more reliable sites, more repetitions, or no ceiling"
        )
    if bool(split_half < 0.3):
        warnings.warn(
            f"the RDMs of split halves agree little (mean similarity {float(split_half):.2f}), "
            "so the ceiling is slightly low; normalised similarities come out slightly high",
            NeuroguideWarning,
            stacklevel=3,
        )
    reliability = 2 * split_half / (1 + split_half)
    return SplitHalfCeiling(splits, split_half, reliability, reliability.sqrt())


@dataclass(frozen=True)
class LeaveOneOutCeiling:
    """The ceiling of an RDM by its animals or subjects.

    Attributes
    ----------
    lower : tensor, a number
        Mean similarity of each subject with the pooled RDM of the others: what is reached without knowing the subject.
    upper : tensor, a number
        Mean similarity of each subject with the pooled RDM of all: for comparisons that pooling maximises, no RDM
        reaches more.
    lower_each, upper_each : tensor of shape (n_subjects,)
    """

    lower: Tensor
    upper: Tensor
    lower_each: Tensor
    upper_each: Tensor


def leave_one_out_ceiling(rdms: Tensor, method: str | Comparison = "pearson") -> LeaveOneOutCeiling:
    """Lower and upper bound of the ceiling from RDMs of several animals or subjects.

    Nili et al. 2014, PLoS Computational Biology 10:e1003553: the pooled RDM is the mean of the subjects' RDMs after
    making each what the comparison sees of it: unit length for cosines, z-scores for Pearson's, ranks for rank
    correlations (an approximation for Kendall's tau-a).

    Parameters
    ----------
    rdms : tensor of shape (n_subjects, n_pairs)
        Missing pairs must be missing for all.
    method : str or Comparison
        As for :func:`neuroguide.engine.similarity.compare`, but no kernel comparison (Bures, CKA).

    Returns
    -------
    LeaveOneOutCeiling

    Raises
    ------
    InputError
        If there are fewer than two subjects, or a similarity is undefined.
    OptionError
        If the comparison has no pooled RDM.
    """
    rdms = as_floating(rdms)
    if rdms.ndim != 2 or len(rdms) < 2:
        raise InputError(
            "a leave-one-out ceiling needs RDMs of at least 2 animals or subjects, of shape (n_subjects, n_pairs); "
            f"{tuple(rdms.shape)} arrived"
        )
    kept = ~torch.isnan(rdms).any(0)
    pooled = torch.full_like(rdms, torch.nan)
    pooled[:, kept] = _as_pooled(rdms[:, kept], resolve_comparison(method))
    total = pooled.sum(0)
    upper = compare(total, rdms, method)
    lower = compare((total - pooled) / (len(rdms) - 1), rdms, method)
    return LeaveOneOutCeiling(lower.mean(), upper.mean(), lower, upper)


def _as_pooled(rdms: Tensor, comparison: Comparison) -> Tensor:
    if isinstance(comparison, (Spearman, RhoA, Kendall)):
        return centred_ranks(rdms)
    if isinstance(comparison, (Pearson, WhitenedPearson)):
        return unit(centre(rdms, None))
    if isinstance(comparison, (Cosine, WhitenedCosine)):
        return unit(rdms)
    raise OptionError(
        "no pooled RDM is known for this comparison; use pearson, spearman, kendall, rho-a, cosine, whitened-pearson "
        "or whitened-cosine"
    )
