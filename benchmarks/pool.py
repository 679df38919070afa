"""Train the pools of docs/evidence-plan.md: resumable, one shard an architecture and seed, nothing hidden.

    python benchmarks/pool.py SHARDS --workers 2                   # all, in the plan's order; stop and start at will
    python benchmarks/pool.py SHARDS --pool macro --seed A         # a part
    python benchmarks/pool.py SHARDS --status                      # what is there, what failed, what it cost
    python benchmarks/pool.py SHARDS --check 10                    # retrain 10 random entries: must be the same

Recordings and CIFAR-10 must be in the download cache. Each worker is a process of one thread that takes only what
others leave of the processor; seconds are CPU seconds. A finished shard is about 16 MB. An entry that raises leaves a
file ``failed/....txt`` with the reason, is printed by ``--status``, and is tried again at the next start.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import traceback
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch
from pool_entry import LEVELS, data, run_entry, shown
from pool_members import SPACES, Job, in_order, jobs

from neuroguide._core.atomic import write_text

#: Of the range of an RDM.
ROUNDING = 1e-4


def wanted(arguments: argparse.Namespace) -> list[Job]:
    """Jobs in the plan's order."""
    found = [job for job in in_order() if arguments.pool in (None, job.pool) and arguments.seed in (None, job.seed)]
    if arguments.pool is None and arguments.seed is None:
        exhausted = sum(job.seed == "A" and job.pool != "macro-wide" for job in found)
        found[exhausted:exhausted] = stratified_dozen(arguments.shards)
    return found


def stratified_dozen(shards: Path) -> list[Job]:
    """The middle of each twelfth of the macro pool's ranks of mature accuracy; none until seed A is complete."""
    first = [job for job in jobs("macro") if job.seed == "A"]
    if not all((shards / f"{job.name}.npz").exists() for job in first):
        return []
    accuracy = [about_of(shards / f"{job.name}.npz")["trainings"][-1]["test_accuracy"] for job in first]
    ranked = [first[i] for i in np.argsort(accuracy, kind="stable")]
    chosen = [ranked[int((twelfth + 0.5) * len(ranked) / 12)] for twelfth in range(12)]
    return [Job(job.pool, job.arch, job.hash, job.seed, longer=True) for job in chosen]


def about_of(path: Path) -> dict:
    """What a shard says beside its arrays."""
    with np.load(path, allow_pickle=False) as shard:
        return json.loads(str(shard["about"]))


def politely() -> None:
    """Run this process and thread only when nobody else wants the processor."""
    torch.set_num_threads(1)
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def attempt(job: Job, shards: Path) -> str:
    """One entry in a worker; a line about it."""
    failed = shards / "failed" / f"{job.name.replace('/', '-')}.txt"
    try:
        about = run_entry(job, shards)
    except Exception:
        failed.parent.mkdir(parents=True, exist_ok=True)
        write_text(failed, traceback.format_exc())
        return f"{job.name} FAILED, see {failed}"
    failed.unlink(missing_ok=True)
    last = about["trainings"][-1]
    return f"{job.name} test {last['test_accuracy']:.3f} {seconds_of(about):.0f} s {last['reason'] or ''}"


def seconds_of(about: dict) -> float:
    """CPU seconds of an entry."""
    kinds = ("training_seconds", "validation_seconds", "stimuli_seconds")
    return sum(training[kind] for training in about["trainings"] for kind in kinds)


def train(todo: list[Job], shards: Path, workers: int) -> None:
    """Train whatever has no shard yet."""
    missing = [job for job in todo if not (shards / f"{job.name}.npz").exists()]
    print(f"{len(todo) - len(missing)} of {len(todo)} entries are there, {len(missing)} to train", flush=True)
    data(), shown()  # loaded once, shared by the forked workers
    # forked, not spawned: workers keep the command's name, so that it can be paused by it
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), politely) as executor:
        for done in as_completed([executor.submit(attempt, job, shards) for job in missing]):
            print(done.result(), flush=True)


def status(todo: list[Job], shards: Path) -> None:
    """Print what is there."""
    for group in dict.fromkeys(job.name.split("/")[0] + " seed " + job.seed for job in todo):
        entries = [job for job in todo if job.name.split("/")[0] + " seed " + job.seed == group]
        there = [about_of(path) for job in entries if (path := shards / f"{job.name}.npz").exists()]
        spent = [seconds_of(about) for about in there]
        reasons = [f"{a['hash']}: {t['reason']}" for a in there for t in a["trainings"] if t["reason"]]
        mean = f", {np.mean(spent):.0f} s each, {sum(spent):.0f} s in all" if spent else ""
        print(f"{group}: {len(there)} of {len(entries)}{mean}; {len(reasons)} trainings with a reason")
        for reason in reasons:
            print("   ", reason)
    for path in sorted(shards.glob("failed/*.txt")):
        print("FAILED", path.stem, path.read_text().splitlines()[-1])


def check(todo: Iterable[Job], shards: Path, count: int) -> bool:
    """Retrain some finished entries; whether all trainings are identical, and RDMs to rounding.

    Another version of the engine may multiply in another order: then RDMs differ in their last digits.
    """
    there = [job for job in todo if (shards / f"{job.name}.npz").exists()]
    chosen = np.random.default_rng().permutation(len(there))[:count]
    fine = True
    for job in (there[i] for i in chosen):
        run_entry(job, shards / "check")
        again, before = shards / "check" / f"{job.name}.npz", shards / f"{job.name}.npz"
        with np.load(again, allow_pickle=False) as new, np.load(before, allow_pickle=False) as old:
            other = [key for key in old if key != "about" and not np.array_equal(old[key], new[key], equal_nan=True)]
            apart = max([difference(old[key], new[key]) for key in other], default=0.0)
        trained = timeless(about_of(again)) == timeless(about_of(before)) and not any("right" in key for key in other)
        said = "identical" if not other else f"RDMs differ by up to {apart:.1e} of their range"
        print(f"{job.name}: trainings {'identical' if trained else 'DIFFERENT'}, {said}", flush=True)
        again.unlink()
        fine = fine and trained and apart < ROUNDING
    return fine


def difference(old: np.ndarray, new: np.ndarray) -> float:
    """Largest difference of RDMs in levels of their range, of anything else relative to its largest value."""
    apart = np.nanmax(np.abs(new.astype(float) - old.astype(float)))
    return float(apart / (LEVELS if old.dtype == np.uint16 else max(np.nanmax(np.abs(old)), 1e-12)))


def timeless(about: dict) -> dict:
    """Without the seconds."""
    trainings = [{k: v for k, v in t.items() if not k.endswith("_seconds")} for t in about["trainings"]]
    return {**about, "trainings": trainings}


def main() -> None:
    """Train, or show, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--pool", choices=sorted(SPACES))
    parser.add_argument("--seed", choices=("A", "B"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--status", action="store_true")
    parser.add_argument("--check", type=int, metavar="COUNT")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    todo = wanted(arguments)
    if arguments.status:
        status(todo, arguments.shards)
    elif arguments.check:
        raise SystemExit(0 if check(todo, arguments.shards, arguments.check) else 1)
    else:
        train(todo, arguments.shards, arguments.workers)
        if arguments.pool is None and arguments.seed is None:
            train(stratified_dozen(arguments.shards), arguments.shards, arguments.workers)


if __name__ == "__main__":
    main()
