"""Training: exact counts, exact repetition, resuming, augmentation, and what happens when it fails."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.augmentation import augment
from neuroguide.nas.cost import count_cost
from neuroguide.nas.data import TrainingData, from_arrays
from neuroguide.nas.spaces import MacroArchitecture, Stage, open_space
from neuroguide.nas.training import Fidelity, Trainer, accuracy_on, mature_fidelity, train, training_seed


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Three classes that differ in brightness of one channel, so that a small network learns them at once."""
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    images = rng.integers(0, 120, (300, 8, 8, 3), np.uint8)
    images[np.arange(300), :, :, labels] += 100
    return from_arrays(images, labels, test=(images[:30], labels[:30]), validation=60)


def network(seed: int = 0, **stage: object) -> nn.Module:
    settings = {"depth": 1, "width": 4, "operation": "conv", "kernel": 3, "skip": "add", **stage}
    arch = MacroArchitecture((Stage(**settings),) * 2, "relu", "batch", 1)  # type: ignore[arg-type]
    torch.manual_seed(seed)
    return open_space("macro", stages=2, width=4, stem=1).build(arch, n_classes=3)


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_and_counts(data: TrainingData) -> None:
    net = network()
    result = train(net, data, Fidelity(images=600), seed=1, device="cpu")
    assert result.accuracy is not None
    assert result.accuracy > 0.9
    assert (result.images_seen, result.images_forwarded, result.diverged) == (600, 60, None)
    assert result.image_equivalents == 620
    assert result.flops == count_cost(net, (3, 8, 8)).flops * (3 * 600 + 60)
    assert not net.training


def test_the_same_again_bit_for_bit_whatever_ran_before(data: TrainingData) -> None:
    first = network()
    one = train(first, data, Fidelity(images=200, augmentation=("crop", "flip", "cutout")), seed=5, device="cpu")
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    other = network(seed=3)
    train(other, data, Fidelity(images=100), seed=6, device="cpu")
    second = network()
    two = train(second, data, Fidelity(images=200, augmentation=("crop", "flip", "cutout")), seed=5, device="cpu")
    assert equal(weights(first), weights(second))
    assert (one.accuracy, one.loss, one.summed_training_loss) == (two.accuracy, two.loss, two.summed_training_loss)
    third = network()
    train(third, data, Fidelity(images=200, augmentation=("crop", "flip", "cutout")), seed=6, device="cpu")
    assert not equal(weights(first), weights(third))


def test_the_global_generator_is_left_alone(data: TrainingData) -> None:
    net = network()
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    train(net, data, Fidelity(images=60), seed=0, device="cpu")
    assert torch.equal(before, torch.random.get_rng_state())


def test_no_images_is_no_training(data: TrainingData) -> None:
    net = network()
    before = weights(net)
    result = train(net, data, Fidelity(images=0), seed=0, device="cpu")
    assert equal(before, weights(net))
    assert (result.images_seen, result.images_forwarded, result.summed_training_loss) == (0, 60, 0.0)
    assert result.accuracy is not None
    unseen = train(net, data, Fidelity(images=0, validation_images=0), seed=0, device="cpu")
    assert (unseen.accuracy, unseen.loss, unseen.images_forwarded, unseen.diverged) == (None, None, 0, None)


def test_no_image_twice_before_all_were_seen(data: TrainingData) -> None:
    trainer = Trainer(network(), data, Fidelity(images=500, batch_size=32), seed=3, device=torch.device("cpu"))
    seen = trainer._indices(0, 500).tolist()
    assert sorted(seen[:240]) == sorted(seen[240:480]) == list(range(240))
    assert seen[:240] != seen[240:480]


@settings(deadline=None, max_examples=100)
@given(st.integers(2, 3000), st.integers(2, 200))
def test_batches_are_equal_to_within_one_image(images: int, batch_size: int) -> None:
    rng = np.random.default_rng(0)
    tiny = from_arrays(rng.integers(0, 256, (4, 1, 1, 3), np.uint8), np.arange(4) % 2, validation=2)
    fidelity = Fidelity(images=images, batch_size=batch_size)
    module = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    trainer = Trainer(module, tiny, fidelity, seed=0, device=torch.device("cpu"))
    edges = [trainer._boundary(i) for i in range(trainer._n_batches + 1)]
    sizes = np.diff(edges)
    assert (edges[0], edges[-1]) == (0, images)
    assert sizes.max() <= batch_size
    assert sizes.max() - sizes.min() <= 1


