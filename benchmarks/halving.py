"""Successive halving against one fixed number of images: what each spends until it holds a good network.

    python benchmarks/halving.py --folder FOLDER [--members 128] [--workers 2] [--orders 200]
    python benchmarks/halving.py --pool cifar10-macro

Candidates are random networks of the `macro` space, trained on CIFAR-10 on every number of images that a strategy
needs, each a training of its own (as in a search), so that a ladder pays for every rung; or they are looked up in a
pool. After some expense a strategy holds the best by P (accuracy on 1,000 validation images) among those that had the
most images by then. Quality is the accuracy of another training: with 4,000 images and another seed, on the 4,000
other validation images; in a pool, the mature test accuracy. Goals are quantiles of the quality of all members.

Fixed before any run was looked at: the ladders and goals below and 200 orders, the same for all strategies; intervals
resample orders and, together with them, architectures (each sample draws members anew, and orders those that it
drew). The second table, of the same candidates, was added after the first had been seen. Finished members are kept in
--folder and not trained again; several processes may work on it.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout

import neuroguide as ng
from neuroguide._core.atomic import write_text
from neuroguide.nas.data import Split, open_data
from neuroguide.nas.evaluation import train_candidate
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.halving import Halving
from neuroguide.nas.spaces import open_space
from neuroguide.nas.training import accuracy_on

LADDERS = {
    "halving from 500": "32x500, 16x1000, 8x2000, 4x4000",
    "halving from 1,000": "16x1000, 8x2000, 4x4000",
    "quarters from 500": "32x500, 8x2000, 2x4000",
}
FIXED = (500, 1000, 2000, 4000)
GOALS = (0.8, 0.9, 0.95)
VALIDATION = 1000
SEEDS = {"guide": 0, "quality": 1}


def train_members(folder: Path, members: int) -> None:
    """Train what is not trained yet, one file for each member."""
    torch.set_num_threads(1)
    space, data = open_space("macro"), open_data("cifar10")
    others = Split(data.validation.images[VALIDATION:], data.validation.labels[VALIDATION:])
    for number in range(members):
        place = folder / f"{number:04d}.json"
        try:
            with FileLock(place.with_suffix(".lock"), timeout=0):
                if place.exists():
                    continue
                arch = space.sample(np.random.default_rng(number))
                early = {}
                for images in FIXED:
                    fidelity = Fidelity(images=images, validation_images=VALIDATION)
                    _, result = train_candidate(space, arch, data, fidelity, seed=SEEDS["guide"], device="cpu")
                    early[images] = result.accuracy
                fidelity = Fidelity(images=max(FIXED), validation_images=0)
                network, result = train_candidate(space, arch, data, fidelity, seed=SEEDS["quality"], device="cpu")
                quality = 0.0 if result.diverged else accuracy_on(network, data, others, fidelity, device="cpu")[0]
                write_text(place, json.dumps({"early": early, "quality": quality, "hash": space.hash(arch)}))
        except Timeout:
            continue


class Bench:
    """Members with what a strategy sees of them, what that costs, and what they are worth.

    Parameters
    ----------
    values : mapping from images to array of shape (n_members,)
    costs : mapping from images to image-equivalents
    quality : array of shape (n_members,)
    """

    def __init__(self, values: dict[int, np.ndarray], costs: dict[int, float], quality: np.ndarray) -> None:
        self.values, self.costs, self.quality = values, costs, quality

    @classmethod
    def of_folder(cls, folder: Path) -> Bench:
        """What :func:`train_members` wrote."""
        found = [json.loads(place.read_text()) for place in sorted(folder.glob("*.json"))]
        values = {n: np.array([one["early"][str(n)] for one in found], dtype=float) for n in FIXED}
        return cls(values, {n: n + VALIDATION / 3 for n in FIXED}, np.array([one["quality"] for one in found]))

    @classmethod
    def of_pool(cls, name: str) -> Bench:
        """The trained members of a pool."""
        pool = ng.open_pool(name)
        rows = np.flatnonzero(pool.trained())
        values = {n: pool.values("P", n, validation_images=VALIDATION)[rows] for n in FIXED}
        costs = {n: pool.cost("P", n, validation_images=VALIDATION) for n in FIXED}
        return cls(values, costs, pool.mature()[rows])

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
        n = len(self.quality)
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
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--members", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--orders", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.pool:
        bench = Bench.of_pool(arguments.pool)
    else:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
            given = arguments.folder, arguments.members
            for done in [pool.submit(train_members, *given) for _ in range(arguments.workers)]:
                done.result()
        bench = Bench.of_folder(arguments.folder)
    report(bench, arguments.orders)


def report(bench: Bench, orders: int) -> None:
    """Print what every strategy spends."""
    spread = np.quantile(bench.quality, (0, 0.5, 1))
    low, middle, high = spread
    print(f"{len(bench.quality)} members, quality {low:.3f} to {high:.3f} (median {middle:.3f}), {orders} orders")
    print("median image-equivalents to a quality in the top 20%, 10%, 5% (share of orders that got there), and")
    print("ratio to 4,000 images for all, of medians, with its 95% interval over orders and architectures")
    plain = [bench.to_goals(seed, resample=False) for seed in range(orders)]
    drawn = [bench.to_goals(10_000 + seed, resample=True) for seed in range(orders)]
    for name in plain[0]:
        spent = np.array([found[name] for found in plain])
        shares = np.isfinite(spent).mean(0)
        cells = [f"{cost:9,.0f} ({share:4.0%})" for cost, share in zip(np.median(spent, 0), shares, strict=True)]
        print(f"{name:20s} {'  '.join(cells)}   {'  '.join(ratios(drawn, name))}")
    same_candidates(bench, orders)


def same_candidates(bench: Bench, resamples: int) -> None:
    """Print what a ladder costs and loses against training all its candidates on 4,000 images."""
    print(
        "the same candidates: cost of the ladder over that of 4,000 images for all, and what its choice is worth more"
    )
    n = len(bench.quality)
    for name, text in LADDERS.items():
        ladder = Halving.parse(text)
        first = ladder.rungs[0].candidates
        gains = []
        for seed in range(resamples):
            rng = np.random.default_rng(20_000 + seed)
            members = rng.integers(n, size=n)
            orders = [rng.permutation(members)[:first] for _ in range(50)]
            chosen = [bench.halving(order, ladder)[1][0] for order in orders]
            best = [order[bench.values[4000][order].argmax()] for order in orders]
            gains.append(float(np.mean(bench.quality[chosen] - bench.quality[best])))
        cost = sum(rung.candidates * bench.costs[rung.images] for rung in ladder.rungs) / (first * bench.costs[4000])
        low, high = np.percentile(gains, [2.5, 97.5])
        print(f"{name:20s} {cost:.2f}   accuracy {np.mean(gains):+.4f} [{low:+.4f}, {high:+.4f}]")


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
