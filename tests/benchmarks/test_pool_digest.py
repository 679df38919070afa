"""From stored 16-bit RDMs back to distances and similarities."""

import numpy as np
import pytest
import torch
from pool_digest import decoded, highest, similarities, units

from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.similarity import compare

N_TRAININGS, N_STAGES, N_STIMULI = 2, 3, 12


@pytest.fixture
def features():
    return torch.randn(N_TRAININGS, N_STAGES, N_STIMULI, 30, generator=torch.Generator().manual_seed(0)).double() + 0.3


@pytest.fixture
def shard(features):
    """What an entry of the pool keeps of these features; stage 2 of the second training is dead."""
    distances = rdm(features).numpy()
    low, high = distances.min(-1, keepdims=True), distances.max(-1, keepdims=True)
    stored = {
        "rdm/it": ((distances - low) / (high - low) * 65535).round().astype(np.uint16),
        "range/it": np.concatenate([low, high], axis=-1),
        "mean/it": features.mean(-1).numpy().astype(np.float32),
        "norm/it": (features - features.mean(-1, keepdim=True)).norm(dim=-1).numpy().astype(np.float32),
        "features/it": np.full((N_TRAININGS, N_STAGES), 30),
    }
    stored["range/it"][1, 1] = np.nan
    return stored


def test_distances_come_back(shard, features):
    found, expected = decoded(shard, "it"), rdm(features)
    assert torch.isnan(found[1, 1]).all()
    spread = expected.amax() - expected.amin()
    assert (found - expected)[0].abs().max() <= 1e-5 * spread


def test_euclidean_distances_follow(shard, features):
    found, expected = decoded(shard, "it", "euclidean")[0], rdm(features, "euclidean")[0]
    assert found.numpy() == pytest.approx(expected.numpy(), rel=1e-4)


@pytest.mark.parametrize("method", ["pearson", "spearman", "whitened-pearson", "cka"])
def test_similarities_are_those_of_the_engine(shard, features, method):
    rng = np.random.default_rng(1)
    teachers = [rng.random(N_STIMULI * (N_STIMULI - 1) // 2) for _ in range(4)]
    found = similarities(decoded(shard, "it"), units(teachers, method), method)
    expected = compare(rdm(features)[:, :, None], torch.from_numpy(np.stack(teachers)), method)
    assert found.shape == (N_TRAININGS, N_STAGES, 4)
    assert np.isnan(found[1, 1]).all()
    assert found[0] == pytest.approx(expected[0].numpy(), abs=1e-3 if method == "spearman" else 1e-4)


def test_the_highest_leaves_dead_stages_out(shard):
    teachers = units([np.random.default_rng(2).random(66)])
    found = decoded(shard, "it")
    every = similarities(found, teachers)
    assert highest(found, teachers)[1, 0] == pytest.approx(np.nanmax(every[1, :, 0]))
    found[1] = torch.nan
    assert highest(found, teachers)[1, 0] == -1
