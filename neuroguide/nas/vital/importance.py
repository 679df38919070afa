"""What a trained network loses with each of its blocks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError
from neuroguide.nas.vital.blocks import Block

#: Takes a network in evaluation mode, gives what is to be compared, larger being better.
Measure = Callable[[nn.Module], Mapping[str, float]]


def block_importance(
    network: nn.Module,
    blocks: Sequence[Block],
    measure: Measure,
    *,
    fresh: nn.Module | None = None,
    images: Tensor | None = None,
    batch_size: int = 100,
) -> pd.DataFrame:
    """Measure a trained network with one block at a time taken away.

    Two ways (Veit, Wilber & Belongie 2016, section 4.1; Zhang, Bengio & Singer 2022, section 3): ``removed``, the
    identity in its place, where the block is one module that keeps the shape of its input; ``reset``, its weights
    untrained, for every block, so that vital and other blocks can be compared.

    Parameters
    ----------
    network : nn.Module
        Trained; left as it was, in evaluation mode.
    blocks : sequence of Block
        From :func:`~neuroguide.nas.vital.vital_blocks`.
    measure : callable
        ``measure(network) -> {name: value}``, e.g. accuracy and the similarity with a recording; larger is better.
    fresh : nn.Module, optional
        The same network untrained, whose weights blocks are reset to: of another draw, or of the one with which the
        training began, which takes away what training added (Zhang et al.: many blocks hardly need it). By default
        every module of a block draws new ones by its ``reset_parameters``, from torch's global generator.
    images : Tensor of shape (n, channels, height, width), optional
        Training images as the network takes them: before each measurement, all batch norms estimate their means and
        variances on them anew, so that what is lost is not only the scale (our choice). Without them they stay.
    batch_size : int
        For ``images``.

    Returns
    -------
    DataFrame
        One row for each block and way: ``block``, ``vital``, ``way``, ``parameters``, ``macs``; and for each measure
        its value and, in ``NAME loss``, how much lower that is than in the whole network.

    Raises
    ------
    InputError
        If a block is not of this network, or ``fresh`` is another one.
    """
    network.eval()
    modules = dict(network.named_modules())
    for block in blocks:
        missing = [name for name in block.modules if name not in modules]
        if missing:
            raise InputError(f"block {block.name!r} has the module {missing[0]!r}, which this network has not")
    state = {name: value.clone() for name, value in network.state_dict().items()}
    untrained = None if fresh is None else fresh.state_dict()
    if untrained is not None and {n: v.shape for n, v in untrained.items()} != {n: v.shape for n, v in state.items()}:
        raise InputError(f"fresh is another network than {type(network).__name__}: their weights differ in shape")
    batches = () if images is None else torch.split(images, batch_size)
    _recalibrate(network, batches)
    whole = dict(measure(network))
    network.load_state_dict(state)
    rows = []
    for block in blocks:
        for way, changed in _changed(network, block, untrained):
            _recalibrate(changed, batches)
            found = measure(changed)
            rows.append(
                {"block": block.name, "vital": block.vital, "way": way, "parameters": block.cost.parameters}
                | {"macs": block.cost.macs, **found}
                | {f"{name} loss": whole[name] - found[name] for name in whole}
            )
            network.load_state_dict(state)
    return pd.DataFrame(rows)


def _changed(
    network: nn.Module, block: Block, untrained: Mapping[str, Tensor] | None
) -> Iterator[tuple[str, nn.Module]]:
    """The network without the block, where that is possible, and with the block untrained."""
    if not block.vital and block.name in dict(network.named_modules()):
        without = copy.deepcopy(network)
        parent, _, child = block.name.rpartition(".")
        setattr(without.get_submodule(parent), child, nn.Identity())
        yield "removed", without
    if untrained is None:
        for name in block.modules:
            reset = getattr(network.get_submodule(name), "reset_parameters", None)
            if reset is not None:
                reset()
    else:
        inside = {name: value for name, value in untrained.items() if _belongs(name, block)}
        network.load_state_dict(inside, strict=False)
    yield "reset", network


def _belongs(entry: str, block: Block) -> bool:
    """Whether a parameter or buffer is of a block: of one of its innermost modules, or of the module that it is."""
    owner = entry.rpartition(".")[0]
    return owner in block.modules or f"{owner}.".startswith(f"{block.name}.")


def _recalibrate(network: nn.Module, batches: Sequence[Tensor]) -> None:
    if not batches:
        return
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
