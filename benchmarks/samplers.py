"""How many trials the samplers need, on known landscapes over an enumerated subspace of a space.

    python benchmarks/samplers.py                # the report: 20 seeds, about half an hour on one core
    python benchmarks/samplers.py --space cells  # the same on cells, about ten minutes
    python benchmarks/samplers.py --space hourglass
    python benchmarks/samplers.py --seeds 3      # a look
    python benchmarks/samplers.py --tune         # the grid from which the defaults were chosen, on other landscapes

Fixed before any run was looked at:

- The subspace of `macro`: 2 stages of depth {1, 2, 3}, width {8, 12, 16}, operation {conv, separable, mbconv with
  expansion 2 or 4}, kernel {3, 5, 7}, skip {none, add, concat}; ReLU and batch norm: 104,976 architectures.
- The subspace of `cells`: one or two blocks, 5 operations (separable 3 and 5, identity, both poolings), all blocks in
  the output, the reduction cell the same: 5,170 architectures up to equivalence.
- The subspace of `hourglass`: three stages of up to 1, 3 and 3 blocks, kernel {3, 5}, expansion {3, 6}: 28,224
  architectures. Nothing in the landscape makes vital blocks weigh more than others.
- The landscape: additive plus pairwise interactions over the encoding, equal variance, no noise
  (`neuroguide.testing.landscapes.Landscape`), one for each seed.
- The goal: an architecture among the best 0.5%. The budget: 300 trials; a sampler that is not there by then counts 300.
- nsga2 (on `macro` only): two such landscapes (in place of similarity and accuracy) and the true FLOPs; hypervolume
  after 300 trials.
- Landscapes 100 to 109 chose the samplers' defaults; landscapes 0 to 19 are reported. Every sampler, random search
  included, draws again an architecture that it has been told.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
from scipy import stats

from neuroguide.nas.samplers import make_sampler
from neuroguide.nas.spaces import open_space
from neuroguide.testing.landscapes import Landscape, enumerate_codes

BUDGET = 300
SHARE = 0.005
TUNING = range(100, 110)

GRID: dict[str, dict[str, Sequence[Any]]] = {
    "evolution": {"population": (8, 12, 16, 24, 40), "share": (0.25, 0.5, 0.75)},
    "tpe": {"startup": (10, 20), "candidates": (24, 64), "multivariate": (True, False)},
    "nsga2": {"population": (8, 16, 24, 32), "mutation": (0.6, 0.8, 1.0)},
    "progressive": {"first": (16, 32, 64), "beam": (8, 16)},
    "hourglass": {"vital": (12, 24, 36), "loosened": (0.0, 0.2, 0.5)},
    "controller": {"learning_rate": (0.005, 0.01, 0.02), "entropy": (0.02, 0.1), "warming": (0.0, 0.1, 0.3)},
}
SAMPLERS = {
    "macro": ("evolution", "tpe", "progressive", "controller", "hourglass"),
    "cells": ("evolution", "tpe", "progressive", "controller"),
    "hourglass": ("evolution", "tpe", "progressive", "controller", "hourglass"),
}
#: On which subspace a sampler's defaults were chosen.
TUNED_ON = {"evolution": "macro", "tpe": "macro", "nsga2": "macro", "progressive": "cells", "controller": "cells",
            "hourglass": "hourglass"}  # fmt: skip


def subspace(name: str) -> Any:
    """The enumerated subspace of `macro`, `cells` or `hourglass`."""
    if name == "hourglass":
        stages = [{"channels": c, "blocks": n, "stride": s} for c, n, s in ((8, 1, 1), (16, 3, 2), (32, 3, 2))]
        style = {"activation": "relu", "squeeze": 0.05, "squeeze_of": "expanded", "expand_always": True}
        layout = {"stem": 16, "stem_stride": 2, "stages": stages, "head": 64, "style": style}
        return open_space("hourglass", layout=layout, kernel=(3, 5), expansion=(3, 6), squeeze_excite=False)
    if name == "cells":
        operations = ("sep_conv_3x3", "sep_conv_5x5", "identity", "avg_pool_3x3", "max_pool_3x3")
        return open_space("cells", blocks=(1, 2), operations=operations, concat="all", reduction="same")
    return open_space(
        "macro", stages=2, operation=("conv", "separable", "mbconv"), activation=("relu",), normalisation=("batch",)
    )


def trials_to_goal(space: Any, codes: Any, name: str, seed: int, options: dict[str, Any]) -> int:
    """Trials until the first architecture among the best 0.5%, at most the budget."""
    land = Landscape(space, seed, codes=codes)
    goal = land.threshold(SHARE)
    study = optuna.create_study(direction="maximize", sampler=make_sampler(name, space, seed=seed, **options))
    for number in range(1, BUDGET + 1):
        trial = study.ask()
        value = land(space.suggest(trial))
        study.tell(trial, value)
        if value >= goal:
            return number
    return BUDGET


class Hypervolume:
    """The share of a unit box that a set of points dominates, by the same 50,000 points of the box every time."""

    def __init__(self, n_objectives: int) -> None:
        self.box = np.random.default_rng(0).random((50_000, n_objectives))

    def __call__(self, points: Any) -> float:
        """Larger is better in every column of ``points``, scaled to [0, 1]."""
        dominated = np.zeros(len(self.box), bool)
        for point in points:
            dominated |= (self.box <= point).all(axis=1)
        return float(dominated.mean())


class Tradeoff:
    """Two landscapes and FLOPs, each scaled to [0, 1] with larger better."""

    def __init__(self, space: Any, codes: Any) -> None:
        self.space, self.codes = space, codes
        self.flops: dict[str, float] = {}
        extremes = []
        for depth, width, operation, kernel, skip in ((1, 8, "separable", 3, "concat"), (3, 16, "conv", 7, "add")):
            same = {"depth": depth, "width": width, "operation": operation, "kernel": kernel, "skip": skip}
            values = {f"stage{i}.{key}": value for i in (1, 2) for key, value in same.items()}
            extremes.append(self.cost(space.suggest(optuna.trial.FixedTrial(values))))
        self.low, self.high = extremes

    def cost(self, arch: Any) -> float:
        """Log of the FLOPs of one image."""
        key = self.space.hash(arch)
        if key not in self.flops:
            self.flops[key] = float(np.log(self.space.cost(arch).flops))
        return self.flops[key]

    def objectives(self, seed: int) -> Callable[[Any], list[float]]:
        """The three objectives of one seed, as a function of an architecture."""
        lands = [Landscape(self.space, 2 * seed + i, codes=self.codes) for i in (0, 1)]
        ranges = [(land.values.min(), np.ptp(land.values)) for land in lands]

        def evaluate(arch: Any) -> list[float]:
            scaled = [(land(arch) - low) / width for land, (low, width) in zip(lands, ranges, strict=True)]
            return [*scaled, 1 - (self.cost(arch) - self.low) / (self.high - self.low)]

        return evaluate

    def hypervolume(self, name: str, seed: int, options: dict[str, Any]) -> float:
        """Hypervolume after the budget."""
        evaluate = self.objectives(seed)
        sampler = make_sampler(name, self.space, seed=seed, **options)
        study = optuna.create_study(directions=["maximize"] * 3, sampler=sampler)
        values = []
        for _ in range(BUDGET):
            trial = study.ask()
            values.append(evaluate(self.space.suggest(trial)))
            study.tell(trial, values[-1])
        return Hypervolume(3)(np.array(values))


def interval(differences: Any) -> tuple[float, float, float]:
    """Mean and its 95% percentile bootstrap interval over seeds."""
    rng = np.random.default_rng(0)
    means = rng.choice(differences, size=(20_000, len(differences))).mean(axis=1)
    return float(np.mean(differences)), *np.percentile(means, [2.5, 97.5])


def tune(space: Any, codes: Any) -> None:
    """Print the grid of the samplers that were tuned on this space, best first."""
    tradeoff = Tradeoff(space, codes) if space.name == "macro" else None
    for name, axes in GRID.items():
        if TUNED_ON[name] != space.name:
            continue
        rows = []
        for values in itertools.product(*axes.values()):
            options = dict(zip(axes, values, strict=True))
            if "share" in options:
                options["sample"] = max(1, round(options.pop("share") * options["population"]))
            if name == "nsga2" and tradeoff is not None:
                rows.append((-np.mean([tradeoff.hypervolume(name, s, options) for s in TUNING]), options))
            else:
                rows.append((np.mean([trials_to_goal(space, codes, name, s, options) for s in TUNING]), options))
        print(f"\n{name}: mean {'hypervolume' if name == 'nsga2' else 'trials to the goal'}, landscapes 100 to 109")
        for score, options in sorted(rows, key=lambda row: row[0]):
            print(f"  {abs(score):8.3f}  {options}", flush=True)


def report(space: Any, codes: Any, seeds: int, names: Sequence[str]) -> None:
    """Print the table of one objective, and on `macro` that of several."""
    print(f"\nTrials to the best {SHARE:.1%} ({seeds} landscapes, budget {BUDGET})")
    print(
        f"{'sampler':11s} {'mean':>6s} {'median':>6s} {'reached':>8s}   fewer than random (95%)   p (Wilcoxon)  s/trial"
    )
    needed: dict[str, Any] = {}
    for name in ("random", *names):
        start = time.perf_counter()
        needed[name] = np.array([trials_to_goal(space, codes, name, seed, {}) for seed in range(seeds)])
        seconds = (time.perf_counter() - start) / needed[name].sum()
        line = f"{name:11s} {needed[name].mean():6.1f} {np.median(needed[name]):6.1f}"
        line += f" {(needed[name] < BUDGET).sum():5d}/{seeds}"
        if name != "random":
            mean, low, high = interval(needed["random"] - needed[name])
            p = stats.wilcoxon(needed["random"], needed[name], alternative="greater").pvalue
            line += f"   {mean:6.1f} [{low:6.1f}, {high:6.1f}]   {p:12.2g}"
        else:
            line += " " * 40
        print(f"{line}   {seconds:9.4f}", flush=True)

    if space.name == "macro":
        report_tradeoff(space, codes, seeds)


def report_tradeoff(space: Any, codes: Any, seeds: int) -> None:
    """Print the second table, of several objectives."""
    print(f"\nHypervolume after {BUDGET} trials (two landscapes and FLOPs, {seeds} seeds)")
    tradeoff = Tradeoff(space, codes)
    volumes = {
        name: np.array([tradeoff.hypervolume(name, seed, {}) for seed in range(seeds)]) for name in ("random", "nsga2")
    }
    mean, low, high = interval(volumes["nsga2"] - volumes["random"])
    p = stats.wilcoxon(volumes["nsga2"], volumes["random"], alternative="greater").pvalue
    print(f"random {volumes['random'].mean():.4f}   nsga2 {volumes['nsga2'].mean():.4f}   "
          f"more than random {mean:.4f} [{low:.4f}, {high:.4f}]   p {p:.2g}")  # fmt: skip


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--space", choices=("macro", "cells", "hourglass"), default="macro")
    parser.add_argument("--samplers", nargs="+", metavar="NAME", help="besides random; by default all that fit")
    parser.add_argument("--tune", action="store_true")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = subspace(arguments.space)
    codes = enumerate_codes(space)
    print(f"{len(codes):,} architectures")
    if arguments.tune:
        tune(space, codes)
    else:
        report(space, codes, arguments.seeds, arguments.samplers or SAMPLERS[space.name])


if __name__ == "__main__":
    main()
