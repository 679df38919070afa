"""A cell: blocks of two operations whose results are added; its canonical form, and the cells one step away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from neuroguide._core.errors import InputError

#: The eight operations of Liu et al. 2018, section 3.1, in the order of the paper.
OPERATIONS = (
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "conv_1x7_7x1",
    "identity",
    "avg_pool_3x3",
    "max_pool_3x3",
    "dil_conv_3x3",
)
#: Which blocks make up the output: all of them, or those that no other block takes as its input.
CONCATS = ("all", "unused")
#: Inputs below this number come from outside: 0 is the cell before the previous one, 1 the previous cell.
OUTSIDE = 2
MOST_BLOCKS = 5


@dataclass(frozen=True)
class Half:
    """One side of a block.

    Attributes
    ----------
    input : int
        0: the cell before the previous one; 1: the previous cell; ``2 + i``: block ``i`` of this cell, from 0.
    operation : str
        One of :data:`OPERATIONS`.
    """

    input: int
    operation: str


@dataclass(frozen=True)
class Block:
    """Two operations on two inputs, added.

    Attributes
    ----------
    first, second : Half
    """

    first: Half
    second: Half


@dataclass(frozen=True)
class Cell:
    """Blocks in an order in which each takes only earlier ones.

    Attributes
    ----------
    blocks : tuple of Block
    concat : str
        ``all``: the output is every block's, concatenated; ``unused``: only of blocks that no other block takes.
    """

    blocks: tuple[Block, ...]
    concat: str = "all"

    @property
    def used(self) -> frozenset[int]:
        """Positions of the blocks that another block takes."""
        return frozenset(half.input - OUTSIDE for half in halves(self) if half.input >= OUTSIDE)

    @property
    def inputs(self) -> tuple[int, ...]:
        """Which of the two cells before this one takes, ascending."""
        return tuple(sorted({half.input for half in halves(self) if half.input < OUTSIDE}))

    @property
    def outputs(self) -> tuple[int, ...]:
        """Positions of the blocks that make up the output."""
        used = self.used if self.concat == "unused" else frozenset()
        return tuple(i for i in range(len(self.blocks)) if i not in used)


def halves(cell: Cell) -> list[Half]:
    """Both halves of every block, in order."""
    return [half for block in cell.blocks for half in (block.first, block.second)]


def canonical_cell(cell: Cell) -> Cell:
    """The one writing of a cell that stands for all equivalent ones.

    Two cells are equivalent if one becomes the other by swapping the halves of blocks and by permuting blocks, with
    inputs relabelled along: their networks differ only in the order of channels. Among all orders in which each block
    follows those that it takes, this is the one whose list of blocks comes first, halves sorted by input and then by
    operation. Where no block takes another, both kinds of output are the same and ``concat`` is written ``all``.

    Raises
    ------
    InputError
        If an operation or the kind of output is unknown, an input does not exist, or blocks take each other in a
        circle.
    """
    _check(cell)
    # every list of old positions that begins with the smallest blocks possible; ties are followed in parallel
    orders: list[tuple[int, ...]] = [()]
    placed: list[tuple[tuple[int, int], ...]] = []
    for _ in cell.blocks:
        found: dict[tuple[tuple[int, int], ...], list[tuple[int, ...]]] = {}
        for order in orders:
            for i, block in enumerate(cell.blocks):
                key = None if i in order else _relabelled(block, order)
                if key is not None:
                    found.setdefault(key, []).append((*order, i))
        if not found:
            raise InputError(f"the blocks of a cell take each other in a circle: {cell.blocks}")
        smallest = min(found)
        orders = found[smallest]
        placed.append(smallest)
    blocks = tuple(Block(*(Half(label, OPERATIONS[k]) for label, k in block)) for block in placed)
    result = Cell(blocks, cell.concat)
    return result if result.used else replace(result, concat="all")


def _relabelled(block: Block, order: tuple[int, ...]) -> tuple[tuple[int, int], ...] | None:
    """A block's halves as sorted pairs of numbers, its inputs counted in ``order``; None if one is not there yet."""
    pairs = []
    for half in (block.first, block.second):
        label = half.input
        if label >= OUTSIDE:
            if label - OUTSIDE not in order:
                return None
            label = OUTSIDE + order.index(label - OUTSIDE)
        pairs.append((label, OPERATIONS.index(half.operation)))
    return tuple(sorted(pairs))


