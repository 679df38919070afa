"""The contract of a space: what samplers, studies and training need of it.

Run all of it on a space of your own from a test:

>>> from neuroguide.testing.spaces import check_space
>>> check_space(open_space("my_space.py:make"))  # doctest: +SKIP
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroguide.nas.spaces import Space, open_space


def check_space(space: Space[Any], *, draws: int = 20, seed: int = 0, image_sizes: Sequence[int] = (32,)) -> None:
    """Run every check of this module.

    Parameters
    ----------
    space : Space
    draws : int
        How many random architectures each check looks at; networks are built for half of them.
    seed : int
        Of the draws.
    image_sizes : sequence of int
        Sides of the images, in pixels, that its networks must take.

    Raises
    ------
    AssertionError
        If the space breaks the contract; the message says which part, and for which architecture.
    """
    architectures = check_draws(space, draws=draws, seed=seed)
    check_parameters(space, architectures)
    check_canonical(space, architectures)
    check_moves(space, architectures, seed=seed)
    check_encoding(space, architectures)
    check_enumeration(space, architectures)
    check_reopened(space, architectures)
    for size in image_sizes:
        check_networks(space, architectures[: max(1, draws // 2)], image_size=size)


def check_draws(space: Space[Any], *, draws: int = 20, seed: int = 0) -> list[Any]:
    """Draws are frozen dataclasses in the space, the same for the same seed; returns them."""
    first, again = (
        [space.sample(rng) for _ in range(draws)] for rng in (np.random.default_rng(seed), np.random.default_rng(seed))
    )
    assert first == again, "the same generator draws other architectures: something else is random"
    for arch in first:
        settings = getattr(arch, "__dataclass_params__", None)
        assert settings is not None, f"{arch!r} is not a dataclass"
        assert settings.frozen, f"{type(arch).__name__} is not frozen"
        assert space.contains(arch), f"{arch} was drawn from the space and is not in it"
        assert hash(arch) == hash(copy.deepcopy(arch)), f"two equal copies of {arch} have different Python hashes"
    return first


def check_parameters(space: Space[Any], architectures: Sequence[Any]) -> None:
    """``parameters`` is the exact inverse of ``suggest``: the same names, and the same architecture back."""
    distributions = space.distributions()
    study = optuna.create_study()
    for arch in architectures:
        values = space.parameters(arch)
        study.enqueue_trial(values)
        trial = study.ask()
        assert space.suggest(trial) == arch, f"suggest does not give back {arch} from its parameters {values}"
        assert trial.params == values, f"a trial is asked for {sorted(trial.params)}, parameters has {sorted(values)}"
        for name, distribution in trial.distributions.items():
            assert distributions.get(name) == distribution, f"the trial's {name} is not what distributions says"


def check_canonical(space: Space[Any], architectures: Sequence[Any]) -> None:
    """The canonical form is stable, its JSON is text and comes back, and hashes differ where architectures do."""
    for arch in architectures:
        assert space.canonicalise(arch) == arch, f"{arch} was drawn and is not in canonical form"
        text = json.dumps(space.to_json(arch), allow_nan=False)
        assert space.from_json(json.loads(text)) == arch, f"{arch} does not come back from its JSON {text}"
        assert space.hash(arch) == space.hash(space.from_json(json.loads(text))), f"the hash of {arch} is not stable"
    hashes = {space.hash(arch) for arch in architectures}
    assert len(hashes) == len(set(architectures)), "two different architectures have one hash"


def check_moves(space: Space[Any], architectures: Sequence[Any], *, seed: int = 0, neighbours: int = 30) -> None:
    """Mutants and neighbours are other points of the space, and being neighbours is mutual."""
    if space.size() == 1:
        return
    for arch in architectures:
        mutant = space.mutate(arch, np.random.default_rng(seed))
        assert mutant == space.mutate(arch, np.random.default_rng(seed)), f"mutating {arch} is not repeatable"
        assert mutant != arch, f"{arch} is its own mutant"
        assert space.contains(mutant), f"{mutant}, a mutant, is not in the space"
    for arch in architectures[:3]:
        near = list(itertools.islice(space.neighbours(arch), neighbours))
        assert arch not in near, f"{arch} is its own neighbour"
        assert len(set(near)) == len(near), f"a neighbour of {arch} is listed twice"
        for other in near[:5]:
            assert space.contains(other), f"{other}, a neighbour, is not in the space"
            assert arch in space.neighbours(other), f"{other} is a neighbour of {arch}, and not the reverse"


def check_encoding(space: Space[Any], architectures: Sequence[Any]) -> None:
    """Codes are finite, of one length, and different for different architectures."""
    codes = {arch: space.encode(arch) for arch in architectures}
    lengths = {code.shape for code in codes.values()}
    assert len(lengths) == 1, f"codes have the shapes {lengths}"
    assert len(next(iter(lengths))) == 1, f"a code is an array of one dimension, not of shape {next(iter(lengths))}"
    assert all(np.isfinite(code).all() for code in codes.values()), "a code is not finite"
    assert len({code.tobytes() for code in codes.values()}) == len(codes), "two different architectures have one code"


def check_enumeration(space: Space[Any], architectures: Sequence[Any], *, limit: int = 3000) -> None:
    """A space of at most ``limit`` architectures lists each once, and holds whatever is drawn, mutated or near."""
    size = space.size()
    if size is None or size > limit:
        return
    hashes = [space.hash(arch) for arch in space.enumerate()]
    assert len(hashes) == size, f"size is {size}, and {len(hashes)} are listed"
    assert len(set(hashes)) == size, "an architecture is listed twice"
    rng = np.random.default_rng(0)
    for arch in architectures:
        reached = [arch, space.mutate(arch, rng), *itertools.islice(space.neighbours(arch), 20)]
        for other in reached:
            assert space.hash(other) in set(hashes), f"{other} can be reached and is not listed"


def check_reopened(space: Space[Any], architectures: Sequence[Any]) -> None:
    """A space that was opened by name is the same when a worker opens it from its origin."""
    if space.origin is None:
        return
    origin = json.loads(json.dumps(space.origin))
    other = open_space(origin["space"], **origin["options"])
    for arch in architectures:
        back = other.from_json(space.to_json(arch))
        assert other.hash(back) == space.hash(arch), f"{arch} has another hash in the space opened anew"


def check_networks(
    space: Space[Any], architectures: Sequence[Any], *, image_size: int = 32, n_classes: int = 10
) -> None:
    """Networks build the same from the same seed, name as many stages each, take a training step, and are counted."""
    stages = set()
    for arch in architectures:
        network = _build(space, arch, image_size, n_classes)
        twin = _build(space, arch, image_size, n_classes)
        for (name, a), (_, b) in zip(network.state_dict().items(), twin.state_dict().items(), strict=True):
            assert torch.equal(a, b), f"{name} of {arch} differs between two networks built from one seed"
        stages.add(len(network.stage_names))  # type: ignore[arg-type]
        _check_step(network, arch, image_size, n_classes)
        _check_stages(network, arch, image_size)
        _check_cost(space, arch, network, image_size, n_classes)
    assert len(stages) == 1, f"networks have {sorted(stages)} stages; every one must have as many"


def _build(space: Space[Any], arch: Any, image_size: int, n_classes: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return space.build(arch, image_size=image_size, n_classes=n_classes)


def _images(image_size: int) -> Tensor:
    return torch.randn((4, 3, image_size, image_size), generator=torch.Generator().manual_seed(0))


def _check_step(network: nn.Module, arch: Any, image_size: int, n_classes: int) -> None:
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
    logits = network.train()(_images(image_size))
    assert logits.shape == (4, n_classes), f"logits of {arch} have shape {tuple(logits.shape)}, not {(4, n_classes)}"
    functional.cross_entropy(logits, torch.arange(4) % n_classes).backward()  # type: ignore[no-untyped-call]
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, f"{name} of {arch} has no part in the output"
        assert bool(torch.isfinite(parameter.grad).all()), f"the gradient of {name} of {arch} is not finite"
    optimiser.step()
    with torch.no_grad():
        after = network.eval()(_images(image_size).contiguous(memory_format=torch.channels_last))
    assert bool(torch.isfinite(after).all()), f"the output of {arch} is not finite after one step"


def _check_stages(network: nn.Module, arch: Any, image_size: int) -> None:
    seen: dict[str, Any] = {}
    names: tuple[str, ...] = network.stage_names  # type: ignore[assignment]
    handles = [
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: seen.update({name: output})
        )
        for name in names
    ]
    with torch.no_grad():
        network.eval()(_images(image_size))
    for handle in handles:
        handle.remove()
    for name in names:
        assert isinstance(seen.get(name), Tensor), f"stage {name!r} of {arch} gives no tensor in a forward pass"
        assert len(seen[name]) == 4, f"stage {name!r} of {arch} does not have the images as its first dimension"


def _check_cost(space: Space[Any], arch: Any, network: nn.Module, image_size: int, n_classes: int) -> None:
    before = torch.random.get_rng_state()
    cost = space.cost(arch, image_size=image_size, n_classes=n_classes)
    assert torch.equal(before, torch.random.get_rng_state()), f"counting {arch} draws random numbers"
    counted = sum(p.numel() for p in network.parameters())
    assert cost.parameters == counted, f"{arch} has {counted} parameters, its cost says {cost.parameters}"
    assert cost.flops >= 2 * cost.macs > 0, f"{arch} has {cost.flops} FLOPs for {cost.macs} MACs"
