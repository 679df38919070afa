"""The network of a cell: a stem, three stages of cells, a linear head.

Conventions, after the published NASNet and PNASNet code:

- ``pnas`` stacking: three stages of N cells, of which the first of the second and third stage is the reduction cell
  (3 N cells). ``nasnet`` stacking: three stages of N normal cells and a reduction cell before the second and third
  (3 N + 2 cells).

- Filters double in every reduction cell, from its own blocks on.
- Each cell brings its two inputs to its number of filters first: 1x1 convolution and batch norm, or a factorised
  reduction where the input is twice as large as the previous cell's output.
- Every cell and the stem end with a ReLU. The authors put it at the beginning of whatever takes the cell; all of these
  begin with a ReLU, so the function is the same, and a stage's output is after its activation.
- In a reduction cell, operations on the two cells before stride, and those on its own blocks do not.
- The stem for small images is a 3x3 convolution to 3 F channels. That for ImageNet is a 3x3 convolution of stride 2
  and two reduction cells of F / 4 and F / 2 filters.
- A cell that cannot reach the output, because the later ones take only their input 0, is not built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neuroguide.nas.spaces.cells.cell import OUTSIDE, Cell, halves
from neuroguide.nas.spaces.cells.operations import (
    FactorisedReduction,
    convolution,
    drop_paths,
    make_operation,
    project,
)

STEMS = ("cifar", "imagenet")
STACKINGS = ("pnas", "nasnet")
#: Channels of the ImageNet stem's convolution in the published networks for mobile devices.
_IMAGENET_CHANNELS = 32


@dataclass(frozen=True)
class _Place:
    """One cell in the chain; ``size`` counts how often the map was halved before its output."""

    name: str
    cell: Cell
    filters: int
    stage: int
    size: int
    stride: int

    @property
    def channels(self) -> int:
        return self.filters * len(self.cell.outputs)


class CellModule(nn.Module):
    """One cell of a network.

    Parameters
    ----------
    cell : Cell
    filters : int
        Channels of each block.
    sources : dict
        For each input that the cell takes: its channels, and whether it is twice as large as the other.
    stride : int
        2 in a reduction cell.
    """

    def __init__(self, cell: Cell, filters: int, sources: dict[int, tuple[int, bool]], stride: int) -> None:
        super().__init__()
        self.drop_path = 0.0
        self._halves = [(half.input, half.operation) for half in halves(cell)]
        self._outputs = cell.outputs
        self.enter = nn.ModuleDict(
            {
                str(i): FactorisedReduction(channels, filters) if larger else nn.Sequential(*project(channels, filters))
                for i, (channels, larger) in sources.items()
            }
        )
        # two for each block, in the order of its halves
        self.operations = nn.ModuleList(
            make_operation(half.operation, filters, stride if half.input < OUTSIDE else 1) for half in halves(cell)
        )
        self.activation = nn.ReLU()

    def forward(self, before: Tensor, previous: Tensor) -> Tensor:
        """The output ``(n, filters * blocks in the output, h, w)`` from those of the two cells before."""
        maps: list[Tensor | None] = [
            self.enter[str(i)](x) if str(i) in self.enter else None for i, x in enumerate((before, previous))
        ]
        sides = list(zip(self.operations, self._halves, strict=True))
        for first, second in zip(sides[::2], sides[1::2], strict=True):
            maps.append(self._side(*first, maps) + self._side(*second, maps))
        chosen = [maps[i + OUTSIDE] for i in self._outputs]
        out: Tensor = self.activation(torch.cat(chosen, dim=1))  # type: ignore[arg-type]
        return out

    def _side(self, operation: nn.Module, half: tuple[int, str], maps: list[Tensor | None]) -> Tensor:
        label, name = half
        out: Tensor = operation(maps[label])
        if self.training and self.drop_path > 0 and name != "identity":
            out = drop_paths(out, self.drop_path)
        return out


class CellsNetwork(nn.Module):
    """See the module.

    Parameters
    ----------
    normal, reduction : Cell
    repeats : int
        N; see the module.
    filters : int
        F: channels of each block of the first stage.
    stem : {"cifar", "imagenet"}
    stacking : {"pnas", "nasnet"}
    n_classes, in_channels : int
    drop_path : float
        Probability, in training, that a path of the last cell is dropped; it grows linearly from cell to cell
        (Zoph et al. 2018, ScheduledDropPath; its growth over the training is left to whoever trains:
        :meth:`set_drop_path`).
    auxiliary : bool
        Whether a second classifier is attached to the second stage. In training, its logits are in the attribute
        ``auxiliary_logits`` after each forward pass; the trainer adds their loss.

    Attributes
    ----------
    drop_path : float
        As given: where its growth ends.
    stage_names : tuple of str
        ``stage1``, ``stage2``, ``stage3``: the output of the stage's last cell that reaches the network's output; where
        none does, that of the last one before it, or of the stem.
    """

    def __init__(
        self,
        normal: Cell,
        reduction: Cell,
        *,
        repeats: int,
        filters: int,
        stem: str,
        stacking: str,
        n_classes: int,
        in_channels: int,
        drop_path: float = 0.0,
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        imagenet = stem == "imagenet"
        channels = _IMAGENET_CHANNELS if imagenet else 3 * filters
        self.stem = nn.Sequential(
            convolution(in_channels, channels, 3, stride=2 if imagenet else 1), nn.BatchNorm2d(channels), nn.ReLU()
        )
        places = _chain(normal, reduction, repeats, filters, imagenet=imagenet, extra=stacking == "nasnet")
        live = _live(places)
        self._steps: list[tuple[str, int]] = []
        for k, place in enumerate(places):
            if k in live:
                sources = {i: _source(places, k, i, channels) for i in place.cell.inputs}
                self.add_module(place.name, CellModule(place.cell, place.filters, sources, place.stride))
                self._steps.append((place.name, k))
        self.stage_names = ("stage1", "stage2", "stage3")
        self._taps: dict[int, list[str]] = {}
        for stage, name in enumerate(self.stage_names, start=1):
            # a module of its own, so that stages have the same names in every candidate
            self.add_module(name, nn.Identity())
            self._taps.setdefault(_last(places, live, stage), []).append(name)
        self.auxiliary_logits: Tensor | None = None
        self.auxiliary: nn.Module | None = None
        if auxiliary:
            k = _last(places, live, 2)
            self.auxiliary = _auxiliary_head(places[k].channels if k >= 0 else channels, n_classes)
        self.head = nn.Linear(places[-1].channels, n_classes)
        self.drop_path = drop_path
        self.set_drop_path(drop_path)

    def __getstate__(self) -> dict[str, Any]:
        """Without the last batch's logits, which belong to a graph and cannot be copied."""
        return {**self.__dict__, "auxiliary_logits": None}

    def set_drop_path(self, probability: float) -> None:
        """Set the probability of the last cell; the others have less, in proportion to their place."""
        for name, k in self._steps:
            self.get_submodule(name).drop_path = probability * (k + 1) / (self._steps[-1][1] + 1)  # type: ignore[assignment]

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(n, n_classes)`` of images ``(n, in_channels, h, w)``."""
        x = self._tapped(self.stem(images), -1)
        outputs = {-2: x, -1: x}
        for name, k in self._steps:
            # a cell that is not built is taken by none: any map may stand in its place
            x = self._tapped(self.get_submodule(name)(outputs.get(k - 2, x), outputs.get(k - 1, x)), k)
            outputs[k] = x
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits

    def _tapped(self, x: Tensor, k: int) -> Tensor:
        """Show the output of cell ``k`` to whoever watches stages, and to the second classifier."""
        for name in self._taps.get(k, ()):
            x = self.get_submodule(name)(x)
            if name == "stage2" and self.training and self.auxiliary is not None:
                self.auxiliary_logits = self.auxiliary(x)
        return x


def _chain(normal: Cell, reduction: Cell, repeats: int, filters: int, *, imagenet: bool, extra: bool) -> list[_Place]:
    """Every cell from the stem to the head; ``extra``: reduction cells do not count among the N of a stage."""
    places = []
    if imagenet:
        for i, divisor in enumerate((4, 2), start=1):
            places.append(_Place(f"stem{i}", reduction, max(1, filters // divisor), 0, i, 2))
    size = 2 if imagenet else 0
    for stage in (1, 2, 3):
        width = filters * 2 ** (stage - 1)
        if stage > 1:
            size += 1
            places.append(_Place(f"stage{stage}_reduction", reduction, width, stage, size, 2))
        count = repeats if stage == 1 or extra else repeats - 1
        places += [_Place(f"stage{stage}_cell{j}", normal, width, stage, size, 1) for j in range(1, count + 1)]
    return places


def _live(places: list[_Place]) -> set[int]:
    """Cells from which the output can be reached."""
    live = {len(places) - 1}
    for k in reversed(range(len(places))):
        if k in live:
            live |= {k - 2 + i for i in places[k].cell.inputs if k - 2 + i >= 0}
    return live


def _last(places: list[_Place], live: set[int], stage: int) -> int:
    """The last live cell up to and with a stage; -1 for the stem."""
    return max((k for k in live if places[k].stage <= stage), default=-1)


def _source(places: list[_Place], k: int, i: int, stem_channels: int) -> tuple[int, bool]:
    """Channels of input ``i`` of cell ``k``, and whether it is twice as large as the map that the cell works on."""
    source = k - 2 + i
    channels, size = (places[source].channels, places[source].size) if source >= 0 else (stem_channels, 0)
    working = places[k].size - (places[k].stride == 2)
    return channels, size < working


def _auxiliary_head(channels: int, n_classes: int) -> nn.Sequential:
    """NASNet's: pooled to 2x2 (its 5x5 pooling of stride 3 on maps of 8x8), 1x1 to 128, 2x2 to 768, linear."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(2),
        *project(channels, 128),
        nn.ReLU(),
        nn.Conv2d(128, 768, 2, bias=False),
        nn.BatchNorm2d(768),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(768, n_classes),
    )
