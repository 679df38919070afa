"""A space of one's own: plain or residual networks of 1 to 3 blocks in each of two stages.

Open it with ``open_space("docs/examples/own_space.py:make")``.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from neuroguide.nas.spaces import DeclaredSpace, choice


@dataclass(frozen=True)
class Architecture:
    """What can be chosen."""

    width: int = choice(8, 16, 24)
    activation: str = choice("relu", "gelu")
    depth: int = choice(1, 2, 3)
    kernels: tuple[int, ...] = choice(3, 5, repeat="depth")  # one for each block
    residual: bool = choice(False, True, when={"depth": (2, 3)})  # asked only where a block keeps its width


class Block(nn.Module):
    """Convolution, normalisation, perhaps a shortcut, activation."""

    def __init__(self, n_in: int, n_out: int, kernel: int, activation: str, residual: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(n_out)
        self.activation = nn.ReLU() if activation == "relu" else nn.GELU()
        self.residual = residual and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(n, n_in, h, w)`` to ``(n, n_out, h, w)``."""
        y = self.norm(self.conv(x))
        return self.activation(y + x if self.residual else y)


class Network(nn.Module):
    """Two stages and a linear read-out."""

    stage_names = ("stage1", "stage2")  # the outputs that are compared with recordings

    def __init__(self, arch: Architecture, in_channels: int, n_classes: int) -> None:
        super().__init__()
        self.stage1 = self._stage(arch, in_channels, arch.width)
        self.pool = nn.MaxPool2d(2)
        self.stage2 = self._stage(arch, arch.width, 2 * arch.width)
        self.head = nn.Linear(2 * arch.width, n_classes)

    def _stage(self, arch: Architecture, n_in: int, n_out: int) -> nn.Sequential:
        blocks = []
        for kernel in arch.kernels:
            blocks.append(Block(n_in, n_out, kernel, arch.activation, arch.residual))
            n_in = n_out
        return nn.Sequential(*blocks)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images."""
        return self.head(self.stage2(self.pool(self.stage1(images))).mean((2, 3)))


def build(arch: Architecture, *, image_size: int, n_classes: int, in_channels: int) -> nn.Module:
    """The network of an architecture."""
    return Network(arch, in_channels, n_classes)


def make() -> DeclaredSpace[Architecture]:
    """What ``open_space`` calls."""
    return DeclaredSpace("two-stages", Architecture, build)
