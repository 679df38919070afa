"""The `hourglass` space: inverted residual blocks, some of which every path crosses and some of which may vanish."""

from neuroguide.nas.spaces.hourglass.blocks import MBConv, Operation, SqueezeExcite
from neuroguide.nas.spaces.hourglass.layout import LAYOUTS, BlockStyle, Layout, LayoutStage, Position, positions
from neuroguide.nas.spaces.hourglass.network import HourglassNetwork
from neuroguide.nas.spaces.hourglass.space import HourglassArchitecture, HourglassSpace

__all__ = [
    "LAYOUTS",
    "BlockStyle",
    "HourglassArchitecture",
    "HourglassNetwork",
    "HourglassSpace",
    "Layout",
    "LayoutStage",
    "MBConv",
    "Operation",
    "Position",
    "SqueezeExcite",
    "positions",
]
