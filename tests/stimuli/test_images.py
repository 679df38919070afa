from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from neuroguide._core.errors import InputError
from neuroguide.stimuli import StimulusSet
from neuroguide.stimuli.images import resize


class Mixed:
    """Two images of different sizes, counting how often each is read."""

    def __init__(self) -> None:
        self.reads: list[int] = []

    def __len__(self) -> int:
        return 2

    def read(self, index: int) -> np.ndarray:
        self.reads.append(index)
        return np.full(((10, 20, 3), (16, 16, 3))[index], 200, dtype=np.uint8)


@pytest.fixture
def mixed():
    import pandas as pd

    pixels = Mixed()
    return pixels, StimulusSet(pd.DataFrame({"stimulus_id": ["wide", "square"]}), pixels, identifier="mixed")


def test_nothing_is_read_before_it_is_asked_for(mixed):
    pixels, stimuli = mixed
    images = stimuli.select(["square", "wide"]).images()
    assert pixels.reads == []
    assert images[0].shape == (16, 16, 3)
    assert pixels.reads == [1]


def test_images_of_different_sizes_need_a_size(mixed):
    _, stimuli = mixed
    with pytest.raises(InputError, match=r"'square' has 16 x 16 pixels but 'wide' has 10 x 20; ask for one size"):
        stimuli.images()[:]
    assert stimuli.images(size=8)[:].shape == (2, 8, 8, 3)
    assert stimuli.images(size=(6, 9))[:].shape == (2, 6, 9, 3)


def test_scaling_keeps_the_shape_of_things_and_fills_with_grey():
    wide = np.full((10, 20, 3), 200, dtype=np.uint8)
    square = resize(wide, 8)
    assert square.shape == (8, 8, 3)
    np.testing.assert_array_equal(square[2:6], 200)
    np.testing.assert_array_equal(square[[0, 1, 6, 7]], 128)
    tall = resize(wide.transpose(1, 0, 2).copy(), 8)
    np.testing.assert_array_equal(tall, square.transpose(1, 0, 2))


def test_the_size_it_has_already_changes_nothing(pictures):
    np.testing.assert_array_equal(resize(pictures[0], (12, 10)), pictures[0])
    square = pictures[0][:10]
    np.testing.assert_array_equal(resize(square, 10), square)


def test_scales_like_pillow_and_keeps_the_mean_luminance(pictures):
    square = np.kron(pictures[0][:10], np.ones((8, 8, 1))).astype(np.uint8)
    small = resize(square, 20)
    expected = np.array(Image.fromarray(square).resize((20, 20), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(small, expected)
    assert abs(small.mean() - square.mean()) < 1


def test_very_long_images_keep_a_line():
    assert resize(np.zeros((1, 500, 3), np.uint8), 32).shape == (32, 32, 3)


@pytest.mark.parametrize("size", [0, -1, 2.5, (3, 0), (1, 2, 3), "x", 10**6])
def test_sizes_that_cannot_be_are_refused(pictures, size):
    with pytest.raises(InputError, match="is not possible"):
        StimulusSet.from_arrays(pictures).images(size=size)


def test_sizes_may_be_numpy_numbers(pictures):
    assert StimulusSet.from_arrays(pictures).images(size=np.int64(7))[0].shape == (7, 7, 3)
