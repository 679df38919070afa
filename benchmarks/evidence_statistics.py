"""Statistics of the evidence: rank correlations under resampled architectures, increments, efficiency, partial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95% percentile interval and two-sided p against 0."""

    value: float
    low: float
    high: float
    p: float

    @classmethod
    def of(cls, value: float, drawn: Floats) -> Estimate:
        """From the value and its bootstrap distribution; undefined draws (NaN) are left out."""
        kept = drawn[~np.isnan(drawn)]
        if not len(kept) or not np.isfinite(value):
            return cls(value, np.nan, np.nan, np.nan)
        low, high = np.quantile(kept, [0.025, 0.975], method="inverted_cdf")
        tail = min((kept <= 0).mean(), (kept >= 0).mean())
        return cls(float(value), float(low), float(high), float(min(1.0, max(2 * tail, 1 / len(kept)))))

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def draw_counts(n: int, n_samples: int, seed: int) -> NDArray[np.int64]:
    """How often each of ``n`` architectures is in each bootstrap sample, (n_samples, n); the first row is the data."""
    rng = np.random.default_rng(seed)
    return np.concatenate([np.ones((1, n), np.int64), rng.multinomial(n, np.full(n, 1 / n), n_samples)])


def resampled_ranks(values: Floats, counts: NDArray[np.int64]) -> Floats:
    """Mid-ranks of the values in every sample, (n_samples, n), ties averaged as repeated values are."""
    _, starts, inverse = np.unique(np.sort(values), return_index=True, return_inverse=True)
    order = np.argsort(values, kind="stable")
    # how many of each group of equal values are in each sample
    groups = np.add.reduceat(counts[:, order], starts, axis=1)
    ranks = np.empty(counts.shape)
    ranks[:, order] = (np.cumsum(groups, axis=1) - (groups - 1) / 2)[:, inverse]
    return ranks


def weighted_correlation(a: Floats, b: Floats, counts: NDArray[np.int64]) -> Floats:
    """Pearson's correlation of rows with multiplicities; NaN where one side does not vary."""
    total = counts.sum(axis=1, keepdims=True)
    a = a - (a * counts).sum(axis=1, keepdims=True) / total
    b = b - (b * counts).sum(axis=1, keepdims=True) / total
    spread = np.sqrt((counts * a * a).sum(axis=1) * (counts * b * b).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-12, (counts * a * b).sum(axis=1) / spread, np.nan)


def spearman(x: Floats, y: Floats, counts: NDArray[np.int64]) -> Floats:
    """Spearman's correlation in every sample, (n_samples,)."""
    return weighted_correlation(resampled_ranks(x, counts), resampled_ranks(y, counts), counts)


def partial_spearman(x: Floats, y: Floats, covariates: Floats, counts: NDArray[np.int64]) -> Floats:
    """Correlation of the ranks of x and y, both freed from a linear regression on the covariates' ranks.

    Parameters
    ----------
    x, y : arrays of shape (n,)
    covariates : array of shape (n, n_covariates)
    counts : array of shape (n_samples, n)

    Returns
    -------
    array of shape (n_samples,)
        NaN where the covariates leave nothing of one side.
    """
    columns = [resampled_ranks(c, counts) for c in covariates.T]
    design = np.stack([np.ones(counts.shape), *(c / len(x) for c in columns)], axis=-1)
    sides = np.stack([resampled_ranks(v, counts) for v in (x, y)], axis=-1)
    weighted = design * counts[..., None]
    normal = np.swapaxes(weighted, 1, 2) @ design
    # covariates may repeat each other in a sample: the pseudo-inverse drops what does
    freed = sides - design @ (
        np.linalg.pinv(normal, rcond=1e-10, hermitian=True) @ (np.swapaxes(weighted, 1, 2) @ sides)
    )
    left = (counts[..., None] * freed**2).sum(axis=1) / (counts[..., None] * sides**2).sum(axis=1)
    found = weighted_correlation(freed[..., 0], freed[..., 1], counts)
    return np.where((left > 1e-8).all(axis=1), found, np.nan)


