"""The `cells` space: the searched cell of PNAS and NASNet, stacked into a network."""

from neuroguide.nas.spaces.cells.cell import Block, Cell, Half
from neuroguide.nas.spaces.cells.operations import OPERATIONS
from neuroguide.nas.spaces.cells.space import CellsArchitecture, CellsSpace

__all__ = ["OPERATIONS", "Block", "Cell", "CellsArchitecture", "CellsSpace", "Half"]
