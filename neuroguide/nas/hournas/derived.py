"""From what a supernet has learned to networks: which ones, and what they are worth with the shared weights."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.data import TrainingData
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.guides import PreparedGuide
from neuroguide.nas.hournas.budget import best_within
from neuroguide.nas.hournas.proposal import Proposals, ProposalSettings, propose
from neuroguide.nas.hournas.search import HourNAS, final_distribution
from neuroguide.nas.hournas.supernet import architecture_of
from neuroguide.nas.trainer import Preparation, deterministic
from neuroguide.nas.training import accuracy_on

_BATCH = 100


def derive(search: HourNAS) -> list[tuple[int, ...]]:
    """Networks that keep to the budgets, each a number of an operation for every block.

    The first is the one with the highest probability among all that keep to the budgets, exactly; the others are drawn
    from space proposals around what was learned (from what was learned itself, without budgets).

    Parameters
    ----------
    search : HourNAS
        Finished.

    Returns
    -------
    list of tuples
        ``settings.candidates`` different architectures, or fewer if no more are found.
    """
    table = search.table.with_fixed(search.decided)
    learned = final_distribution(search)
    best = best_within(table, search.budgets, learned)
    if best is None:
        raise InputError("no network keeps to the budgets; give a wider tolerance")
    found = {search.space.hash(architecture_of(search.space, best.tolist())): tuple(best.tolist())}
    wanted = search.settings.candidates
    if wanted > 1:
        seed = derive_seed(search.seed, "candidates")
        settings = search.settings.proposals or ProposalSettings()
        drawn_from = (
            propose(table, search.budgets, settings, prior=learned, seed=seed)
            if search.budgets
            else Proposals(table, (), learned[None])
        )
        for choices in drawn_from.draw(20 * wanted, seed=seed).choices.tolist():
            if len(found) < wanted:
                found.setdefault(search.space.hash(architecture_of(search.space, choices)), tuple(choices))
    return list(found.values())


def inherited(search: HourNAS, choices: tuple[int, ...], data: TrainingData) -> nn.Module:
    """The network with the shared weights, its running statistics taken on training images; in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        network = search.space.build(
            architecture_of(search.space, choices), image_size=data.image_size, n_classes=data.n_classes
        )
    search.supernet.inherit(network, choices, search.space)  # type: ignore[arg-type]
    network.to(search.device).train()
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [module.momentum for module in norms]
    for module in norms:
        module.reset_running_stats()
        # a plain mean over the batches
        module.momentum = None
    prepare = Preparation(data, Fidelity(channels_last=True), search.device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shown = min(search.settings.recalibration, len(data.train))
    with torch.no_grad(), deterministic():
        for start in range(0, shown, _BATCH):
            batch = data.train.images[start : min(start + _BATCH, shown)]
            if len(batch) > 1:
                network(prepare(batch.to(search.device)))
    for module, momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum
    return network.eval()


def measure(
    search: HourNAS, choices: tuple[int, ...], data: TrainingData, guide: PreparedGuide
) -> tuple[nn.Module, dict[str, Any]]:
    """What a network is worth with the shared weights.

    Returns
    -------
    network : nn.Module
    outcome : dict
        As of :func:`neuroguide.nas.evaluation.evaluate`, as far as it applies: ``measures``, ``reason``, ``loss``,
        ``parameters``, ``macs``, ``flops``, ``images_forwarded``, ``image_equivalents``, ``seconds``.
    """
    started = time.perf_counter()
    network = inherited(search, choices, data)
    fidelity = Fidelity(channels_last=True)
    accuracy, loss, validated = accuracy_on(
        network, data, data.validation, fidelity, n_images=search.settings.validation_images, device=search.device
    )
    measures = guide.measure(
        network,
        network.stage_names,  # type: ignore[arg-type]
        accuracy=accuracy,
        device=search.device,
    )
    cost = search.space.cost(
        architecture_of(search.space, choices), image_size=data.image_size, n_classes=data.n_classes
    )
    forwarded = min(search.settings.recalibration, len(data.train)) + validated + guide.images_forwarded
    return network, {
        "measures": measures,
        "reason": measures.get("reason"),
        "loss": loss,
        "parameters": cost.parameters,
        "macs": cost.macs,
        "flops": cost.flops,
        "images_seen": 0,
        "images_forwarded": forwarded,
        "image_equivalents": forwarded / 3,
        "seconds": time.perf_counter() - started,
    }
