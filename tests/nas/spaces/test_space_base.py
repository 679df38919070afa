"""What the base class derives from a list of parameters, against brute force."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.spaces import DeclaredSpace, Parameter, Space, choice
from neuroguide.nas.spaces.base import Scalar


@dataclass(frozen=True)
class Net:
    depth: int = choice(1, 2, 3)
    fixed: str = choice("always")
    kernels: tuple[int, ...] = choice(3, 5, repeat="depth")
    skip: bool = choice(False, True, when={"depth": (2, 3)})
    around: str | None = choice(None, "pool", when={"skip": True})


def build(arch: Net, *, image_size: int, n_classes: int, in_channels: int) -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(in_channels * image_size**2, n_classes))
    network.stage_names = ("0",)  # type: ignore[assignment]
    return network


@pytest.fixture
def space() -> DeclaredSpace[Net]:
    return DeclaredSpace("nets", Net, build)


def by_hand() -> list[Net]:
    found = []
    for depth in (1, 2, 3):
        for kernels in itertools.product((3, 5), repeat=depth):
            for skip in (False, True) if depth > 1 else (False,):
                for around in (None, "pool") if skip else (None,):
                    found.append(Net(depth, "always", kernels=kernels, skip=skip, around=around))
    return found


def test_enumeration_and_size_are_those_of_nested_loops(space: DeclaredSpace[Net]) -> None:
    assert list(space.enumerate()) == by_hand()
    assert space.size() == len(by_hand()) == 2 + 4 * 3 + 8 * 3


def test_parameters_ask_for_what_exists_and_nothing_fixed(space: DeclaredSpace[Net]) -> None:
    assert space.parameters(Net(1, kernels=(5,))) == {"depth": 1, "kernels.0": 5}
    assert space.parameters(Net(2, kernels=(5, 3), skip=True)) == {
        "depth": 2, "kernels.0": 5, "kernels.1": 3, "skip": True, "around": None,
    }  # fmt: skip
    assert set(space.distributions()) == {"depth", "kernels.0", "kernels.1", "kernels.2", "skip", "around"}


def test_suggest_is_define_by_run(space: DeclaredSpace[Net]) -> None:
    trial = optuna.trial.FixedTrial({"depth": 1, "kernels.0": 5, "kernels.1": 3, "skip": True})
    assert space.suggest(trial) == Net(1, kernels=(5,))
    assert set(trial.params) == {"depth", "kernels.0"}


def test_neighbours_are_all_that_differ_in_one_choice(space: DeclaredSpace[Net]) -> None:
    def one_apart(a: Net, b: Net) -> bool:
        first, second = space.parameters(a), space.parameters(b)
        both = first.keys() & second.keys()
        return a != b and sum(first[name] != second[name] for name in both) == 1

    everything = by_hand()
    for arch in everything:
        assert set(space.neighbours(arch)) == {other for other in everything if one_apart(arch, other)}


def test_mutation_changes_each_parameter_as_often(space: DeclaredSpace[Net]) -> None:
    arch = Net(2, kernels=(3, 3), skip=True)
    rng = np.random.default_rng(0)
    changed: Counter[str] = Counter()
    for _ in range(3000):
        before, after = space.parameters(arch), space.parameters(space.mutate(arch, rng))
        changed[next(name for name in before if before[name] != after.get(name))] += 1
    # five parameters, each with probability 1/5: within five standard deviations
    assert set(changed) == {"depth", "kernels.0", "kernels.1", "skip", "around"}
    assert all(abs(count - 600) < 5 * np.sqrt(3000 * 0.2 * 0.8) for count in changed.values())


def test_draws_are_uniform_over_the_options_of_each_choice(space: DeclaredSpace[Net]) -> None:
    rng = np.random.default_rng(1)
    drawn = Counter(space.sample(rng).depth for _ in range(3000))
    assert all(abs(drawn[depth] - 1000) < 5 * np.sqrt(3000 * 2 / 9) for depth in (1, 2, 3))


def test_encoding_is_one_hot_and_zero_where_nothing_is(space: DeclaredSpace[Net]) -> None:
    code = space.encode(Net(1, kernels=(5,)))
    assert code.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert len({space.encode(arch).tobytes() for arch in by_hand()}) == len(by_hand())


def test_what_does_not_exist_makes_no_difference(space: DeclaredSpace[Net]) -> None:
    plain, other = Net(1, kernels=(3,)), Net(1, kernels=(3,), skip=True, around="pool")
    assert space.canonicalise(other) == plain
    assert space.hash(other) == space.hash(plain)
    assert space.contains(other)


def test_json_comes_back_and_the_hash_is_fixed(space: DeclaredSpace[Net]) -> None:
    arch = Net(2, kernels=(5, 3), skip=True, around="pool")
    data = space.to_json(arch)
    assert data == {"depth": 2, "fixed": "always", "kernels": [5, 3], "skip": True, "around": "pool"}
    assert space.from_json(data) == arch
    # SHA-256 of ["nets",{"around":"pool","depth":2,"fixed":"always","kernels":[5,3],"skip":true}], by hashlib
    assert space.hash(arch) == "e930d0c40efd2389"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": 4}, "depth = 4"),
        ({"depth": "2"}, "depth should be int"),
        ({"kernels": [5]}, "as many entries as depth = 2"),
        ({"kernels": [5, 7]}, "kernels.1 = 7"),
        ({"kernels": 5}, "should be a list"),
        ({"skip": 1}, "skip should be bool"),
        ({"extra": 1}, "should have the fields"),
    ],
)
def test_wrong_json_says_what_is_wrong(space: DeclaredSpace[Net], change: dict[str, object], message: str) -> None:
    data = space.to_json(Net(2, kernels=(5, 3)))
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        space.from_json({**data, **change})


def test_another_class_is_refused(space: DeclaredSpace[Net]) -> None:
    with pytest.raises(InputError, match="architectures of type Net, not dict"):
        space.hash({"depth": 1})  # type: ignore[arg-type]


class Merging(Space[tuple[int, ...]]):
    """Two digits whose order makes no difference."""

    name = "merging"
    architecture = tuple

    def declare(self) -> list[Parameter]:
        return [Parameter("a", (0, 1, 2)), Parameter("b", (0, 1, 2))]

    def compose(self, values: Mapping[str, Scalar]) -> tuple[int, ...]:
        return (values["a"], values["b"])  # type: ignore[return-value]

    def decompose(self, arch: tuple[int, ...]) -> Mapping[str, Scalar]:
        return {"a": arch[0], "b": arch[1]}

    def canonicalise(self, arch: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(super().canonicalise(arch)))

    def to_json(self, arch: tuple[int, ...]) -> dict[str, object]:
        return {"digits": list(self.canonicalise(arch))}

    def build_network(self, arch: tuple[int, ...], *, image_size: int, n_classes: int, in_channels: int) -> nn.Module:
        raise NotImplementedError


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31))
def test_equivalent_architectures_are_one(seed: int) -> None:
    space, rng = Merging(), np.random.default_rng(seed)
    assert list(space.enumerate()) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    assert space.size() == 6
    arch = space.sample(rng)
    assert space.mutate(arch, rng) in set(space.enumerate()) - {arch}
    assert space.hash((2, 1)) == space.hash((1, 2))
    # (0, 1) -> (0, 0), (0, 2), (1, 1), and (2, 1), which is (1, 2)
    assert set(space.neighbours((1, 0))) == {(0, 0), (0, 2), (1, 1), (1, 2)}


def test_a_space_of_one_has_nowhere_to_go() -> None:
    @dataclass(frozen=True)
    class One:
        width: int = choice(8)

    space = DeclaredSpace("one", One, build)
    arch = next(iter(space.enumerate()))
    assert space.size() == 1
    assert space.mutate(arch, np.random.default_rng(0)) == arch
    assert list(space.neighbours(arch)) == []
    assert space.distributions() == {}


def test_declarations_are_checked() -> None:
    @dataclass(frozen=True)
    class Late:
        kernels: tuple[int, ...] = choice(3, repeat="depth")
        depth: int = choice(1, 2)

    @dataclass(frozen=True)
    class Unknown:
        depth: int = choice(1, 2)
        skip: bool = choice(False, True, when={"dept": 1})

    @dataclass(frozen=True)
    class NotCounts:
        kind: str = choice("a", "b")
        kernels: tuple[int, ...] = choice(3, repeat="kind")

    @dataclass(frozen=True)
    class Plain:
        depth: int = 1

    @dataclass
    class Thawed:
        depth: int = choice(1, 2)

    @dataclass(frozen=True)
    class Twice:
        depth: int = choice(1, 2, 1)

    for wrong, message in [
        (Late, "earlier field that 'kernels' repeats 'depth'"),
        (Unknown, "did you mean 'depth'"),
        (NotCounts, "not counts"),
        (Twice, "an option twice"),
    ]:
        with pytest.raises(OptionError, match=message):
            DeclaredSpace("wrong", wrong, build).size()
    for wrong, message in [(Plain, "'depth' of space 'wrong' is not a choice"), (Thawed, "frozen dataclass")]:
        with pytest.raises(InputError, match=message):
            DeclaredSpace("wrong", wrong, build)
    with pytest.raises(OptionError, match="no options"):
        Parameter("empty", ())


def test_stage_names_are_checked(space: DeclaredSpace[Net]) -> None:
    def nameless(arch: Net, *, image_size: int, n_classes: int, in_channels: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))

    with pytest.raises(InputError, match="stage_names are None"):
        DeclaredSpace("nets", Net, nameless).build(Net(1, kernels=(3,)))
    assert space.build(replace(Net(1, kernels=(3,))), image_size=8).stage_names == ("0",)
