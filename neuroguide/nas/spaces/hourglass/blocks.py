"""What may stand at a position: inverted residual blocks (MBConv).

Conventions, after the networks that the authors of HourNAS released: 1x1 convolution, depthwise convolution,
squeeze-excite, 1x1 convolution; batch norm behind each convolution, an activation behind the first two, none behind the
last (the output is a linear bottleneck); the input is added where the map keeps its shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from neuroguide.nas.spaces.blocks import ACTIVATIONS, Parts
from neuroguide.nas.spaces.hourglass.layout import BlockStyle


@dataclass(frozen=True)
class Operation:
    """One kind of block.

    Attributes
    ----------
    kernel : int
        Side of the depthwise convolution.
    expansion : int
        Channels of the depthwise convolution, in units of the input's.
    squeeze_excite : bool
        Whether channels are weighted by their means (Hu et al. 2018).
    """

    kernel: int
    expansion: int
    squeeze_excite: bool

    @property
    def name(self) -> str:
        """As in the released block lists: ``k5_e6_se``."""
        return f"k{self.kernel}_e{self.expansion}" + ("_se" if self.squeeze_excite else "")


def squeezed_channels(in_channels: int, expanded: int, style: BlockStyle) -> int:
    """Channels of a squeeze-excite's bottleneck."""
    base = expanded if style.squeeze_of == "expanded" else in_channels
    return max(1, int(base * style.squeeze))


class SqueezeExcite(nn.Module):
    """Every channel times a gate from 0 to 1 that is computed from the means of all channels.

    Parameters
    ----------
    channels, squeezed : int
        Of the map and of the bottleneck.
    activation : str
        In the bottleneck.
    """

    def __init__(self, channels: int, squeezed: int, activation: str) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.activation = ACTIVATIONS[activation]()
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(n, channels, h, w)`` to the same shape."""
        means = x.mean(dim=(2, 3), keepdim=True)
        out: Tensor = x * self.gate(self.expand(self.activation(self.reduce(means))))
        return out


class MBConv(nn.Module):
    """One block.

    Parameters
    ----------
    in_channels, channels : int
    operation : Operation
    stride : int
    style : BlockStyle

    Attributes
    ----------
    residual : bool
        Whether the input is added to the output: where stride and channels allow.
    """

    def __init__(
        self, in_channels: int, channels: int, operation: Operation, *, stride: int = 1, style: BlockStyle
    ) -> None:
        super().__init__()
        parts = Parts(style.activation, "batch")
        expanded = in_channels * operation.expansion
        self.residual = stride == 1 and in_channels == channels
        body = nn.Sequential()
        if operation.expansion > 1 or style.expand_always:
            body.append(nn.Sequential(*parts.conv(in_channels, expanded, 1), parts.activation()))
        depthwise = parts.conv(expanded, expanded, operation.kernel, stride=stride, groups=expanded)
        body.append(nn.Sequential(*depthwise, parts.activation()))
        if operation.squeeze_excite:
            squeezed = squeezed_channels(in_channels, expanded, style)
            body.append(SqueezeExcite(expanded, squeezed, style.activation))
        body.append(nn.Sequential(*parts.conv(expanded, channels, 1)))
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(n, in_channels, h, w)`` to ``(n, channels, ceil(h / stride), ceil(w / stride))``."""
        out: Tensor = self.body(x)
        return x + out if self.residual else out