def cost_to_reach(costs: Sequence[float], correlations: Floats, goal: Floats) -> Floats:
    """Cost at which each sample's curve reaches its goal; infinite where it never does.

    Parameters
    ----------
    costs : sequence of float
        Increasing and above 0.
    correlations : array of shape (n_samples, n_costs)
        Made monotone by their running maximum, and interpolated linearly in log cost.
    goal : array of shape (n_samples,)
    """
    curve = np.maximum.accumulate(np.nan_to_num(correlations, nan=-1.0), axis=1)
    logs = np.log(np.asarray(costs, dtype=float))
    found = np.full(len(curve), np.inf)
    for row, (values, wanted) in enumerate(zip(curve, goal, strict=True)):
        if not np.isfinite(wanted) or values[-1] < wanted:
            continue
        after = int(np.argmax(values >= wanted))
        if after == 0:
            found[row] = costs[0]
            continue
        share = (wanted - values[after - 1]) / (values[after] - values[after - 1])
        found[row] = np.exp(logs[after - 1] + share * (logs[after] - logs[after - 1]))
    return found


@dataclass(frozen=True)
class Efficiency:
    """Cost of the reference over that of the guide to reach a goal.

    Attributes
    ----------
    ratio : float
        Infinite: the reference never gets there, then ``bound`` is a lower bound; 0: the guide never does, then it is
        an upper one; NaN: neither does.
    low, high : float
        Of the 95% interval; infinite and 0 as above.
    bound : float
    undefined : float
        Share of the samples in which neither gets there.
    """

    ratio: float
    low: float
    high: float
    bound: float
    undefined: float

    def __str__(self) -> str:
        if np.isnan(self.ratio):
            return "neither gets there"
        value = {np.inf: f"> {self.bound:.1f}", 0.0: f"< {self.bound:.2g}"}.get(self.ratio, f"{self.ratio:.1f}")
        low, high = (
            "never" if limit == 0 else "∞" if limit == np.inf else f"{limit:.1f}" for limit in (self.low, self.high)
        )
        note = f", undefined in {self.undefined:.0%}" if self.undefined >= 0.005 else ""
        return f"{value} [{low}, {high}{note}]"


def efficiency(
    reference_costs: Sequence[float], reference: Floats, guide_costs: Sequence[float], guide: Floats, goal: Floats
) -> Efficiency:
    """Efficiency of a guide; row 0 of the curves is the data, the others its bootstrap samples.

    Parameters
    ----------
    reference_costs, guide_costs : sequences of float
    reference, guide : arrays of shape (n_samples, n_costs)
        Rank correlations of both.
    goal : array of shape (n_samples,)
    """
    theirs = cost_to_reach(reference_costs, reference, goal)
    ours = cost_to_reach(guide_costs, guide, goal)
    with np.errstate(invalid="ignore"):
        ratios = theirs / ours  # infinity over infinity is undefined
    bound = np.nan
    if np.isinf(ratios[0]):
        bound = max(reference_costs) / ours[0]
    elif ratios[0] == 0:
        bound = theirs[0] / max(guide_costs)
    drawn = ratios[1:]
    kept = drawn[~np.isnan(drawn)]
    low, high = np.quantile(kept, [0.025, 0.975], method="inverted_cdf") if len(kept) else (np.nan, np.nan)
    return Efficiency(float(ratios[0]), float(low), float(high), float(bound), float(np.isnan(drawn).mean()))


def holm(p_values: Sequence[float]) -> Floats:
    """P-values adjusted for the whole family (Holm 1979); NaN stays out of it."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full(len(p), np.nan)
    there = np.flatnonzero(~np.isnan(p))
    order = there[np.argsort(p[there])]
    running = 0.0
    for place, index in enumerate(order):
        running = max(running, min(1.0, (len(order) - place) * p[index]))
        adjusted[index] = running
    return adjusted