def test_one_step_is_nesterov_momentum_by_hand(data: TrainingData) -> None:
    fidelity = Fidelity(
        images=8, batch_size=4, learning_rate=0.1, warmup=0.5, weight_decay=0.01, clip=1e9, augmentation=()
    )
    module = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    weight = module[1].weight.detach().clone().requires_grad_()  # type: ignore[union-attr]
    bias = module[1].bias.detach().clone().requires_grad_()  # type: ignore[union-attr]
    trainer = Trainer(module, data, fidelity, seed=2, device=torch.device("cpu"))
    chosen = trainer._indices(0, 4)
    trainer.run(until=4)
    images = (data.train.images[chosen].float() / 255 - torch.tensor(data.mean)) / torch.tensor(data.std)
    flat = images.permute(0, 3, 1, 2).flatten(1)
    loss = functional.cross_entropy(flat @ weight.T + bias, data.train.labels[chosen])
    loss.backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert bias.grad is not None
    # the first of two batches ends the warm-up; the first Nesterov step is (1 + 0.9) times the gradient
    expected = weight.detach() - 0.1 * 1.9 * (weight.grad + 0.01 * weight.detach())
    assert torch.allclose(module[1].weight, expected, atol=1e-6)  # type: ignore[arg-type]
    assert torch.allclose(module[1].bias, bias.detach() - 0.1 * 1.9 * bias.grad, atol=1e-6)  # type: ignore[arg-type]
    assert trainer.summed_loss == pytest.approx(float(loss.detach()), rel=1e-6)


def test_the_rate_rises_and_falls_to_nothing(data: TrainingData) -> None:
    fidelity = Fidelity(images=400, batch_size=20, learning_rate=0.5, warmup=0.25)
    trainer = Trainer(network(), data, fidelity, seed=2, device=torch.device("cpu"))
    rates = []
    for i in range(20):
        trainer._set_rates(i)
        rates.append(trainer.optimiser.param_groups[0]["lr"])
    assert rates[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert rates[5] == pytest.approx(0.5)
    assert rates[5:] == pytest.approx([0.25 * (1 + math.cos(math.pi * k / 15)) for k in range(15)])


def test_running_statistics_of_the_first_batch_are_its_own(data: TrainingData) -> None:
    module = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(192, 3))
    trainer = Trainer(
        module, data, Fidelity(images=80, batch_size=20, augmentation=()), seed=2, device=torch.device("cpu")
    )
    pixels = [trainer._prepare(data.train.images[trainer._indices(i, i + 20)]) for i in (0, 20)]
    trainer.run(until=40)
    # momentum 1, then 1/2: the plain mean of both batches
    means = [batch.mean(dim=(0, 2, 3)) for batch in pixels]
    assert torch.allclose(module[0].running_mean, (means[0] + means[1]) / 2, atol=1e-6)  # type: ignore[arg-type]
    assert module[0].momentum == 0.1


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_training_goes_on_where_it_was_stopped(data: TrainingData, optimiser: str) -> None:
    fidelity = Fidelity(images=500, optimiser=optimiser, learning_rate=0.01, augmentation=("crop", "flip"))
    whole = Trainer(network(), data, fidelity, seed=4, device=torch.device("cpu"))
    whole.run()
    stopped = Trainer(network(), data, fidelity, seed=4, device=torch.device("cpu"))
    stopped.run(until=260)
    tensors, plain = stopped.state()
    tensors, plain = load(save(tensors)), json.loads(json.dumps(plain))
    resumed = Trainer(network(seed=8), data, fidelity, seed=4, device=torch.device("cpu"))
    resumed.restore(tensors, plain)
    assert resumed.images_seen == 260
    resumed.run()
    assert equal(weights(resumed.network), weights(whole.network))
    assert resumed.summed_loss == whole.summed_loss
    with pytest.raises(InputError, match="another network"):
        Trainer(network(depth=2), data, fidelity, seed=4, device=torch.device("cpu")).restore(tensors, plain)


def test_milestones_see_the_network_and_change_nothing(data: TrainingData) -> None:
    seen: list[tuple[int, bool]] = []

    def look(images: int, module: nn.Module, loss: float) -> None:
        assert loss >= 0
        seen.append((images, module.training))
        accuracy_on(module, data, data.validation, Fidelity(), n_images=9, device="cpu")
        torch.rand(3)

    watched, unwatched = network(), network()
    fidelity = Fidelity(images=300)
    one = train(watched, data, fidelity, seed=1, device="cpu", milestones=(0, 50, 300, 999), at_milestone=look)
    two = train(unwatched, data, fidelity, seed=1, device="cpu")
    # the first batch that reaches 50 ends at 60
    assert seen == [(0, False), (60, False), (300, False)]
    assert equal(weights(watched), weights(unwatched))
    assert one.loss == two.loss


