"""Metrics that compare features with sites rather than RDMs: linear CKA, ridge and PLS regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.engine.comparison.kernels import linear_cka
from neuroguide.engine.folds import group_folds
from neuroguide.engine.mapping import cross_validated_pls, cross_validated_ridge, site_correlations
from neuroguide.recordings.normalising import normalise_sites
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.scoring.responses import Responses, check_range
from neuroguide.scoring.targets import Target

#: Outer folds of the regressions (our choice; Brain-Score has 10 random splits of 90%).
N_FOLDS = 5


@dataclass(frozen=True)
class Fit:
    """How well one layer predicts one region.

    Attributes
    ----------
    value : float
        Linear CKA, or the median over sites of the correlation of predicted and measured responses.
    normalized : float
        The median over sites of that correlation divided by the square root of the site's reliability; NaN for CKA
        and where there is no reliability.
    """

    value: float
    normalized: float


def site_ceilings(found: Responses | None, *, seed: int) -> NDArray[np.float64] | None:
    """Square root of each site's reliability, NaN where that is not positive; None without repetitions."""
    if found is None:
        return None
    responses = found.trials
    if len(np.unique(responses["stimulus_id"].values)) == responses.sizes["presentation"]:
        # shown once, or averaged by the source: targets say so in `no_ceiling`
        return None
    reliability = split_half_reliability(responses, seed=seed).values.astype(np.float64)
    if not (reliability > 0).any():
        return None
    return np.sqrt(np.where(reliability > 0, reliability, np.nan))


def fit(
    metric: str,
    features: torch.Tensor,
    target: Target,
    ceilings: NDArray[np.float64] | None,
    groups: NDArray[np.int64],
    *,
    seed: int,
) -> Fit:
    """Compare the features of one layer with the sites of one region.

    Parameters
    ----------
    metric : {"cka", "ridge", "pls"}
    features : tensor of shape (n_stimuli, n_features)
    target : Target
        With responses.
    ceilings : array of shape (n_sites,), optional
        See :func:`site_ceilings`.
    groups : array of shape (n_stimuli,)
        See :func:`neuroguide.stimuli.duplicates.image_groups`.
    seed : int
        Of the folds.

    Raises
    ------
    InputError
        If the target is an RDM, or there are fewer different images than folds.
    """
    if target.responses is None:
        raise InputError(
            f"metric={metric!r} needs responses of single sites; {target.region} is an RDM, use metric='rsa'"
        )
    means = normalise_sites(target.responses.means, target.responses.normalise)
    given = torch.as_tensor(means.transpose("presentation", "neuroid").values)
    check_range(given, features.dtype)
    responses = given.to(features)
    if metric == "cka":
        value = float(linear_cka(features, responses))
        if not np.isfinite(value):
            raise InputError(
                f"linear CKA with {target.region} is undefined: sites or features do not vary over stimuli"
            )
        return Fit(value, np.nan)
    members = torch.as_tensor(groups)
    folds = group_folds(members, N_FOLDS, seed=seed)
    arguments: dict[str, Any] = {"groups": members, "seed": seed} if metric == "ridge" else {}
    mapping = (cross_validated_ridge if metric == "ridge" else cross_validated_pls)(
        features, responses, folds, **arguments
    )
    found = site_correlations(mapping.predictions, responses).double().cpu().numpy()
    corrected = np.nan
    if ceilings is not None and np.isfinite(found / ceilings).any():
        corrected = float(np.nanmedian(found / ceilings))
    if not np.isfinite(found).any():
        raise InputError(f"every site of {target.region} is silent; choose sites that respond")
    return Fit(float(np.nanmedian(found)), corrected)
