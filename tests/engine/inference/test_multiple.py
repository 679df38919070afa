import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroguide._core.errors import InputError
from neuroguide.engine.inference.multiple import false_discovery_rate, holm


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_hochberg_equals_scipy(values):
    expected = torch.from_numpy(scipy.stats.false_discovery_control(values))
    torch.testing.assert_close(false_discovery_rate(torch.tensor(values, dtype=torch.float64)), expected)


def test_holm_by_hand_and_tests_not_done():
    p_values = torch.tensor([0.01, 0.04, torch.nan, 0.03, 0.005])
    expected = torch.tensor([0.03, 0.06, torch.nan, 0.06, 0.02])
    torch.testing.assert_close(holm(p_values), expected, equal_nan=True)
    torch.testing.assert_close(holm(torch.tensor([0.6, 0.7])), torch.tensor([1.0, 1.0]))


def test_bad_input():
    for correct in (holm, false_discovery_rate):
        with pytest.raises(InputError, match="between 0 and 1"):
            correct(torch.tensor([0.1, 1.2]))
