"""The phases of a search, and the images that are set apart for its architecture steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.data import Split, TrainingData
from neuroguide.nas.hournas.settings import HourNASSettings
from neuroguide.nas.hournas.supernet import vital_blocks
from neuroguide.nas.spaces.hourglass import HourglassSpace


@dataclass(frozen=True)
class Phase:
    """A part of a search.

    Attributes
    ----------
    name : str
        ``vital``, ``rest`` or ``together``.
    free : tuple of int
        Blocks that are searched.
    images : int
        Shown in it, in weight and architecture steps together.
    """

    name: str
    free: tuple[int, ...]
    images: int


def phases(space: HourglassSpace, settings: HourNASSettings) -> tuple[Phase, ...]:
    """The phases of a search: vital blocks, then the rest; or all together."""
    vital = vital_blocks(space)
    rest = tuple(i for i in range(len(space.positions)) if i not in vital)
    if settings.order == "together" or not vital or not rest:
        return (Phase("together", tuple(range(len(space.positions))), settings.images),)
    first = round(settings.vital_share * settings.images)
    return Phase("vital", vital, first), Phase("rest", rest, settings.images - first)


def apart(data: TrainingData, share: float) -> tuple[TrainingData, Split]:
    """Training images for the weights, and those for the architecture: every so-manieth, whatever their order."""
    n = len(data.train)
    number = torch.arange(n)
    held = (number * share).floor() != ((number + 1) * share).floor()
    if not 1 < int(held.sum()) < n - 1:
        raise InputError(f"{n} training images are too few to set a share of {share} apart for architecture steps")
    parts = [Split(data.train.images[mask], data.train.labels[mask]) for mask in (~held, held)]
    return replace(data, train=parts[0]), parts[1]


class HeldImages:
    """Batches of the images set apart, of which batch ``i`` depends on the seed, the phase and ``i`` alone.

    Parameters
    ----------
    images : Split
    batch_size : int
    seed : int
    """

    def __init__(self, images: Split, batch_size: int, seed: int) -> None:
        self._images, self._batch_size, self._seed = images, batch_size, seed

    def batch(self, phase: int, number: int) -> tuple[Tensor, Tensor]:
        """Pixels and labels; shuffled passes over all images, one after the other."""
        n, size = len(self._images), self._batch_size
        start = number * size
        indices = []
        for epoch in range(start // n, (start + size - 1) // n + 1):
            generator = torch.Generator().manual_seed(derive_seed(self._seed, phase, "held", epoch))
            order = torch.randperm(n, generator=generator)
            indices.append(order[max(start - epoch * n, 0) : start + size - epoch * n])
        chosen = torch.cat(indices).to(self._images.labels.device)
        return self._images.images[chosen], self._images.labels[chosen]


@contextmanager
def weights_held(network: nn.Module) -> Iterator[None]:
    """No gradients of the weights inside."""
    parameters = list(network.parameters())
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)
