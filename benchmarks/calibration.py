"""Coverage of intervals and false positives of tests on simulated data with a known truth.

    python benchmarks/calibration.py [--worlds 5000] [--stimuli 25] [--samples 400] [--folder FOLDER] [--json]
                                     [--methods pearson spearman whitened-pearson]

Three models see a third each of what drives the 40 sites, so that they are equally good by symmetry; every world
draws stimuli, noise, sites and 8 subjects anew. ``rate`` is the share of worlds in which a test at 5% finds two
models different (paired), any two of three (Holm, FDR), or a model of unrelated stimuli similar (permutation);
``limit`` is the upper 99.9% binomial limit of 5%, and tests below the lower one are called conservative. ``rate`` of
an interval is the share of 95% intervals that hold the truth: the similarity over 3,000 stimuli (stimuli alone), or
the mean over worlds, which is what a population or a group of this size scores (sites, subjects, both). Factors other
than stimuli are run with the first method. With ``--folder`` finished parts of 100 worlds are kept there and not
repeated; several processes may work on one folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from calibration_worlds import Worlds, findings
from filelock import FileLock, Timeout
from peers import table
from scipy.stats import binom

from neuroguide._core.atomic import write_text

PART = 100


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=5000)
    parser.add_argument("--stimuli", type=int, default=25)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--methods", nargs="+", default=["pearson", "spearman", "whitened-pearson"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        rows = summary(simulate(arguments, arguments.folder or Path(temporary)), arguments)
    print(json.dumps(rows) if arguments.json else table(rows))


def simulate(arguments: argparse.Namespace, folder: Path) -> dict[str, list[float | list[float]]]:
    """Everything found, world by world."""
    folder.mkdir(parents=True, exist_ok=True)
    worlds, found = Worlds(arguments.stimuli), defaultdict(list)
    for first in range(0, arguments.worlds, PART):
        place = folder / f"{first:06d}.json"
        try:
            # the lock of a process that was killed is free
            with FileLock(place.with_suffix(".lock"), timeout=0):
                if not place.exists():
                    write_text(place, json.dumps(part(worlds, first, arguments)))
        except Timeout:
            continue
    for place in sorted(folder.glob("*.json")):
        for name, values in json.loads(place.read_text(encoding="utf-8")).items():
            found[name] += values
    return found


def part(worlds: Worlds, first: int, arguments: argparse.Namespace) -> dict[str, list[float | list[float]]]:
    """What is found in the worlds from ``first`` on."""
    found = defaultdict(list)
    for seed in range(first, first + PART):
        for name, value in findings(worlds, seed, arguments.methods, arguments.samples):
            found[name].append(value)
    return found


def summary(found: dict[str, list[float | list[float]]], arguments: argparse.Namespace) -> list[dict[str, object]]:
    """One row for each test and kind of interval."""
    truths = {method: Worlds(arguments.stimuli).truth(method) for method in arguments.methods}
    rows: list[dict[str, object]] = []
    for name, values in found.items():
        array, n = np.asarray(values), len(values)
        low, high = (float(binom.ppf(tail, n, 0.05)) / n for tail in (0.001, 0.999))
        if array.ndim == 1:
            rate = float((array <= 0.05).mean())
            verdict = "too often" if rate > high else "conservative" if rate < low else "as stated"
            rows.append({"what": name, "worlds": n, "rate": rate, "limit": high, "verdict": verdict})
        else:
            method, factor = name.split(",")[0].split(" ", 1)
            truth = truths[method] if factor == "stimuli" else array[:, 2].mean()
            rate = float(((array[:, 0] <= truth) & (truth <= array[:, 1])).mean())
            verdict = "below 93%" if rate < 0.93 else "as stated" if rate <= 1 - low else "conservative"
            rows.append({"what": name, "worlds": n, "rate": rate, "limit": 0.93, "verdict": verdict})
    return rows


if __name__ == "__main__":
    main()