class Explosive(nn.Module):
    """Its output is not finite once it has seen enough batches."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.linear = nn.Linear(192, 3)
        self.left = after

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(images.flatten(1))
        if images.device.type == "meta":
            return logits
        self.left -= 1
        return logits * (math.nan if self.left < 0 else 1.0)


@pytest.mark.parametrize(("after", "seen", "forwarded"), [(3, 200, 0), (1000, 400, 60), (20, 400, 60)])
def test_divergence_is_an_outcome(data: TrainingData, after: int, seen: int, forwarded: int) -> None:
    result = train(Explosive(after), data, Fidelity(images=400), seed=0, device="cpu")
    assert (result.images_seen, result.images_forwarded) == (seen, forwarded)
    if after == 1000:
        assert result.diverged is None
        return
    assert (result.accuracy, result.loss, result.summed_training_loss) == (0.0, None, None)
    assert f"loss is not finite after {seen} images" in str(result.diverged)


def test_validation_is_over_the_first_images_and_never_the_test(data: TrainingData) -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.tensor([0.0, 1.0, 0.0]))

        def forward(self, images: Tensor) -> Tensor:
            return self.bias.expand(len(images), 3)

    for n in (3, 30, None):
        accuracy, loss, count = accuracy_on(Constant(), data, data.validation, Fidelity(), n_images=n, device="cpu")
        assert count == (n or 60)
        assert accuracy == pytest.approx(1 / 3)
        # two thirds of the images have the class of logit 0, one third that of logit 1
        assert loss == pytest.approx(math.log(2 + math.e) - 1 / 3, rel=1e-6)


def test_channels_last_changes_only_rounding(data: TrainingData) -> None:
    results = [
        train(network(), data, Fidelity(images=100, channels_last=flag), seed=1, device="cpu") for flag in (True, False)
    ]
    assert results[0].loss == pytest.approx(results[1].loss, rel=1e-3)


def test_augmentation_by_hand() -> None:
    images = torch.arange(2 * 3 * 16 * 16, dtype=torch.float32).reshape(2, 3, 16, 16) + 1
    flipped = augment(images, ("flip",), torch.Generator().manual_seed(1))
    for before, after in zip(images, flipped, strict=True):
        assert torch.equal(after, before) or torch.equal(after, before.flip(2))
    many = images[:1].expand(200, -1, -1, -1)
    turned = augment(many, ("flip",), torch.Generator().manual_seed(0))
    assert 70 < sum(torch.equal(image, images[0].flip(2)) for image in turned) < 130
    shifted = augment(many, ("crop",), torch.Generator().manual_seed(0))
    padded = functional.pad(images[:1], (2, 2, 2, 2))[0]
    windows = [padded[:, i : i + 16, j : j + 16] for i in range(5) for j in range(5)]
    found = [next(k for k, window in enumerate(windows) if torch.equal(window, image)) for image in shifted]
    assert set(found) == set(range(25))
    cut = augment(many, ("cutout",), torch.Generator().manual_seed(0))
    hidden = (cut == 0).all(dim=1).flatten(1).sum(dim=1)
    # a square of 7 x 7 (centre and three each way), less where it leaves the image
    assert int(hidden.max()) == 49
    assert int(hidden.min()) >= 16
    assert bool(((cut == 0) | (cut == many)).all())


def test_fidelity_is_checked_and_comes_back() -> None:
    fidelity = mature_fidelity(64_000, optimiser="adamw", learning_rate=0.003)
    assert Fidelity.from_json(json.loads(json.dumps(fidelity.to_json()))) == fidelity
    assert Fidelity.from_json({"images": 250}) == Fidelity(images=250)
    wrong: list[dict[str, object]] = [
        {"images": 1}, {"images": -5}, {"batch_size": 1}, {"optimiser": "sdg"}, {"learning_rate": 0}, {"warmup": 1},
        {"augmentation": ("crops",)}, {"validation_images": -1}, {"clip": 0}, {"label_smoothing": 1},
    ]  # fmt: skip
    for change in wrong:
        with pytest.raises(OptionError):
            Fidelity(**change)  # type: ignore[arg-type]
    for change in ({"image": 5}, {"images": "5"}, {"augmentation": "flip"}):
        with pytest.raises(InputError):
            Fidelity.from_json(change)


def test_training_seeds_differ_by_all_that_they_derive_from() -> None:
    seeds = {
        training_seed(seed, arch, Fidelity(images=images))
        for seed in (0, 1)
        for arch in ("a", "b")
        for images in (100, 200)
    }
    assert len(seeds) == 8
    assert training_seed(0, "a", Fidelity()) == training_seed(0, "a", Fidelity.from_json(Fidelity().to_json()))
