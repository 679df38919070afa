"""The eight operations of a cell, and what carries maps from cell to cell.

Conventions, after the networks that the authors published (NASNet and PNASNet in tensorflow/models, research/slim):
everything is ReLU, convolution, batch norm; a separable convolution is applied twice, the stride in the first; pooling
has no batch norm and averages over real positions only; an identity that strides is ReLU, 1x1 convolution, batch norm.
Our reading where the papers are silent: ``conv_1x7_7x1`` has one ReLU before and one batch norm behind its two
convolutions, ``dil_conv_3x3`` is a full (not a separable) convolution of dilation 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroguide.nas.spaces.cells.cell import OPERATIONS

__all__ = ["OPERATIONS", "FactorisedReduction", "drop_paths", "make_operation", "project"]


def convolution(
    in_channels: int,
    channels: int,
    kernel: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Conv2d:
    """A convolution without bias that keeps ``ceil(size / stride)`` positions."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    conv = nn.Conv2d(
        in_channels,
        channels,
        sides,
        stride=stride,
        padding=(dilation * (sides[0] // 2), dilation * (sides[1] // 2)),
        dilation=dilation,
        groups=groups,
        bias=False,
    )
    nn.init.kaiming_normal_(conv.weight, mode="fan_in", nonlinearity="relu")
    return conv


def make_operation(name: str, channels: int, stride: int) -> nn.Module:
    """One of :data:`OPERATIONS` on maps ``(n, channels, h, w)``; gives ``ceil(h / stride)`` by ``ceil(w / stride)``."""
    if name.startswith("sep_conv"):
        return _separable(channels, int(name[-1]), stride)
    if name == "conv_1x7_7x1":
        return nn.Sequential(
            nn.ReLU(),
            convolution(channels, channels, (1, 7), stride=(1, stride)),
            convolution(channels, channels, (7, 1), stride=(stride, 1)),
            nn.BatchNorm2d(channels),
        )
    if name == "dil_conv_3x3":
        conv = convolution(channels, channels, 3, stride=stride, dilation=2)
        return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(channels))
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride=stride, padding=1)
    return nn.Identity() if stride == 1 else nn.Sequential(nn.ReLU(), *project(channels, channels, stride))


def _separable(channels: int, kernel: int, stride: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for step in (stride, 1):
        layers += [
            nn.ReLU(),
            convolution(channels, channels, kernel, stride=step, groups=channels),
            convolution(channels, channels, 1),
            nn.BatchNorm2d(channels),
        ]
    return nn.Sequential(*layers)


def project(in_channels: int, channels: int, stride: int = 1) -> list[nn.Module]:
    """A 1x1 convolution and its batch norm."""
    return [convolution(in_channels, channels, 1, stride=stride), nn.BatchNorm2d(channels)]


class FactorisedReduction(nn.Module):
    """Halves a map by two 1x1 convolutions of stride 2, the second one pixel further down and right.

    Each gives half of the channels; a batch norm follows. It is how a map of twice the size enters a cell.

    Parameters
    ----------
    in_channels, channels : int
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.here = convolution(in_channels, channels - channels // 2, 1, stride=2)
        self.further = convolution(in_channels, channels // 2, 1, stride=2)
        self.normalisation = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(n, in_channels, h, w)`` to ``(n, channels, ceil(h / 2), ceil(w / 2))``."""
        moved = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        out: Tensor = self.normalisation(torch.cat([self.here(x), self.further(moved)], dim=1))
        return out


def drop_paths(x: Tensor, probability: float) -> Tensor:
    """Set the whole map of an image to zero with this probability and scale the others up (drop-path)."""
    keep = 1 - probability
    mask = torch.rand((len(x), 1, 1, 1), dtype=x.dtype, device=x.device) < keep
    return x * mask / keep
