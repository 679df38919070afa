"""What is compared of each layer, from features that may arrive in slices because the layer is too large to hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine import dissimilarity
from neuroguide.engine.dissimilarity import Distance, PoissonKL
from neuroguide.engine.distance.gram import EUCLIDEAN, GramDistance
from neuroguide.engine.streaming import StreamedRDM
from neuroguide.models.slices import FeatureSlice
from neuroguide.scoring.undefined import check_defined


def layer_rdms(
    slices: Iterable[FeatureSlice], distance: Distance, *, stimulus_ids: Sequence[object], model: str
) -> Iterator[tuple[str, Tensor]]:
    """The condensed RDM of every layer.

    Correlation, cosine and squared Euclidean distance are summed up slice by slice, and so is Poisson's, a mean over
    features; of a layer that is compared by a distance of one's own the slices are put together first.

    Parameters
    ----------
    slices : iterable of FeatureSlice
    distance : Distance
        Of the model.
    stimulus_ids : sequence
        Names of the stimuli, for the error.
    model : str
        Its name, for the error.

    Raises
    ------
    InputError
        If a layer has no RDM; the message names it and the stimuli.
    """
    gathered: _Whole | _Streamed | _Summed | None = None
    for part in slices:
        if gathered is None:
            gathered = _gathering(distance, len(part.features), part.count)
        with _naming(part.layer, model):
            gathered.add(part.features)
        if part.index == part.count - 1:
            with _naming(part.layer, model):
                condensed = gathered.finish()
                check_defined(condensed, distance, stimulus_ids)
            gathered = None
            yield part.layer, condensed


def layer_features(slices: Iterable[FeatureSlice]) -> Iterator[tuple[str, Tensor]]:
    """Features of every layer with the same inner products between stimuli.

    Linear CKA, ridge and PLS regression depend on features by these inner products alone. So a layer that is too large
    to hold is replaced by its principal components, as many as there are stimuli, scaled by one common number; they
    come from its squared Euclidean RDM.

    Parameters
    ----------
    slices : iterable of FeatureSlice

    Yields
    ------
    layer : str
    features : tensor of shape (n_stimuli, n_features or n_stimuli)
    """
    streamed: _Streamed | None = None
    for part in slices:
        if part.count == 1:
            yield part.layer, part.features
            continue
        if streamed is None:
            streamed = _Streamed(EUCLIDEAN, len(part.features))
        streamed.add(part.features)
        if part.index == part.count - 1:
            yield part.layer, _components(streamed.finish()).to(part.features)
            streamed = None


class _Whole:
    """Features put together, then compared."""

    def __init__(self, distance: Distance, count: int) -> None:
        self._distance, self._count, self._slices = distance, count, list[Tensor]()

    def add(self, features: Tensor) -> None:
        self._slices.append(features if self._count == 1 else features.clone())

    def finish(self) -> Tensor:
        features = self._slices[0] if self._count == 1 else torch.cat(self._slices, 1)
        self._slices = []
        return dissimilarity.rdm(features, self._distance, constant="nan")


class _Streamed:
    """Sums of a distance that follows from inner products."""

    def __init__(self, distance: GramDistance, n_stimuli: int) -> None:
        self._sums = StreamedRDM(n_stimuli, distance.name)

    def add(self, features: Tensor) -> None:
        self._sums.add(features)

    def finish(self) -> Tensor:
        return self._sums.finish(constant="nan")


class _Summed:
    """A distance that is a mean over features."""

    def __init__(self, distance: Distance) -> None:
        self._distance, self._sum, self._n_features = distance, torch.zeros(()), 0

    def add(self, features: Tensor) -> None:
        self._sum = self._sum + features.shape[1] * dissimilarity.rdm(features, self._distance, constant="nan")
        self._n_features += features.shape[1]

    def finish(self) -> Tensor:
        return self._sum / self._n_features


def _gathering(distance: Distance, n_stimuli: int, count: int) -> _Whole | _Streamed | _Summed:
    if count > 1 and isinstance(distance, GramDistance):
        return _Streamed(distance, n_stimuli)
    if count > 1 and isinstance(distance, PoissonKL):
        return _Summed(distance)
    return _Whole(distance, count)


def _components(squared: Tensor) -> Tensor:
    """Points whose squared distances are the given ones (Torgerson 1952), one a stimulus."""
    square = dissimilarity.square_form(squared.cpu().double())
    centred = square - square.mean(0) - square.mean(1, keepdim=True) + square.mean()
    values, vectors = torch.linalg.eigh(-centred / 2)
    scaled: Tensor = vectors * values.clamp_min(0).sqrt()
    return scaled


@contextmanager
def _naming(layer: str, model: str) -> Iterator[None]:
    """Errors say in which layer of which model they arose."""
    try:
        yield
    except InputError as error:
        raise InputError(f"layer {layer!r} of {model}: {error}") from error
