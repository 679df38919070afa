import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuroguide.engine import ranks
from neuroguide.engine.ranks import centred_ranks


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 30)), elements=st.integers(0, 6).map(float)))
def test_equals_rankdata(values):
    expected = scipy.stats.rankdata(values, axis=1) - (values.shape[1] + 1) / 2
    np.testing.assert_array_equal(centred_ranks(torch.from_numpy(values)).numpy(), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_long_rows_with_ties_signs_and_infinities(dtype):
    values = torch.randn(3, 6000, dtype=dtype).mul(50).round() / 10
    values[0, :5] = torch.tensor([torch.inf, -torch.inf, 0.0, -0.0, torch.inf])
    values[1] = torch.randn(6000, dtype=dtype)
    expected = scipy.stats.rankdata(values.numpy(), axis=1) - 6001 / 2
    np.testing.assert_array_equal(centred_ranks(values).numpy(), expected)
    assert centred_ranks(torch.zeros(0, 4)).shape == (0, 4)


@pytest.mark.parametrize("torch_alone", [False, True])
def test_float32_beyond_one_chunk(monkeypatch, torch_alone):
    # runs of equal values that end before, at and behind the end of a chunk, one longer than two of them
    monkeypatch.setattr(ranks, "_CHUNK", 1000)
    monkeypatch.setattr(ranks, "WORTH_THREADS", 0)
    if torch_alone:
        monkeypatch.setattr(ranks, "_numpy_sorts_faster", lambda: False)
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(5, 7000, generator=generator)
    values[1] = values[1].mul(30).round()
    values[2, :2500] = -0.0
    values[2, 3000:3500] = 0.0
    values[3] = 1.0
    values[4] = torch.arange(7000).sub(3500).div(500, rounding_mode="floor")
    expected = scipy.stats.rankdata(values.numpy(), axis=1) - 7001 / 2
    np.testing.assert_array_equal(ranks.centred_ranks(values).numpy(), expected)
    # rows that do not lie one behind the other, and more than one leading dimension
    turned = values.T.contiguous().T.reshape(5, 1, 7000)
    np.testing.assert_array_equal(ranks.centred_ranks(turned).numpy()[:, 0], expected)
