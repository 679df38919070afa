"""Is a similarity above chance? Permuting which stimulus is which."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine.comparison.base import Comparison, InnerProduct
from neuroguide.engine.comparison.whitening import WhitenedCosine, WhitenedPearson
from neuroguide.engine.device import as_floating
from neuroguide.engine.similarity import compare_all, resolve_comparison
from neuroguide.engine.triangle import n_stimuli_of, pair_indices

#: Numbers held at once in the permuted RDMs.
_CHUNK = 16_000_000

#: Fewest different orders of the stimuli: with fewer, no p value can fall below 0.01.
LEAST_ORDERS = 100


@dataclass(frozen=True)
class PermutationTest:
    """Similarities, and how often chance reaches them.

    Attributes
    ----------
    similarity : tensor of shape (n_models, n_data)
    p_values : tensor of shape (n_models, n_data)
        Share of the permutations, the one that was measured included, that reach the similarity.
    p_values_of_maximum : tensor of shape (n_models, n_data)
        Share in which the best of all models reaches it: adjusted for having looked at all of them.
    null_mean, null_std : tensor of shape (n_models, n_data)
        Mean and standard deviation under chance.
    """

    similarity: Tensor
    p_values: Tensor
    p_values_of_maximum: Tensor
    null_mean: Tensor
    null_std: Tensor


def draw_orders(n: int, n_permutations: int, seed: int, categories: Tensor | None = None) -> Tensor:
    """Random orders of the stimuli, free or inside each category.

    Parameters
    ----------
    n : int
        Number of stimuli.
    n_permutations : int
    seed : int
    categories : integer tensor of shape (n,), optional
        Then stimuli only change places inside their category.

    Returns
    -------
    integer tensor of shape (n_permutations, n)

    Raises
    ------
    InputError
        If there are fewer than 100 different orders.
    """
    categories = torch.zeros(n, dtype=torch.int64) if categories is None else categories.cpu()
    if categories.shape != (n,):
        raise InputError(f"one category for each of {n} stimuli is needed, {tuple(categories.shape)} arrived")
    orders = 1
    for size in categories.bincount().tolist():
        for factor in range(2, min(size, 8) + 1):
            orders *= factor
    if orders < LEAST_ORDERS:
        raise InputError(
            f"a permutation test needs at least {LEAST_ORDERS} different orders of the stimuli, there are {orders}: at "
            "least 5 stimuli in one category; use more stimuli, or permute freely"
        )
    keys = torch.rand(n_permutations, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    # sorted by category, then at random: the k-th place of a category takes its k-th stimulus in the random order
    shuffled = (keys + categories).argsort(1)
    places = categories.argsort(stable=True)
    result = torch.empty_like(shuffled)
    result[:, places] = shuffled
    return result


def permutation_test(
    models: Tensor,
    data: Tensor,
    method: str | Comparison = "pearson",
    *,
    categories: Tensor | None = None,
    alternative: str = "greater",
    n_permutations: int = 10_000,
    seed: int = 0,
) -> PermutationTest:
    """Test similarities against chance by giving the stimuli of the models to each other.

    Parameters
    ----------
    models : tensor of shape (n_models, n_pairs)
    data : tensor of shape (n_data, n_pairs)
    method : str or Comparison
    categories : integer tensor of shape (n_stimuli,), optional
        Permute inside each category only: chance then keeps everything that the category explains.
    alternative : {"greater", "two-sided"}
        ``"two-sided"`` doubles the smaller tail.
    n_permutations : int
        Random orders, the same for all models, besides the measured one.
    seed : int

    Returns
    -------
    PermutationTest

    Raises
    ------
    InputError
        If pairs are missing, a similarity is undefined, or there are too few different orders.
    OptionError
        If the comparison or the alternative is unknown.
    """
    check_option("alternative", alternative, ("greater", "two-sided"))
    comparison = resolve_comparison(method)
    measured = compare_all(models, data, comparison)
    models, data = as_floating(models).to(measured), as_floating(data).to(measured)
    if bool(torch.isnan(data).any()) or bool(torch.isnan(models).any()):
        raise InputError("some pairs of the RDMs are missing; leave out those stimuli before permuting")
    n = n_stimuli_of(models.shape[1])
    orders = draw_orders(n, n_permutations, seed, categories).to(models.device)
    size = max(1, _CHUNK // models.numel())
    null = torch.cat([_permuted(models, data, comparison, part) for part in torch.split(orders, size)])
    tolerance = 1e-6 if null.dtype == torch.float32 else 1e-12
    above = (null >= measured - tolerance).sum(0)
    below = (null <= measured + tolerance).sum(0)
    best = (null.amax(1, keepdim=True) >= measured - tolerance).sum(0)
    if alternative == "two-sided":
        above = torch.minimum(above, below)
        best = (null.abs().amax(1, keepdim=True) >= measured.abs() - tolerance).sum(0)
    p_values = (above + 1) / (n_permutations + 1)
    if alternative == "two-sided":
        p_values = (2 * p_values).clamp_max(1)
    return PermutationTest(measured, p_values, (best + 1) / (n_permutations + 1), null.mean(0), null.std(0))


def _permuted(models: Tensor, data: Tensor, comparison: Comparison, orders: Tensor) -> Tensor:
    """Similarities of shape (n_orders, n_models, n_data) after permuting the stimuli of the data."""
    n = orders.shape[1]
    first, second = pair_indices(n, models.device)
    left, right = orders[:, first], orders[:, second]
    small, large = torch.minimum(left, right), torch.maximum(left, right)
    # the place of a pair in the condensed order
    places = small * (2 * n - small - 1) // 2 + large - small - 1
    if isinstance(comparison, InnerProduct) and not _weighs_stimuli(comparison):
        a, b = comparison.embed(models, None), comparison.embed(data, None)
        if a.shape[1] == models.shape[1]:
            return torch.stack([a @ row[places].mT for row in b], 2).transpose(0, 1)
        kernels = (orders.unsqueeze(2) * n + orders.unsqueeze(1)).flatten(1)
        return torch.stack([a @ row[kernels].mT for row in b], 2).transpose(0, 1)
    columns = [comparison.similarity(models.unsqueeze(0), row[places].unsqueeze(1), None) for row in data]
    return torch.stack(columns, 2)


def _weighs_stimuli(comparison: Comparison) -> bool:
    """Whether stimuli have noise of their own, so that a permuted RDM has another vector, not a permuted one."""
    return isinstance(comparison, (WhitenedCosine, WhitenedPearson)) and comparison.stimulus_noise is not None
