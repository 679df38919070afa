"""Published networks as points of the space."""

from __future__ import annotations

from dataclasses import replace

from neuroguide.nas.spaces.hourglass.blocks import Operation
from neuroguide.nas.spaces.hourglass.layout import LAYOUTS, BlockStyle
from neuroguide.nas.spaces.hourglass.space import HourglassArchitecture


def _blocks(text: str, *, squeeze_excite: bool) -> tuple[Operation | None, ...]:
    return tuple(
        None if name == "-" else Operation(int(name[1]), int(name[4]), squeeze_excite) for name in text.split()
    )


#: Yang et al. 2021, "HourNAS: Extremely Fast Neural Architecture Search Through an Hourglass Lens": the network for 224
#: pixels, with the blocks that the authors released; every block has squeeze-excite.
HOURNAS_F = HourglassArchitecture(
    LAYOUTS["imagenet"],
    _blocks(
        """k3_e1
           k5_e6 k5_e1 k5_e1 k3_e1
           k5_e6 k5_e1 k3_e1 k5_e1
           k5_e6 k3_e6 k3_e6 k3_e6
           k5_e6 k5_e3 k5_e3 k5_e3
           k5_e6 k5_e6 k3_e6 k5_e6
           k5_e6""",
        squeeze_excite=True,
    ),
)

#: Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", Table 1.
EFFICIENTNET_B0 = HourglassArchitecture(
    replace(
        LAYOUTS["imagenet"],
        style=BlockStyle(activation="silu", squeeze=0.25, squeeze_of="input", expand_always=False),
    ),
    _blocks(
        """k3_e1
           k3_e6 k3_e6 - -
           k5_e6 k5_e6 - -
           k3_e6 k3_e6 k3_e6 -
           k5_e6 k5_e6 k5_e6 -
           k5_e6 k5_e6 k5_e6 k5_e6
           k3_e6""",
        squeeze_excite=True,
    ),
)
