"""Successive halving against one fixed number of images: what each spends until it holds a good network.

    python benchmarks/halving.py [--pool cifar10-macro] [--seeds 200]

Candidates are looked up in a pool (`ng.open_pool`), in a random order that is the same for all strategies of a seed:
each number of images is a training of its own, so a ladder pays for every rung. After some expense a strategy holds
the best by its guide among those that had the most images by then; quality is the mature test accuracy, whose
training shares neither weights nor batches with the premature ones. Goals are quantiles of the quality of all members.

Fixed before any run was looked at: the ladders and goals below, 1,000 validation images, guides P and P + TG(V4, monkey
IT), 200 orders; intervals resample orders and, together with them, architectures (each sample draws members anew, and
the orders are of the members that were drawn).
"""

from __future__ import annotations

import argparse

import numpy as np

import neuroguide as ng
from neuroguide.nas.halving import Halving
from neuroguide.nas.pools import Pool

LADDERS = {
    "halving from 500": "32x500, 16x1000, 8x2000, 4x4000",
    "halving from 1,000": "16x1000, 8x2000, 4x4000",
    "thirds from 500": "27x500, 9x2000, 3x8000",
}
FIXED = (1000, 4000, 8000)
GUIDES = ("P", "P + TG(V4, monkey IT)")
GOALS = (0.8, 0.9, 0.95)
VALIDATION = 1000


class Bench:
    """Values, costs and quality of a pool's trained members.

    Parameters
    ----------
    pool : Pool
    guide : str
    """

    def __init__(self, pool: Pool, guide: str) -> None:
        self.rows = np.flatnonzero(pool.trained())
        self.quality = pool.mature()[self.rows]
        numbers = {*FIXED, *(rung.images for text in LADDERS.values() for rung in Halving.parse(text).rungs)}
        self.values = {n: pool.values(guide, n, validation_images=VALIDATION)[self.rows] for n in numbers}
        self.costs = {n: pool.cost(guide, n, validation_images=VALIDATION) for n in numbers}

    def fixed(self, order: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
        """Cost and incumbent after every candidate."""
        values = self.values[images][order]
        best = np.maximum.accumulate(values)
        leaders = np.maximum.accumulate(np.where(values == best, np.arange(len(order)), 0))
        return self.costs[images] * np.arange(1, len(order) + 1), order[leaders]

    def halving(self, order: np.ndarray, ladder: Halving) -> tuple[np.ndarray, np.ndarray]:
        """Cost and incumbent after every ladder."""
        spent, best, leader = 0.0, -np.inf, -1
        costs, leaders = [], []
        first = ladder.rungs[0].candidates
        for start in range(0, len(order) - first + 1, first):
            climbing = order[start : start + first]
            for i, rung in enumerate(ladder.rungs):
                values = self.values[rung.images][climbing]
                spent += self.costs[rung.images] * len(climbing)
                ranked = climbing[np.argsort(-values, kind="stable")]
                top = float(values.max())
                climbing = ranked[: ladder.rungs[i + 1].candidates] if i + 1 < len(ladder.rungs) else ranked
            if top > best:
                best, leader = top, int(climbing[0])
            costs.append(spent)
            leaders.append(leader)
        return np.array(costs), np.array(leaders)

    def to_goals(self, seed: int, *, resample: bool) -> dict[str, np.ndarray]:
        """What each strategy spends to each goal, infinite where it does not get there."""
        rng = np.random.default_rng(seed)
        n = len(self.rows)
        members = rng.integers(n, size=n) if resample else np.arange(n)
        order = rng.permutation(members)
        goals = np.quantile(self.quality[members], GOALS)
        strategies = {f"{images:,} images": self.fixed(order, images) for images in FIXED}
        strategies |= {name: self.halving(order, Halving.parse(text)) for name, text in LADDERS.items()}
        spent = {}
        for name, (costs, leaders) in strategies.items():
            reached = self.quality[leaders][None, :] >= goals[:, None]
            spent[name] = np.where(reached.any(1), costs[reached.argmax(1)], np.inf)
        return spent


def main() -> None:
    """Print a table for each guide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", default="cifar10-macro")
    parser.add_argument("--seeds", type=int, default=200)
    arguments = parser.parse_args()
    pool = ng.open_pool(arguments.pool)
    for guide in GUIDES:
        bench = Bench(pool, guide)
        print(
            f"\n{pool.name}, {len(bench.rows)} of {len(pool)} members trained, guide {guide}, {arguments.seeds} orders"
        )
        print("median image-equivalents to a quality in the top 20%, 10%, 5% (share of orders that got there), and")
        print("ratio to 4,000 images for all, median with 95% interval over orders and architectures")
        plain = [bench.to_goals(seed, resample=False) for seed in range(arguments.seeds)]
        drawn = [bench.to_goals(10_000 + seed, resample=True) for seed in range(arguments.seeds)]
        for name in plain[0]:
            spent = np.array([found[name] for found in plain])
            cells = [
                f"{m:9,.0f} ({s:4.0%})" for m, s in zip(np.median(spent, 0), np.isfinite(spent).mean(0), strict=True)
            ]
            print(f"{name:20s} {'  '.join(cells)}   {'  '.join(ratios(drawn, name))}")


def ratios(drawn: list[dict[str, np.ndarray]], name: str) -> list[str]:
    """Ratio of medians to the fixed 4,000 images, with a bootstrap interval over what was drawn."""
    here = np.array([found[name] for found in drawn])
    base = np.array([found["4,000 images"] for found in drawn])
    rng = np.random.default_rng(0)
    samples = rng.integers(len(drawn), size=(1000, len(drawn)))
    cells = []
    for goal in range(len(GOALS)):
        medians = np.median(here[samples, goal], axis=1), np.median(base[samples, goal], axis=1)
        finite = np.isfinite(medians[0]) & np.isfinite(medians[1])
        middle = np.median(here[:, goal]) / np.median(base[:, goal])
        if finite.mean() < 0.975 or not np.isfinite(middle):
            cells.append("not reached")
            continue
        low, high = np.percentile(medians[0][finite] / medians[1][finite], [2.5, 97.5])
        cells.append(f"{middle:.2f} [{low:.2f}, {high:.2f}]")
    return cells


if __name__ == "__main__":
    main()
