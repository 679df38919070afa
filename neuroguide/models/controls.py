"""What an image is like without any network: its luminance and contrast, as a model to compare networks with."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model, openers

#: Weights of red, green and blue (ITU-R BT.709) on pixel values as stored: no display's gamma is known.
_LUMA = (0.2126, 0.7152, 0.0722)


class LuminanceContrast(nn.Module):
    """Mean luminance and RMS contrast of each image, as the layers ``luminance``, ``contrast`` and ``both``.

    A single number has no correlation distance, so each is written as an angle ``a`` between 0 and pi, and the layer is
    ``(cos a, -cos a, sin a, -sin a)``: correlation, cosine and squared Euclidean distance of two images are then all
    proportional to ``1 - cos(a_i - a_j)``, about half the squared difference of luminance or contrast (our choice).
    """

    stage_names = ("luminance", "contrast", "both")

    def __init__(self) -> None:
        super().__init__()
        self.luminance = nn.Identity()
        self.contrast = nn.Identity()
        self.both = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """From images (n, 3, height, width) between 0 and 1 to features (n, 8)."""
        luma = (images * images.new_tensor(_LUMA).view(3, 1, 1)).sum(1).flatten(1)
        luminance: Tensor = self.luminance(_angle_code(math.pi * luma.mean(1)))
        # values between 0 and 1 have a standard deviation of at most 1/2
        contrast: Tensor = self.contrast(_angle_code(2 * math.pi * luma.std(1, correction=0)))
        both: Tensor = self.both(torch.cat([luminance, contrast], 1))
        return both


def _angle_code(angle: Tensor) -> Tensor:
    return torch.stack([angle.cos(), -angle.cos(), angle.sin(), -angle.sin()], 1)


@openers.register("luminance-contrast")
def _luminance_contrast(_name: str, _pretrained: bool) -> Model:
    plain = Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    return Model("luminance-contrast", LuminanceContrast(), plain, identifier="luminance-contrast-224")
