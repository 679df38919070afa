"""Activations of named layers."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide.models import Model, Preprocess
from neuroguide.models.activations import NonFiniteError, activations, iterate_activations
from neuroguide.stimuli import StimulusSet


def images(n: int = 6, size: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


def wrap(module: nn.Module, size: int = 12, layers: tuple[str, ...] = ()) -> Model:
    return Model("net", module, Preprocess(size), layers)


@pytest.fixture
def network() -> Model:
    torch.manual_seed(0)
    parts = OrderedDict(
        conv=nn.Conv2d(3, 4, 3),
        norm=nn.BatchNorm2d(4),
        relu=nn.ReLU(inplace=True),
        drop=nn.Dropout(0.5),
        flat=nn.Flatten(),
        readout=nn.Linear(400, 5),
    )
    return wrap(nn.Sequential(parts), layers=("relu", "readout"))


def test_equals_a_plain_forward_pass(network: Model) -> None:
    found = activations(network, images(), device="cpu")
    network.module.eval()
    with torch.no_grad():
        x = network.preprocess(images())
        relu = network.module[:3](x)
        readout = network.module(x)
    assert list(found) == ["relu", "readout"]
    assert torch.allclose(found["relu"], relu.flatten(1), atol=1e-6)
    assert torch.allclose(found["readout"], readout, atol=1e-6)


def test_an_in_place_operation_behind_a_layer_changes_nothing(network: Model) -> None:
    found = activations(network, images(), ["conv", "norm", "relu"], device="cpu")
    with torch.no_grad():
        conv = network.module.conv(network.preprocess(images()))
    assert torch.allclose(found["conv"], conv.flatten(1), atol=1e-6)
    assert float(found["norm"].min()) < 0  # ReLU(inplace=True) overwrites it
    assert torch.equal(found["relu"], found["norm"].clamp_min(0))


@pytest.mark.parametrize("batch_size", [1, 2, 5, 6, 100, "auto"])
def test_the_batch_size_changes_rounding_only(network: Model, batch_size: int | str) -> None:
    whole = activations(network, images(), device="cpu", batch_size=6)
    parts = activations(network, images(), device="cpu", batch_size=batch_size)
    for layer, values in whole.items():
        assert float((parts[layer] - values).abs().max()) < 1e-6


def test_twice_the_same_bit_for_bit(network: Model) -> None:
    first, second = (activations(network, images(), device="cpu") for _ in range(2))
    assert all(torch.equal(first[layer], second[layer]) for layer in first)


def test_the_network_is_given_back_as_it_was(network: Model) -> None:
    network.module.train()
    network.module.norm.eval()
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    generator = torch.get_rng_state()
    activations(network, images(), device="cpu", dtype=torch.float64)
    assert network.module.training
    assert not network.module.norm.training
    assert network.module.drop.training
    assert all(torch.equal(value, before[name]) for name, value in network.module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)
    assert not any(part._forward_hooks for part in network.module.modules())
    network.module(network.preprocess(images())).sum().backward()


def test_detached_and_in_the_dtype_asked_for(network: Model) -> None:
    for dtype in (torch.float32, torch.float64):
        found = activations(network, images(), device="cpu", dtype=dtype)["relu"]
        assert found.dtype == dtype
        assert not found.requires_grad
        assert not found.is_inference()
    assert network.module.conv.weight.dtype == torch.float32


def test_random_draws_in_evaluation_are_the_same_every_time() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.noise = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            return self.noise(x + torch.randn_like(x))

    model = wrap(Noisy(), layers=("noise",))
    torch.manual_seed(1)
    first = activations(model, images(), device="cpu")
    torch.manual_seed(2)
    assert torch.equal(activations(model, images(), device="cpu")["noise"], first["noise"])


class Tuples(nn.Module):
    def forward(self, x: Tensor) -> tuple[None, dict[str, Tensor]]:
        return None, {"first": x.mean(1), "second": x}


class Recurrent(nn.Module):
    """A layer called twice, one that returns a tuple, one never called, one that loses the stimuli."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.ReLU()
        self.several = Tuples()
        self.unused = nn.ReLU()
        self.pooled = nn.AvgPool1d(2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.shared(self.shared(x) - 0.5)
        self.several(x)
        self.pooled(x[0])
        return y


def test_the_last_call_and_the_first_tensor_count() -> None:
    model = wrap(Recurrent(), layers=("shared", "several"))
    found = activations(model, images(), device="cpu")
    x = model.preprocess(images())
    assert torch.equal(found["shared"], (x.relu() - 0.5).relu().flatten(1))
    assert torch.equal(found["several"], x.mean(1).flatten(1))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("unused", "layer 'unused', but its forward pass never calls it"),
        ("pooled", "layer 'pooled' returns the shape .* its first dimension is not the stimuli"),
    ],
)
def test_layers_without_a_response_are_named(layer: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        activations(wrap(Recurrent(), layers=("shared",)), images(), [layer], device="cpu")


def test_an_unknown_layer_gets_the_closest_names(network: Model) -> None:
    with pytest.raises(OptionError, match="unknown layer of net 'readuot'; did you mean 'readout'"):
        activations(network, images(), ["readuot"], device="cpu")


def test_a_layer_named_twice_or_none_is_refused(network: Model) -> None:
    for layers in (["relu", "relu"], []):
        with pytest.raises(OptionError, match="must be named, each once"):
            activations(network, images(), layers, device="cpu")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_diverged_layers_are_named(network: Model, value: float) -> None:
    with torch.no_grad():
        network.module.readout.bias[2] = value
    with pytest.raises(NonFiniteError, match="layer 'readout' of net answers with NaN or infinite values to 6 of 6"):
        activations(network, images(), device="cpu")


def test_huge_but_finite_values_are_kept(network: Model) -> None:
    with torch.no_grad():
        network.module.readout.bias[:] = 3e38
    assert bool(torch.isfinite(activations(network, images(), device="cpu")["readout"]).all())


def test_a_network_that_fails_is_one_sentence(network: Model) -> None:
    with pytest.raises(
        InputError, match=r"the model net failed on 6 stimuli of shape \(3, 9, 9\): RuntimeError"
    ) as info:
        activations(Model("net", network.module, Preprocess(9), ("relu",)), images(), device="cpu", batch_size=6)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(2, 12, 12, 3, dtype=torch.uint8), "floating, of shape"),
        ("folder", "images of type str are not understood"),
        (np.zeros((0, 12, 12, 3), dtype=np.uint8), "there are no images"),
        (np.zeros((2, 12, 12, 3)), "float64 of shape"),
    ],
)
def test_other_images_are_refused(network: Model, given: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        activations(network, given, device="cpu")  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_size", [0, -3, "all", 2.5])
def test_other_batch_sizes_are_refused(network: Model, batch_size: object) -> None:
    with pytest.raises(OptionError, match="batch_size"):
        activations(network, images(), device="cpu", batch_size=batch_size)  # type: ignore[arg-type]


def test_a_stimulus_set_brings_its_size_in_degrees(network: Model) -> None:
    seen = Model("net", network.module, Preprocess(12, degrees=8.0), ("relu",))
    by_set = activations(seen, StimulusSet.from_arrays(images(), degrees=4.0), device="cpu")["relu"]
    by_hand = activations(seen, images(), degrees=4.0, device="cpu")["relu"]
    filled = activations(seen, images(), device="cpu")["relu"]
    assert torch.equal(by_set, by_hand)
    assert not torch.allclose(by_set, filled)
    with pytest.raises(OptionError, match="has its own"):
        activations(seen, StimulusSet.from_arrays(images(), degrees=4.0), degrees=2.0, device="cpu")


def test_images_of_different_sizes_and_network_input(network: Model) -> None:
    mixed = [images(1, 12)[0], images(1, 20)[0]]
    found = activations(network, mixed, device="cpu")["relu"]
    for row, image in enumerate(mixed):
        alone = activations(network, image[None], device="cpu")["relu"][0]
        assert torch.allclose(found[row], alone, atol=1e-6)
    given = activations(network, network.preprocess(images()), device="cpu")["relu"]
    assert torch.equal(given, activations(network, images(), device="cpu")["relu"])


def test_progress_ends_at_all_stimuli(network: Model) -> None:
    seen: list[tuple[int, int, str]] = []
    activations(network, images(), device="cpu", batch_size=4, progress=lambda *at: seen.append(at))
    assert seen == [(4, 6, "activations"), (6, 6, "activations")]


def test_memory_decides_the_number_of_passes_and_nothing_else() -> None:
    torch.manual_seed(0)
    model = wrap(
        nn.Sequential(nn.Conv2d(3, 80, 3, padding=1), nn.ReLU(), nn.Conv2d(80, 80, 1), nn.ReLU()), 64, ("1", "3")
    )
    shown = images(30, 64)
    whole = activations(model, shown, device="cpu", batch_size=8)
    # each layer takes 30 * 80 * 64 * 64 * 4 bytes = 39 MB
    for memory, passes in (("64MB", 2), ("200MB", 1)):
        done: list[int] = []
        options = {"device": "cpu", "memory": memory, "batch_size": 8}
        parts = dict(iterate_activations(model, shown, progress=lambda at, *_, done=done: done.append(at), **options))
        assert list(parts) == ["1", "3"]
        assert all(torch.equal(parts[layer], whole[layer]) for layer in whole)
        assert done[-1] == 30 * passes


def test_a_string_opens_the_pixel_baseline() -> None:
    found = activations("pixels", images(2, 224), device="cpu")["pixels"]
    expected = images(2, 224).transpose(0, 3, 1, 2).reshape(2, -1) / 255
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
