"""The hourglass space: published networks, the closed cost, its parameters and moves, and the contract."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.cost import Cost, count_cost
from neuroguide.nas.spaces import open_space
from neuroguide.nas.spaces.hourglass import (
    LAYOUTS,
    BlockStyle,
    HourglassArchitecture,
    HourglassSpace,
    Layout,
    LayoutStage,
    MBConv,
    Operation,
)
from neuroguide.nas.spaces.hourglass.published import EFFICIENTNET_B0, HOURNAS_F
from neuroguide.testing.spaces import check_networks, check_space

TINY = Layout(4, 1, (LayoutStage(4, 2, 1), LayoutStage(6, 3, 2)), 8)


def test_hournas_f() -> None:
    space = HourglassSpace(layout="imagenet")
    assert len(space.positions) == 22
    assert [p.index for p in space.positions if p.vital] == [0, 1, 5, 9, 13, 17, 21]
    assert [p.channels for p in space.positions][::4] == [16, 24, 40, 80, 112, 192]
    cost = space.cost(HOURNAS_F, image_size=224, n_classes=1000)
    # published: 5.3 million parameters, 383 million multiply-adds
    assert cost.parameters == pytest.approx(5.3e6, rel=0.02)
    assert round(cost.macs / 1e6) == 383
    network = space.build(HOURNAS_F, image_size=224, n_classes=1000)
    assert count_cost(network, (3, 224, 224)) == cost


def test_hournas_f_without_the_first_convolution_of_expansion_1() -> None:
    """The independent count of 361 million leaves it out: that is the whole difference to the published 383."""
    style = BlockStyle(expand_always=False)
    layout = Layout(**{**vars(LAYOUTS["imagenet"]), "style": style})
    cost = HourglassSpace(layout=layout).cost(
        HourglassArchitecture(layout, HOURNAS_F.blocks), image_size=224, n_classes=1000
    )
    assert round(cost.macs / 1e6) == 361
    assert cost.parameters == pytest.approx(5.34e6, rel=0.002)


def test_efficientnet_b0() -> None:
    space = HourglassSpace(layout=EFFICIENTNET_B0.layout)
    cost = space.cost(EFFICIENTNET_B0, image_size=224, n_classes=1000)
    # parameters as in torchvision and timm, 0.39 GMACs published
    assert cost.parameters == 5_288_548
    assert cost.macs == pytest.approx(0.39e9, rel=0.02)
    assert cost.flops > 2 * cost.macs


@st.composite
def cases(draw):
    style = BlockStyle(
        activation=draw(st.sampled_from(["relu", "silu"])),
        squeeze=draw(st.floats(0.01, 1)),
        squeeze_of=draw(st.sampled_from(["expanded", "input"])),
        expand_always=draw(st.booleans()),
    )
    stages = draw(st.lists(st.builds(LayoutStage, st.integers(1, 6), st.integers(1, 3), st.integers(1, 2)), max_size=3))
    layout = Layout(draw(st.integers(1, 5)), draw(st.integers(1, 2)), (LayoutStage(3, 2, 2), *stages), 5, style)
    return layout, draw(st.integers(1, 33)), draw(st.integers(0, 1000))


@given(cases())
@settings(deadline=None, max_examples=40)
def test_cost_by_formula_is_the_counted_cost(case) -> None:
    layout, image_size, seed = case
    space = HourglassSpace(layout=layout)
    arch = space.sample(np.random.default_rng(seed))
    network = space.build(arch, n_classes=7)
    assert space.cost(arch, image_size=image_size, n_classes=7) == count_cost(network, (3, image_size, image_size))


def test_cost_of_one_block_is_its_part_of_the_counted_cost() -> None:
    space = HourglassSpace(layout="small")
    for position in space.positions:
        for operation in space.choices(position):
            if operation is None:
                assert space.block_cost(None, position) == Cost(0, 0, 0)
                continue
            block = MBConv(
                position.in_channels, position.channels, operation, stride=position.stride, style=space.layout.style
            )
            side = -(-32 // position.reduction)
            assert space.block_cost(operation, position) == count_cost(block, (position.in_channels, side, side))
            assert block.residual is not position.vital


def test_a_block_by_hand() -> None:
    """2 channels to 12 to 2, kernel 3, 5 x 5 positions, no squeeze-excite, the input added."""
    space = HourglassSpace(layout=Layout(2, 1, (LayoutStage(2, 1, 1),), 1))
    macs = 25 * (2 * 12 + 9 * 12 + 12 * 2)
    flops = 2 * macs + 25 * (3 * 12 + 3 * 12 + 2 * 2 + 2)
    parameters = (24 + 24) + (108 + 24) + (24 + 4)
    assert space.block_cost(Operation(3, 6, False), space.positions[0], image_size=5) == Cost(parameters, macs, flops)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"layout": "small"}, (32,)),
        ({"layout": "small", "width": 0.5, "kernel": 3, "squeeze_excite": False, "expansion": (1, 2)}, (32, 20)),
        ({"layout": json.loads(json.dumps({**vars(TINY), "stages": [vars(s) for s in TINY.stages],
                                           "style": vars(TINY.style)})), "identity": False}, (9,)),
        ({"layout": "cifar", "width": 0.25, "expansion": (1, 3)}, ()),
    ],
)  # fmt: skip
def test_contract(options, sizes) -> None:
    check_space(open_space("hourglass", **options), draws=6, image_sizes=sizes)


def test_an_enumerable_space() -> None:
    """The first stage may be empty, where even its first block keeps the map."""
    space = HourglassSpace(layout=TINY, kernel=(3, 5), expansion=2, squeeze_excite=False)
    # 0 to 2 blocks of two kinds, then 1 to 3
    assert space.size() == (1 + 2 + 4) * (2 + 4 + 8)
    check_space(space, draws=10)
    empty = HourglassArchitecture(TINY, (None, None, Operation(3, 2, False), None, None))
    check_networks(space, [empty])


def test_identities_move_to_the_end_of_their_stage() -> None:
    space = HourglassSpace(layout=TINY)
    a, b, c = Operation(3, 1, False), Operation(5, 3, True), Operation(7, 6, False)
    given_, last = (None, a, b, None, c), (a, None, b, c, None)
    assert space.canonicalise(HourglassArchitecture(TINY, given_)).blocks == last
    assert space.hash(HourglassArchitecture(TINY, given_)) == space.hash(HourglassArchitecture(TINY, last))


def test_moved_identities_leave_the_function() -> None:
    """Two networks with the same blocks, one identity between them or behind them, compute the same."""
    stage = nn.Sequential(*(MBConv(4, 4, Operation(3, 2, True), style=TINY.style) for _ in range(2)))
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(stage(x), nn.Sequential(stage[0], nn.Identity(), stage[1])(x))


def test_neighbours_by_hand() -> None:
    space = HourglassSpace(layout=TINY, kernel=(3, 5), expansion=2, squeeze_excite=False)
    a, b = Operation(3, 2, False), Operation(5, 2, False)
    start = HourglassArchitecture(TINY, (a, None, a, None, None))
    found = {arch.blocks for arch in space.neighbours(start)}
    assert found == {
        (b, None, a, None, None), (a, None, b, None, None), (None, None, a, None, None), (a, a, a, None, None),
        (a, b, a, None, None), (b, a, a, None, None), (a, None, a, a, None), (a, None, a, b, None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "cifra"}, "did you mean 'cifar'"),
        ({"layout": {"stem": 3}}, "should have the fields"),
        ({"layout": Layout(4, 3, TINY.stages, 8)}, "strides of a layout must be 1 or 2"),
        ({"layout": Layout(0, 1, TINY.stages, 8)}, "from 1 to 100,000 channels"),
        ({"layout": Layout(4, 1, (), 8)}, "needs stages"),
        ({"layout": Layout(4, 1, TINY.stages, 8, BlockStyle(activation="swish"))}, "unknown activation 'swish'"),
        ({"layout": Layout(4, 1, TINY.stages, 8, BlockStyle(squeeze=0.0))}, "squeeze = 0.0"),
        ({"layout": Layout(4, 1, TINY.stages, 8, BlockStyle(squeeze_of="all"))}, "unknown squeeze_of 'all'"),
        ({"width": 0}, "width = 0"),
        ({"kernel": (3, 4)}, "kernels must be odd"),
        ({"expansion": (0,)}, "expansion options"),
        ({"squeeze_excite": ("yes",)}, "squeeze_excite = 'yes'"),
        ({"identity": 1}, "identity = 1"),
    ],
)
def test_impossible_options(options, message) -> None:
    with pytest.raises((OptionError, InputError), match=message):
        HourglassSpace(**options)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ((None, None, None, None, None), "identity at stage2.block1, where the map changes"),
        ((None,) * 4, "has 4 blocks, and this hourglass space 5"),
        ((None, None, Operation(9, 1, False), None, None), r"stage2.block1.kernel = 9, and space 'hourglass' allows"),
    ],
)
def test_architectures_of_another_space(blocks, message) -> None:
    with pytest.raises(InputError, match=message):
        HourglassSpace(layout=TINY).build(HourglassArchitecture(TINY, blocks))


def test_another_layout() -> None:
    with pytest.raises(InputError, match="another layout"):
        HourglassSpace(layout=TINY).cost(HOURNAS_F)
