"""An RDM from features that arrive in slices, because the layer is too large to hold."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option
from neuroguide.engine.device import as_floating
from neuroguide.engine.distance.base import distances_from_gram, mask_pairs, undefined
from neuroguide.engine.distance.gram import CORRELATION, COSINE, EUCLIDEAN
from neuroguide.engine.triangle import upper_gram

_DISTANCES = {distance.name: distance for distance in (CORRELATION, COSINE, EUCLIDEAN)}


class StreamedRDM:
    """Sums over feature slices from which an RDM follows: memory for two square matrices, whatever the layer's size.

    Each slice is shifted by the row means of the first before it is multiplied, so that float32 keeps its digits; the
    result agrees with :func:`neuroguide.engine.dissimilarity.rdm` to 1e-6 of the largest possible distance.

    Parameters
    ----------
    n_stimuli : int
    distance : {"correlation", "cosine", "euclidean"}

    Examples
    --------
    >>> features = torch.randn(5, 100)
    >>> streamed = StreamedRDM(5)
    >>> for slice_ in torch.split(features, 30, dim=1):
    ...     streamed.add(slice_)
    >>> streamed.finish().shape
    torch.Size([10])
    """

    def __init__(self, n_stimuli: int, distance: str = "correlation") -> None:
        check_option("distance", distance, _DISTANCES)
        if n_stimuli < 2:
            raise OptionError(f"an RDM needs at least 2 stimuli, {n_stimuli} arrived")
        self._distance = _DISTANCES[distance]
        self._n_stimuli = n_stimuli
        self._n_features = 0
        self._gram: Tensor | None = None
        self._sums: Tensor | None = None
        self._shift: Tensor | None = None

    def add(self, features: Tensor) -> None:
        """Add a slice of features.

        Parameters
        ----------
        features : tensor of shape (n_stimuli, n_features_of_the_slice)

        Raises
        ------
        InputError
            If the number of stimuli is another, or the slice is empty.
        """
        if features.ndim != 2 or len(features) != self._n_stimuli or not features.shape[1]:
            raise InputError(
                f"slices have the shape ({self._n_stimuli} stimuli, n_features), this one has {tuple(features.shape)}"
            )
        features = as_floating(features)
        if self._shift is None:
            self._shift = self._first_shift(features)
        shifted = features - self._shift
        gram, sums = upper_gram(shifted), shifted.sum(1)
        self._gram = gram if self._gram is None else self._gram.add_(gram)
        self._sums = sums if self._sums is None else self._sums.add_(sums)
        self._n_features += features.shape[1]

    def finish(self, *, constant: str = "error") -> Tensor:
        """The condensed RDM of all slices.

        Parameters
        ----------
        constant : {"error", "nan"}
            As for :func:`neuroguide.engine.dissimilarity.rdm`.

        Raises
        ------
        InputError
            If there were too few features, or a stimulus is undefined under ``constant="error"``.
        """
        check_option("constant", constant, ("error", "nan"))
        if self._gram is None or self._sums is None or self._shift is None or self._n_features < self._distance.least:
            raise InputError(
                f"{self._distance.name} distance needs at least {self._distance.least} features, "
                f"{self._n_features} arrived"
            )
        gram = self._gram
        if self._distance is CORRELATION:
            gram = gram - torch.outer(self._sums, self._sums) / self._n_features
        lengths = gram.diagonal().clone()
        if self._distance is EUCLIDEAN:
            dead = ~torch.isfinite(lengths)
            condensed = distances_from_gram(gram / self._n_features)
        else:
            level = self._shift.flatten().square() * self._n_features if self._distance is CORRELATION else 0 * lengths
            dead = ~((lengths > level * (64 * torch.finfo(gram.dtype).eps) ** 2) & torch.isfinite(lengths))
            scale = torch.where(dead, 1.0, lengths).rsqrt()
            condensed = distances_from_gram(gram * torch.outer(scale, scale) * 0.5)
        if constant == "nan":
            return mask_pairs(condensed, dead).clamp_min_(0)
        if bool(dead.any()):
            raise undefined(dead, f"{self._distance.reason}, or hold NaN or infinite values", self._distance.name)
        return condensed.clamp_min_(0)

    def _first_shift(self, features: Tensor) -> Tensor:
        """What is subtracted from every slice: what changes no distance but would cost digits."""
        if self._distance is CORRELATION:
            return features.mean(1, keepdim=True)
        return features.new_zeros(len(features), 1)
