"""A network borrowed for measuring: put into evaluation, moved, and given back as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; every submodule's own mode afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def placed(module: nn.Module, device: torch.device, dtype: torch.dtype) -> Iterator[nn.Module]:
    """The network on a device and in a dtype; the user's own is where and what it was afterwards.

    Another dtype is given to a copy, because converting to a smaller one and back would lose digits.
    """
    weights = [*module.parameters(), *module.buffers()]
    if any(weight.is_floating_point() and weight.dtype != dtype for weight in weights):
        yield copy.deepcopy(module).to(device=device, dtype=dtype)
        return
    home = weights[0].device if weights else device
    if same_device(home, device):
        yield module
        return
    module.to(device)
    try:
        yield module
    finally:
        module.to(home)


def same_device(a: torch.device, b: torch.device) -> bool:
    """Whether two names mean one device: ``"cuda"`` is the current one."""
    current = torch.cuda.current_device() if a.type == b.type == "cuda" else 0
    first, second = (current if device.index is None else device.index for device in (a, b))
    return a.type == b.type and first == second


@contextmanager
def fixed_draws(device: torch.device) -> Iterator[None]:
    """The same random numbers every time, for networks that draw some even in evaluation; the global state is kept."""
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(0)
        for one in cuda:
            with torch.cuda.device(one):
                torch.cuda.manual_seed(0)
        yield
