"""The network of an hourglass architecture."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from neuroguide.nas.spaces.blocks import Parts
from neuroguide.nas.spaces.hourglass.blocks import MBConv, Operation
from neuroguide.nas.spaces.hourglass.layout import Layout, positions


class HourglassNetwork(nn.Module):
    """Stem, stages of blocks, 1x1 convolution, mean over positions, linear classifier.

    Parameters
    ----------
    layout : Layout
    blocks : sequence of Operation or None
        One for each position; None is the identity, for which nothing is built.
    n_classes, in_channels : int

    Attributes
    ----------
    stage_names : tuple of str
        ``stage1`` ...: the output of each stage's last block.
    block_names : tuple of str
        Stem, blocks, head and classifier: what :func:`neuroguide.nas.vital.vital_blocks` reports.
    """

    def __init__(
        self, layout: Layout, blocks: Sequence[Operation | None], *, n_classes: int = 10, in_channels: int = 3
    ) -> None:
        super().__init__()
        stages: list[OrderedDict[str, nn.Module]] = [OrderedDict() for _ in layout.stages]
        self.stem = stem(layout, in_channels)
        for position, operation in zip(positions(layout), blocks, strict=True):
            if operation is not None:
                stages[position.stage - 1][f"block{position.block}"] = MBConv(
                    position.in_channels, position.channels, operation, stride=position.stride, style=layout.style
                )
        self.stage_names = tuple(f"stage{i + 1}" for i in range(len(stages)))
        for name, stage in zip(self.stage_names, stages, strict=True):
            self.add_module(name, nn.Sequential(stage))
        self.head = head(layout)
        self.classifier = nn.Linear(layout.head, n_classes)
        inner = (f"{name}.{block}" for name, stage in zip(self.stage_names, stages, strict=True) for block in stage)
        self.block_names = ("stem", *inner, "head", "classifier")

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(n, n_classes)`` of images ``(n, in_channels, h, w)``."""
        x = self.stem(images)
        for name in self.stage_names:
            x = self.get_submodule(name)(x)
        logits: Tensor = self.classifier(self.head(x).mean(dim=(2, 3)))
        return logits


def stem(layout: Layout, in_channels: int = 3) -> nn.Sequential:
    """The 3x3 convolution at the entrance, with batch norm and activation."""
    parts = Parts(layout.style.activation, "batch")
    return nn.Sequential(*parts.conv(in_channels, layout.stem, 3, stride=layout.stem_stride), parts.activation())


def head(layout: Layout) -> nn.Sequential:
    """The 1x1 convolution behind the last stage, with batch norm and activation."""
    parts = Parts(layout.style.activation, "batch")
    return nn.Sequential(*parts.conv(layout.stages[-1].channels, layout.head, 1), parts.activation())
