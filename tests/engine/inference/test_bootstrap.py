import numpy as np
import pytest
import scipy.stats
import torch

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.inference.bootstrap import (
    bootstrap_sites,
    bootstrap_split_halves,
    bootstrap_stimuli,
    bootstrap_subjects,
)
from neuroguide.engine.inference.draws import draw_indices
from neuroguide.engine.inference.result import Bootstrap
from neuroguide.engine.similarity import compare, compare_all


def population(n_stimuli=25, n_sites=30, n_models=3, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    latent = normal(n_stimuli, 8)
    responses = latent @ normal(8, n_sites) + normal(n_stimuli, n_sites)
    models = torch.stack([latent @ normal(8, 40) + (k + 1) * normal(n_stimuli, 40) for k in range(n_models)])
    return rdm(models), responses


def test_estimates_are_the_similarities():
    models, responses = population()
    data = rdm(responses)
    expected = compare(models, data)
    torch.testing.assert_close(bootstrap_stimuli(models, data[None], n_samples=5).estimate[:, 0], expected)
    torch.testing.assert_close(bootstrap_sites(models, responses, n_samples=5).estimate, expected)
    subjects = torch.stack([rdm(responses[:, i::5]) for i in range(5)])
    for factors in ("both", "stimuli", "subjects"):
        result = bootstrap_subjects(models, subjects, factors=factors, n_samples=5)
        torch.testing.assert_close(result.estimate, compare_all(models, subjects).mean(1))


def test_sites_are_drawn_with_replacement():
    models, responses = population()
    result = bootstrap_sites(models, responses, "spearman", n_samples=7, seed=3)
    indices = draw_indices(30, 7, seed=4)
    for sample in range(7):
        expected = compare(models, rdm(responses[:, indices[sample]]), "spearman")
        torch.testing.assert_close(result.samples["sites"][sample], expected)
    single = bootstrap_sites(models, responses, factors="sites", n_samples=7)
    without = compare(models, rdm(responses[:, 1:]))
    torch.testing.assert_close(single.jackknife[0], without)
    spread = (single.jackknife - single.jackknife.mean(0)).square().sum(0) * 29 / 30
    torch.testing.assert_close(single.variance(), spread)
    low, high = single.interval()
    torch.testing.assert_close((high - low) / 2, spread.sqrt() * scipy.stats.t.ppf(0.975, 29))


def test_one_seed_is_one_draw_for_layers_and_ceiling():
    models, responses = population()
    data = rdm(responses)[None]
    first = bootstrap_stimuli(models, data, n_samples=20, seed=5)
    again = bootstrap_stimuli(models[1:2], data, n_samples=20, seed=5)
    torch.testing.assert_close(first.samples["stimuli"][:, 1:2], again.samples["stimuli"])
    other = bootstrap_stimuli(models, data, n_samples=20, seed=6)
    assert not torch.equal(first.samples["stimuli"], other.samples["stimuli"])
    both = bootstrap_sites(models, responses, n_samples=20, seed=5)
    torch.testing.assert_close(both.samples["stimuli"], first.samples["stimuli"][..., 0])


def test_maximum_over_layers_is_taken_in_every_sample():
    models, responses = population()
    result = bootstrap_stimuli(models, rdm(responses)[None], n_samples=30)
    best = result.map(lambda s: s.amax(-2))
    assert best.estimate.shape == (1,)
    torch.testing.assert_close(best.samples["stimuli"], result.samples["stimuli"].amax(1))
    assert best.jackknife.shape == (25, 1)


def test_ceiling_of_split_halves():
    _, responses = population()
    halves = [rdm(responses[None] + torch.randn(4, 25, 30, dtype=torch.float64)) for _ in range(2)]
    result = bootstrap_split_halves(*halves, n_samples=50)
    rbar = compare(*halves).mean()
    torch.testing.assert_close(result.estimate, (2 * rbar / (1 + rbar)).sqrt())
    low, high = result.interval(kind="t")
    assert low < result.estimate < high


def test_bca_equals_scipy():
    # the mean of numbers, by samples of our own: scipy's within Monte-Carlo error
    values = -torch.rand(40, generator=torch.Generator().manual_seed(2), dtype=torch.float64).log()
    indices = draw_indices(40, 40_000, seed=0)
    jackknife = (values.sum() - values) / 39
    result = Bootstrap(values.mean(), {"stimuli": values[indices].mean(1)}, {"stimuli": 40}, jackknife)

    expected = scipy.stats.bootstrap(
        (values.numpy(),), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    low, high = result.interval()
    assert low.item() == pytest.approx(expected.low, abs=0.01)
    assert high.item() == pytest.approx(expected.high, abs=0.01)


def test_percentile_and_t_by_hand():
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(2000, 2, generator=generator, dtype=torch.float64)
    result = Bootstrap(torch.zeros(2, dtype=torch.float64), {"stimuli": drawn}, {"stimuli": 20})
    low, high = result.interval(0.9, "percentile")
    torch.testing.assert_close(low, drawn.quantile(0.05, 0))
    torch.testing.assert_close(high, drawn.quantile(0.95, 0))
    low, high = result.interval(0.9, "t")
    torch.testing.assert_close(high, drawn.std(0) * (20 / 19) ** 0.5 * scipy.stats.t.ppf(0.95, 19))
    torch.testing.assert_close(low, -high)


def test_corrected_two_factor_variance():
    # rsatoolbox's formula, by hand: 20/19 * 1 + 5/4 * 2 - 100/76 * (3.5 - 3) is 2.895, within [2.5, 3.5]
    scale = {"stimuli": 1.0, "subjects": 2.0, "both": 3.5}
    base = torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(500)
    base = base / base.std()
    samples = {factor: base * value**0.5 for factor, value in scale.items()}
    result = Bootstrap(torch.zeros((), dtype=torch.float64), samples, {"stimuli": 20, "subjects": 5})
    assert result.variance().item() == pytest.approx(20 / 19 + 2.5 - 100 / 76 * 0.5)
    assert result.freedom == 4


def test_samples_without_a_value():
    drawn = torch.randn(1000, dtype=torch.float64)
    drawn[:20] = torch.nan
    result = Bootstrap(torch.zeros((), dtype=torch.float64), {"stimuli": drawn}, {"stimuli": 30})
    torch.testing.assert_close(result.variance(), drawn[20:].var() * 30 / 29)
    drawn[:100] = torch.nan
    with pytest.raises(InputError, match="100 of 1000 bootstrap samples are undefined"):
        result.variance()


def test_too_few_of_anything():
    models, responses = population(n_stimuli=12)
    with pytest.raises(InputError, match="over stimuli needs at least 20 of them, 12 are there"):
        bootstrap_stimuli(models, rdm(responses)[None])
    models, responses = population(n_sites=8)
    with pytest.raises(InputError, match="over sites needs at least 10"):
        bootstrap_sites(models, responses)
    with pytest.raises(InputError, match="over subjects needs at least 5 of them, 2 are there; report each"):
        bootstrap_subjects(models, rdm(responses).expand(2, -1))
    result = bootstrap_stimuli(models, rdm(responses)[None], n_samples=50)
    with pytest.raises(InputError, match="needs at least 200 samples"):
        result.interval()


def test_bad_options():
    models, responses = population()
    result = bootstrap_sites(models, responses, n_samples=300)
    with pytest.raises(OptionError, match="not possible here"):
        result.interval(kind="bca")
    with pytest.raises(OptionError, match="between 0 and 1"):
        result.interval(95)
    with pytest.raises(OptionError, match="factors"):
        bootstrap_sites(models, responses, factors="animals")
    with pytest.raises(InputError, match="miss pairs"):
        bootstrap_stimuli(models / 0, rdm(responses)[None])
    with pytest.raises(InputError, match="stacks of RDMs"):
        bootstrap_stimuli(models[0], rdm(responses)[None])


def test_without_the_jackknife_the_samples_are_the_same():
    generator = torch.Generator().manual_seed(3)
    models = rdm(torch.randn(2, 25, 8, generator=generator, dtype=torch.float64))
    data = rdm(torch.randn(1, 25, 8, generator=generator, dtype=torch.float64))
    whole, short = (bootstrap_stimuli(models, data, n_samples=300, jackknife=with_it) for with_it in (True, False))
    for one, other in zip(whole.interval(kind="t"), short.interval(), strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(OptionError, match="'bca' is not possible here"):
        short.interval(kind="bca")
