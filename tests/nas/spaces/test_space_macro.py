"""The macro space: its contract, its subspaces, and that everything in it builds and trains."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.nas.spaces import MacroArchitecture, MacroSpace, Stage, open_space, spaces
from neuroguide.nas.spaces.blocks import ConcatBlock
from neuroguide.testing.spaces import check_networks, check_space

CLOSED = {
    "operation": ("conv", "separable", "bottleneck"),
    "activation": ("relu",),
    "normalisation": ("batch",),
    "shared": True,
}


def arch(**stage: object) -> MacroArchitecture:
    settings = {"depth": 2, "width": 8, "operation": "conv", "kernel": 3, "skip": "none", **stage}
    return MacroArchitecture((Stage(**settings),) * 3, "relu", "batch", 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, CLOSED, {"stages": 2, "stem": (1, 2), "expansion": 3}])
def test_contract(options: dict[str, object]) -> None:
    check_space(open_space("macro", **options), draws=12)


def test_networks_take_other_sizes() -> None:
    space = open_space("macro", stem=(1, 4))
    drawn = [space.sample(np.random.default_rng(seed)) for seed in range(4)]
    for size in (1, 17, 64):
        # one position per map: normalised over the batch alone
        check_networks(space, drawn, image_size=size, n_classes=3)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31))
def test_every_draw_builds_and_trains(seed: int) -> None:
    space = open_space("macro")
    check_networks(space, [space.sample(np.random.default_rng(seed))], image_size=16, n_classes=4)


def test_the_closed_subspace_has_243_points_that_are_points_of_the_whole() -> None:
    closed, whole = open_space("macro", **CLOSED), open_space("macro")
    listed = list(closed.enumerate())
    assert closed.size() == len(listed) == len({closed.hash(a) for a in listed}) == 3**5
    assert set(closed.distributions()) == {"depth", "width", "operation", "kernel", "skip"}
    assert all(whole.hash(a) == closed.hash(a) for a in listed)
    assert all(whole.contains(a) for a in listed)
    outside = MacroArchitecture((*listed[0].stages[:2], listed[1].stages[2]), "relu", "batch", 2)
    with pytest.raises(InputError, match="stages that differ"):
        closed.parameters(outside)


def test_all_243_are_different_networks() -> None:
    space = open_space("macro", **CLOSED)
    described = set()
    for a in space.enumerate():
        network = space.build(a)
        described.add((str(network), tuple(sorted((n, p.shape) for n, p in network.named_parameters()))))
    assert len(described) == 243


def test_an_expansion_that_expands_nothing_is_no_difference() -> None:
    space = open_space("macro")
    assert space.hash(arch(expansion=4)) == space.hash(arch())
    assert space.hash(arch(operation="mbconv", expansion=4)) != space.hash(arch(operation="mbconv", expansion=2))
    assert "stage1.expansion" not in space.parameters(arch())
    assert space.parameters(arch(operation="mbconv", expansion=4))["stage1.expansion"] == 4


def test_size_is_the_product_over_stages() -> None:
    # 3 depths x 3 widths x 3 kernels x 3 skips x (3 operations + mbconv with 2 expansions); 5 activations, 3 norms
    assert open_space("macro").size() == (81 * 5) ** 3 * 15


def test_shapes_of_the_stages() -> None:
    network = MacroSpace().build(arch(depth=3, width=12), n_classes=7)
    shapes = {}
    for name in network.stage_names:  # type: ignore[union-attr]
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: shapes.update({name: tuple(output.shape[1:])})
        )
    network.eval()(torch.zeros(1, 3, 32, 32))
    assert shapes == {"stage1": (12, 16, 16), "stage2": (24, 8, 8), "stage3": (48, 4, 4)}
    assert [len(network.get_submodule(name)) for name in shapes] == [3, 3, 3]  # type: ignore[arg-type]


def test_stage_outputs_are_after_the_activation() -> None:
    for skip in ("none", "add", "concat"):
        for operation in ("conv", "separable", "bottleneck", "mbconv"):
            network = MacroSpace().build(arch(skip=skip, operation=operation, expansion=2))
            lowest = dict.fromkeys(network.stage_names, -1.0)  # type: ignore[arg-type]
            for name in lowest:
                network.get_submodule(name).register_forward_hook(
                    lambda m, i, output, name=name, lowest=lowest: lowest.update({name: float(output.min())})
                )
            with torch.no_grad():
                network.eval()(torch.randn(2, 3, 32, 32))
            assert min(lowest.values()) >= 0


def test_concat_passes_one_half_by_and_interleaves() -> None:
    block = ConcatBlock(nn.Identity(), None, nn.ReLU(), 4)
    x = torch.tensor([-1.0, 2.0, 3.0, -4.0])[None, :, None, None]
    # the first half works (here: the identity, then the activation), the second passes by
    assert block(x).flatten().tolist() == [0.0, 3.0, 2.0, -4.0]


def test_networks_can_be_traced() -> None:
    space = open_space("macro", width=(5, 8))
    for seed in range(8):
        network = space.build(space.sample(np.random.default_rng(seed))).eval()
        images = torch.randn(2, 3, 32, 32)
        with torch.no_grad():
            assert torch.equal(torch.fx.symbolic_trace(network)(images), network(images))


def test_options_are_checked() -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"operation": ("convolution",)}, "unknown operation 'convolution'; known: bottleneck, conv"),
        ({"skip": "adds"}, "did you mean 'add'"),
        ({"activation": ("swish",)}, "unknown activation"),
        ({"kernel": (3, 4)}, "must be odd"),
        ({"depth": (0, 1)}, "at least 1"),
        ({"width": (1,)}, "at least 2"),
        ({"width": (8.5,)}, "whole numbers"),
        ({"depth": ()}, "no options"),
        ({"stages": 0}, "from 1 to 6"),
        ({"depths": (1,)}, "does not take these options"),
    ]
    for options, message in wrong:
        with pytest.raises(OptionError, match=re.escape(message)):
            open_space("macro", **options).size()


def test_opening() -> None:
    assert "macro" in spaces
    space = open_space("macro", depth=(1, 2))
    assert space.origin == {"space": "macro", "options": {"depth": [1, 2]}}
    assert open_space(space) is space
    with pytest.raises(OptionError, match="open already"):
        open_space(space, depth=1)
    with pytest.raises(OptionError, match="did you mean 'macro'"):
        open_space("makro")
    with pytest.raises(FileError, match=r"nowhere\.py"):
        open_space("nowhere.py:make")


def test_a_file_that_makes_something_else(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("def make():\n    return 3\n")
    with pytest.raises(InputError, match="returned int"):
        open_space(f"{tmp_path}/other.py:make")


def test_the_example_of_the_documentation_is_a_space() -> None:
    example = Path(__file__).parents[3] / "docs" / "examples" / "own_space.py"
    space = open_space(f"{example}:make")
    assert space.size() == 3 * 2 * (2 + 4 * 2 + 8 * 2)
    check_space(space, draws=10, image_sizes=(32, 20))
