"""What a search costs until it holds one of the best networks, from searches over finished pools.

python benchmarks/evidence_searches.py                 # 200 seeds of every sampler and guide, into benchmarks/pools/
python benchmarks/evidence_searches.py --pool cells    # of one pool; what is there of the other stays
"""

from __future__ import annotations

import argparse
import functools
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import optuna
import xarray as xr
from evidence_pool import HERE, Table
from evidence_statistics import Floats
from evidence_tables import BRAIN, HEADLINE, PROXIES, best_baseline, markdown

from neuroguide.nas.pools import pool_names
from neuroguide.nas.pools_search import PoolSearch

SAMPLERS = {"macro": ("random", "evolution", "tpe", "controller"),
            "cells": ("random", "evolution", "tpe", "controller", "progressive")}  # fmt: skip
SEEDS, TRIALS, TOP, IMAGES = 200, 60, 0.05, 1000
FILE = HERE / "pools" / "searches.nc"


@functools.cache
def opened(name: str) -> Table:
    """A pool, opened once in each process."""
    return Table.open(name)


def guides_of(name: str) -> list[str]:
    """By what is searched; the best proxy is chosen in the choose half of ``macro``."""
    return ["P", BRAIN, HEADLINE, best_baseline(opened("macro"), PROXIES), "auto"]


def search(name: str, sampler: str, guide: str, seeds: int) -> np.ndarray:
    """Proposals of one sampler under one guide, (search, trial)."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pool = opened(name).pool
    rows = np.zeros((seeds, TRIALS), np.int16)
    for seed in range(seeds):
        rows[seed] = pool.search(sampler, guide, images=IMAGES, trials=TRIALS, seed=seed).rows
    print(f"{name} {sampler} {guide}", flush=True)
    return rows


def run(name: str, seeds: int, workers: int) -> xr.Dataset:
    """Proposals of every sampler under every guide, (sampler, guide, search, trial)."""
    guides = guides_of(name)
    with ProcessPoolExecutor(workers) as processes:
        waiting = [
            [processes.submit(search, name, sampler, guide, seeds) for guide in guides] for sampler in SAMPLERS[name]
        ]
        rows = np.array([[each.result() for each in line] for line in waiting])
    coords = {"sampler": list(SAMPLERS[name]), "guide": guides}
    return xr.Dataset({f"rows_{name}": (("sampler", "guide", "search", "trial"), rows)}, coords)


def progress(table: Table, guide: str, rows: np.ndarray) -> tuple[Floats, Floats]:
    """Of each search after each trial: mature accuracy of the best by the guide, and image-equivalents spent."""
    values, mature = table.pool.values(guide, IMAGES), table.pool.mature()
    found = [PoolSearch(r, values[r], mature[r], _spent(r) * table.cost(guide, IMAGES, 5000)) for r in rows]
    return np.stack([f.chosen for f in found]), np.stack([f.image_equivalents for f in found])


def _spent(rows: np.ndarray) -> np.ndarray:
    first = np.zeros(len(rows), bool)
    first[np.unique(rows, return_index=True)[1]] = True
    return np.cumsum(first)


def cost_to(chosen: Floats, spent: Floats, goal: float) -> Floats:
    """Image-equivalents of each search until its best is at least as good as the goal; infinite where it never is."""
    there = chosen >= goal
    return np.where(there.any(axis=1), spent[np.arange(len(spent)), there.argmax(axis=1)], np.inf)


def median_cost(chosen: Floats, spent: Floats, mature: Floats, n_samples: int = 1000) -> tuple[float, float, float]:
    """Median cost to the top 5% with its 95% interval; samples draw searches, and architectures that define the top."""
    rng = np.random.default_rng(0)
    drawn = np.empty(n_samples)
    for sample in range(n_samples):
        goal = float(np.quantile(rng.choice(mature, len(mature)), 1 - TOP))
        rows = rng.integers(len(chosen), size=len(chosen))
        drawn[sample] = np.median(cost_to(chosen[rows], spent[rows], goal))
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    return float(np.median(cost_to(chosen, spent, float(np.quantile(mature, 1 - TOP))))), float(low), float(high)


def report(tables: dict[str, Table]) -> str:
    """Median cost to the top 5%, and the share of searches that got there."""
    if not FILE.exists():
        return "Searches need finished pools; they have not been run yet."
    with xr.open_dataset(FILE) as file:
        searches = file.load()
    rows = []
    for name, samplers in SAMPLERS.items():
        if f"rows_{name}" not in searches:
            continue
        table = tables[name]
        mature = table.pool.mature()
        for sampler in samplers:
            for guide in searches["guide"].values.astype(str):
                proposed = searches[f"rows_{name}"].sel(sampler=sampler, guide=guide).values.astype(int)
                chosen, spent = progress(table, guide, proposed)
                reached = np.isfinite(cost_to(chosen, spent, float(np.quantile(mature, 1 - TOP)))).mean()
                median, low, high = median_cost(chosen, spent, mature)
                rows.append([f"`{name}`", sampler, guide, f"{reached:.0%}", f"{median:,.0f} [{low:,.0f}, {high:,.0f}]"])
    header = ("pool", "sampler", "guide", "reached", f"median image-equivalents (inf: not in {TRIALS} trials)")
    return markdown(header, rows)


def main() -> None:
    """Run all searches on the pools that are finished, or on one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", choices=SAMPLERS, help="leave the searches of the other as they are")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    wanted = [given.pool] if given.pool else SAMPLERS
    names = [name for name in wanted if f"cifar10-{name}" in pool_names()]
    names = [name for name in names if opened(name).pool.trained().all()]
    if not names:
        raise SystemExit("no pool is finished; a search could propose a network that is not there")
    found = [run(name, given.seeds, given.workers) for name in names]
    if given.pool and FILE.exists():
        with xr.open_dataset(FILE) as file:
            found.append(file.load().drop_vars(f"rows_{given.pool}", errors="ignore"))
    whole = xr.merge(found, join="outer")
    whole.to_netcdf(FILE, encoding={name: {"zlib": True} for name in whole.data_vars})


if __name__ == "__main__":
    main()
