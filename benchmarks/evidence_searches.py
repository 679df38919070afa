"""What a search costs until it holds one of the best networks, from searches over finished pools.

python benchmarks/evidence_searches.py          # 200 seeds of every sampler and guide, into benchmarks/pools/
"""

from __future__ import annotations

import argparse

import numpy as np
import optuna
import xarray as xr
from evidence_pool import HERE, Table
from evidence_statistics import Floats
from evidence_tables import BRAIN, HEADLINE, PROXIES, best_baseline, markdown

from neuroguide.nas.pools import pool_names

SAMPLERS = {"macro": ("random", "evolution", "tpe", "controller"),
            "cells": ("random", "evolution", "tpe", "controller", "progressive")}  # fmt: skip
SEEDS, TRIALS, TOP = 200, 60, 0.05
FILE = HERE / "pools" / "searches.nc"


def run(name: str, seeds: int) -> xr.Dataset:
    """Proposals of every sampler under every guide, (sampler, guide, search, trial)."""
    table = Table.open(name)
    best = best_baseline(Table.open("macro"))
    guides = ["P", BRAIN, HEADLINE, best if best in PROXIES else "synflow"]
    rows = np.zeros((len(SAMPLERS[name]), len(guides), seeds, TRIALS), np.int16)
    for i, sampler in enumerate(SAMPLERS[name]):
        for j, guide in enumerate(guides):
            for seed in range(seeds):
                rows[i, j, seed] = table.pool.search(sampler, guide, trials=TRIALS, seed=seed).rows
            print(f"{name} {sampler} {guide}", flush=True)
    coords = {"sampler": list(SAMPLERS[name]), "guide": guides}
    return xr.Dataset({f"rows_{name}": (("sampler", "guide", "search", "trial"), rows)}, coords)


def cost_to_top(table: Table, guide: str, rows: np.ndarray, goal: float) -> Floats:
    """Image-equivalents of each search until the best by the guide so far is at least as good as the goal."""
    values, mature = table.pool.values(guide, 1000), table.pool.mature()
    cost = table.cost(guide, 1000, 5000)
    found = np.full(len(rows), np.inf)
    for search, proposed in enumerate(rows):
        best, seen = -np.inf, set()
        chosen = proposed[0]
        for row in proposed:
            seen.add(int(row))
            if values[row] > best:
                best, chosen = values[row], row
            if mature[chosen] >= goal:
                found[search] = len(seen) * cost
                break
    return found


def report(tables: dict[str, Table]) -> str:
    """Median cost to the top 5%, and the share of searches that got there."""
    if not FILE.exists():
        return "Searches need finished pools; they have not been run yet."
    with xr.open_dataset(FILE) as opened:
        searches = opened.load()
    rows = []
    for name, samplers in SAMPLERS.items():
        if f"rows_{name}" not in searches:
            continue
        table = tables[name]
        goal = float(np.quantile(table.pool.mature(), 1 - TOP))
        for sampler in samplers:
            for guide in searches["guide"].values.astype(str):
                proposed = searches[f"rows_{name}"].sel(sampler=sampler, guide=guide).values
                costs = cost_to_top(table, guide, proposed, goal)
                there = np.isfinite(costs)
                drawn = np.median(np.random.default_rng(0).choice(costs, (2000, len(costs))), axis=1)
                low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
                rows.append([f"`{name}`", sampler, guide, f"{there.mean():.0%}",
                             f"{np.median(costs):,.0f} [{low:,.0f}, {high:,.0f}]"])  # fmt: skip
    header = ("pool", "sampler", "guide", "reached", "median image-equivalents (infinite: not in 60 trials)")
    return markdown(header, rows)


def main() -> None:
    """Run all searches on the pools that are finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = parser.parse_args().seeds
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [name for name in SAMPLERS if f"cifar10-{name}" in pool_names()]
    xr.merge([run(name, seeds) for name in names], join="outer").to_netcdf(FILE)


if __name__ == "__main__":
    main()
