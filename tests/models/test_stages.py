"""Default layers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide.models.stages import stage_outputs

BLANK = torch.zeros(1, 3, 16, 16)


def block(n_in: int, n_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1), nn.ReLU())


def test_the_last_output_at_each_resolution() -> None:
    network = nn.Sequential(
        block(3, 4), block(4, 4), nn.MaxPool2d(2), block(4, 8), block(8, 8, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 2),
    )  # fmt: skip
    assert stage_outputs(network, BLANK) == ("1", "3", "4")


def test_a_pooling_at_the_end_is_no_stage_of_its_own() -> None:
    network = nn.Sequential(block(3, 4), block(4, 4, 2), nn.AvgPool2d(2))
    assert stage_outputs(network, BLANK) == ("0", "1")


def test_the_modules_own_stages_come_first() -> None:
    network = nn.Sequential(block(3, 4), block(4, 4, 2))
    network.stage_names = ("0.0",)
    assert stage_outputs(network, BLANK) == ("0.0",)
    network.stage_names = ("2",)
    with pytest.raises(OptionError, match="unknown module in stage_names of Sequential '2'"):
        stage_outputs(network, BLANK)


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(16, 8)
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(8, 8), nn.GELU()) for _ in range(4))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.flatten(1, 2))
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


def test_the_blocks_of_a_transformer() -> None:
    assert stage_outputs(Tokens(), BLANK) == ("layers.0", "layers.1", "layers.2", "layers.3")


def test_a_linear_layer_goes_with_its_activation_function() -> None:
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(768, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 2)
    )
    assert stage_outputs(network, BLANK) == ("0", "3", "5", "6")


def test_a_network_that_takes_another_input_still_has_layers() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, 2), nn.ReLU())
    network.train()
    assert stage_outputs(network, BLANK) == ("1", "3")
    assert network.training
    assert not any(part._forward_hooks for part in network.modules())


def test_a_single_module_has_no_layers() -> None:
    with pytest.raises(InputError, match="no modules inside it"):
        stage_outputs(nn.Linear(3, 2), BLANK)
