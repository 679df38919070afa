"""From the pixels of a stimulus to the input of a network.

Our choice, where the networks' authors and the recordings differ: the whole stimulus is shown, never its centre alone
(the usual test-time crop throws away what the animal saw); its shape is kept, a stimulus that is not square is set on a
square background; and if both its size and the network's field of view are known in degrees, it takes the same part of
the field of view as it did for the animal. The background is mid-grey, as on most experiments' screens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option

#: Mean and standard deviation of ImageNet's training images, by channel, for pixels in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

#: Mid-grey for pixels in [0, 1]: the background on which stimulus sets put their images too.
GREY = 128 / 255

#: Luminance of RGB (ITU-R BT.601), for networks of one input channel.
_LUMINANCE = (0.299, 0.587, 0.114)

_INTERPOLATIONS = ("bilinear", "bicubic", "nearest")


@dataclass(frozen=True)
class Preprocess:
    """How stimuli become the input of a network: pad or cut, resize, normalise.

    Parameters
    ----------
    size : int
        Height and width of the input in pixels.
    mean, std : tuples of 3 floats, or of 1
        Of the normalisation ``(pixel - mean) / std``, by channel, for pixels in [0, 1]. With one value the input has
        one channel, the luminance.
    degrees : float, optional
        The network's field of view in degrees of visual angle: what ``size`` pixels span. None: unknown, every
        stimulus fills the field of view.
    interpolation : {"bilinear", "bicubic", "nearest"}
        Of the resize; the first two are antialiased.
    background : {"grey", "mean"}
        What surrounds a stimulus that does not fill the field of view: mid-grey, or the network's mean colour,
        which is zero after normalisation.

    Raises
    ------
    InputError
        If a value cannot be right.

    Examples
    --------
    >>> import numpy as np
    >>> Preprocess(8)(np.zeros((2, 16, 16, 3), dtype=np.uint8)).shape
    torch.Size([2, 3, 8, 8])
    """

    size: int = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    degrees: float | None = None
    interpolation: str = "bilinear"
    background: str = "grey"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(value) for value in self.mean))
        object.__setattr__(self, "std", tuple(float(value) for value in self.std))
        if not 1 <= self.size <= 8192:
            raise InputError(f"an input of {self.size} pixels is not possible; give 1 to 8192")
        if len(self.mean) not in (1, 3) or len(self.std) != len(self.mean):
            raise InputError(f"mean and std have 3 values each, or 1 (grey); {self.mean} and {self.std} arrived")
        if not all(map(math.isfinite, self.mean)) or not all(0 < value < math.inf for value in self.std):
            raise InputError(f"mean must be finite and std above zero; {self.mean} and {self.std} arrived")
        _check_degrees(self.degrees, "the network's field of view")
        check_option("interpolation", self.interpolation, _INTERPOLATIONS)
        check_option("background", self.background, ("grey", "mean"))

    @property
    def channels(self) -> int:
        """Channels of the input, 3 or 1."""
        return len(self.mean)

    def __call__(self, images: NDArray[Any], *, degrees: float | None = None) -> Tensor:
        """The input for some stimuli.

        Parameters
        ----------
        images : uint8 array of shape (n_stimuli, height, width, 3)
        degrees : float, optional
            Width of the stimuli in degrees of visual angle, if known.

        Returns
        -------
        float32 tensor of shape (n_stimuli, channels, size, size)
            On the CPU: the resize is computed there, so that it is the same for every device.

        Raises
        ------
        InputError
            If the images are of another type or shape.
        """
        return self.normalise(self.resize(images, degrees=degrees))

    def resize(self, images: NDArray[Any], *, degrees: float | None = None) -> Tensor:
        """The stimuli at the input's size before normalisation, in [0, 1]; see :meth:`__call__`."""
        _check_images(images)
        _check_degrees(degrees, "the size of the stimuli")
        # copied if it may not be written to (a memory-mapped file): torch has no read-only tensors
        owned = np.require(images, requirements=["C", "W"])
        pixels = torch.from_numpy(owned).permute(0, 3, 1, 2)
        if self.channels == 1:
            pixels = (pixels.float() * torch.tensor(_LUMINANCE).view(1, 3, 1, 1)).sum(1, keepdim=True)
        scale = self._scale(pixels.shape[-2], pixels.shape[-1], degrees)
        seen = _centre(pixels, max(1, round(self.size / scale)))
        height, width = (min(self.size, max(1, round(side * scale))) for side in seen.shape[-2:])
        return self._on_background(_interpolate(seen.float() / 255, (height, width), self.interpolation))

    def _scale(self, height: int, width: int, degrees: float | None) -> float:
        """Pixels of the input per pixel of a stimulus."""
        if degrees is None or self.degrees is None:
            return self.size / max(height, width)
        return (self.size / self.degrees) / (width / degrees)

    def normalise(self, pixels: Tensor) -> Tensor:
        """``(pixels - mean) / std`` by channel, for pixels in [0, 1] of shape (n_stimuli, channels, height, width)."""
        mean, std = (pixels.new_tensor(values).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return (pixels - mean) / std

    def _on_background(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[-2:]
        if height == width == self.size:
            return pixels
        colour = pixels.new_tensor(self.mean if self.background == "mean" else [GREY] * self.channels)
        canvas = colour.view(1, -1, 1, 1).repeat(len(pixels), 1, self.size, self.size)
        top, left = (self.size - height) // 2, (self.size - width) // 2
        canvas[:, :, top : top + height, left : left + width] = pixels
        return canvas


def _interpolate(pixels: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    if pixels.shape[-2:] == size:
        return pixels
    if mode == "nearest":
        return functional.interpolate(pixels, size, mode="nearest-exact")
    resized = functional.interpolate(pixels, size, mode=mode, antialias=True, align_corners=False)
    return resized.clamp(0, 1)  # bicubic overshoots


def _centre(pixels: Tensor, side: int) -> Tensor:
    """The central square of ``side`` pixels, as far as there is one."""
    height, width = (min(side, extent) for extent in pixels.shape[-2:])
    top, left = (pixels.shape[-2] - height) // 2, (pixels.shape[-1] - width) // 2
    return pixels[:, :, top : top + height, left : left + width]


def _check_images(images: NDArray[Any]) -> None:
    if not isinstance(images, np.ndarray):
        raise InputError(
            f"images are a uint8 array of shape (n_stimuli, height, width, 3), {type(images).__name__} arrived"
        )
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape[1:3]:
        raise InputError(
            "images are a uint8 array of shape (n_stimuli, height, width, 3), "
            f"{images.dtype} of shape {images.shape} arrived"
        )


def _check_degrees(degrees: float | None, what: str) -> None:
    if degrees is not None and not (math.isfinite(degrees) and 0 < degrees <= 360):
        raise InputError(f"{what} is {degrees} degrees of visual angle; give a number above 0, or None if unknown")
