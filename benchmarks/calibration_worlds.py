"""Simulated worlds of benchmarks/calibration.py, and every test and interval on them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.inference.bootstrap import bootstrap_sites, bootstrap_stimuli, bootstrap_subjects
from neuroguide.engine.inference.paired import compare_models
from neuroguide.engine.inference.permutation import permutation_test
from neuroguide.engine.inference.result import Bootstrap
from neuroguide.engine.similarity import compare

LATENT, MODELS, SITES, SUBJECTS, CATEGORIES = 4, 3, 40, 8, 5

Findings = Iterator[tuple[str, float | tuple[float, float, float]]]


class Worlds:
    """Models that are equally good by symmetry: each sees a part of its own of what drives the sites."""

    def __init__(self, n_stimuli: int) -> None:
        generator = torch.Generator().manual_seed(1)
        self.n_stimuli = n_stimuli
        self.tuning = torch.randn(MODELS * LATENT, SITES, generator=generator)
        self.weights = torch.randn(2 * LATENT, 30, generator=generator)
        self.shown = torch.randn(MODELS, n_stimuli, LATENT, generator=torch.Generator().manual_seed(0))

    def models(self, seen: Tensor, own: Tensor) -> Tensor:
        """RDMs of the models from what they see of the stimuli, and what is theirs alone."""
        return rdm(torch.relu(torch.cat([seen, 0.7 * own], -1) @ self.weights))

    def responses(self, seen: Tensor, tuning: Tensor, generator: torch.Generator) -> Tensor:
        """Of the sites, with the noise of a recording."""
        noise = torch.randn(*tuning.shape[:-2], seen.shape[1], SITES, generator=generator)
        return torch.cat(list(seen), 1) @ tuning + noise

    def truth(self, method: str) -> float:
        """The similarity over many stimuli."""
        generator = torch.Generator().manual_seed(0)
        seen, own = torch.randn(2, MODELS, 3000, LATENT, generator=generator)
        data = rdm(self.responses(seen, self.tuning, generator))
        return float(compare(self.models(seen, own), data, method).mean())


def findings(worlds: Worlds, seed: int, methods: list[str], samples: int) -> Findings:
    """Names with p values (tests), or with the two ends of an interval and the estimate."""
    generator = torch.Generator().manual_seed(1000 + seed)
    n = worlds.n_stimuli
    seen, own, unrelated = torch.randn(3, MODELS, n, LATENT, generator=generator)
    models = worlds.models(seen, own)
    data = rdm(worlds.responses(seen, worlds.tuning, generator))[None]
    chance = worlds.models(unrelated, own)
    # what both sides share is the category alone, so that nothing is left within it
    categories = torch.arange(n) % CATEGORIES
    prototypes = 3 * torch.randn(2, CATEGORIES, LATENT, generator=generator)[:, categories]
    grouped, alike = worlds.models(unrelated + prototypes[0], own), seen + prototypes[0]
    same = rdm(worlds.responses(alike, worlds.tuning, generator))[None]
    for method in methods:
        stimuli = bootstrap_stimuli(models, data, method, n_samples=samples, seed=seed).map(lambda s: s[..., 0])
        yield from of_bootstrap(f"{method} stimuli", stimuli, ["bca", "t", "percentile"])
        test = permutation_test(chance, data, method, n_permutations=199, seed=seed)
        yield f"{method} permutation", float(test.p_values[0, 0])
        yield f"{method} permutation, best of 3", float(test.p_values_of_maximum[:, 0].min())
        test = permutation_test(chance[:1], data, method, alternative="two-sided", n_permutations=199, seed=seed)
        yield f"{method} permutation, two-sided", float(test.p_values[0, 0])
        test = permutation_test(grouped[:1], same, method, categories=categories, n_permutations=199, seed=seed)
        yield f"{method} permutation in categories", float(test.p_values[0, 0])
    method, few = methods[0], samples // 2
    tuning = torch.randn(SUBJECTS, MODELS * LATENT, SITES, generator=generator)
    subjects = rdm(worlds.responses(seen, tuning, generator))
    both = bootstrap_subjects(models, subjects, method, n_samples=few, seed=seed)
    yield from of_bootstrap(f"{method} stimuli and subjects", both, ["t"])
    sites = worlds.responses(seen, tuning[0], generator)
    both = bootstrap_sites(models, sites, method, n_samples=few, seed=seed)
    yield from of_bootstrap(f"{method} stimuli and sites", both, ["t"])
    # the same stimuli in every world, where only sites or subjects are drawn
    fixed = worlds.models(worlds.shown, torch.randn(worlds.shown.shape, generator=torch.Generator().manual_seed(2)))
    subjects = rdm(worlds.responses(worlds.shown, tuning, generator))
    single = bootstrap_subjects(fixed, subjects, method, factors="subjects", n_samples=samples, seed=seed)
    yield from of_bootstrap(f"{method} subjects", single, ["bca", "t", "percentile"])
    sites = worlds.responses(worlds.shown, tuning[0], generator)
    single = bootstrap_sites(fixed, sites, method, factors="sites", n_samples=few, seed=seed)
    yield from of_bootstrap(f"{method} sites", single, ["t"])


def of_bootstrap(name: str, found: Bootstrap, kinds: list[str]) -> Findings:
    """Intervals of each kind, and the tests whether models differ; models differ on fixed stimuli, so no test there."""
    for kind in kinds:
        low, high = found.interval(kind=kind)
        yield f"{name}, {kind}", (float(low[0]), float(high[0]), float(found.estimate[0]))
    if name.split(" ", 1)[1] not in ("subjects", "sites"):
        compared = compare_models(found)
        yield f"{name}, paired", float(compared.p_values[0])
        yield f"{name}, paired, any of 3 by Holm", float(compared.p_values_holm.min())
        yield f"{name}, paired, any of 3 by FDR", float(compared.p_values_fdr.min())
