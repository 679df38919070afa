"""Published cells as points of the space."""

from __future__ import annotations

from neuroguide.nas.spaces.cells.cell import Block, Cell, Half


def _cell(concat: str, *blocks: tuple[str, int, str, int]) -> Cell:
    return Cell(tuple(Block(Half(i, a), Half(j, b)) for a, i, b, j in blocks), concat)


#: Liu et al. 2018, "Progressive Neural Architecture Search", Fig. 1; both kinds of cell. Blocks as in genotypes.py of
#: github.com/chenxi116/PNASNet.pytorch. On CIFAR-10: N = 3, F = 48, 3.2 million parameters.
PNASNET_5 = _cell(
    "all",
    ("sep_conv_5x5", 0, "max_pool_3x3", 0),
    ("sep_conv_7x7", 1, "max_pool_3x3", 1),
    ("sep_conv_5x5", 1, "sep_conv_3x3", 1),
    ("sep_conv_3x3", 4, "max_pool_3x3", 1),
    ("sep_conv_3x3", 0, "identity", 1),
)

#: Zoph et al. 2018, "Learning Transferable Architectures for Scalable Image Recognition", Fig. 4, as in
#: cnn/genotypes.py of github.com/quark0/darts: the inputs of the cell are never part of its output.
NASNET_A_NORMAL = _cell(
    "all",
    ("sep_conv_5x5", 1, "sep_conv_3x3", 0),
    ("sep_conv_5x5", 0, "sep_conv_3x3", 0),
    ("avg_pool_3x3", 1, "identity", 0),
    ("avg_pool_3x3", 0, "avg_pool_3x3", 0),
    ("sep_conv_3x3", 1, "identity", 1),
)

#: The reduction cell of the same.
NASNET_A_REDUCTION = _cell(
    "unused",
    ("sep_conv_5x5", 1, "sep_conv_7x7", 0),
    ("max_pool_3x3", 1, "sep_conv_7x7", 0),
    ("avg_pool_3x3", 1, "sep_conv_5x5", 0),
    ("identity", 3, "avg_pool_3x3", 2),
    ("sep_conv_3x3", 2, "max_pool_3x3", 1),
)
