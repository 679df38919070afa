"""Pieces of work beside each other: the same results in order, and torch's threads as they were."""

from __future__ import annotations

import pytest
import torch

from neuroguide.engine import triangle
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.inference import weighted
from neuroguide.engine.inference.bootstrap import bootstrap_stimuli
from neuroguide.engine.threads import map_in_threads


@pytest.fixture
def two_threads():
    """Torch with two threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_order_from_threads_of_their_own(two_threads):
    counts = map_in_threads(lambda k: (k, torch.get_num_threads()), range(7))
    assert counts == [(k, 1) for k in range(7)]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_pieces_record_gradients_as_their_caller(two_threads, mode):
    with mode():
        expected = (torch.is_inference_mode_enabled(), torch.is_grad_enabled())
        found = map_in_threads(lambda _: (torch.is_inference_mode_enabled(), torch.is_grad_enabled()), range(3))
    assert found == [expected] * 3


def test_a_large_rdm_under_inference_mode(two_threads, monkeypatch):
    monkeypatch.setattr(triangle, "_WORK_BESIDE", 0)
    features = torch.randn(300, 20, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(rdm(features), rdm(features.double()).float(), rtol=1e-5, atol=1e-5)


def test_an_error_leaves_the_number_of_threads_alone(two_threads):
    def fails(piece):
        raise ValueError(f"piece {piece}")

    with pytest.raises(ValueError, match="piece 0"):
        map_in_threads(fails, range(3))
    assert torch.get_num_threads() == 2


def test_a_bootstrap_in_threads_equals_one_without(two_threads, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    models = rdm(torch.randn(3, 30, 6, generator=generator, dtype=torch.float64))
    data = rdm(torch.randn(1, 30, 6, generator=generator, dtype=torch.float64))
    monkeypatch.setattr(weighted, "_CHUNK", 435 * 40)
    found = bootstrap_stimuli(models, data, "spearman", n_samples=200).samples["stimuli"]
    torch.set_num_threads(1)
    expected = bootstrap_stimuli(models, data, "spearman", n_samples=200).samples["stimuli"]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
