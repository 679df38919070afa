"""Tiny spaces, tables and data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroguide.nas.data import from_arrays
from neuroguide.nas.hournas import CostTable, counted_table
from neuroguide.nas.spaces import open_space


@pytest.fixture(scope="session")
def tiny_space():
    """Blocks of 4 to 12 channels, four operations and the identity."""
    return open_space("hourglass", layout="small", width=0.1, kernel=(3, 5), expansion=(1, 3), squeeze_excite=False)


@pytest.fixture(scope="session")
def tiny_table(tiny_space):
    """Its costs for images of 16 pixels."""
    return counted_table(tiny_space, image_size=16, n_classes=4)


@pytest.fixture(scope="session")
def tiny_data():
    """240 images of 16 pixels in 4 classes, told apart by their brightness."""
    rng = np.random.default_rng(0)
    labels = np.arange(240) % 4
    images = rng.integers(0, 100, (240, 16, 16, 3)) + labels[:, None, None, None] * 50
    return from_arrays(images.astype(np.uint8), labels, validation=40)


@pytest.fixture
def made_up_table():
    """Three blocks, three operations of which the last block lacks one, two quantities; small enough to enumerate."""
    generator = torch.Generator().manual_seed(0)
    allowed = torch.ones(3, 3, dtype=torch.bool)
    allowed[2, 1] = False
    return CostTable(
        quantities=("macs", "parameters"),
        blocks=("a", "b", "c"),
        operations=("x", "y", "z"),
        fixed=torch.tensor([5.0, 1.0]),
        costs=torch.randint(1, 20, (3, 3, 2), generator=generator).double(),
        allowed=allowed,
    )
