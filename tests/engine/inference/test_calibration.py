"""Intervals and tests on simulated data with a known truth: a small version of benchmarks/calibration.py.

The limits are the 99.9% binomial ones of the nominal rates.
"""

import pytest
import torch

from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.inference.bootstrap import bootstrap_sites, bootstrap_stimuli, bootstrap_subjects
from neuroguide.engine.inference.paired import compare_models
from neuroguide.engine.inference.permutation import permutation_test
from neuroguide.engine.similarity import compare

LATENT, SITES, WORLDS = 6, 40, 60
#: 95% coverage and 5% false positives in 60 worlds: exceeded with a chance of 0.1%.
LEAST_COVERED, MOST_REJECTED = 50, 10


class World:
    """Two models that are equally good by symmetry: each sees one half of what drives the sites."""

    def __init__(self):
        generator = torch.Generator().manual_seed(1)
        self.tuning = torch.randn(2 * LATENT, SITES, generator=generator)
        self.weights = torch.randn(LATENT, 30, generator=generator)

    def draw(self, n, generator, related=True):
        halves = torch.randn(2, n, LATENT, generator=generator)
        responses = torch.cat(list(halves), 1) @ self.tuning + torch.randn(n, SITES, generator=generator)
        own = torch.randn(2, n, LATENT, generator=generator)
        seen = halves if related else torch.randn(2, n, LATENT, generator=generator)
        return rdm(torch.relu(torch.cat([seen, 0.7 * own], -1) @ self.weights.repeat(2, 1))), responses


def worlds():
    for seed in range(WORLDS):
        yield torch.Generator().manual_seed(100 + seed)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_stimuli(method):
    world = World()
    models, responses = world.draw(1500, torch.Generator().manual_seed(0))
    truth = compare(models, rdm(responses), method).mean()
    covered = rejected = 0
    for generator in worlds():
        models, responses = world.draw(25, generator)
        result = bootstrap_stimuli(models, rdm(responses)[None], method, n_samples=300).map(lambda s: s[..., 0])
        low, high = result.interval()
        covered += int(low[0] <= truth <= high[0])
        rejected += int(compare_models(result).p_values[0] < 0.05)
    assert covered >= LEAST_COVERED
    assert rejected <= MOST_REJECTED


@pytest.mark.parametrize("factors", ["sites", "both"])
def test_sites(factors):
    # the truth is what a population of this size scores on average: more sites score more
    world = World()
    models, _ = world.draw(25, torch.Generator().manual_seed(0))
    results = []
    for generator in worlds():
        world.tuning = torch.randn(2 * LATENT, SITES, generator=generator)
        shown = torch.Generator().manual_seed(0) if factors == "sites" else generator
        models, responses = world.draw(25, shown)
        results.append(bootstrap_sites(models, responses, factors=factors, n_samples=200))
    truth = torch.stack([result.estimate for result in results]).mean(0)
    intervals = [result.interval() for result in results]
    assert sum(int(low[0] <= truth[0] <= high[0]) for low, high in intervals) >= LEAST_COVERED


def test_subjects():
    world = World()
    models, _ = world.draw(25, torch.Generator().manual_seed(0))
    results = []
    for generator in worlds():
        seen = torch.randn(2, 25, LATENT, generator=torch.Generator().manual_seed(0))
        tuning = torch.randn(8, 2 * LATENT, SITES, generator=generator)
        responses = torch.cat(list(seen), 1) @ tuning + torch.randn(8, 25, SITES, generator=generator)
        results.append(bootstrap_subjects(models, rdm(responses), factors="subjects", n_samples=200))
    truth = torch.stack([result.estimate for result in results]).mean(0)
    intervals = [result.interval() for result in results]
    assert sum(int(low[0] <= truth[0] <= high[0]) for low, high in intervals) >= LEAST_COVERED


def test_permutations():
    world = World()
    rejected = torch.zeros(4)
    for generator in worlds():
        models, responses = world.draw(12, generator, related=False)
        for k, alternative in enumerate(("greater", "two-sided")):
            test = permutation_test(models, rdm(responses)[None], n_permutations=199, alternative=alternative)
            rejected[2 * k] += int(test.p_values[0, 0] <= 0.05)
            rejected[2 * k + 1] += int(test.p_values_of_maximum.min() <= 0.05)
    assert (rejected <= MOST_REJECTED).all()
