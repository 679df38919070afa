import pytest
import torch

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.comparison.kernels import linear_cka
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.similarity import CKA, WhitenedCosine, WhitenedPearson, compare, unit_vectors


def features(seed, n_features, n_stimuli=15):
    return torch.randn(n_stimuli, n_features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("sizes", [(4, 6), (40, 30), (4, 30)])
def test_linear_cka_by_hand(sizes):
    x, y = features(0, sizes[0]), features(1, sizes[1])
    centring = torch.eye(15, dtype=torch.float64) - 1 / 15
    k, h = centring @ x @ x.T @ centring, centring @ y @ y.T @ centring
    expected = (k * h).sum() / (k.norm() * h.norm())
    torch.testing.assert_close(linear_cka(x, y), expected)


def test_whitened_cosine_of_squared_euclidean_rdms_is_linear_cka():
    x, y = features(0, 9), features(1, 30)
    a, b = rdm(x, "euclidean"), rdm(y, "euclidean")
    for method in ("whitened-cosine", "cka", WhitenedCosine(torch.ones(15)), WhitenedCosine(torch.eye(15))):
        torch.testing.assert_close(compare(a, b, method), linear_cka(x, y))


def test_unbiased_cka_from_features_from_rdms_and_by_hand():
    x, y = features(0, 9), features(1, 30)
    n = 15

    def hsic(k, h):
        k, h = k - torch.diag(k.diagonal()), h - torch.diag(h.diagonal())
        trace, sums = (k * h).sum(), k.sum() * h.sum() / ((n - 1) * (n - 2))
        return (trace + sums - 2 / (n - 2) * (k @ h).sum()) / (n * (n - 3))

    k, h = x @ x.T, y @ y.T
    expected = hsic(k, h) / (hsic(k, k) * hsic(h, h)).sqrt()
    torch.testing.assert_close(linear_cka(x, y, unbiased=True), expected)
    torch.testing.assert_close(compare(rdm(x, "euclidean"), rdm(y, "euclidean"), CKA(unbiased=True)), expected)


def test_unrelated_features_score_zero_only_without_bias():
    x, y = (torch.randn(300, 20, 200, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    unbiased = linear_cka(x, y, unbiased=True)
    assert abs(unbiased.mean()) < 4 * unbiased.std() / 300**0.5
    assert linear_cka(x, y).min() > 0.8


def test_bures_is_the_nuclear_norm_of_the_cross_covariance():
    x, y = (values - values.mean(0) for values in (features(0, 9), features(1, 30)))
    expected = torch.linalg.matrix_norm(x.T @ y, "nuc") / (x.norm() * y.norm())
    result = compare(rdm(x, "euclidean"), rdm(y, "euclidean"), "bures")
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["whitened-pearson", "whitened-cosine", "cka", CKA(unbiased=True)])
def test_gradients(method):
    a = torch.rand(2, 15, dtype=torch.float64, requires_grad=True)
    b = torch.rand(15, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, y: compare(x, y, method), (a, b))


def test_missing_pairs_of_single_comparisons():
    a, b = torch.rand(3, 66, dtype=torch.float64), torch.rand(66, dtype=torch.float64)
    a[0, 5] = a[1, 6] = torch.nan
    together = compare(a, b, "whitened-pearson", missing="shared")
    for row in range(3):
        torch.testing.assert_close(together[row], compare(a[row], b, "whitened-pearson", missing="shared"))


def test_leaving_out_all_pairs_of_a_stimulus_is_leaving_out_the_stimulus():
    x, y = features(0, 9), features(1, 30)
    x[4] = torch.nan
    a = rdm(x, "euclidean", constant="nan")
    others = [i for i in range(15) if i != 4]
    expected = linear_cka(x[others], y[others])
    torch.testing.assert_close(compare(a, rdm(y, "euclidean"), "cka", missing="shared"), expected)


def test_constant_and_bad_input():
    assert torch.isnan(compare(torch.ones(10), torch.rand(10), "whitened-pearson", constant="nan"))
    assert torch.isnan(compare(torch.zeros(10), torch.rand(10), "bures", constant="nan"))
    with pytest.raises(InputError, match="at least 4 stimuli"):
        compare(torch.rand(3), torch.rand(3), CKA(unbiased=True))
    with pytest.raises(InputError, match="variances or their covariance"):
        compare(torch.rand(10), torch.rand(10), WhitenedPearson(torch.ones(4)))
    with pytest.raises(InputError, match="above zero"):
        compare(torch.rand(10), torch.rand(10), WhitenedPearson(torch.zeros(5)))
    with pytest.raises(OptionError, match="no inner product"):
        unit_vectors(torch.rand(10), "bures")
    with pytest.raises(InputError, match="features of the same stimuli"):
        linear_cka(torch.rand(4, 3), torch.rand(5, 3))
    gone = torch.rand(10)
    gone[2] = torch.nan
    for method in ("bures", CKA(unbiased=True), WhitenedCosine(torch.eye(5))):
        with pytest.raises(InputError, match="every pair"):
            compare(gone, torch.rand(10), method, missing="shared")


@pytest.mark.parametrize("sizes", [(4, 5), (40, 50)])
@pytest.mark.parametrize("scale", [1e-35, 1e-16, 1e16, 1e30])
def test_linear_cka_knows_no_scale(sizes, scale):
    x, y = (torch.randn(20, size, generator=torch.Generator().manual_seed(size)) for size in sizes)
    torch.testing.assert_close(linear_cka(x * scale, y), linear_cka(x, y), rtol=1e-4, atol=1e-5)
    assert linear_cka(torch.zeros(20, 3), y).isnan()
