import numpy as np
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuroguide.engine.ranks import centred_ranks


@settings(deadline=None, max_examples=60)
@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 30)), elements=st.integers(0, 6).map(float)))
def test_equals_rankdata(values):
    expected = scipy.stats.rankdata(values, axis=1) - (values.shape[1] + 1) / 2
    np.testing.assert_array_equal(centred_ranks(torch.from_numpy(values)).numpy(), expected)
