"""A network's segments as blocks with names: what its author put together stays together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby, takewhile

from torch import nn

from neuroguide._core.errors import InputError
from neuroguide.nas.cost import Cost
from neuroguide.nas.vital.graph import Segment, Step, crossed, on_paths, segments
from neuroguide.nas.vital.recording import Recording, record


@dataclass(frozen=True)
class Block:
    """A part of a network between two points.

    Attributes
    ----------
    name : str
        Of the module that holds it, or of those with weights among several.
    vital : bool
        Whether every path from image to output crosses it: no identity path goes around it.
    cost : Cost
        Parameters, multiply-accumulates and FLOPs; a parameter that several blocks use counts in the first.
    modules : tuple of str
        All modules in it, the innermost ones.
    shape : tuple of int
        Of its output, without the batch: for maps (channels, height, width).
    entangled : bool
        Whether it is one of several modules between two points, connected in such a way that paths pass it by without
        an identity around it, as cells do that take the two before them.
    """

    name: str
    vital: bool
    cost: Cost
    modules: tuple[str, ...]
    shape: tuple[int, ...]
    entangled: bool = False


def vital_blocks(
    network: nn.Module, example_size: int | tuple[int, int, int] = 224, *, blocks: Sequence[str] | None = None
) -> list[Block]:
    """The blocks of a network in the order of its forward pass, and which are vital (Yang et al. 2021, section 3.1).

    A block lies between two consecutive points that every path from image to output crosses. It is vital if no identity
    path leads around it, one on which maps are only added to, joined or moved. Points at which a module of the network
    begins and ends make blocks; layers in a row make one block with the layers without weights that follow. These
    groupings are our choice; which points every path crosses is not.

    Parameters
    ----------
    network : nn.Module
        Stays as it is.
    example_size : int or tuple of int
        Side of a square image of three channels in pixels, or its channels, height and width.
    blocks : sequence of str, optional
        Names of modules to report instead of the groupings above, e.g. where nothing shows which layers belong
        together. Networks that have an attribute ``block_names`` need not be told.

    Returns
    -------
    list of Block

    Raises
    ------
    InputError
        If the network cannot be followed, or a block is not one of its modules.
    """
    shape = (3, example_size, example_size) if isinstance(example_size, int) else example_size
    given = getattr(network, "block_names", None) if blocks is None else blocks
    names = [name for name, _ in network.named_modules()]
    for name in given or ():
        if name not in names:
            raise InputError(
                f"{type(network).__name__} has no module {name!r}; its modules are {', '.join(names[1:9])}"
            )
    recording = record(network, shape)
    steps = recording.steps
    live = on_paths(steps, recording.outputs)
    pieces = _Grouping(recording, segments(steps, recording.outputs), tuple(given or ())).pieces()
    found: list[Block] = []
    used: set[str] = set()
    for piece in _joined(pieces, steps):
        weights = frozenset[str]().union(*(steps[i].parameters for i in piece.steps)) - used
        used |= weights
        found.append(_block(piece, steps, sum(recording.sizes[name] for name in weights), live))
    return found


def hourglass_note(blocks: Sequence[Block]) -> str | None:
    """A sentence about networks for which vital-first makes little sense; None for the others."""
    total = sum(block.cost.macs for block in blocks) or 1
    share = round(100 * sum(block.cost.macs for block in blocks if block.vital) / total)
    if any(block.entangled for block in blocks):
        return (
            f"modules take more than the one before them, so that paths pass by almost every one: what is vital has "
            f"{share}% of the MACs, and fixing it first decides almost nothing"
        )
    if all(block.vital for block in blocks):
        return "no identity path goes around any block: all are vital, and there is no order in which to search them"
    return None


@dataclass
class _Piece:
    """Steps that will be one block."""

    steps: list[int]
    vital: bool
    unit: str | None = None
    branching: bool = False
    entangled: bool = False
    modules: list[str] = field(default_factory=list)


class _Grouping:
    """Which segments belong to one block, by the modules in which they are."""

    def __init__(self, recording: Recording, found: Sequence[Segment], given: Sequence[str]) -> None:
        self.recording = recording
        self.steps = recording.steps
        self.segments = found
        self.given = given
        # a product at the end of two paths is a gate (squeeze-excite) within a block, not a block
        self.regions = [s for s in found if len(s.steps) > 1 and not self.steps[s.steps[-1]].kind.startswith("mul")]
        self.owners = {self._prefix(s) for s in self.regions}
        self.whole = {owner for owner in self.owners if self._is_one_block(owner)}

    def pieces(self) -> list[_Piece]:
        """Segments in order, neighbours of one unit put together."""
        units = [self._unit(segment) for segment in self.segments]
        found: list[_Piece] = []
        numbered = list(zip(units, self.segments, strict=True))
        for _, group in groupby(enumerate(numbered), key=lambda item: item[1][0] or item[0]):
            members = [pair for _, pair in group]
            unit, first = members[0]
            parts = self._entangled(first) if unit is None and first in self.regions and not first.way_around else []
            if parts:
                found += parts
                continue
            inside = [segment for _, segment in members]
            heavy = [s for s in inside if self._macs(s)] or inside
            found.append(
                _Piece(
                    steps=[i for segment in inside for i in segment.steps],
                    vital=not all(segment.way_around for segment in heavy),
                    unit=unit,
                    branching=any(segment in self.regions for segment in inside),
                )
            )
        return found

    def _unit(self, segment: Segment) -> str | None:
        """The module that stands for a segment; None for one that stands for itself."""
        prefix = self._prefix(segment)
        if self.given:
            return max((name for name in self.given if _inside(prefix, name)), key=len, default=None)
        for owner in self.whole:
            if _inside(prefix, owner):
                return owner
        if segment in self.regions or not prefix:
            return None
        if not self.owners:
            return prefix
        ancestors = [prefix[:i] for i, c in enumerate(prefix + ".") if c == "."]
        for name in ancestors:
            # a container with one member that does anything is not yet the block
            if not any(_inside(owner, name) for owner in self.owners) and not self._holds_one(name, prefix):
                return name
        return None

    def _holds_one(self, name: str, prefix: str) -> bool:
        if name == prefix or name not in self.recording.containers:
            return False
        members = {step.module[len(name) + 1 :].split(".")[0] for step in self.steps if _inside(step.module, name)}
        return len(members) == 1

    def _is_one_block(self, owner: str) -> bool:
        """Whether all that happens in a module is one block: not the whole network, nor layers and regions in a row."""
        if not owner or owner in self.recording.containers:
            return False
        inside = [s for s in self.segments if _inside(self._prefix(s), owner) and self._macs(s)]
        regions = [s for s in inside if s in self.regions]
        return len(regions) == len(inside) and len({s.way_around for s in regions}) <= 1

    def _entangled(self, segment: Segment) -> list[_Piece]:
        """The modules between two points, if one takes what another gives and each is more than a layer."""
        owner = self._prefix(segment)
        names = [self._member(self.steps[i].module, owner) for i in segment.steps]
        parts: dict[str, set[int]] = {}
        for name, i in zip(names, segment.steps, strict=True):
            if name:
                parts.setdefault(name, set()).add(i)
        of = {i: name for name, inside in parts.items() for i in inside}
        feeding = any(of.get(j, of[i]) != of[i] for i in of for j in self.steps[i].inputs)
        if len(parts) < 2 or not feeding or not all(name in self.recording.composite for name in parts):
            return []
        # what belongs to none of them goes with the one before
        last = next(iter(parts))
        for name, i in zip(names, segment.steps, strict=True):
            last = name or last
            parts[last].add(i)
        return [
            _Piece(sorted(inside), crossed(self.steps, segment, inside), name, branching=True, entangled=True)
            for name, inside in parts.items()
        ]

    def _member(self, module: str, owner: str) -> str:
        """The outermost module below an owner that is not only a container; empty if there is none."""
        start = len(owner) + 1 if owner else 0
        for i in [i for i, c in enumerate(module + ".") if c == "." and i > start]:
            if module[:i] not in self.recording.containers:
                return module[:i]
        return ""

    def _prefix(self, segment: Segment) -> str:
        return _common([self.steps[i].module for i in segment.steps])

    def _macs(self, segment: Segment) -> int:
        return sum(self.steps[i].cost.macs for i in segment.steps)


def _joined(pieces: Sequence[_Piece], steps: Sequence[Step]) -> list[_Piece]:
    """Pieces without weights (batch norm, activation, pooling) join the layer before them, or else what follows."""
    found: list[_Piece] = []
    waiting: list[int] = []
    for piece in pieces:
        if any(steps[i].cost.macs for i in piece.steps):
            piece.steps = waiting + piece.steps
            waiting = []
            found.append(piece)
        elif found and not found[-1].branching and not waiting:
            found[-1].steps += piece.steps
        else:
            waiting += piece.steps
    if waiting and found:
        found[-1].steps += waiting
    elif waiting:
        found.append(_Piece(waiting, vital=any(piece.vital for piece in pieces)))
    return found


def _block(piece: _Piece, steps: Sequence[Step], parameters: int, live: set[int]) -> Block:
    inside = [steps[i] for i in piece.steps if i in live]
    cost = reduce(Cost.__add__, (step.cost for step in inside), Cost(parameters, 0, 0))
    modules = tuple(dict.fromkeys(step.module for step in inside))
    heavy = list(dict.fromkeys(step.module or step.kind for step in inside if step.cost.macs)) or list(modules)
    name = piece.unit or (heavy[0] if len(heavy) == 1 else f"{heavy[0]} ... {heavy[-1]}")
    return Block(name, piece.vital, cost, modules, inside[-1].shape, piece.entangled)


def _inside(module: str, owner: str) -> bool:
    return module == owner or not owner or module.startswith(f"{owner}.")


def _common(names: Iterable[str]) -> str:
    """The innermost module that holds all of them."""
    levels = zip(*(name.split(".") for name in names), strict=False)
    return ".".join(level[0] for level in takewhile(lambda level: len(set(level)) == 1, levels))
