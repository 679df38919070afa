"""The `hourglass` space: which block stands at each position, and how many there are in a stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import Any

from torch import nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.cost import Cost
from neuroguide.nas.spaces.base import Parameter, Scalar, Space
from neuroguide.nas.spaces.hourglass.blocks import Operation
from neuroguide.nas.spaces.hourglass.cost import block_cost, fixed_cost
from neuroguide.nas.spaces.hourglass.layout import Layout, Position, open_layout, positions
from neuroguide.nas.spaces.hourglass.network import HourglassNetwork

FIELDS = ("kernel", "expansion", "squeeze_excite")


@dataclass(frozen=True)
class HourglassArchitecture:
    """A layout and what stands at each of its positions.

    Attributes
    ----------
    layout : Layout
        A part of the architecture, so that its hash tells networks of different layouts apart.
    blocks : tuple of Operation or None
        One for each position; None is the identity, allowed where the map keeps its shape.
    """

    layout: Layout
    blocks: tuple[Operation | None, ...]


class HourglassSpace(Space[HourglassArchitecture]):
    """Networks of inverted residual blocks (Yang et al. 2021, HourNAS).

    Each position holds one of kernel x expansion x squeeze-excite, or the identity where that is possible. In one
    stage, all positions but the first are alike, so networks that differ in where their identities stand are the same
    network: the canonical form has them last.

    Parameters
    ----------
    layout : str, Layout or mapping
        Stages, channels and strides: ``imagenet`` (EfficientNet-B0's stages with up to 4 blocks, for 224 pixels),
        ``cifar`` (the same for 32 pixels), ``small`` (scaled down for 32 pixels and no GPU), or one's own; see
        :class:`~neuroguide.nas.spaces.hourglass.Layout`.
    width : float
        Factor of all channels of the layout.
    kernel, expansion : sequence of int
        Options of every block. Kernels must be odd.
    squeeze_excite : sequence of bool
        Options of every block.
    identity : bool
        Whether positions that keep the map's shape may hold the identity.

    Attributes
    ----------
    layout : Layout
    positions : tuple of Position
        In the order of the forward pass.
    operations : tuple of Operation
        What may stand at each of them, beside the identity.

    Raises
    ------
    OptionError
        If an option is unknown or impossible.

    Examples
    --------
    >>> space = HourglassSpace(layout="imagenet")
    >>> len(space.positions), sum(position.vital for position in space.positions)
    (22, 7)
    """

    name = "hourglass"
    architecture = HourglassArchitecture

    def __init__(
        self,
        *,
        layout: str | Layout | Mapping[str, Any] = "small",
        width: float = 1.0,
        kernel: Sequence[int] | int = (3, 5, 7),
        expansion: Sequence[int] | int = (1, 3, 6),
        squeeze_excite: Sequence[bool] | bool = (False, True),
        identity: bool = True,
    ) -> None:
        self.layout = open_layout(layout, width)
        self.positions = positions(self.layout)
        self.identity = _truth("identity", identity)
        kernels, expansions = _counts("kernel", kernel), _counts("expansion", expansion)
        if any(side % 2 == 0 for side in kernels):
            raise OptionError(f"kernels must be odd, so that maps keep their size, not {list(kernels)}")
        given = (squeeze_excite,) if isinstance(squeeze_excite, bool) else tuple(squeeze_excite)
        excites = tuple(_truth("squeeze_excite", option) for option in given)
        self._options: dict[str, tuple[Scalar, ...]] = dict(zip(FIELDS, (kernels, expansions, excites), strict=True))
        self.operations = tuple(Operation(*values) for values in product(kernels, expansions, excites))

    # -- blocks ------------------------------------------------------------------------------------------------------

    def choices(self, position: Position) -> tuple[Operation | None, ...]:
        """What may stand at a position: every operation, and the identity (last) where the map keeps its shape."""
        return self.operations if position.vital or not self.identity else (*self.operations, None)

    def block_cost(self, operation: Operation | None, position: Position, *, image_size: int = 32) -> Cost:
        """Cost of one block, equal to counting it in the built network; see :func:`~.cost.block_cost`."""
        return block_cost(operation, position, self.layout.style, image_size=image_size)

    def fixed_cost(self, *, image_size: int = 32, n_classes: int = 10, in_channels: int = 3) -> Cost:
        """Cost of stem, head and classifier, which every network of this space has."""
        return fixed_cost(self.layout, image_size=image_size, n_classes=n_classes, in_channels=in_channels)

    def cost(
        self, arch: HourglassArchitecture, *, image_size: int = 32, n_classes: int = 10, in_channels: int = 3
    ) -> Cost:
        """Parameters, multiply-accumulates and FLOPs of one image's forward pass, by formula."""
        arch = self.canonicalise(arch)
        blocks = (
            self.block_cost(b, p, image_size=image_size) for b, p in zip(arch.blocks, self.positions, strict=True)
        )
        fixed = self.fixed_cost(image_size=image_size, n_classes=n_classes, in_channels=in_channels)
        return reduce(Cost.__add__, blocks, fixed)

    @property
    def optional(self) -> frozenset[str]:
        """Names of the parameters that decide which blocks are there besides vital ones, and what these are."""
        vital = tuple(f"{position.name}." for position in self.positions if position.vital)
        return frozenset(parameter.name for parameter in self.declared if not parameter.name.startswith(vital))

    # -- parameters --------------------------------------------------------------------------------------------------

    def declare(self) -> Sequence[Parameter]:
        """For each stage ``stage2.blocks`` (how many), then ``stage2.block1.kernel``, ``.expansion``, ...."""
        parameters: list[Parameter] = []
        for i, least, most in self._depths():
            depth = f"stage{i}.blocks"
            parameters.append(Parameter(depth, tuple(range(least, most + 1))))
            for j in range(1, most + 1):
                when = {depth: tuple(range(max(least, j), most + 1))}
                parameters += [Parameter(f"stage{i}.block{j}.{name}", self._options[name], when) for name in FIELDS]
        return parameters

    def compose(self, values: Mapping[str, Scalar]) -> HourglassArchitecture:
        """Blocks from parameter values."""
        blocks: list[Operation | None] = []
        for p in self.positions:
            there: int = values[f"stage{p.stage}.blocks"]  # type: ignore[assignment]
            chosen = [values[f"{p.name}.{name}"] for name in FIELDS] if p.block <= there else None
            blocks.append(None if chosen is None else Operation(*chosen))  # type: ignore[arg-type]
        return HourglassArchitecture(self.layout, tuple(blocks))

    def decompose(self, arch: HourglassArchitecture) -> Mapping[str, Scalar]:
        """Parameter values from blocks, identities last in their stage."""
        if arch.layout != self.layout:
            raise InputError(f"the architecture has another layout than this hourglass space: {arch.layout}")
        if len(arch.blocks) != len(self.positions):
            raise InputError(
                f"the architecture has {len(arch.blocks)} blocks, and this hourglass space {len(self.positions)}"
            )
        values: dict[str, Scalar] = {}
        for position, block in zip(self.positions, arch.blocks, strict=True):
            depth = f"stage{position.stage}.blocks"
            values.setdefault(depth, 0)
            if block is None:
                if position.vital:
                    raise InputError(f"the architecture has the identity at {position.name}, where the map changes")
                continue
            values[depth] += 1  # type: ignore[operator]
            values |= {f"stage{position.stage}.block{values[depth]}.{name}": getattr(block, name) for name in FIELDS}
        return values

    def neighbours(self, arch: HourglassArchitecture) -> Iterator[HourglassArchitecture]:
        """Architectures with another value of one choice of one block, with one block less, or with one more.

        Blocks come and go anywhere in their stage, but for one that changes the map; the relation is symmetric.
        """
        start = self.canonicalise(arch)
        stages = [self._blocks_of(start, i) for i in range(len(self.layout.stages))]
        seen = {start}
        for i, least, most in self._depths():
            for blocks in self._moves(stages[i - 1], least, most):
                padded = (*blocks, *[None] * (most - len(blocks)))
                changed = [*stages[: i - 1], padded, *stages[i:]]
                found = replace(start, blocks=tuple(block for stage in changed for block in stage))
                if found not in seen:
                    seen.add(found)
                    yield found

    def build_network(
        self, arch: HourglassArchitecture, *, image_size: int, n_classes: int, in_channels: int
    ) -> HourglassNetwork:
        """See :class:`HourglassNetwork`; it accepts images of any size, so ``image_size`` changes nothing."""
        return HourglassNetwork(arch.layout, arch.blocks, n_classes=n_classes, in_channels=in_channels)

    def recipe(
        self, arch: HourglassArchitecture, *, image_size: int, n_classes: int, in_channels: int
    ) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
        """See :meth:`Space.recipe`."""
        parts = {"layout": arch.layout, "blocks": arch.blocks}
        return HourglassNetwork, {**parts, "n_classes": n_classes, "in_channels": in_channels}

    # -- inside ------------------------------------------------------------------------------------------------------

    def _depths(self) -> Iterator[tuple[int, int, int]]:
        """Number of each stage, and how many blocks it may have at least and at most."""
        for i, stage in enumerate(self.layout.stages):
            first = next(p for p in self.positions if p.stage == i + 1)
            yield i + 1, (int(first.vital) if self.identity else stage.blocks), stage.blocks

    def _moves(self, blocks: Sequence[Operation | None], least: int, most: int) -> Iterator[Sequence[Operation | None]]:
        there: list[Operation] = [block for block in blocks if block is not None]
        for j, block in enumerate(there):
            for name, options in self._options.items():
                yield from ([*there[:j], replace(block, **{name: o}), *there[j + 1 :]] for o in options)  # type: ignore[arg-type]
        # where a stage must have a block, its first one changes the map: nothing comes before it, and it stays
        if len(there) > least:
            yield from ([*there[:j], *there[j + 1 :]] for j in range(min(least, 1), len(there)))
        if len(there) < most:
            for j in range(min(least, 1), len(there) + 1):
                yield from ([*there[:j], operation, *there[j:]] for operation in self.operations)

    def _blocks_of(self, arch: HourglassArchitecture, stage: int) -> tuple[Operation | None, ...]:
        return tuple(b for b, p in zip(arch.blocks, self.positions, strict=True) if p.stage == stage + 1)


def _counts(name: str, options: Sequence[int] | int) -> tuple[int, ...]:
    options = (options,) if isinstance(options, int) else tuple(options)
    for option in options:
        if isinstance(option, bool) or not isinstance(option, int) or not 1 <= option <= 99:
            raise OptionError(f"{name} options must be whole numbers from 1 to 99, not {option!r}")
    return options


def _truth(name: str, option: object) -> bool:
    if not isinstance(option, bool):
        raise OptionError(f"{name} = {option!r} is not possible; give true or false")
    return option
