"""The statistics of the evidence against scipy, hand computation, and synthetic pools with a known truth."""

import numpy as np
import pytest
from evidence_statistics import (
    Estimate,
    cost_to_reach,
    draw_counts,
    efficiency,
    holm,
    partial_spearman,
    resampled_ranks,
    spearman,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

PAIRS = arrays(np.float64, (2, 15), elements=st.integers(0, 8).map(float))


@settings(deadline=None, max_examples=50)
@given(values=PAIRS, seed=st.integers(0, 99))
def test_spearman_in_every_sample_is_scipys_on_the_repeated_values(values, seed):
    counts = draw_counts(15, 4, seed)
    ours = spearman(*values, counts)
    for found, count in zip(ours, counts, strict=True):
        x, y = (np.repeat(v, count) for v in values)
        if len(np.unique(x)) == 1 or len(np.unique(y)) == 1:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_resampled_ranks_are_mid_ranks():
    ranks = resampled_ranks(np.array([3.0, 1, 1, 7]), np.array([[2, 1, 1, 0], [1, 1, 1, 1]]))
    assert ranks[0, :3].tolist() == [3.5, 1.5, 1.5]
    assert ranks[1].tolist() == [3, 1.5, 1.5, 4]


def test_the_first_sample_is_the_data_and_the_others_are_of_its_size():
    counts = draw_counts(20, 50, 1)
    assert (counts[0] == 1).all()
    assert (counts.sum(axis=1) == 20).all()


def test_partial_spearman_is_the_textbook_formula_for_one_covariate():
    rng = np.random.default_rng(0)
    z = rng.normal(size=200)
    x, y = z + rng.normal(size=200), z + rng.normal(size=200)
    counts = draw_counts(200, 3, 1)
    found = partial_spearman(x, y, z[:, None], counts)
    for value, count in zip(found, counts, strict=True):
        xy, xz, yz = (
            stats.spearmanr(np.repeat(a, count), np.repeat(b, count)).statistic for a, b in ((x, y), (x, z), (y, z))
        )
        assert value == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)), abs=1e-8)
    assert abs(found[0]) < 0.15


def test_partial_spearman_of_many_covariates_is_the_correlation_of_residuals():
    rng = np.random.default_rng(2)
    covariates = np.column_stack([rng.normal(size=(60, 2)), rng.integers(0, 2, 60)])
    x, y = covariates @ rng.normal(size=(3, 2)).T[0] + rng.normal(size=60), rng.normal(size=60)
    design = np.column_stack([np.ones(60), *(stats.rankdata(c) for c in covariates.T)])
    left = [stats.rankdata(v) - design @ np.linalg.lstsq(design, stats.rankdata(v), rcond=None)[0] for v in (x, y)]
    once = np.ones((1, 60), int)
    assert partial_spearman(x, y, covariates, once)[0] == pytest.approx(stats.pearsonr(*left).statistic, abs=1e-8)
    # a covariate that is there twice changes nothing
    twice = np.column_stack([covariates, covariates[:, 0]])
    assert partial_spearman(x, y, twice, once)[0] == pytest.approx(stats.pearsonr(*left).statistic, abs=1e-6)


def test_a_covariate_that_explains_everything_leaves_nothing():
    x = np.random.default_rng(0).normal(size=40)
    y = np.random.default_rng(1).normal(size=40)
    assert np.isnan(partial_spearman(x, y, np.exp(x)[:, None], np.ones((1, 40), int))[0])


def test_intervals_of_an_increment_cover_the_truth():
    # y = signal; g sees it with less noise than p: the population difference is known from a large sample
    def draw(rng, n):
        y = rng.normal(size=n)
        return y + rng.normal(size=n), y + 0.6 * rng.normal(size=n), y

    p, g, y = draw(np.random.default_rng(0), 100_000)
    truth = stats.spearmanr(g, y).statistic - stats.spearmanr(p, y).statistic
    covered = 0
    for trial in range(60):
        p, g, y = draw(np.random.default_rng(1 + trial), 120)
        counts = draw_counts(120, 300, trial)
        drawn = spearman(g, y, counts) - spearman(p, y, counts)
        found = Estimate.of(drawn[0], drawn[1:])
        covered += found.low <= truth <= found.high
    # 60 trials of 0.95: fewer than 51 happens once in a thousand
    assert covered >= 51


def test_p_values_are_two_sided_and_never_nothing():
    assert Estimate.of(1.0, np.full(200, 1.0)).p == 1 / 200
    drawn = np.concatenate([np.full(30, -1.0), np.full(970, 1.0)])
    assert Estimate.of(0.9, drawn).p == pytest.approx(0.06)
    assert Estimate.of(0.9, -drawn).p == pytest.approx(0.06)


def test_costs_are_interpolated_in_their_logarithm_on_a_monotone_curve():
    curve = np.array([[0.2, 0.6, 0.5, 0.8], [0.2, 0.6, 0.5, 0.55], [0.9, 0.9, 0.9, 0.9]])
    found = cost_to_reach([100, 1000, 2000, 4000], curve, np.full(3, 0.7))
    # the dip at 2,000 counts as 0.6: halfway to 0.8 is at the geometric mean of 2,000 and 4,000
    assert found == pytest.approx([np.sqrt(2000 * 4000), np.inf, 100])
    assert cost_to_reach([100, 1000], curve[:1, :2], np.array([0.4]))[0] == pytest.approx(10**2.5)


def test_efficiency_and_its_censoring():
    costs = [100.0, 1000.0, 10_000.0]
    slow, fast = np.array([[0.1, 0.3, 0.7]] * 4), np.array([[0.3, 0.7, 0.8]] * 4)
    goal = np.full(4, 0.7)
    found = efficiency(costs, slow, costs, fast, goal)
    assert (found.ratio, found.low, found.high, found.undefined) == pytest.approx((10, 10, 10, 0))
    never = np.array([[0.1, 0.3, 0.5]] * 4)
    beyond = efficiency(costs, never, costs, fast, goal)
    assert beyond.ratio == np.inf
    assert beyond.bound == pytest.approx(10)
    assert str(beyond) == "> 10.0 [∞, ∞]"
    worse = efficiency(costs, slow, costs, never, goal)
    assert worse.ratio == 0
    assert worse.bound == pytest.approx(1)
    assert np.isnan(efficiency(costs, never, costs, never, goal).ratio)
    mixed = efficiency(costs, np.concatenate([slow[:2], never[:2]]), costs, np.concatenate([fast[:3], never[:1]]), goal)
    assert mixed.undefined == pytest.approx(1 / 3)
    assert mixed.high == np.inf


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, np.nan]) == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert holm([0.6, 0.9]).tolist() == [1, 1]
