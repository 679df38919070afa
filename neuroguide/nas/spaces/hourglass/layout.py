"""Where the blocks of an hourglass network stand: stages, channels and strides, which no search changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import unknown_option
from neuroguide.nas.spaces.blocks import ACTIVATIONS
from neuroguide.nas.spaces.canonical import from_plain

SQUEEZES = ("expanded", "input")


@dataclass(frozen=True)
class LayoutStage:
    """Blocks of one number of channels.

    Attributes
    ----------
    channels : int
        Of every block's output.
    blocks : int
        How many there may be; all but the first keep the map's shape.
    stride : int
        Of the first block.
    """

    channels: int
    blocks: int
    stride: int


@dataclass(frozen=True)
class BlockStyle:
    """What is the same in all blocks of a network.

    Attributes
    ----------
    activation : str
        HourNAS has ``relu``, EfficientNet ``silu``.
    squeeze : float
        Channels of a squeeze-excite's bottleneck, as a share of ``squeeze_of``, rounded down, at least 1.
    squeeze_of : str
        ``expanded``: of the block's expanded channels (HourNAS, 0.05); ``input``: of its input channels (EfficientNet,
        0.25).
    expand_always : bool
        Whether a block of expansion 1 still has the first 1x1 convolution, as the released HourNAS networks do and
        EfficientNet does not.
    """

    activation: str = "relu"
    squeeze: float = 0.05
    squeeze_of: str = "expanded"
    expand_always: bool = True


@dataclass(frozen=True)
class Layout:
    """A stem, stages of blocks, and a 1x1 convolution before the classifier.

    Attributes
    ----------
    stem : int
        Channels of the 3x3 convolution at the entrance.
    stem_stride : int
    stages : tuple of LayoutStage
    head : int
        Channels of the 1x1 convolution behind the last stage.
    style : BlockStyle
    """

    stem: int
    stem_stride: int
    stages: tuple[LayoutStage, ...]
    head: int
    style: BlockStyle = BlockStyle()


@dataclass(frozen=True)
class Position:
    """A place for one block.

    Attributes
    ----------
    index : int
        From 0, over all stages.
    stage, block : int
        From 1; block within the stage.
    in_channels, channels, stride : int
    reduction : int
        How many times smaller than the image the map that enters is.
    """

    index: int
    stage: int
    block: int
    in_channels: int
    channels: int
    stride: int
    reduction: int

    @property
    def name(self) -> str:
        """The module's name in a network that has a block at every position before it."""
        return f"stage{self.stage}.block{self.block}"

    @property
    def vital(self) -> bool:
        """Whether the map changes its shape here, so that nothing can pass by and no identity can stand here."""
        return self.stride > 1 or self.in_channels != self.channels


def _stages(*rows: tuple[int, int, int]) -> tuple[LayoutStage, ...]:
    return tuple(LayoutStage(*row) for row in rows)


#: Channels, blocks and stride of each stage. ``imagenet`` is what HourNAS searches: EfficientNet-B0's channels and
#: strides with up to 4 blocks in each of the five stages between the outer ones. ``cifar`` has the same blocks with an
#: eighth of the reduction, for images of 32 pixels. ``small`` has the same shape with five stages, fewer channels and
#: coarser maps, for images of 32 pixels and searches without a GPU. The last two are our choice.
LAYOUTS = {
    "imagenet": Layout(
        32, 2, _stages((16, 1, 1), (24, 4, 2), (40, 4, 2), (80, 4, 2), (112, 4, 1), (192, 4, 2), (320, 1, 1)), 1280
    ),
    "cifar": Layout(
        32, 1, _stages((16, 1, 1), (24, 4, 1), (40, 4, 2), (80, 4, 2), (112, 4, 1), (192, 4, 1), (320, 1, 1)), 1280
    ),
    "small": Layout(16, 2, _stages((8, 1, 1), (16, 3, 2), (32, 3, 2), (48, 3, 1), (80, 1, 1)), 256),
}


def open_layout(layout: str | Layout | Mapping[str, Any], width: float = 1.0) -> Layout:
    """A layout by name, from its JSON, or as it is, with all channels multiplied.

    Parameters
    ----------
    layout : str, Layout or mapping
        One of :data:`LAYOUTS`, or the fields of a :class:`Layout`.
    width : float
        Factor of every number of channels, which is then rounded to a multiple of 4 (at least 4); 1 changes nothing.

    Raises
    ------
    OptionError
        If there is no layout of that name, or a number is impossible.
    InputError
        If the fields are not those of a layout.
    """
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            raise unknown_option("layout", layout, LAYOUTS)
        layout = LAYOUTS[layout]
    elif not isinstance(layout, Layout):
        layout = from_plain(Layout, dict(layout))
    if isinstance(width, bool) or not isinstance(width, int | float) or not 0.05 <= width <= 20:
        raise OptionError(f"width = {width!r} is not possible; give a factor from 0.05 to 20")
    if width != 1:
        layout = replace(
            layout,
            stem=_scaled(layout.stem, width),
            stages=tuple(replace(stage, channels=_scaled(stage.channels, width)) for stage in layout.stages),
            head=_scaled(layout.head, width),
        )
    _check(layout)
    return layout


def positions(layout: Layout) -> tuple[Position, ...]:
    """Every place of a layout, in the order of the forward pass."""
    found: list[Position] = []
    channels, reduction = layout.stem, layout.stem_stride
    for i, stage in enumerate(layout.stages):
        for j in range(stage.blocks):
            stride = stage.stride if j == 0 else 1
            found.append(Position(len(found), i + 1, j + 1, channels, stage.channels, stride, reduction))
            channels, reduction = stage.channels, reduction * stride
    return tuple(found)


def _scaled(channels: int, width: float) -> int:
    return max(4, 4 * round(channels * width / 4))


def _check(layout: Layout) -> None:
    numbers = [layout.stem, layout.head] + [n for stage in layout.stages for n in (stage.channels, stage.blocks)]
    if not layout.stages or any(not 1 <= n <= 100_000 for n in numbers) or max(s.blocks for s in layout.stages) > 100:
        raise InputError(f"a layout needs stages of 1 to 100 blocks, and from 1 to 100,000 channels, not {layout}")
    if any(stride not in (1, 2) for stride in (layout.stem_stride, *(stage.stride for stage in layout.stages))):
        raise InputError("the strides of a layout must be 1 or 2")
    style = layout.style
    if style.activation not in ACTIVATIONS:
        raise unknown_option("activation", style.activation, ACTIVATIONS)
    if style.squeeze_of not in SQUEEZES:
        raise unknown_option("squeeze_of", style.squeeze_of, SQUEEZES)
    if not 0 < style.squeeze <= 1:
        raise InputError(f"squeeze = {style.squeeze} is not possible; give a share above 0 and up to 1")
