"""How a candidate is trained, as one frozen and serialisable thing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuroguide._core.errors import OptionError
from neuroguide._core.options import check_option
from neuroguide.nas.augmentation import AUGMENTATIONS
from neuroguide.nas.spaces.canonical import from_plain, to_plain


@dataclass(frozen=True)
class Fidelity:
    """How a candidate is trained: everything that training depends on besides architecture, data and seed.

    The defaults are our choice for small networks at about 4,000 images: of a dozen settings, the best mean accuracy
    over seven architectures of the `macro` space on CIFAR-10 (training seed 101, which no search uses by default).

    Parameters
    ----------
    images : int
        Images trained on, in all; 0 leaves the network untrained. They come as shuffled passes over the training
        images, so that no image is seen twice before all were seen.
    batch_size : int
        Largest batch; the batches of a training are equal to within one image.
    optimiser : {"sgd", "adamw"}
        SGD has Nesterov momentum 0.9.
    learning_rate : float
        At its highest.
    warmup : float
        Share of the steps over which the rate rises linearly; it then falls to zero along a half cosine.
    weight_decay : float
        Of weights, not of biases and normalisations.
    label_smoothing : float
        In the training loss; the validation loss has none.
    clip : float
        Largest norm of the gradient.
    augmentation : tuple of str
        Among ``crop``, ``flip``, ``cutout``.
    validation_images : int or None
        How many validation images are looked at (the first ones; they are balanced); None for all, 0 for none: the
        accuracy is then not measured.
    mixed_precision : bool
        Half precision on CUDA; elsewhere it changes nothing.
    channels_last : bool
        Memory layout; it changes results only by rounding.

    Raises
    ------
    OptionError
        If a value is impossible.
    """

    images: int = 4000
    batch_size: int = 20
    optimiser: str = "sgd"
    learning_rate: float = 0.05
    warmup: float = 0.2
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    clip: float = 2.0
    augmentation: tuple[str, ...] = ("flip",)
    validation_images: int | None = None
    mixed_precision: bool = True
    channels_last: bool = True

    def __post_init__(self) -> None:
        check_option("optimiser", self.optimiser, ("sgd", "adamw"))
        for kind in self.augmentation:
            check_option("augmentation", kind, AUGMENTATIONS)
        limits = {
            "images": (self.images == 0 or self.images >= 2, "0 or at least 2"),
            "batch_size": (self.batch_size >= 2, "at least 2"),
            "learning_rate": (0 < self.learning_rate < math.inf, "above 0"),
            "warmup": (0 <= self.warmup < 1, "from 0 to below 1"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "at least 0"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "from 0 to below 1"),
            "clip": (self.clip > 0, "above 0"),
            "validation_images": (self.validation_images is None or self.validation_images >= 0, "at least 0"),
        }
        for name, (fine, expected) in limits.items():
            if not fine:
                raise OptionError(f"fidelity: {name} must be {expected}, not {getattr(self, name)!r}")

    def to_json(self) -> dict[str, Any]:
        """All settings in dicts, lists, numbers and strings."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fidelity:
        """The inverse of :meth:`to_json`; missing settings take their default.

        Raises
        ------
        InputError
            If a setting is unknown or of another type.
        """
        return from_plain(cls, {**cls().to_json(), **data})


def mature_fidelity(images: int, **settings: Any) -> Fidelity:
    """The fidelity for a long training, in which images come back several times: shifted images, a larger rate.

    Our choice, like the defaults. Below about two passes over the images, ``augmentation=("flip",)`` learns faster.
    """
    defaults = {"batch_size": 32, "learning_rate": 0.1, "augmentation": ("crop", "flip")}
    return Fidelity(images=images, **{**defaults, **settings})
