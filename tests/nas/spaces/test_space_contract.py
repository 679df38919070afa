"""The contract finds what is broken in a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from neuroguide.nas.cost import Cost
from neuroguide.nas.spaces import DeclaredSpace, choice
from neuroguide.nas.spaces.base import Scalar
from neuroguide.testing.spaces import check_space


@dataclass(frozen=True)
class Net:
    width: int = choice(4, 6, 8)
    depth: int = choice(1, 2)
    activation: str = choice("relu", "tanh", "elu")


def build(arch: Net, *, image_size: int, n_classes: int, in_channels: int) -> nn.Module:
    network = nn.Sequential()
    for i in range(arch.depth):
        network.append(nn.Conv2d(in_channels if i == 0 else arch.width, arch.width, 3, padding=1))
        network.append(nn.ReLU())
    network.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(arch.width, n_classes)])
    network.stage_names = ("1",)  # type: ignore[assignment]
    return network


def space(make: Callable[..., nn.Module] = build) -> DeclaredSpace[Net]:
    return DeclaredSpace("nets", Net, make)


def test_a_sound_space_passes() -> None:
    check_space(space(), draws=6)


def varying_stages(arch: Net, **size: int) -> nn.Module:
    network = build(arch, **size)
    network.stage_names = tuple(str(2 * i + 1) for i in range(arch.depth))  # type: ignore[assignment]
    return network


def own_randomness(arch: Net, **size: int) -> nn.Module:
    network = build(arch, **size)
    with torch.no_grad():
        network[0].weight += torch.from_numpy(np.random.default_rng().normal(size=1)).float()  # type: ignore[index]
    return network


def idle_parameter(arch: Net, **size: int) -> nn.Module:
    network = build(arch, **size)
    network.register_parameter("idle", nn.Parameter(torch.zeros(3)))
    return network


def other_classes(arch: Net, **size: int) -> nn.Module:
    return build(arch, **{**size, "n_classes": 3})


def explosive(arch: Net, **size: int) -> nn.Module:
    network = build(arch, **size)
    nn.init.constant_(network[0].weight, torch.inf)  # type: ignore[index, arg-type]
    return network


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (varying_stages, r"networks have \[1, 2\] stages"),
        (own_randomness, "differs between two networks built from one seed"),
        (idle_parameter, "idle of .* has no part in the output"),
        (other_classes, r"have shape \(4, 3\)"),
        (explosive, "is not finite"),
    ],
)
def test_broken_networks(make: Callable[..., nn.Module], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_space(space(make), draws=8)


class Forgetful(DeclaredSpace[Net]):
    def compose(self, values: Mapping[str, Scalar]) -> Net:
        return super().compose({name: value for name, value in values.items() if name != "depth"})


class Unmoved(DeclaredSpace[Net]):
    def mutate(self, arch: Net, rng: np.random.Generator) -> Net:
        return arch


class OneWay(DeclaredSpace[Net]):
    def neighbours(self, arch: Net) -> Any:
        return (other for other in super().neighbours(arch) if other.width >= arch.width)


class Blind(DeclaredSpace[Net]):
    def encode(self, arch: Net) -> Any:
        return super().encode(replace(arch, activation="relu"))


class Unstable(DeclaredSpace[Net]):
    def hash(self, arch: Net) -> str:
        return str(np.random.default_rng().integers(10**9))


class Incomplete(DeclaredSpace[Net]):
    def enumerate(self) -> Any:
        return (arch for arch in super().enumerate() if arch.width != 6)


class Cheap(DeclaredSpace[Net]):
    def cost(self, arch: Net, **size: int) -> Cost:
        return replace(super().cost(arch, **size), parameters=1)


class Careless(DeclaredSpace[Net]):
    def cost(self, arch: Net, **size: int) -> Cost:
        torch.rand(1)
        return super().cost(arch, **size)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Forgetful, "an architecture is listed twice"),
        (Unmoved, "is its own mutant"),
        (OneWay, "and not the reverse"),
        (Blind, "two different architectures have one code"),
        (Unstable, "is not stable"),
        (Incomplete, "18, and 12 are listed"),
        (Cheap, "its cost says 1"),
        (Careless, "draws random numbers"),
    ],
)
def test_broken_spaces(broken: type[DeclaredSpace[Net]], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_space(broken("nets", Net, build), draws=10)
