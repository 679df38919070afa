"""Stimuli to network input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from neuroguide._core.errors import InputError, OptionError
from neuroguide.models import Preprocess

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def noise(height: int, width: int, n: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def test_normalises_each_channel() -> None:
    images = noise(8, 8)
    shown = Preprocess(8, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))(images)
    expected = (images.astype(np.float64) / 255 - [0.1, 0.2, 0.3]) / [0.5, 1.0, 2.0]
    assert shown.dtype == torch.float32
    np.testing.assert_allclose(shown.numpy().transpose(0, 2, 3, 1), expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [7, 40])
def test_resize_agrees_with_pillow(mode: str, size: int) -> None:
    images = noise(20, 20, n=1) // 2 + 64  # Pillow cuts what overshoots between its two passes, we at the end
    ours = Preprocess(size, interpolation=mode, **PLAIN)(images)[0].permute(1, 2, 0) * 255
    theirs = Image.fromarray(images[0]).resize((size, size), getattr(Image.Resampling, mode.upper()))
    # Pillow rounds to whole grey values, twice
    np.testing.assert_allclose(ours.numpy(), np.asarray(theirs, dtype=np.float64), atol=1.6)


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((1, 64, 64, 3), dtype=np.uint8)
    stripes[:, :, ::2] = 255
    shown = Preprocess(16, **PLAIN)(stripes)
    assert float((shown[..., 2:-2] - 0.5).abs().max()) < 0.05


def test_an_image_keeps_its_shape_on_grey() -> None:
    images = np.full((1, 10, 20, 3), 255, dtype=np.uint8)
    shown = Preprocess(20, **PLAIN)(images)
    assert torch.equal(shown[0, :, 5:15], torch.ones(3, 10, 20))
    assert float((shown[0, :, :5] - 128 / 255).abs().max()) < 1e-7
    assert float((shown[0, :, 15:] - 128 / 255).abs().max()) < 1e-7


def test_stimuli_smaller_than_the_field_of_view_are_padded() -> None:
    images = np.full((1, 30, 30, 3), 255, dtype=np.uint8)
    shown = Preprocess(40, degrees=8.0, **PLAIN)(images, degrees=4.0)
    white = shown[0, 0] == 1
    assert int(white.sum()) == 20 * 20
    assert bool(white[10:30, 10:30].all())


def test_stimuli_larger_than_the_field_of_view_show_their_centre() -> None:
    images = np.zeros((1, 40, 40, 3), dtype=np.uint8)
    images[:, 10:30, 10:30] = 255
    shown = Preprocess(20, degrees=4.0, **PLAIN)(images, degrees=8.0)
    assert torch.equal(shown, torch.ones(1, 3, 20, 20))


def test_degrees_are_those_of_the_width() -> None:
    images = np.full((1, 10, 20, 3), 255, dtype=np.uint8)
    shown = Preprocess(40, degrees=8.0, **PLAIN)(images, degrees=4.0)
    assert int((shown[0, 0] == 1).sum()) == 20 * 10


@pytest.mark.parametrize(("model", "stimuli"), [(None, 4.0), (8.0, None), (None, None)])
def test_unknown_degrees_fill_the_field_of_view(model: float | None, stimuli: float | None) -> None:
    images = noise(16, 16)
    shown = Preprocess(8, degrees=model, **PLAIN)(images, degrees=stimuli)
    assert torch.equal(shown, Preprocess(8, **PLAIN)(images))


def test_background_of_the_mean_is_zero_after_normalisation() -> None:
    shown = Preprocess(20, background="mean")(noise(10, 20, n=1))
    assert float(shown[0, :, :5].abs().max()) < 1e-6


def test_one_channel_is_luminance() -> None:
    images = noise(8, 8)
    shown = Preprocess(8, mean=(0.0,), std=(1.0,))(images)
    expected = images.astype(np.float64) @ [0.299, 0.587, 0.114] / 255
    assert shown.shape == (2, 1, 8, 8)
    np.testing.assert_allclose(shown[:, 0].numpy(), expected, atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 30),
    st.one_of(st.none(), st.floats(0.5, 20)), st.one_of(st.none(), st.floats(0.5, 20)),
)  # fmt: skip
def test_always_of_the_size_asked_for_and_within_the_pixels_range(
    height: int, width: int, size: int, field: float | None, degrees: float | None
) -> None:
    shown = Preprocess(size, degrees=field, interpolation="bicubic", **PLAIN)(noise(height, width), degrees=degrees)
    assert shown.shape == (2, 3, size, size)
    assert float(shown.min()) >= 0
    assert float(shown.max()) <= 1


@pytest.mark.parametrize("change", [lambda x: x[:, ::-1], lambda x: np.asfortranarray(x), np.broadcast_to, "read-only"])
def test_arrays_in_any_memory_layout(change: object) -> None:
    images = noise(12, 12)
    if change == "read-only":
        changed = images.copy()
        changed.flags.writeable = False
    elif change is np.broadcast_to:
        changed = np.broadcast_to(images[:1], images.shape)
    else:
        changed = change(images)  # type: ignore[operator]
    assert torch.equal(Preprocess(8)(changed), Preprocess(8)(changed.copy()))


def test_an_image_does_not_depend_on_its_batch() -> None:
    images, preprocess = noise(50, 30, n=5), Preprocess(24)
    together = preprocess(images)
    for index in range(5):
        assert torch.equal(together[index], preprocess(images[index : index + 1])[0])


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 8, 8, 3)),
        np.zeros((8, 8, 3), dtype=np.uint8),
        np.zeros((2, 3, 8, 8), dtype=np.uint8),
        np.zeros((2, 0, 8, 3), dtype=np.uint8),
    ],
)
def test_other_arrays_are_refused(images: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"uint8 array of shape \(n_stimuli, height, width, 3\)"):
        Preprocess(8)(images)


def test_a_list_is_refused() -> None:
    with pytest.raises(InputError, match="list arrived"):
        Preprocess(8)([[1]])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"size": 0}, "input of 0 pixels"),
        ({"mean": (0.5, 0.5)}, "3 values each, or 1"),
        ({"std": (1.0, 1.0, 0.0)}, "std above zero"),
        ({"mean": (float("nan"), 0.0, 0.0)}, "must be finite"),
        ({"degrees": -1.0}, "field of view is -1.0 degrees"),
    ],
)
def test_impossible_settings_are_refused(settings_: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Preprocess(**settings_)


def test_unknown_interpolation_gets_the_closest() -> None:
    with pytest.raises(OptionError, match="did you mean 'bilinear'"):
        Preprocess(8, interpolation="bilnear")
