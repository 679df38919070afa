"""Searches on a dask cluster: trials per hour, overhead per trial, and how busy many workers are kept.

    python benchmarks/cluster.py [--trials 5000] [--workers 64] [--parts real overhead unordered ordered]

- real: candidates of the `macro` space, trained on 1,000 images of the built-in rendered objects, on a LocalCluster of
  1 and of 2 worker processes; the efficiency is the ratio of trials per hour over the number of workers.
- overhead: stand-ins that take no time, one after another, through dask and a child process: seconds per trial.
- unordered, ordered: stand-ins that sleep (lognormal, mean 3 s) on two worker processes with 64 threads in all, without
  children: the share of the workers' time that is spent in candidates, told as they come, or in the order of the trials
  with as many under way as there are workers and with four times as many; and how much the client's peak memory grew.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster

from neuroguide.execution import DaskExecutor
from neuroguide.nas.guides import Performance
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import search
from neuroguide.testing.candidates import STAND_IN, StandInGuide

SECONDS = 3.0

PARTS = ("real", "overhead", "unordered", "ordered")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--trials", type=int, default=5000, help="Of those that sleep.")
    parser.add_argument("--workers", type=int, default=64, help="For those that sleep.")
    parser.add_argument("--real-trials", type=int, default=12)
    parser.add_argument("--folder", type=Path, help="Where the runs are kept; by default they are not.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if "real" in arguments.parts:
            real(folder, arguments.real_trials)
        if "overhead" in arguments.parts:
            overhead(folder)
        if "unordered" in arguments.parts:
            many(folder, arguments.trials, arguments.workers, ordered=False)
        if "ordered" in arguments.parts:
            for times in (1, 4):
                many(folder, arguments.trials, arguments.workers, ordered=True, lag=times * arguments.workers)


def cluster(workers: int, threads: int) -> LocalCluster:
    """Worker processes on this machine."""
    return LocalCluster(
        n_workers=workers, threads_per_worker=threads, memory_limit=0, dashboard_address="127.0.0.1:0", silence_logs=50
    )


def real(folder: Path, trials: int) -> None:
    """Trials per hour on one and two workers."""
    rates = {}
    for workers in (1, 2):
        with cluster(workers, 1) as made, Client(made) as client:
            executor = DaskExecutor(client)
            # both start with warm children, and the same trials
            options: dict[str, Any] = {"data": "objects", "images": 1000, "sampler": "random", "lag": 2, "keep": 0}
            search("macro", Performance(), run=folder / f"warm{workers}", trials=2, executor=executor, **options)
            began = time.perf_counter()
            search("macro", Performance(), run=folder / f"real{workers}", trials=trials, executor=executor, **options)
            rates[workers] = trials / (time.perf_counter() - began) * 3600
            executor.shutdown()
        print(f"real candidates, {workers} worker(s): {rates[workers]:.0f} trials per hour", flush=True)
    print(f"efficiency of 2 workers: {rates[2] / rates[1] / 2:.2f} ({trials} trials, 2 processors)", flush=True)


def overhead(folder: Path, trials: int = 200) -> None:
    """Seconds per trial of candidates that take none, one after another."""
    with cluster(1, 1) as made, Client(made) as client:
        executor = DaskExecutor(client)
        options: dict[str, Any] = {"evaluate": STAND_IN, "executor": executor, "sampler": "random", "keep": 0}
        search("macro", StandInGuide(seconds=0.0), run=folder / "warm", trials=5, **options)
        began = time.perf_counter()
        run = search("macro", StandInGuide(seconds=0.0), run=folder / "none", trials=trials, **options)
        passed = time.perf_counter() - began
        inside = sum(float(result["seconds"]) for result in run.results.values())
        executor.shutdown()
    print(f"overhead: {(passed - inside) / trials * 1000:.1f} ms per trial ({trials} trials, {inside:.1f} s inside)")


def many(folder: Path, trials: int, workers: int, *, ordered: bool, lag: int | None = None) -> None:
    """How busy sleeping candidates keep many workers, and what the client holds."""
    space, name = open_space("macro"), f"{ordered}{lag}"
    with cluster(2, workers // 2) as made, Client(made) as client:
        executor = DaskExecutor(client, isolate=False)
        options: dict[str, Any] = {"evaluate": STAND_IN, "executor": executor, "sampler": "random", "keep": 0}
        search(space, StandInGuide(seconds=0.01), run=folder / f"warm{name}", trials=workers, **options)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, used = time.perf_counter(), time.process_time()
        run = search(
            space, StandInGuide(seconds=SECONDS), run=folder / f"many{name}", trials=trials, ordered=ordered, lag=lag,
            **options,
        )  # fmt: skip
        passed, used = time.perf_counter() - began, time.process_time() - used
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    grown *= 1 if sys.platform == "darwin" else 1024
    busy = sum(float(result["seconds"]) for result in run.results.values())
    print(
        f"{workers} workers, {trials} trials, ordered={ordered}, lag {run.settings['search']['lag']}: {passed:.0f} s, "
        f"efficiency {busy / workers / passed:.3f}, client {used / trials * 1000:.0f} ms and "
        f"{grown / trials / 1000:.1f} kB per trial",
        flush=True,
    )


if __name__ == "__main__":
    main()
