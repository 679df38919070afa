import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.similarity import compare, compare_all, unit_vectors

METHODS = ("pearson", "spearman", "rho-a", "cosine")


def reference(a, b, method):
    if method == "pearson":
        return np.corrcoef(a, b)[0, 1]
    if method == "spearman":
        return scipy.stats.spearmanr(a, b).statistic
    if method == "cosine":
        return a @ b / np.sqrt((a @ a) * (b @ b))
    m = len(a)
    ranks = [scipy.stats.rankdata(x) - (m + 1) / 2 for x in (a, b)]
    return 12 * ranks[0] @ ranks[1] / (m**3 - m)


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.float64, st.tuples(st.just(2), st.integers(3, 40)), elements=st.integers(0, 9).map(float)),
    st.sampled_from(METHODS),
)
def test_equals_scipy_with_ties(pair, method):
    a, b = pair
    result = compare(torch.from_numpy(a), torch.from_numpy(b), method, constant="nan").item()
    if method == "rho-a":
        undefined = False
    elif method == "cosine":
        undefined = not (a.any() and b.any())
    else:
        undefined = np.ptp(a) == 0 or np.ptp(b) == 0
    assert np.isnan(result) == undefined
    if not undefined:
        assert result == pytest.approx(reference(a, b, method), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_float32_and_broadcasting(method):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(3, 1, 4950)).astype(np.float32)
    b = (a[0] + rng.normal(size=(2, 4950))).astype(np.float32)
    result = compare(torch.from_numpy(a), torch.from_numpy(b), method)
    assert result.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            expected = reference(a[i, 0].astype(np.float64), b[j].astype(np.float64), method)
            assert result[i, j].item() == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("method", METHODS)
def test_all_with_all_is_each_with_each(method):
    a, b = torch.randn(3, 66, dtype=torch.float64), torch.randn(4, 66, dtype=torch.float64)
    expected = compare(a[:, None], b, method)
    torch.testing.assert_close(compare_all(a, b, method), expected)
    torch.testing.assert_close(unit_vectors(a, method) @ unit_vectors(b, method).T, expected)


@pytest.mark.parametrize("method", METHODS)
def test_missing_pairs_are_left_out(method):
    a, b = torch.randn(2, 55, dtype=torch.float64), torch.randn(2, 55, dtype=torch.float64)
    a[0, 7] = a[1, 9] = b[:, 7] = b[:, 9] = torch.nan
    kept = [i for i in range(55) if i not in (7, 9)]
    torch.testing.assert_close(compare(a, b, method), compare(a[:, kept], b[:, kept], method))
    torch.testing.assert_close(compare_all(a, b, method), compare_all(a[:, kept], b[:, kept], method))


def test_different_missing_pairs():
    a, b = torch.randn(55, dtype=torch.float64), torch.randn(55, dtype=torch.float64)
    a[3], b[5] = torch.nan, torch.nan
    with pytest.raises(InputError, match="2 are NaN on one side only"):
        compare(a, b)
    kept = [i for i in range(55) if i not in (3, 5)]
    for method in METHODS:
        torch.testing.assert_close(compare(a, b, method, missing="shared"), compare(a[kept], b[kept], method))
    nothing = torch.full((55,), torch.nan, dtype=torch.float64)
    assert torch.isnan(compare(a, nothing, "spearman", missing="shared", constant="nan"))


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_a_constant_rdm_is_named_not_a_silent_nan(method):
    with pytest.raises(InputError, match="same value in all its pairs"):
        compare(torch.full((45,), 0.7), torch.rand(45), method)
    assert torch.isnan(compare(torch.full((45,), 0.7), torch.rand(45), method, constant="nan"))


@pytest.mark.parametrize("method", ["pearson", "cosine"])
def test_gradients(method):
    a = torch.rand(2, 15, dtype=torch.float64, requires_grad=True)
    b = torch.rand(15, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, y: compare(x, y, method), (a, b))


def test_bad_input():
    with pytest.raises(OptionError, match="did you mean 'pearson'"):
        compare(torch.rand(10), torch.rand(10), "pearsn")
    with pytest.raises(OptionError, match="unknown comparison 3; known: bures"):
        compare(torch.rand(10), torch.rand(10), 3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="missing"):
        compare(torch.rand(10), torch.rand(10), missing="drop")
    with pytest.raises(InputError, match="number of pairs"):
        compare(torch.rand(10), torch.rand(15))
    with pytest.raises(InputError, match="two stacks"):
        compare_all(torch.rand(10), torch.rand(10))
