"""From responses to representational dissimilarity matrices (RDMs)."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide._core.registry import Registry
from neuroguide.engine.device import as_floating
from neuroguide.engine.distance.base import Distance
from neuroguide.engine.distance.gram import CORRELATION, COSINE, EUCLIDEAN
from neuroguide.engine.distance.poisson import PoissonKL
from neuroguide.engine.distance.repeated import Crossnobis, Mahalanobis
from neuroguide.engine.triangle import condense, square_form

__all__ = [
    "Crossnobis",
    "Distance",
    "Mahalanobis",
    "PoissonKL",
    "condense",
    "distances",
    "rdm",
    "resolve_distance",
    "square_form",
]

#: The distances known by name.
distances: Registry[Distance] = Registry("distance", "register it with neuroguide.engine.dissimilarity.distances.add")
distances.add("correlation", CORRELATION)
distances.add("cosine", COSINE)
distances.add("euclidean", EUCLIDEAN)
distances.add("mahalanobis", Mahalanobis())
distances.add("crossnobis", Crossnobis())
distances.add("poisson-kl", PoissonKL())


def resolve_distance(distance: str | Distance) -> Distance:
    """The distance meant by a name, or the distance itself.

    Raises
    ------
    OptionError
        If the name is unknown.
    """
    # whatever cannot measure is looked up, so that the error says what is known
    return distance if hasattr(distance, "dissimilarities") else distances[distance]


def rdm(
    features: Tensor,
    distance: str | Distance = "correlation",
    *,
    constant: str = "error",
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Dissimilarity of every pair of stimuli.

    Parameters
    ----------
    features : tensor of shape (..., n_stimuli, n_features)
        Responses; leading dimensions are a batch (layers, regions, time bins, animals). Mahalanobis and crossnobis
        take (..., n_stimuli, n_repetitions, n_sites), padded with NaN.
    distance : str or Distance
        ``"correlation"``: one minus the Pearson correlation over features. ``"cosine"``: one minus the cosine.
        ``"euclidean"``: the squared Euclidean distance divided by the number of features. ``"mahalanobis"``,
        ``"crossnobis"``, ``"poisson-kl"``, or :class:`Mahalanobis`, :class:`Crossnobis`, :class:`PoissonKL` with
        their settings.
    constant : {"error", "nan"}
        What to do with a stimulus whose distances are undefined: a constant response (correlation), a silent one
        (cosine), one with too few repetitions, with NaN or infinite values. ``"nan"`` puts NaN in its pairs.
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
    resolved = resolve_distance(distance)
    if features.is_complex():
        raise InputError("features must be real numbers, complex ones arrived")
    return resolved.dissimilarities(as_floating(features, dtype), constant=constant)
