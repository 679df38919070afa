import itertools

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuroguide.engine.similarity import compare


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, st.tuples(st.just(2), st.integers(2, 20)), elements=st.integers(0, 6).map(float)))
def test_equals_counting(pair):
    a, b = pair
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in itertools.combinations(range(len(a)), 2)]
    assert compare(torch.from_numpy(a), torch.from_numpy(b), "kendall").item() == pytest.approx(np.mean(signs))


def test_equals_scipy_without_ties():
    rng = np.random.default_rng(0)
    a = rng.normal(size=5000)
    b = a + rng.normal(size=5000)
    result = compare(torch.from_numpy(a), torch.from_numpy(b), "kendall").item()
    assert result == pytest.approx(scipy.stats.kendalltau(a, b).statistic, abs=1e-12)


def test_missing_pairs_and_batches():
    a, b = torch.rand(3, 1, 45), torch.rand(2, 45)
    a[..., 7] = b[..., 7] = torch.nan
    kept = [i for i in range(45) if i != 7]
    torch.testing.assert_close(compare(a, b, "kendall"), compare(a[..., kept], b[..., kept], "kendall"))
