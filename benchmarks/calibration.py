"""Coverage of intervals and false positives of tests on simulated data with a known truth.

    python benchmarks/calibration.py [--worlds 5000] [--stimuli 25] [--sites 40] [--samples 500]
                                     [--methods pearson spearman whitened-pearson] [--threads 2] [--json]

Two models see one half each of what drives the sites, so that they are equally good by symmetry. ``covered`` is the
share of 95% intervals that hold the truth: the similarity over 3,000 stimuli (stimuli), or the mean over worlds of a
population of this size (sites, both). ``rejected`` is the share of worlds in which a test at 5% finds the two models
different (paired) or a model of unrelated stimuli similar (permutation); the upper 99.9% binomial limit is beside it.
"""

from __future__ import annotations

import argparse
import json

import torch
from peers import table
from scipy.stats import binom

from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.inference.bootstrap import bootstrap_sites, bootstrap_stimuli
from neuroguide.engine.inference.paired import compare_models
from neuroguide.engine.inference.permutation import permutation_test
from neuroguide.engine.inference.result import Bootstrap
from neuroguide.engine.similarity import compare

LATENT = 6


def draw(
    n: int, tuning: torch.Tensor, weights: torch.Tensor, generator: torch.Generator, *, related: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """RDMs of both models, and the responses of the sites."""
    halves = torch.randn(2, n, LATENT, generator=generator)
    responses = torch.cat(list(halves), 1) @ tuning + torch.randn(n, tuning.shape[1], generator=generator)
    own = torch.randn(2, n, LATENT, generator=generator)
    seen = halves if related else torch.randn(2, n, LATENT, generator=generator)
    return rdm(torch.relu(torch.cat([seen, 0.7 * own], -1) @ weights)), responses


def summary(results: list[Bootstrap], truth: float) -> dict[str, float]:
    """Coverage of the first model, and how often the models differ."""
    intervals = [result.interval() for result in results]
    covered = sum(bool(low[0] <= truth <= high[0]) for low, high in intervals)
    rejected = sum(bool(compare_models(result).p_values[0] < 0.05) for result in results)
    return {"covered": covered / len(results), "rejected": rejected / len(results)}


def run(arguments: argparse.Namespace, method: str) -> list[dict[str, object]]:
    """One row for each kind of interval or test."""
    first = torch.Generator().manual_seed(1)
    tuning = torch.randn(2 * LATENT, arguments.sites, generator=first)
    weights = torch.randn(LATENT, 30, generator=first).repeat(2, 1)
    models, responses = draw(3000, tuning, weights, torch.Generator().manual_seed(0))
    truth = float(compare(models, rdm(responses), method).mean())
    n, samples = arguments.stimuli, arguments.samples
    stimuli, sites, both, chance = [], [], [], 0
    for world in range(arguments.worlds):
        generator = torch.Generator().manual_seed(1000 + world)
        models, responses = draw(n, tuning, weights, generator)
        found = bootstrap_stimuli(models, rdm(responses)[None], method, n_samples=samples)
        stimuli.append(found.map(lambda s: s[..., 0]))
        other = torch.randn(2 * LATENT, arguments.sites, generator=generator)
        models, responses = draw(n, other, weights, generator)
        both.append(bootstrap_sites(models, responses, method, n_samples=samples))
        models, responses = draw(n, other, weights, torch.Generator().manual_seed(0))
        sites.append(bootstrap_sites(models, responses, method, factors="sites", n_samples=samples))
        models, responses = draw(n, tuning, weights, generator, related=False)
        test = permutation_test(models[:1], rdm(responses)[None], method, n_permutations=199)
        chance += int(test.p_values < 0.05)
    limit = float(binom.ppf(0.999, arguments.worlds, 0.05)) / arguments.worlds
    rows: list[dict[str, object]] = []
    for kind, results in {"stimuli": stimuli, "sites": sites, "both": both}.items():
        target = truth if kind == "stimuli" else float(torch.stack([r.estimate[0] for r in results]).mean())
        rows.append({"method": method, "kind": kind, **summary(results, target), "limit": limit})
    # with the stimuli fixed the models do differ: nothing is false about finding it
    rows[1]["rejected"] = float("nan")
    permuted = {"covered": float("nan"), "rejected": chance / arguments.worlds, "limit": limit}
    return [*rows, {"method": method, "kind": "permutation", **permuted}]


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=5000)
    parser.add_argument("--stimuli", type=int, default=25)
    parser.add_argument("--sites", type=int, default=40)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--methods", nargs="+", default=["pearson", "spearman", "whitened-pearson"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [row for method in arguments.methods for row in run(arguments, method)]
    print(json.dumps(rows) if arguments.json else table(rows))


if __name__ == "__main__":
    main()
