"""Counts against counting by hand and against published figures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroguide._core.errors import InputError
from neuroguide.nas.cost import Cost, count_cost
from neuroguide.nas.spaces import MacroArchitecture, Stage, open_space


def test_one_layer_of_each_kind_by_hand() -> None:
    cases: list[tuple[nn.Module, tuple[int, ...], Cost]] = [
        # 8 x 16 x 16 outputs, each 27 multiply-accumulates and a bias
        (nn.Conv2d(3, 8, 3, stride=2, padding=1), (3, 32, 32), Cost(8 * 27 + 8, 2048 * 27, 2 * 2048 * 27 + 2048)),
        (nn.Conv2d(6, 6, 5, padding=2, groups=6, bias=False), (6, 8, 8), Cost(150, 384 * 25, 2 * 384 * 25)),
        (nn.Conv2d(4, 6, (1, 7), padding=(0, 3), groups=2, bias=False), (4, 8, 8), Cost(84, 384 * 14, 2 * 384 * 14)),
        # a transposed convolution spends its window on each of the 4 x 8 x 8 inputs
        (nn.ConvTranspose2d(4, 5, 2, stride=2, bias=False), (4, 8, 8), Cost(80, 256 * 20, 2 * 256 * 20)),
        (nn.Linear(20, 7), (20,), Cost(147, 140, 2 * 140 + 7)),
        (nn.Linear(20, 7, bias=False), (3, 20), Cost(140, 420, 840)),
        (nn.BatchNorm2d(4), (4, 8, 8), Cost(8, 0, 2 * 256)),
        (nn.GroupNorm(1, 4), (4, 8, 8), Cost(8, 0, 2 * 256)),
        (nn.LayerNorm(8), (4, 8), Cost(16, 0, 2 * 32)),
        (nn.MaxPool2d(2), (4, 8, 8), Cost(0, 0, 64 * 4)),
        (nn.AvgPool2d((3, 2), stride=1), (4, 8, 8), Cost(0, 0, 4 * 6 * 7 * 6)),
        (nn.AdaptiveAvgPool2d(1), (4, 8, 8), Cost(0, 0, 256)),
        (nn.ReLU(inplace=True), (4, 8, 8), Cost(0, 0, 256)),
        (nn.SiLU(), (4, 8, 8), Cost(0, 0, 256)),
        (nn.Identity(), (4, 8, 8), Cost(0, 0, 0)),
        (nn.Flatten(), (4, 8, 8), Cost(0, 0, 0)),
    ]  # fmt: skip
    for module, shape, expected in cases:
        assert count_cost(module, shape) == expected, module


class Functional(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x + functional.relu(x)
        return torch.cat([y, x], dim=1) * 2


def test_what_is_not_a_module_is_counted_too() -> None:
    # relu and addition on 4 x 8 x 8, product on twice as much
    assert count_cost(Functional(), (4, 8, 8)) == Cost(0, 0, 256 + 256 + 512)


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(x, x, x)


def test_attention_is_two_matrix_products() -> None:
    # 2 heads, 10 tokens of 16: queries by keys, weights by values
    assert count_cost(Attention(), (2, 10, 16)).macs == 2 * (2 * 10 * 10 * 16)


def test_a_macro_network_by_hand() -> None:
    stage = Stage(1, 8, "conv", 3, "none")
    cost = open_space("macro").cost(MacroArchitecture((stage,) * 3, "relu", "batch", 2))
    outputs = [8 * 256, 8 * 256, 16 * 64, 32 * 16]
    windows = [27, 72, 72, 144]
    macs = sum(n * w for n, w in zip(outputs, windows, strict=True)) + 320
    parameters = 8 * 27 + 8 * 72 + 16 * 72 + 32 * 144 + 2 * (8 + 8 + 16 + 32) + 330
    # each map is normalised (2) and rectified (1); the last one averaged (1); the head has biases
    assert cost == Cost(parameters, macs, 2 * macs + 3 * sum(outputs) + 512 + 10)


def test_training_mode_and_the_network_are_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    count_cost(network, (3, 8, 8))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())


def test_a_network_that_does_not_take_the_image() -> None:
    with pytest.raises(InputError, match=r"cannot count Linear on an image of shape \(3, 8, 8\)"):
        count_cost(nn.Linear(20, 7), (3, 8, 8))


def test_efficientnet_lite0_as_published() -> None:
    # 4.7 M parameters and 407 M multiply-adds at 224 px: tensorflow/tpu, efficientnet/lite, table of models
    lite = pytest.importorskip("efficientnet_lite_pytorch")
    cost = count_cost(lite.EfficientNet.from_name("efficientnet-lite0"), (3, 224, 224))
    assert cost.parameters == pytest.approx(4.7e6, rel=0.02)
    assert cost.macs == pytest.approx(407e6, rel=0.06)


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    # multiply-accumulates at 224 px as torchvision's model pages give them ("GFLOPS" there)
    [("resnet18", 11_689_512, 1.82e9), ("mobilenet_v2", 3_504_872, 0.30e9), ("efficientnet_b0", 5_288_548, 0.39e9)],
)
def test_torchvision_networks_as_published(name: str, parameters: int, macs: float) -> None:
    models = pytest.importorskip("torchvision.models")
    cost = count_cost(getattr(models, name)(), (3, 224, 224))
    assert cost.parameters == parameters
    assert cost.macs == pytest.approx(macs, rel=0.02)
    assert cost.flops > 2 * cost.macs
