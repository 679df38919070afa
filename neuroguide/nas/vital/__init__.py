"""Which blocks of a network every path from image to output crosses, found from the network as it runs."""

from neuroguide.nas.vital.blocks import Block, hourglass_note, vital_blocks
from neuroguide.nas.vital.importance import block_importance

__all__ = ["Block", "block_importance", "hourglass_note", "vital_blocks"]
