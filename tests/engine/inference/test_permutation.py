import math

import pytest
import torch

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.dissimilarity import condense, rdm, square_form
from neuroguide.engine.inference import permutation
from neuroguide.engine.inference.permutation import draw_orders, permutation_test
from neuroguide.engine.similarity import WhitenedCosine, compare_all, resolve_comparison

METHODS = ("pearson", "spearman", "kendall", "rho-a", "cosine", "whitened-pearson", "cka", "bures")


def stacks(n=10):
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(3, n, 6, generator=generator, dtype=torch.float64)
    b = a[:2] + torch.randn(2, n, 6, generator=generator, dtype=torch.float64)
    return rdm(a), rdm(b)


@pytest.mark.parametrize("method", [*METHODS, WhitenedCosine(torch.linspace(0.5, 2, 10))])
def test_permuted_similarities(method):
    models, data = stacks()
    orders = draw_orders(10, 4, seed=0)
    result = permutation._permuted(models, data, resolve_comparison(method), orders)
    for order, similarity in zip(orders, result, strict=True):
        shuffled = condense(square_form(data)[:, order][:, :, order])
        torch.testing.assert_close(similarity, compare_all(models, shuffled, method), rtol=0, atol=1e-7)


@pytest.mark.parametrize("chunk", [1, 10**7])
def test_p_values_count_the_permutations_that_reach_it(chunk, monkeypatch):
    models, data = stacks()
    monkeypatch.setattr(permutation, "_CHUNK", chunk)
    result = permutation_test(models, data, n_permutations=99, seed=3)
    null = permutation._permuted(models, data, resolve_comparison("pearson"), draw_orders(10, 99, seed=3))
    torch.testing.assert_close(result.p_values, ((null >= result.similarity).sum(0) + 1) / 100)
    torch.testing.assert_close(
        result.p_values_of_maximum, ((null.amax(1, keepdim=True) >= result.similarity).sum(0) + 1) / 100
    )
    torch.testing.assert_close(result.null_mean, null.mean(0))
    two = permutation_test(models, data, n_permutations=99, seed=3, alternative="two-sided")
    smaller = torch.minimum((null >= two.similarity).sum(0), (null <= two.similarity).sum(0))
    torch.testing.assert_close(two.p_values, (2 * (smaller + 1) / 100).clamp_max(1))


def test_free_orders_are_permutations_and_all_occur():
    orders = draw_orders(5, 3000, seed=0)
    assert (orders.sort(1).values == torch.arange(5)).all()
    assert len(orders.unique(dim=0)) == math.factorial(5)


def test_orders_inside_categories():
    categories = torch.tensor([2, 0, 2, 1, 0, 2, 1, 0, 2, 0])
    orders = draw_orders(10, 500, seed=0, categories=categories)
    assert (categories[orders] == categories).all()
    assert (orders.sort(1).values == torch.arange(10)).all()
    assert len(orders.unique(dim=0)) > 300


def test_what_the_category_explains_is_chance_inside_it():
    generator = torch.Generator().manual_seed(0)
    categories = torch.arange(24) // 6
    means = 4 * torch.randn(4, 5, generator=generator)
    a, b = (means[categories] + torch.randn(24, 5, generator=generator) for _ in range(2))
    models, data = rdm(a)[None], rdm(b)[None]
    assert permutation_test(models, data, n_permutations=999).p_values < 0.01
    assert permutation_test(models, data, n_permutations=999, categories=categories).p_values > 0.05


def test_bad_input():
    models, data = stacks(4)
    with pytest.raises(InputError, match="there are 24"):
        permutation_test(models, data)
    models, data = stacks()
    with pytest.raises(InputError, match="one category for each of 10"):
        permutation_test(models, data, categories=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(OptionError, match="alternative"):
        permutation_test(models, data, alternative="less")
    models[:, 3] = data[:, 3] = torch.nan
    with pytest.raises(InputError, match="missing"):
        permutation_test(models, data)