def _check(cell: Cell) -> None:
    if not 1 <= len(cell.blocks) <= MOST_BLOCKS:
        raise InputError(f"a cell has from 1 to {MOST_BLOCKS} blocks, not {len(cell.blocks)}")
    if cell.concat not in CONCATS:
        raise InputError(f"the output of a cell is one of {list(CONCATS)}, not {cell.concat!r}")
    for half in halves(cell):
        if half.operation not in OPERATIONS:
            raise InputError(f"a cell has the operation {half.operation!r}; known: {', '.join(OPERATIONS)}")
        if not 0 <= half.input < OUTSIDE + len(cell.blocks):
            raise InputError(
                f"a block takes input {half.input!r}; a cell of {len(cell.blocks)} blocks has the inputs "
                f"0 to {OUTSIDE + len(cell.blocks) - 1}"
            )


@dataclass(frozen=True)
class CellOptions:
    """What may be chosen in a cell.

    Attributes
    ----------
    blocks : tuple of int
        How many blocks, consecutive numbers.
    operations : tuple of str
    inputs : tuple of int
        Which of the two cells before may be taken.
    concat : tuple of str
    """

    blocks: tuple[int, ...]
    operations: tuple[str, ...]
    inputs: tuple[int, ...]
    concat: tuple[str, ...]

    def labels(self, n_blocks: int) -> tuple[int, ...]:
        """Inputs that may be taken where ``n_blocks`` blocks are there."""
        return (*self.inputs, *range(OUTSIDE, OUTSIDE + n_blocks))


def grown(cell: Cell, options: CellOptions) -> Iterator[Cell]:
    """Every cell, in canonical form and once, that has one block more (the expansion of Liu et al. 2018, Algorithm 1).

    The new block may take everything that is there, and no block takes it.
    """
    sides = [Half(i, name) for i in options.labels(len(cell.blocks)) for name in options.operations]
    seen = set()
    for a, first in enumerate(sides):
        for second in sides[a:]:
            blocks = (*cell.blocks, Block(first, second))
            for concat in _concats(cell, options):
                found = canonical_cell(Cell(blocks, concat))
                if found not in seen:
                    seen.add(found)
                    yield found


def one_block(options: CellOptions) -> Iterator[Cell]:
    """Every cell of one block, in canonical form and once."""
    sides = [Half(i, name) for i in options.inputs for name in options.operations]
    cells = (canonical_cell(Cell((Block(a, b),))) for i, a in enumerate(sides) for b in sides[i:])
    yield from dict.fromkeys(cells)


def steps(cell: Cell, options: CellOptions) -> Iterator[Cell]:
    """Cells that differ in one place: an operation, an input, the output, or a block that no other block takes.

    The relation is symmetric. Cells are canonical, and may be listed more than once.
    """
    n = len(cell.blocks)
    if cell.used:
        yield from (canonical_cell(replace(cell, concat=concat)) for concat in options.concat)
    for i, block in enumerate(cell.blocks):
        for side in ("first", "second"):
            half: Half = getattr(block, side)
            others = [Half(half.input, name) for name in options.operations]
            others += [Half(label, half.operation) for label in options.labels(n) if label not in _after(cell, i)]
            for other in others:
                changed = replace(block, **{side: other})
                blocks = (*cell.blocks[:i], changed, *cell.blocks[i + 1 :])
                yield from _written(cell, blocks, options)
    if n + 1 in options.blocks:
        yield from grown(cell, options)
    if n - 1 in options.blocks:
        for i in set(range(n)) - cell.used:
            yield from _written(cell, _without(cell, i), options)


def _written(cell: Cell, blocks: tuple[Block, ...], options: CellOptions) -> Iterator[Cell]:
    yield from (canonical_cell(Cell(blocks, concat)) for concat in _concats(cell, options))


def _concats(cell: Cell, options: CellOptions) -> Sequence[str]:
    """Kinds of output of a changed cell: as it was, or each where it made no difference before."""
    return (cell.concat,) if cell.used else options.concat


def _after(cell: Cell, i: int) -> set[int]:
    """Labels of block ``i`` and of all blocks that depend on it: taking one of them would close a circle."""
    after = {i + OUTSIDE}
    # blocks are in an order in which each takes only earlier ones
    for j, block in enumerate(cell.blocks):
        if block.first.input in after or block.second.input in after:
            after.add(j + OUTSIDE)
    return after


def _without(cell: Cell, i: int) -> tuple[Block, ...]:
    def moved(half: Half) -> Half:
        return replace(half, input=half.input - (half.input > i + OUTSIDE))

    return tuple(Block(moved(b.first), moved(b.second)) for j, b in enumerate(cell.blocks) if j != i)
