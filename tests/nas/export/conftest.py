"""A finished search on the virtual primate, small enough to be trained in a test, and weights of every space."""

from __future__ import annotations

import numpy as np
import pytest

from neuroguide.nas.data import from_arrays
from neuroguide.nas.evaluation import save_weights
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import search

OWN = "docs/examples/own_space.py:make"


@pytest.fixture(scope="session")
def kept_run(tmp_path_factory, session_cache):
    """Three candidates of tiny `cells`, guided by accuracy and the virtual primate's V4 and IT."""
    space = open_space("cells", blocks=(1,), operations=("identity", "max_pool_3x3", "sep_conv_3x3"), filters=4)
    return search(
        space, ["performance", "recording:virtual"], data="objects:64", sampler="random", trials=3, images=64, keep=1,
        run=tmp_path_factory.mktemp("runs") / "tiny", executor="inline",
    )  # fmt: skip


@pytest.fixture
def weights_of(tmp_path):
    """``weights_of(space)`` writes the weights of a random architecture and gives their path."""

    def write(space, seed=0):
        rng = np.random.default_rng(seed)
        data = from_arrays(rng.integers(0, 255, (40, 16, 16, 3), dtype=np.uint8), np.arange(40) % 4)
        arch = space.sample(rng)
        network = space.build(arch, image_size=16, n_classes=4)
        path = tmp_path / f"{space.name}-{seed}.safetensors"
        save_weights(network, path, space=space, arch=arch, data=data)
        return path

    return write
