"""The `cells` space: which cells may be searched, as parameters of a trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.spaces.base import Parameter, Scalar, Space
from neuroguide.nas.spaces.cells.cell import (
    CONCATS,
    MOST_BLOCKS,
    OPERATIONS,
    OUTSIDE,
    Block,
    Cell,
    CellOptions,
    Half,
    canonical_cell,
    grown,
    halves,
    one_block,
    steps,
)
from neuroguide.nas.spaces.cells.choices import block_counts, cell_inputs, counts, names
from neuroguide.nas.spaces.cells.network import STACKINGS, STEMS, CellsNetwork
from neuroguide.nas.spaces.parameters import settings

REDUCTIONS = ("same", "own")


@dataclass(frozen=True)
class CellsArchitecture:
    """A normal and a reduction cell, and how they are stacked.

    Attributes
    ----------
    normal, reduction : Cell
    repeats : int
        N: cells of a stage.
    filters : int
        F: channels of each block of the first stage; they double from stage to stage.
    stem : str
        ``cifar`` or ``imagenet``.
    stacking : str
        ``pnas`` (the reduction cell is one of a stage's N) or ``nasnet`` (it comes on top).
    """

    normal: Cell
    reduction: Cell
    repeats: int
    filters: int
    stem: str
    stacking: str


class CellsSpace(Space[CellsArchitecture]):
    """Networks of stacked cells (Zoph et al. 2018; Liu et al. 2018, section 3).

    Each sequence lists the options of a choice, so that arguments cut out subspaces; hashes are the same in all of
    them. Architectures whose networks differ only in the order of channels are one; see
    :func:`neuroguide.nas.spaces.cells.cell.canonical_cell`.

    Parameters
    ----------
    blocks : sequence of int
        How many blocks a cell may have: consecutive numbers from 1 to 5.
    operations : sequence of str
        Among the eight of the paper, :data:`neuroguide.nas.spaces.cells.OPERATIONS`.
    inputs : sequence of int
        Which cells a block may take: 1 the previous one, 0 the one before.
    concat : sequence of str
        What a cell's output holds: ``all`` blocks or the ``unused`` ones.
    reduction : sequence of str
        ``same``: the reduction cell is the normal one with stride 2 (PNAS); ``own``: a cell of its own (NASNet).
    repeats, filters : sequence of int
        N and F.
    stem : sequence of str
        ``cifar`` (images of about 32 pixels) or ``imagenet`` (about 224).
    stacking : sequence of str
        ``pnas`` or ``nasnet``; see :mod:`neuroguide.nas.spaces.cells.network`.
    drop_path : float
        For mature training; see :class:`~neuroguide.nas.spaces.cells.network.CellsNetwork`.
    auxiliary : bool
        A second classifier for mature training; see the same place.

    Raises
    ------
    OptionError
        If an option is unknown or impossible.

    Examples
    --------
    >>> small = CellsSpace(blocks=(1, 2), operations=("sep_conv_3x3", "identity", "max_pool_3x3"), inputs=(1,),
    ...                    concat=("all",), reduction=("same",))
    >>> small.size()
    117
    """

    name = "cells"
    architecture = CellsArchitecture
    #: Our choice, for trainings of tens of passes; the papers end at 0.3 to 0.4 after 600.
    mature_options: Mapping[str, Any] = MappingProxyType({"drop_path": 0.2, "auxiliary": True})

    def __init__(
        self,
        *,
        blocks: Sequence[int] | int = (1, 2, 3, 4, 5),
        operations: Sequence[str] | str = OPERATIONS,
        inputs: Sequence[int] | int = (0, 1),
        concat: Sequence[str] | str = CONCATS,
        reduction: Sequence[str] | str = REDUCTIONS,
        repeats: Sequence[int] | int = 1,
        filters: Sequence[int] | int = 8,
        stem: Sequence[str] | str = "cifar",
        stacking: Sequence[str] | str = "pnas",
        drop_path: float = 0.0,
        auxiliary: bool = False,
    ) -> None:
        self.options = CellOptions(
            blocks=block_counts(blocks),
            operations=names("operation", operations, OPERATIONS),
            inputs=cell_inputs(inputs),
            concat=names("concat", concat, CONCATS),
        )
        self.reductions = names("reduction", reduction, REDUCTIONS)
        self._network: dict[str, tuple[Scalar, ...]] = {
            "repeats": counts("repeats", repeats),
            "filters": counts("filters", filters, least=2),
            "stem": names("stem", stem, STEMS),
            "stacking": names("stacking", stacking, STACKINGS),
        }
        if isinstance(drop_path, bool) or not isinstance(drop_path, int | float) or not 0 <= drop_path < 1:
            raise OptionError(f"drop_path = {drop_path!r} is not possible; give a probability from 0 to below 1")
        if not isinstance(auxiliary, bool):
            raise OptionError(f"auxiliary = {auxiliary!r} is not possible; give true or false")
        self._drop_path = float(drop_path)
        self._auxiliary = auxiliary

    def declare(self) -> Sequence[Parameter]:
        """The normal cell's choices, ``reduction`` and the cell of its own, then the network's choices."""
        return [
            *self._declare_cell("normal", {}),
            Parameter("reduction", self.reductions),
            *self._declare_cell("reduction", {"reduction": ("own",)}),
            *(Parameter(name, options) for name, options in self._network.items()),
        ]

    def _declare_cell(self, prefix: str, when: Mapping[str, tuple[Scalar, ...]]) -> list[Parameter]:
        options = self.options
        parameters = [Parameter(f"{prefix}.blocks", options.blocks, when)]
        for i in range(max(options.blocks)):
            there = {**when, f"{prefix}.blocks": tuple(n for n in options.blocks if n > i)}
            for side in (1, 2):
                parameters += [
                    Parameter(f"{prefix}.block{i + 1}.input{side}", options.labels(i), there),
                    Parameter(f"{prefix}.block{i + 1}.operation{side}", options.operations, there),
                ]
        return [*parameters, Parameter(f"{prefix}.concat", options.concat, when)]

    def compose(self, values: Mapping[str, Scalar]) -> CellsArchitecture:
        """Cells from parameter values."""
        normal = _compose_cell(values, "normal")
        return CellsArchitecture(
            normal=normal,
            reduction=normal if values["reduction"] == "same" else _compose_cell(values, "reduction"),
            **{name: values[name] for name in self._network},  # type: ignore[arg-type]
        )

    def decompose(self, arch: CellsArchitecture) -> Mapping[str, Scalar]:
        """Parameter values from cells; the values of an architecture in canonical form are those of its class."""
        same = arch.normal == arch.reduction and "same" in self.reductions
        return {
            **self._decompose_cell(arch.normal, "normal"),
            "reduction": "same" if same else "own",
            **self._decompose_cell(arch.reduction, "reduction"),
            **{name: getattr(arch, name) for name in self._network},
        }

    def _decompose_cell(self, cell: Cell, prefix: str) -> dict[str, Scalar]:
        # where no block takes another, the kind of output makes no difference: any that this space has will do
        free = not cell.used and cell.concat not in self.options.concat
        values: dict[str, Scalar] = {
            f"{prefix}.blocks": len(cell.blocks),
            f"{prefix}.concat": self.options.concat[0] if free else cell.concat,
        }
        for j, half in enumerate(halves(cell)):
            values[f"{prefix}.block{j // 2 + 1}.input{j % 2 + 1}"] = half.input
            values[f"{prefix}.block{j // 2 + 1}.operation{j % 2 + 1}"] = half.operation
        return values

    def canonicalise(self, arch: CellsArchitecture) -> CellsArchitecture:
        """Each cell in its canonical form.

        Raises
        ------
        InputError
            If the architecture is not in this space.
        """
        if not isinstance(arch, CellsArchitecture):
            raise InputError(f"space 'cells' has architectures of type CellsArchitecture, not {type(arch).__name__}")
        normal, reduction = canonical_cell(arch.normal), canonical_cell(arch.reduction)
        return super().canonicalise(replace(arch, normal=normal, reduction=reduction))

    def neighbours(self, arch: CellsArchitecture) -> Iterator[CellsArchitecture]:
        """Architectures that differ in one place of one cell (of both where they are the same), or in N, F or stem.

        Unlike parameters, places do not depend on the order in which blocks are written, so the relation is symmetric.
        """
        start = self.canonicalise(arch)
        seen = {start}
        for found in self._moves(start):
            if found not in seen:
                seen.add(found)
                yield found

    def _moves(self, start: CellsArchitecture) -> Iterator[CellsArchitecture]:
        same = start.normal == start.reduction and "same" in self.reductions
        for cell in steps(start.normal, self.options):
            if same:
                yield replace(start, normal=cell, reduction=cell)
            if "own" in self.reductions:
                yield replace(start, normal=cell)
        if "own" in self.reductions:
            for cell in steps(start.reduction, self.options):
                yield replace(start, reduction=cell)
        for name, options in self._network.items():
            for option in options:
                yield replace(start, **{name: option})  # type: ignore[arg-type]

    def enumerate(self) -> Iterator[CellsArchitecture]:
        """Every architecture once, up to equivalence, in the order of the declaration."""
        seen: set[CellsArchitecture] = set()
        for values in settings(self.declared):
            found = self.compose(values)
            found = replace(found, normal=canonical_cell(found.normal), reduction=canonical_cell(found.reduction))
            if found not in seen:
                seen.add(found)
                yield found

    def build_network(
        self, arch: CellsArchitecture, *, image_size: int, n_classes: int, in_channels: int
    ) -> CellsNetwork:
        """See :class:`CellsNetwork`; it accepts images of any size, so ``image_size`` changes nothing."""
        return CellsNetwork(
            arch.normal,
            arch.reduction,
            repeats=arch.repeats,
            filters=arch.filters,
            stem=arch.stem,
            stacking=arch.stacking,
            n_classes=n_classes,
            in_channels=in_channels,
            drop_path=self._drop_path,
            auxiliary=self._auxiliary,
        )

    def recipe(
        self, arch: CellsArchitecture, *, image_size: int, n_classes: int, in_channels: int
    ) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
        """See :meth:`Space.recipe`; drop-path and the second classifier belong to training and are left out."""
        parts = {name: getattr(arch, name) for name in ("normal", "reduction", *self._network)}
        return CellsNetwork, {**parts, "n_classes": n_classes, "in_channels": in_channels}

    # -- growing, for the sampler `progressive` ----------------------------------------------------------------------

    @property
    def levels(self) -> int:
        """How often a cell of one block can be given another."""
        return max(self.options.blocks) - 1

    def seedlings(self) -> Iterator[CellsArchitecture]:
        """Every architecture of one block whose reduction cell is the normal one: where PNAS begins.

        Raises
        ------
        OptionError
            If this space has none.
        """
        if 1 not in self.options.blocks or "same" not in self.reductions:
            raise OptionError(
                f"cells are grown from one block, and with the reduction cell the same as the normal one; this space "
                f"has blocks = {list(self.options.blocks)} and reduction = {list(self.reductions)}: open it with "
                "blocks from 1 on and reduction='same'"
            )
        fixed = [Parameter(name, options) for name, options in self._network.items()]
        for cell in one_block(self.options):
            for values in settings(fixed):
                yield CellsArchitecture(cell, cell, **values)  # type: ignore[arg-type]

    def expand(self, arch: CellsArchitecture) -> Iterator[CellsArchitecture]:
        """Every architecture whose cells have one block more; none if they are as large as can be."""
        if len(arch.normal.blocks) + 1 in self.options.blocks and arch.normal == arch.reduction:
            for cell in grown(arch.normal, self.options):
                yield replace(arch, normal=cell, reduction=cell)

    def stature(self, arch: CellsArchitecture) -> int | None:
        """The number of blocks, from 1; None for an architecture that does not come by growing."""
        return len(arch.normal.blocks) if arch.normal == arch.reduction else None

    def describe(self, arch: CellsArchitecture) -> np.ndarray[Any, np.dtype[np.float64]]:
        """For a surrogate: the normal cell, place by place and in shares, and the network's choices.

        One-hot inputs and operations of every half; the share of halves with each operation on each kind of input,
        which means the same for cells of any number of blocks (as PNAS averages embeddings over blocks), so that what
        was learned from small cells holds for larger ones; the number of blocks; output, N, F, stem and stacking.

        Parameters
        ----------
        arch : CellsArchitecture
            In canonical form.

        Returns
        -------
        array of shape (n_description,)
        """
        cell = arch.normal
        n_labels, n_operations = OUTSIDE + MOST_BLOCKS, len(OPERATIONS)
        places = np.zeros((2 * MOST_BLOCKS, n_labels + n_operations))
        shares = np.zeros((OUTSIDE + 1, n_operations))
        for place, half in zip(places, halves(cell), strict=False):
            operation = OPERATIONS.index(half.operation)
            place[[half.input, n_labels + operation]] = 1
            shares[min(half.input, OUTSIDE), operation] += 0.5 / len(cell.blocks)
        rest = [n == len(cell.blocks) for n in range(1, MOST_BLOCKS + 1)] + [cell.concat == name for name in CONCATS]
        rest += [getattr(arch, name) == option for name, options in self._network.items() for option in options]
        return np.concatenate([places.ravel(), shares.ravel(), np.array(rest, dtype=float)])


def _compose_cell(values: Mapping[str, Scalar], prefix: str) -> Cell:
    def half(i: int, side: int) -> Half:
        place = f"{prefix}.block{i + 1}."
        return Half(values[f"{place}input{side}"], values[f"{place}operation{side}"])  # type: ignore[arg-type]

    count: int = values[f"{prefix}.blocks"]  # type: ignore[assignment]
    cell = Cell(tuple(Block(half(i, 1), half(i, 2)) for i in range(count)), values[f"{prefix}.concat"])  # type: ignore[arg-type]
    return cell if cell.used else replace(cell, concat="all")
