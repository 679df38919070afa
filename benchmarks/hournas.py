"""HourNAS's two phases against searching all blocks at once: accuracy of the retrained networks, images to reach it.

    export NEUROGUIDE_HOME=...                                   # CIFAR-10 is taken from here
    python benchmarks/hournas.py --folder results                # 5 seeds, resumable
    python benchmarks/hournas.py --folder results --report       # the table of what is there
    python benchmarks/hournas.py --folder tuning --seeds 100 101 # seeds on which settings were chosen

Sizes are for two cores without a GPU, far below the paper's: half of the `small` layout's channels, 11 blocks (5
vital), kernels {3, 5} x expansions {1, 3, 6}, no squeeze-excite, images of 32 pixels.

Fixed before a reported seed was looked at:

- Each seed: the same supernet weights at the start, the same images apart for the architecture, the same number of
  images shown, the same budget (2.4 MFLOPs within 5%), the same number of derived networks, of which the best with the
  shared weights on 1,000 validation images is retrained from scratch with the same seed and images.
- ``hournas``: vital blocks first, then the rest within space proposals. ``together``: all blocks at once, a penalty on
  the expected cost; the last step, from what was learned to an affordable network, is the same. ``random``: the first
  affordable network that is drawn, no search: what either search must beat.
- Accuracy is that of the retrained network on all test images, and on the 1,000 validation images (which chose among
  the derived networks, with the shared weights). Images to reach an accuracy are those of search and retraining
  until the first of the milestones at which 1,000 validation images are classified that well; a network that never is
  counts with all of its images.
- Seeds 100 and above chose settings and that accuracy; seeds 0 to 4 are reported, with paired differences and 95%
  intervals of Student's t over seeds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from neuroguide.nas.data import TrainingData, open_data
from neuroguide.nas.evaluation import train_candidate
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.guides import Performance
from neuroguide.nas.hournas import HourNAS, HourNASSettings, counted_table, derive, measure, parse_budget, propose
from neuroguide.nas.hournas.supernet import architecture_of
from neuroguide.nas.spaces import open_space
from neuroguide.nas.training import accuracy_on

ARMS = ("hournas", "together", "random")
BUDGET = "2.4MFLOPs"
SEARCH_IMAGES = 12_000
RETRAINING = Fidelity(images=16_000, batch_size=20, validation_images=1000)
MILESTONES = tuple(range(6000, 16_001, 1000))
REACHED = 0.35


def space() -> Any:
    """The subspace that is searched."""
    return open_space("hourglass", layout="small", width=0.5, kernel=(3, 5), squeeze_excite=False)


def settings(arm: str, **changed: Any) -> HourNASSettings:
    """Both searches differ in order and proposals alone."""
    given = {
        "images": SEARCH_IMAGES, "order": "vital-first" if arm == "hournas" else "together", "candidates": 4,
        "validation_images": 1000, "paths": 3, "architecture_rate": 0.1, "learning_rate": 0.1, "proposal_every": 20,
        **changed,
    }  # fmt: skip
    return HourNASSettings.from_json({**given, "proposals": {} if arm == "hournas" else None})


def find(arm: str, seed: int, data: TrainingData, **changed: Any) -> tuple[Any, dict[str, Any]]:
    """The architecture that an arm finds, and what the search showed and took."""
    where = space()
    table = counted_table(where, image_size=data.image_size, n_classes=data.n_classes)
    budgets = (parse_budget(BUDGET),)
    started = time.perf_counter()
    if arm == "random":
        choices = propose(table, budgets, seed=seed).draw(1, seed=seed).choices[0].tolist()
        return architecture_of(where, choices), {"search_images": 0, "search_seconds": time.perf_counter() - started}
    search = HourNAS(
        where, data, Performance(), table, budgets, settings(arm, **changed), seed=seed, device=torch.device("cpu")
    )
    while not search.finished:
        search.step()
    outcomes = [(measure(search, choices, data, Performance())[1], choices) for choices in derive(search)]
    best, choices = max(outcomes, key=lambda pair: pair[0]["measures"]["P"])
    return architecture_of(where, choices), {
        "search_images": search.images_seen,
        "search_image_equivalents": search.images_spent + sum(o["image_equivalents"] for o, _ in outcomes),
        "search_seconds": time.perf_counter() - started,
        "shared_accuracy": best["measures"]["P"],
    }


def run(arm: str, seed: int, data: TrainingData, **changed: Any) -> dict[str, Any]:
    """One arm with one seed: search and retraining."""
    where = space()
    arch, found = find(arm, seed, data, **changed)
    curve: list[tuple[int, float]] = []

    def look(images: int, network: Any, _loss: float) -> None:
        curve.append((images, accuracy_on(network, data, data.validation, RETRAINING, n_images=1000)[0]))

    started = time.perf_counter()
    network, _ = train_candidate(where, arch, data, RETRAINING, seed=seed, milestones=MILESTONES, at_milestone=look)
    seconds = time.perf_counter() - started
    # all of them: they lie class by class, so that a first part would be of some classes only
    accuracy = accuracy_on(network, data, data.test, RETRAINING)[0]
    cost = where.cost(arch)
    return {
        "arm": arm, "seed": seed, "accuracy": accuracy, "curve": curve, "retraining_seconds": seconds, **found,
        "flops": cost.flops, "parameters": cost.parameters, "architecture": where.to_json(arch)["blocks"], **changed,
    }  # fmt: skip


def images_to_reach(record: dict[str, Any], goal: float = REACHED) -> int:
    """Images of search and retraining until the goal, all of them if it is not reached."""
    images = next((images for images, accuracy in record["curve"] if accuracy >= goal), RETRAINING.images)
    return int(record["search_images"] + images)


def report(records: list[dict[str, Any]]) -> None:
    """Print means over seeds and paired differences."""
    by_arm = {arm: {r["seed"]: r for r in records if r["arm"] == arm} for arm in ARMS}
    seeds = sorted(set.intersection(*(set(found) for found in by_arm.values())))
    print(f"seeds {seeds}; budget {BUDGET}; {SEARCH_IMAGES:,} images for each search, {RETRAINING.images:,} to retrain")
    if len(seeds) < 2:
        return
    measures: dict[str, Callable[[dict[str, Any]], float]] = {
        "validation accuracy": lambda r: r["curve"][-1][1],
        f"images to {REACHED:.0%}": images_to_reach,
        "search seconds": lambda r: r["search_seconds"],
        "MFLOPs": lambda r: r["flops"] / 1e6,
    }
    if all("accuracy" in by_arm[arm][seed] for arm in ARMS for seed in seeds):
        measures = {"test accuracy": lambda r: r["accuracy"], **measures}
    for name, value in measures.items():
        values = {arm: np.array([value(by_arm[arm][seed]) for seed in seeds]) for arm in ARMS}
        print(f"\n{name}: " + ", ".join(f"{arm} {found.mean():,.4g}" for arm, found in values.items()))
        for a, b in (("hournas", "together"), ("hournas", "random"), ("together", "random")):
            difference = values[a] - values[b]
            half = stats.t.ppf(0.975, len(seeds) - 1) * difference.std(ddof=1) / np.sqrt(len(seeds))
            mean = difference.mean()
            print(f"  {a} - {b}: {mean:,.4g} (95% interval {mean - half:,.4g} to {mean + half:,.4g})")


def main() -> None:
    """Run what is missing, then print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folder", type=Path, required=True, help="where results are kept, a line for each arm and seed"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--report", action="store_true", help="only print what is there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "results.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    missing = [
        (s, a) for s in options.seeds for a in options.arms if (s, a) not in {(r["seed"], r["arm"]) for r in records}
    ]
    if missing and not options.report:
        data = open_data("cifar10")
        for seed, arm in missing:
            records.append(run(arm, seed, data))
            with path.open("a") as handle:
                handle.write(json.dumps(records[-1]) + "\n")
            print(f"seed {seed}, {arm}: {records[-1]['accuracy']:.3f}", flush=True)
    report(records)


if __name__ == "__main__":
    main()
