import pytest
import torch

from neuroguide._core.errors import InputError
from neuroguide.engine.folds import group_folds
from neuroguide.engine.mapping import cross_validated_pls, cross_validated_ridge, site_correlations


def data(n=60, n_features=20, n_sites=4, noise=0.5, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    features = normal(n, n_features) + 3
    return features, features @ normal(n_features, n_sites) + noise * n_features**0.5 * normal(n, n_sites) + 10


def fitted(features, responses, alpha, new):
    """Ridge by its normal equations."""
    offset, mean = features.mean(0), responses.mean(0)
    x, y = features - offset, responses - mean
    weights = torch.linalg.solve(x.T @ x + alpha * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
    return mean + (new - offset) @ weights


@pytest.mark.parametrize("n_features", [20, 200])
def test_ridge_equals_refitting_everything(n_features):
    features, responses = data(n_features=n_features)
    groups = torch.arange(60) // 2
    folds = group_folds(groups, 3)
    alphas = torch.tensor([0.1, 3.0, 100.0, 3000.0], dtype=torch.float64)
    result = cross_validated_ridge(features, responses, folds, groups=groups, alphas=alphas, n_inner=4, seed=5)
    for fold in range(3):
        train, test = folds != fold, folds == fold
        x, y = features[train], responses[train]
        inner = group_folds(groups[train], 4, seed=5)
        errors = torch.zeros(4, 4, dtype=torch.float64)
        for a, alpha in enumerate(alphas):
            for part in range(4):
                held = inner == part
                errors[a] += (fitted(x[~held], y[~held], alpha, x[held]) - y[held]).square().sum(0)
        best = errors.argmin(0)
        for site in range(4):
            alpha = alphas[best[site]]
            expected = fitted(x, y, alpha, features[test])[:, site]
            torch.testing.assert_close(result.predictions[test, site], expected, rtol=1e-8, atol=1e-8)
            assert result.alphas[fold, site] == alpha


def test_ridge_finds_what_is_there_and_nothing_else():
    features, responses = data(n=300, noise=0.3)
    folds = group_folds(torch.arange(300))
    found = site_correlations(cross_validated_ridge(features, responses, folds).predictions, responses, folds)
    assert (found > 0.9).all()
    shuffled = responses[torch.randperm(300, generator=torch.Generator().manual_seed(1))]
    nothing = site_correlations(cross_validated_ridge(features, shuffled, folds).predictions, shuffled, folds)
    assert (nothing.abs() < 0.25).all()


def test_test_images_do_not_reach_the_fit():
    features, responses = data()
    folds = group_folds(torch.arange(60), 3)
    changed = responses.clone()
    changed[folds == 0] += 100 * torch.rand(int((folds == 0).sum()), 4, dtype=torch.float64)
    for mapping in (cross_validated_ridge, lambda *a: cross_validated_pls(*a, n_components=5)):
        before, after = mapping(features, responses, folds), mapping(features, changed, folds)
        torch.testing.assert_close(before.predictions[folds == 0], after.predictions[folds == 0])


def nipals(x, y, n_components):
    """PLS2 by deflating features and responses, one component after the other."""
    weights, loadings, targets = [], [], []
    x, y = x.clone(), y.clone()
    for _ in range(n_components):
        w = torch.linalg.svd(x.T @ y, full_matrices=False)[0][:, 0]
        t = x @ w
        p, q = x.T @ t / (t @ t), y.T @ t / (t @ t)
        x, y = x - torch.outer(t, p), y - torch.outer(t, q)
        weights.append(w)
        loadings.append(p)
        targets.append(q)
    w, p, q = (torch.stack(parts, 1) for parts in (weights, loadings, targets))
    return w @ torch.linalg.inv(p.T @ w) @ q.T


@pytest.mark.parametrize("n_features", [20, 200])
def test_pls_equals_nipals(n_features):
    features, responses = data(n_features=n_features)
    folds = group_folds(torch.arange(60), 3)
    result = cross_validated_pls(features, responses, folds, n_components=10)
    for fold in range(3):
        train, test = folds != fold, folds == fold
        offset, mean = features[train].mean(0), responses[train].mean(0)
        expected = mean + (features[test] - offset) @ nipals(features[train] - offset, responses[train] - mean, 10)
        torch.testing.assert_close(result.predictions[test], expected, rtol=1e-6, atol=1e-6)


def test_pls_stops_where_nothing_is_left():
    features, responses = data(n_features=3, noise=0)
    result = cross_validated_pls(features, responses, group_folds(torch.arange(60), 3))
    torch.testing.assert_close(result.predictions, responses, rtol=1e-8, atol=1e-8)
    still = cross_validated_pls(torch.ones(60, 3), responses, group_folds(torch.arange(60), 3))
    assert torch.isfinite(still.predictions).all()


def test_site_correlations():
    a, b = torch.randn(30, 3, dtype=torch.float64), torch.randn(30, 3, dtype=torch.float64)
    expected = torch.stack([torch.corrcoef(torch.stack([a[:, i], b[:, i]]))[0, 1] for i in range(3)])
    torch.testing.assert_close(site_correlations(a, b), expected)
    folds = torch.arange(30) % 2
    halves = [site_correlations(a[folds == f], b[folds == f]) for f in (0, 1)]
    torch.testing.assert_close(site_correlations(a, b + 100 * folds[:, None], folds), (halves[0] + halves[1]) / 2)
    b[:, 1] = 2
    assert torch.isnan(site_correlations(a, b)).tolist() == [False, True, False]


def test_bad_input():
    features, responses = data()
    folds = group_folds(torch.arange(60), 3)
    with pytest.raises(InputError, match="different folds"):
        cross_validated_ridge(features, responses, folds, groups=torch.zeros(60, dtype=torch.int64))
    with pytest.raises(InputError, match="belong together"):
        cross_validated_ridge(features, responses[:5], folds)
    with pytest.raises(InputError, match="NaN"):
        cross_validated_ridge(features, responses / 0, folds)
    with pytest.raises(InputError, match="whole numbers"):
        cross_validated_ridge(features, responses, folds + 1)
    with pytest.raises(InputError, match="at least 2 folds"):
        cross_validated_pls(features, responses, torch.zeros(60, dtype=torch.int64))
    with pytest.raises(InputError, match=r"22000 of them are too many .*; average the repetitions"):
        cross_validated_ridge(torch.zeros(22_000, 1), torch.zeros(22_000, 1), torch.arange(22_000) % 5)
    with pytest.raises(InputError, match="above zero"):
        cross_validated_ridge(features, responses, folds, alphas=torch.tensor([0.0]))
    with pytest.raises(InputError, match="more training images"):
        cross_validated_pls(features, responses, folds, n_components=40)
    with pytest.raises(InputError, match="same shape"):
        site_correlations(features, responses)


def test_float32_agrees_with_float64_where_small_penalties_leave_it_no_digits():
    # fewer images than features: 0.12 apart when all of ridge was done in float32
    features, responses = data(n_features=300, noise=0.3)
    folds = group_folds(torch.arange(60), 5)
    for predicted in (cross_validated_ridge, cross_validated_pls):
        wide, narrow = (
            predicted(features.to(dtype), responses.to(dtype), folds).predictions
            for dtype in (torch.float64, torch.float32)
        )
        assert narrow.dtype == torch.float32
        wide, narrow = site_correlations(wide, responses), site_correlations(narrow, responses.float())
        torch.testing.assert_close(narrow.double(), wide, rtol=0, atol=1e-4)
