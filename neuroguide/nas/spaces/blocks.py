"""The convolutional blocks of the `macro` space; each ends with its activation: outputs are post-activation maps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}

#: ``layer`` normalises over channels and positions together (group normalisation with one group).
NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "layer": lambda channels: nn.GroupNorm(1, channels),
    "none": lambda channels: nn.Identity(),
}


class Parts:
    """Makes convolutions, normalisations and activations of one network's kind."""

    def __init__(self, activation: str, normalisation: str) -> None:
        self._activation = activation
        self._normalisation = normalisation

    def activation(self) -> nn.Module:
        """One activation."""
        return ACTIVATIONS[self._activation]()

    def conv(
        self, in_channels: int, channels: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> list[nn.Module]:
        """A convolution that keeps ``ceil(size / stride)`` positions, and its normalisation."""
        conv = nn.Conv2d(
            in_channels,
            channels,
            kernel,
            stride=stride,
            padding=kernel // 2,
            groups=groups,
            bias=self._normalisation == "none",
        )
        # fan-in counts the channels of one group, so that depthwise kernels keep the scale where nothing normalises
        nn.init.kaiming_normal_(conv.weight, mode="fan_in", nonlinearity="relu")
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
        return [conv, NORMALISATIONS[self._normalisation](channels)]


def branch(
    parts: Parts, operation: str, in_channels: int, channels: int, *, kernel: int, expansion: int, stride: int
) -> nn.Sequential:
    """One operation, without its last activation.

    Parameters
    ----------
    parts : Parts
    operation : str
        ``conv``: one convolution. ``separable``: depthwise, then 1x1 (MobileNet). ``bottleneck``: 1x1 to half the
        output channels, convolution, 1x1 (ResNet, with a reduction of 2 because these networks are narrow: our
        choice). ``mbconv``: 1x1 to ``expansion`` times the input channels, depthwise, 1x1 (MobileNetV2).
    in_channels, channels, kernel, expansion, stride : int
    """
    if operation == "conv":
        return nn.Sequential(*parts.conv(in_channels, channels, kernel, stride=stride))
    if operation == "separable":
        return nn.Sequential(
            *parts.conv(in_channels, in_channels, kernel, stride=stride, groups=in_channels),
            parts.activation(),
            *parts.conv(in_channels, channels, 1),
        )
    if operation == "bottleneck":
        middle = max(1, channels // 2)
        return nn.Sequential(
            *parts.conv(in_channels, middle, 1),
            parts.activation(),
            *parts.conv(middle, middle, kernel, stride=stride),
            parts.activation(),
            *parts.conv(middle, channels, 1),
        )
    middle = in_channels * expansion
    return nn.Sequential(
        *parts.conv(in_channels, middle, 1),
        parts.activation(),
        *parts.conv(middle, middle, kernel, stride=stride, groups=middle),
        parts.activation(),
        *parts.conv(middle, channels, 1),
    )


def projection(parts: Parts, in_channels: int, channels: int, *, stride: int) -> nn.Sequential:
    """The path around a block that changes the map: average pooling where it strides, then 1x1 (ResNet-D)."""
    pool: list[nn.Module] = [nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)] if stride > 1 else []
    return nn.Sequential(*pool, *parts.conv(in_channels, channels, 1))


class PlainBlock(nn.Module):
    """An operation with nothing around it: ``activation(branch(x))``."""

    def __init__(self, body: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(n, in_channels, h, w)`` to ``(n, channels, ceil(h / stride), ceil(w / stride))``."""
        out: Tensor = self.activation(self.body(x))
        return out


class ResidualBlock(nn.Module):
    """``activation(branch(x) + shortcut(x))``; the shortcut is the identity where the map keeps its shape."""

    def __init__(self, body: nn.Module, shortcut: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(n, in_channels, h, w)`` to ``(n, channels, ceil(h / stride), ceil(w / stride))``."""
        out: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return out


class ConcatBlock(nn.Module):
    """Half of the channels through the operation, half around it, concatenated and interleaved (ShuffleNetV2's unit).

    Where the map changes its shape, both ways see all channels and the way around is a projection.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module | None, activation: nn.Module, channels: int) -> None:
        super().__init__()
        # decided here, not by shapes in the forward pass, so that the network can be traced
        self.split = channels - channels // 2
        self.interleaves = channels % 2 == 0
        self.body = body
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(n, in_channels, h, w)`` to ``(n, channels, ceil(h / stride), ceil(w / stride))``."""
        if self.shortcut is None:
            worked, kept = x[:, : self.split], x[:, self.split :]
        else:
            worked, kept = x, self.activation(self.shortcut(x))
        worked = self.activation(self.body(worked))
        if not self.interleaves:
            return torch.cat([worked, kept], dim=1)
        # interleave, so that the next block's half holds channels of both kinds
        return torch.stack([worked, kept], dim=2).flatten(1, 2)


def block(
    parts: Parts,
    operation: str,
    in_channels: int,
    channels: int,
    *,
    kernel: int,
    expansion: int,
    stride: int,
    skip: str,
) -> nn.Module:
    """An operation and the way around it: ``none``, ``add`` (residual) or ``concat``."""
    changes = stride > 1 or in_channels != channels

    def body(n_in: int, n_out: int) -> nn.Module:
        return branch(parts, operation, n_in, n_out, kernel=kernel, expansion=expansion, stride=stride)

    if skip == "none":
        return PlainBlock(body(in_channels, channels), parts.activation())
    if skip == "add":
        around = projection(parts, in_channels, channels, stride=stride) if changes else nn.Identity()
        return ResidualBlock(body(in_channels, channels), around, parts.activation())
    worked = channels - channels // 2
    if changes:
        around = projection(parts, in_channels, channels // 2, stride=stride)
        return ConcatBlock(body(in_channels, worked), around, parts.activation(), channels)
    return ConcatBlock(body(worked, worked), None, parts.activation(), channels)
