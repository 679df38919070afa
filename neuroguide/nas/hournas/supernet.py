"""All networks of the hourglass space in one, with shared weights, of which one or a few paths run at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.hournas.proposal import gumbel
from neuroguide.nas.hournas.table import CostTable
from neuroguide.nas.spaces.hourglass import HourglassArchitecture, HourglassNetwork, HourglassSpace, MBConv
from neuroguide.nas.spaces.hourglass.network import head, stem

#: Name of the operation that lets the map pass; it has the last number.
IDENTITY = "identity"

#: The costs that are counted.
COUNTED = ("parameters", "macs", "flops")


@dataclass(frozen=True, eq=False)
class Path:
    """What runs in each block.

    Attributes
    ----------
    operations : tuple of tuples of int
        For each block the operation whose output goes on, and others whose output is only looked at.
    weights : tuple of Tensor or None
        For each block a weight for each of these operations, 1 for the first and 0 for the others, whose gradients say
        how the loss would change; an empty tensor for a block in which there is nothing to choose. None: no gradients.
    """

    operations: tuple[tuple[int, ...], ...]
    weights: tuple[Tensor, ...] | None = None


class Supernet(nn.Module):
    """Stem, blocks of which each holds every operation of the space, and head.

    A forward pass runs the operations of :attr:`path`. Batch norms take the statistics of the batch at hand: a running
    mean over networks that differ would fit none of them.

    Parameters
    ----------
    space : HourglassSpace
    n_classes, in_channels : int

    Attributes
    ----------
    path : Path
        Set it before a forward pass.
    stage_names : tuple of str
        As of the networks of the space.
    """

    def __init__(self, space: HourglassSpace, *, n_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        layout = space.layout
        self.stem = stem(layout, in_channels)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                MBConv(p.in_channels, p.channels, operation, stride=p.stride, style=layout.style)
                for operation in space.operations
            )
            for p in space.positions
        )
        self.head = head(layout)
        self.classifier = nn.Linear(layout.head, n_classes)
        self.stage_names = tuple(f"stage{i + 1}" for i in range(len(layout.stages)))
        self._last = tuple(max(p.index for p in space.positions if p.stage == i + 1) for i in range(len(layout.stages)))
        self.path = Path(((0,),) * len(space.positions))
        for module in self.modules():
            if isinstance(module, _BatchNorm):
                module.track_running_stats = False
                module.running_mean = module.running_var = module.num_batches_tracked = None

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(n, n_classes)`` of images ``(n, in_channels, h, w)``."""
        return self.with_stages(images)[0]

    def with_stages(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits, and the output of each stage's last block, flattened to ``(n, n_features)``."""
        x = self.stem(images)
        stages = []
        for b in range(len(self.blocks)):
            x = self._block(b, x)
            if b in self._last:
                stages.append(x.flatten(1))
        logits: Tensor = self.classifier(self.head(x).mean(dim=(2, 3)))
        return logits, stages

    def _block(self, b: int, x: Tensor) -> Tensor:
        operations = self.path.operations[b]
        out = self._operation(b, operations[0], x)
        if self.path.weights is None or len(self.path.weights[b]) == 0:
            return out
        weights = self.path.weights[b]
        out = weights[0] * out
        for weight, operation in zip(weights[1:], operations[1:], strict=True):
            # its weight is 0: nothing flows back through it, only into the weight
            with torch.no_grad():
                other = self._operation(b, operation, x)
            out = out + weight * other
        return out

    def _operation(self, b: int, operation: int, x: Tensor) -> Tensor:
        block: nn.ModuleList = self.blocks[b]  # type: ignore[assignment]
        if operation == len(block):
            return x
        out: Tensor = block[operation](x)
        return out

    def inherit(self, network: HourglassNetwork, choices: Sequence[int], space: HourglassSpace) -> None:
        """Copy the shared weights into a network of the space.

        Its running statistics are left as they are; they must be taken anew.

        Parameters
        ----------
        network : HourglassNetwork
            Built from ``architecture_of(space, choices)`` in its canonical form.
        choices : sequence of int
            Number of each block's operation.
        space : HourglassSpace
        """
        network.stem.load_state_dict(self.stem.state_dict(), strict=False)
        network.head.load_state_dict(self.head.state_dict(), strict=False)
        network.classifier.load_state_dict(self.classifier.state_dict())
        for i, name in enumerate(self.stage_names):
            # identities come last in the canonical form; the blocks keep their order
            taken = [
                self.blocks[p.index][choices[p.index]]  # type: ignore[index]
                for p in space.positions
                if p.stage == i + 1 and choices[p.index] < len(space.operations)
            ]
            for own, shared in zip(network.get_submodule(name).children(), taken, strict=True):
                own.load_state_dict(shared.state_dict(), strict=False)


def architecture_of(space: HourglassSpace, choices: Sequence[int]) -> HourglassArchitecture:
    """The architecture, in its canonical form, whose blocks have the operations of these numbers."""
    blocks = tuple(None if i == len(space.operations) else space.operations[i] for i in choices)
    return space.canonicalise(HourglassArchitecture(space.layout, blocks))


def choices_of(space: HourglassSpace, arch: HourglassArchitecture) -> tuple[int, ...]:
    """The number of each block's operation: the inverse of :func:`architecture_of`."""
    arch = space.canonicalise(arch)
    return tuple(len(space.operations) if b is None else space.operations.index(b) for b in arch.blocks)


def counted_table(space: HourglassSpace, *, image_size: int = 32, n_classes: int = 10) -> CostTable:
    """Parameters, MACs and FLOPs of every operation of every block, by formula.

    Raises
    ------
    InputError
        If the space is no hourglass space.
    """
    if not isinstance(space, HourglassSpace):
        raise InputError(f"the method hournas searches the space 'hourglass', {space.name!r} arrived")
    allowed = torch.zeros((len(space.positions), len(space.operations) + 1), dtype=torch.bool)
    costs = torch.zeros((*allowed.shape, len(COUNTED)), dtype=torch.float64)
    for p in space.positions:
        for operation in space.choices(p):
            i = len(space.operations) if operation is None else space.operations.index(operation)
            allowed[p.index, i] = True
            cost = space.block_cost(operation, p, image_size=image_size)
            costs[p.index, i] = torch.tensor([float(getattr(cost, name)) for name in COUNTED])
    fixed = space.fixed_cost(image_size=image_size, n_classes=n_classes)
    return CostTable(
        quantities=COUNTED,
        blocks=tuple(p.name for p in space.positions),
        operations=(*(operation.name for operation in space.operations), IDENTITY),
        fixed=torch.tensor([float(getattr(fixed, name)) for name in COUNTED]),
        costs=costs,
        allowed=allowed,
    )


def vital_blocks(space: HourglassSpace) -> tuple[int, ...]:
    """Numbers of the blocks that every path from input to output crosses."""
    return tuple(p.index for p in space.positions if p.vital)


def relaxed_path(
    logits: Tensor, allowed: Tensor, *, paths: int, temperature: float, generator: torch.Generator
) -> Path:
    """Draw operations and their straight-through Gumbel-softmax weights (Jang et al. 2017; Maddison et al. 2017).

    Each block draws ``paths`` different operations by the Gumbel-max rule. The first, which is an exact draw from the
    softmax of the logits, runs; the others are looked at. The weights are 1 and 0, and have the gradient of the softmax
    of (logits + noise) / temperature over the operations drawn. With as many paths as operations this is the
    straight-through Gumbel-softmax; with fewer (two is our default), operations that were not drawn have no gradient.

    Parameters
    ----------
    logits : tensor of shape (n_blocks, n_operations)
        Finite; of operations that are not allowed it plays no part.
    allowed : bool tensor of the same shape
    paths : int
    temperature : float
    generator : torch.Generator
    """
    noisy = torch.where(allowed, logits, -torch.inf) + gumbel(logits.detach(), generator)
    operations, weights = [], []
    for row, ok in zip(noisy, allowed, strict=True):
        count = min(paths, int(ok.sum()))
        best = row.detach().topk(count).indices
        operations.append(tuple(best.tolist()))
        if count == 1:
            weights.append(torch.empty(0))
            continue
        soft = (row[best] / temperature).softmax(0)
        hard = torch.zeros_like(soft)
        hard[0] = 1
        # the values are exactly 1 and 0
        weights.append((hard + (soft - soft.detach())).float())
    return Path(tuple(operations), tuple(weights))


def initial_supernet(space: HourglassSpace, *, n_classes: int, seed: int) -> Supernet:
    """A supernet whose weights derive from the seed; global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "supernet"))
        return Supernet(space, n_classes=n_classes)
