"""From responses to representational dissimilarity matrices (RDMs).

All distances of this file go through one half of a Gram matrix (:func:`neuroguide.engine.triangle.upper_gram`):
``d(i, j) = g_ii + g_jj - 2 g_ij`` with ``g_ij = z_i . z_j``, where the rows ``z`` are centred over stimuli. Correlation
and cosine distance are half the squared Euclidean distance of rows of unit length; the centring keeps float32 exact to
1e-5 of the largest distance even where all stimuli evoke nearly the same response.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide._core.registry import Registry
from neuroguide.engine.device import as_floating
from neuroguide.engine.triangle import condense, square_form, upper_gram

__all__ = ["condense", "distances", "rdm", "square_form"]

#: Responses (..., n_stimuli, n_features) -> rows whose squared distances are wanted, mask of the undefined rows.
Embedding = Callable[[Tensor], tuple[Tensor, Tensor]]

#: The distances known by name.
distances: Registry[Embedding] = Registry("distance", "register it with neuroguide.engine.dissimilarity.distances.add")


@distances.register("correlation")
def _correlation(features: Tensor) -> tuple[Tensor, Tensor]:
    mean = features.mean(-1, keepdim=True)
    # a constant row leaves only the rounding of its mean
    rounding = 8 * torch.finfo(features.dtype).eps * features.shape[-1] ** 0.5 * mean.abs()
    return _unit_rows(features - mean, rounding)


@distances.register("cosine")
def _cosine(features: Tensor) -> tuple[Tensor, Tensor]:
    return _unit_rows(features, features.new_zeros(()))


@distances.register("euclidean")
def _euclidean(features: Tensor) -> tuple[Tensor, Tensor]:
    # a row sum is not finite as soon as one of its values is not, and costs no second copy of the features
    dead = ~torch.isfinite(features.detach().sum(-1))
    return features * features.shape[-1] ** -0.5, dead


def _unit_rows(rows: Tensor, rounding: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of length sqrt(1/2), so that their squared distance is one minus their cosine."""
    norm = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    dead = ~((norm > rounding) & torch.isfinite(norm))
    scaled = rows * (0.5**0.5 / torch.where(dead, 1.0, norm))
    return scaled, dead.squeeze(-1)


def rdm(
    features: Tensor, distance: str = "correlation", *, constant: str = "error", dtype: torch.dtype | None = None
) -> Tensor:
    """Dissimilarity of every pair of stimuli.

    Parameters
    ----------
    features : tensor of shape (..., n_stimuli, n_features)
        Responses; leading dimensions are a batch (layers, regions, time bins, animals).
    distance : str
        ``"correlation"``: one minus the Pearson correlation over features. ``"cosine"``: one minus the cosine.
        ``"euclidean"``: the squared Euclidean distance divided by the number of features.
    constant : {"error", "nan"}
        What to do with a stimulus whose distances are undefined: a constant response (correlation), a silent one
        (cosine), one with NaN or infinite values (any distance). ``"nan"`` puts NaN in its pairs.
    dtype : torch.dtype, optional
        float32 or float64; by default the features' own, float32 for other types.

    Returns
    -------
    tensor of shape (..., n_stimuli * (n_stimuli - 1) / 2)
        In the order of ``numpy.triu_indices(n_stimuli, 1)``.

    Raises
    ------
    InputError
        If there are fewer than two stimuli, too few features (correlation needs two), or a stimulus is undefined under
        ``constant="error"``.
    OptionError
        If ``distance`` or ``constant`` is unknown.
    """
    check_option("constant", constant, ("error", "nan"))
    embedding = distances[distance]
    _check_shape(features, distance)
    rows, dead = embedding(as_floating(features, dtype))
    if constant == "nan":
        # a dead row must not reach the others through the mean over stimuli
        return mask_pairs(squared_distances(rows.masked_fill(dead.unsqueeze(-1), 0.0)), dead)
    if bool(dead.any()):
        raise _undefined(features, dead, distance)
    return squared_distances(rows)


def squared_distances(rows: Tensor) -> Tensor:
    """Squared Euclidean distances of all pairs of rows, never below zero.

    Parameters
    ----------
    rows : tensor of shape (..., n_stimuli, n_features)

    Returns
    -------
    tensor of shape (..., n_stimuli * (n_stimuli - 1) / 2)
    """
    gram = upper_gram(rows - rows.mean(-2, keepdim=True))
    lengths = gram.diagonal(dim1=-2, dim2=-1)
    square = torch.add(lengths.unsqueeze(-2), gram, alpha=-2)
    # in place where autograd allows it: the square is the largest tensor here
    square = square + lengths.unsqueeze(-1) if square.requires_grad else square.add_(lengths.unsqueeze(-1))
    condensed = condense(square)
    return condensed.clamp_min(0) if condensed.requires_grad else condensed.clamp_min_(0)


def mask_pairs(condensed: Tensor, dead: Tensor) -> Tensor:
    """NaN in every pair of the stimuli marked in ``dead``, of shape (..., n_stimuli)."""
    return condensed.masked_fill(condense(dead.unsqueeze(-1) | dead.unsqueeze(-2)), torch.nan)


def _check_shape(features: Tensor, distance: str) -> None:
    if features.ndim < 2:
        raise InputError(f"features have the shape (..., n_stimuli, n_features), these have {tuple(features.shape)}")
    if features.is_complex():
        raise InputError("features must be real numbers, complex ones arrived")
    n_stimuli, n_features = features.shape[-2:]
    if n_stimuli < 2:
        raise InputError(f"an RDM needs at least 2 stimuli, {n_stimuli} arrived")
    least = 2 if distance == "correlation" else 1
    if n_features < least:
        raise InputError(f"{distance} distance needs at least {least} features, {n_features} arrived")


def _undefined(features: Tensor, dead: Tensor, distance: str) -> InputError:
    """The error that names the stimuli without a distance, constant ones apart from those with NaN."""
    broken = dead & ~torch.isfinite(as_floating(features)).all(-1)
    which, reason = (broken, "hold NaN or infinite values") if bool(broken.any()) else (dead, "")
    if not reason:
        reason = "have no response at all" if distance == "cosine" else "have the same response in every feature"
    places = which.nonzero().tolist()
    named = ", ".join(str(place[0] if len(place) == 1 else tuple(place)) for place in places[:10])
    more = f" and {len(places) - 10} more" if len(places) > 10 else ""
    return InputError(
        f"stimuli at row {named}{more} {reason}, so their {distance} distance is undefined; "
        "leave them out, or give constant='nan' for NaN there"
    )
