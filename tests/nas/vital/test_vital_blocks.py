"""Vital blocks of hand-made networks, whose answer can be seen by eye, and of published ones."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroguide._core.errors import InputError
from neuroguide.nas.cost import Cost, count_cost
from neuroguide.nas.spaces import open_space
from neuroguide.nas.spaces.cells import Block as CellBlock
from neuroguide.nas.spaces.cells import Cell, CellsArchitecture, Half
from neuroguide.nas.spaces.hourglass.published import HOURNAS_F
from neuroguide.nas.vital import Block, hourglass_note, vital_blocks


def conv(n: int = 4, m: int = 4, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n, m, 3, stride=stride, padding=1)


class Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.body(x) + self.shortcut(x))


class InPlaceResidual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(), nn.ReLU(inplace=True), conv())

    def forward(self, x: Tensor) -> Tensor:
        kept = x
        x = self.body(x)
        x += kept
        return functional.relu_(x)


class Squeeze(nn.Module):
    """Squeeze-excite, all of it written as functions of one module."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.expand(self.reduce(x.mean(dim=(2, 3), keepdim=True)).relu()).sigmoid()


class TwoPaths(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Sequential(conv(), nn.ReLU()), conv()

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) + self.b(x)


class Dense(nn.Module):
    """Each convolution takes all maps before it (DenseNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv(4, 2), conv(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x, self.a(x)], dim=1)
        return torch.cat([x, self.b(x)], dim=1)


class Joined(nn.Module):
    """Two convolutions whose results are concatenated (Inception): nothing passes by unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv(4, 2), nn.Sequential(conv(4, 2), nn.ReLU(), conv(2, 2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.a(x), self.b(x)], dim=1)


class Halves(nn.Module):
    """Half of the channels pass by, then all are interleaved (ShuffleNetV2)."""

    def __init__(self) -> None:
        super().__init__()
        self.a = conv(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        kept, worked = x.chunk(2, dim=1)
        return torch.stack([kept, self.a(worked)], dim=2).flatten(1, 2)


class Subsampled(nn.Module):
    """A shortcut without weights that leaves out every other position (ResNet's option A): no identity."""

    def __init__(self) -> None:
        super().__init__()
        self.a = conv(4, 4, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) + x[:, :, ::2, ::2]


class Nested(nn.Module):
    """A residual block within a residual block, and a layer behind the inner one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Residual(conv())
        self.last = conv()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(self.inner(x))


class TwoBack(nn.Module):
    """Each cell takes the two before it."""

    def __init__(self, cells: int = 4) -> None:
        super().__init__()
        self.stem = conv(3, 4)
        self.cells = nn.ModuleList(TwoPathCell() for _ in range(cells))
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        before = previous = self.stem(x)
        for cell in self.cells:
            before, previous = previous, cell(before, previous)
        return self.head(previous.mean(dim=(2, 3)))


class TwoPathCell(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv(), conv()

    def forward(self, before: Tensor, previous: Tensor) -> Tensor:
        return self.a(before) + self.b(previous)


def stacked(*blocks: nn.Module) -> nn.Sequential:
    """A stem, the blocks and a head."""
    stem = nn.Sequential(conv(3, 4), nn.BatchNorm2d(4), nn.ReLU())
    return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(5))


def found(network: nn.Module, size: int = 8) -> list[tuple[str, bool]]:
    network(torch.zeros(2, 3, size, size))  # lazy layers take their shape
    blocks = vital_blocks(network, size)
    parts = reduce(Cost.__add__, (block.cost for block in blocks))
    assert parts == count_cost(network, (3, size, size))
    return [(block.name, block.vital) for block in blocks]


@pytest.mark.parametrize(
    ("block", "vital"),
    [
        (Residual(nn.Sequential(conv(), nn.BatchNorm2d(4), nn.ReLU(), conv())), False),
        (Residual(conv(), shortcut=nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))), True),
        (Residual(nn.Sequential(conv(), Squeeze(), conv())), False),
        (Residual(nn.Sequential(conv(), nn.Dropout(0.5)), shortcut=nn.Dropout(0.5)), False),
        (InPlaceResidual(), False),
        (Squeeze(), True),
        (TwoPaths(), True),
        (Joined(), True),
        (Halves(), False),
        (Subsampled(), True),
        (Nested(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_one_block_of_each_kind(block: nn.Module, vital: bool) -> None:
    # a strided layer before it and a residual block behind it show where it begins and ends
    network = stacked(conv(4, 4, stride=2), block, Residual(conv()))
    assert found(network) == [("0", True), ("1", True), ("2", vital), ("3", False), ("6", True)]


def test_concatenation_keeps_the_identity() -> None:
    network = stacked(conv(4, 4, stride=2), Dense(), conv(8, 4, stride=2), Residual(conv()))
    assert [vital for _, vital in found(network)] == [True, True, False, True, False, True]


def test_vital_and_other_blocks_in_turn() -> None:
    wide = nn.Sequential(conv(4, 6, stride=2), Squeeze6(), nn.BatchNorm2d(6), nn.ReLU())
    network = stacked(Residual(conv()), Nested(), wide, Residual(conv(6, 6)))
    assert found(network) == [("0", True), ("1", False), ("2", False), ("3", True), ("4", False), ("7", True)]
    # in a module of its own, nothing changes but the names
    assert [vital for _, vital in found(nn.Sequential(nn.Identity(), network))] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]
    assert hourglass_note(vital_blocks(network, 8)) is None


class Squeeze6(Squeeze):
    def __init__(self) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(6, 2, 1), nn.Conv2d(2, 6, 1)


class Flat(nn.Module):
    """Everything written in one forward pass: no module holds a block."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d, self.e = conv(3, 4), conv(), conv(), conv(), nn.Linear(4, 5)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.a(x)))
        x = x + self.c(functional.relu(self.b(x)))
        x = self.d(x) + x
        return self.e(x.mean(dim=(2, 3)))


def test_a_network_without_modules_for_its_blocks() -> None:
    expected = [("a", True), ("b ... c", False), ("d", False), ("e", True)]
    assert found(Flat()) == expected
    assert [vital for _, vital in found(nn.Sequential(nn.Identity(), Flat()))] == [True, False, False, True]


def test_layers_in_a_row_are_all_vital() -> None:
    network = stacked(nn.Sequential(conv(), nn.ReLU()), conv())
    assert found(network) == [("0.0", True), ("1.0", True), ("2", True), ("5", True)]
    note = hourglass_note(vital_blocks(network, 8))
    assert note is not None
    assert "no identity path goes around any block" in note


def test_blocks_can_be_named() -> None:
    network = stacked(nn.Sequential(conv(), nn.ReLU(), conv()), Residual(conv()))
    names = [block.name for block in vital_blocks_of(network, ["0", "1", "2", "5"])]
    assert names == ["0", "1", "2", "5"]
    with pytest.raises(InputError, match="no module '9'"):
        vital_blocks_of(network, ["9"])


def vital_blocks_of(network: nn.Module, names: list[str]) -> list[Block]:
    network(torch.zeros(2, 3, 8, 8))
    return vital_blocks(network, 8, blocks=names)


def test_two_back_cells_are_passed_by() -> None:
    blocks = vital_blocks(TwoBack(), 8)
    assert [(block.name, block.vital) for block in blocks] == [
        ("stem", True), ("cells.0", False), ("cells.1", False), ("cells.2", False), ("cells.3", True), ("head", True)
    ]  # fmt: skip
    note = hourglass_note(blocks)
    assert note is not None
    assert "paths pass by almost every one" in note


def test_the_cells_space() -> None:
    pair = CellBlock(Half(0, "sep_conv_3x3"), Half(1, "sep_conv_3x3"))
    cell = Cell((pair,), "all")
    network = open_space("cells", blocks=1, repeats=2, filters=8).build(
        CellsArchitecture(cell, cell, 2, 8, "cifar", "pnas")
    )
    vital = {block.name for block in vital_blocks(network, 32) if block.vital}
    assert vital == {"stem", "stage3_cell1", "head"}


def test_hournas_f_has_7_vital_blocks_of_22() -> None:
    network = open_space("hourglass", layout="imagenet").build(HOURNAS_F, image_size=224, n_classes=1000)
    blocks = vital_blocks(network, 224)
    inner = [block for block in blocks if block.name.startswith("stage")]
    assert [i for i, block in enumerate(inner) if block.vital] == [0, 1, 5, 9, 13, 17, 21]
    assert len(inner) == 22
    assert [b.name for b in blocks if b not in inner] == ["stem", "head", "classifier"]
    assert reduce(Cost.__add__, (block.cost for block in blocks)) == count_cost(network, (3, 224, 224))


def test_blocks_of_the_hourglass_space_cost_what_its_formula_says() -> None:
    space = open_space("hourglass")
    arch = space.sample(np.random.default_rng(3))
    blocks = {block.name: block for block in vital_blocks(space.build(arch), 32)}
    for position, operation in zip(space.positions, arch.blocks, strict=True):
        if operation is not None:
            assert blocks[position.name].cost == space.block_cost(operation, position)
            assert blocks[position.name].vital is position.vital


class Deciding(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.mean() > 0 else x


def test_what_cannot_be_followed_says_so() -> None:
    with pytest.raises(InputError, match=r"cannot follow an image of shape .* through Deciding: .*decided by"):
        vital_blocks(Deciding(), 8)
    with pytest.raises(InputError, match=r"cannot follow an image of shape \(4, 8, 8\) through Conv2d"):
        vital_blocks(conv(3, 4), (4, 8, 8))


class Deaf(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(3)


def test_an_output_that_does_not_depend_on_the_image() -> None:
    with pytest.raises(InputError, match="the output of Deaf does not depend on the image"):
        vital_blocks(Deaf(), 8)


class Written(nn.Module):
    """Writes its results into the halves of a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv(3, 2), conv(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        maps = x.new_zeros((len(x), 4, *x.shape[2:]))
        maps[:, :2] = self.a(x)
        maps[:, 2:] = self.b(maps[:, :2])
        return maps.mean(dim=(2, 3))


def test_what_is_written_in_place_is_followed() -> None:
    blocks = vital_blocks(Written(), 8)
    # the first half stays as it is while the second is computed from it
    assert [(block.name, block.vital) for block in blocks] == [("a", True), ("b", False)]


def test_the_network_is_left_as_it_was() -> None:
    network = stacked(Residual(conv())).train()
    network(torch.zeros(2, 3, 8, 8))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    vital_blocks(network, 8)
    assert network.training
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in network.modules())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


# -- published networks --------------------------------------------------------------------------------------------

RESNET_18 = """conv1* layer1.0 layer1.1 layer2.0* layer2.1 layer3.0* layer3.1 layer4.0* layer4.1 fc*"""
MOBILENET_V2 = """
    features.0* features.1* features.2* features.3 features.4* features.5 features.6 features.7* features.8 features.9
    features.10 features.11* features.12 features.13 features.14* features.15 features.16 features.17* features.18*
    classifier.1*"""
MOBILENET_V3_LARGE = """
    conv_stem* blocks.0.0 blocks.1.0* blocks.1.1 blocks.2.0* blocks.2.1 blocks.2.2 blocks.3.0* blocks.3.1 blocks.3.2
    blocks.3.3 blocks.4.0* blocks.4.1 blocks.5.0* blocks.5.1 blocks.5.2 blocks.6.0* conv_head* classifier*"""
EFFICIENTNET_B0 = """
    features.0* features.1.0* features.2.0* features.2.1 features.3.0* features.3.1 features.4.0* features.4.1
    features.4.2 features.5.0* features.5.1 features.5.2 features.6.0* features.6.1 features.6.2 features.6.3
    features.7.0* features.8* classifier.1*"""


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("torchvision:resnet18", RESNET_18),
        ("timm:resnet18", RESNET_18),
        ("torchvision:mobilenet_v2", MOBILENET_V2),
        ("timm:mobilenetv3_large_100", MOBILENET_V3_LARGE),
        ("torchvision:efficientnet_b0", EFFICIENTNET_B0),
    ],
)
def test_published_networks_block_by_block(name: str, listed: str) -> None:
    network = published(name)
    blocks = vital_blocks(network)
    assert [block.name + "*" * block.vital for block in blocks] == listed.split()
    assert reduce(Cost.__add__, (block.cost for block in blocks)) == count_cost(network, (3, 224, 224))


def published(name: str) -> nn.Module:
    """A network of torchvision or timm with random weights."""
    library, model = name.split(":")
    package = pytest.importorskip(library)
    made = package.create_model(model) if library == "timm" else getattr(package.models, model)()
    return made.eval()


@pytest.mark.full
@pytest.mark.parametrize(
    "name", ["densenet121", "googlenet", "vit_b_16", "shufflenet_v2_x1_0", "swin_t", "regnet_y_400mf"]
)
def test_others_can_be_followed(name: str) -> None:
    pytest.importorskip("torchvision")
    from torchvision import models

    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    network = getattr(models, name)(weights=None, **options)
    blocks = vital_blocks(network)
    assert sum(block.cost.macs for block in blocks) == count_cost(network, (3, 224, 224)).macs
    assert any(not block.vital for block in blocks) == (name != "googlenet")
