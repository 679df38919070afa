"""Comparing RDMs too large to hold: time, peak memory and the exponent of growth, tile by tile.

    python benchmarks/scale.py [--stimuli 1000 3000 8000 22000] [--sites 300] [--features 4096] [--memory 1GB]
                               [--method pearson] [--threads 2] [--json]

Each size runs in a process of its own: the RDM of ``--sites`` sites with that of a layer of ``--features`` features.
``peak_over_input`` is the peak memory above what the process held with its inputs and their centred copies; the bound
asked for holds for it. The exponent is fitted to time over the number of stimuli (pairs grow with exponent 2);
``cpu_s`` is the processor's time.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

import numpy as np
import torch
from peers import measure, table

from neuroguide.engine.memory import LazyRDM, compare_tiled


def one(arguments: dict[str, object]) -> dict[str, float]:
    """Measure one size in this process."""
    n = int(str(arguments["stimuli"]))
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(n, 8, generator=generator)
    lazy = []
    for size in (int(str(arguments["sites"])), int(str(arguments["features"]))):
        features = shared @ torch.randn(8, size, generator=generator) + torch.randn(n, size, generator=generator)
        lazy.append(LazyRDM.of(features))
    # what a process does once
    few = [[LazyRDM(one.rows[:300], one.lengths[:300])] for one in lazy]
    compare_tiled(*few, str(arguments["method"]), memory=str(arguments["memory"]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, spent = time.perf_counter(), time.process_time()
    value = compare_tiled(lazy[:1], lazy[1:], str(arguments["method"]), memory=str(arguments["memory"]))
    seconds, processor = time.perf_counter() - start, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = {"peak_mb": peak / 1024, "peak_over_input_mb": (peak - before) / 1024}
    return {"seconds": seconds, "cpu_s": processor, "similarity": float(value), **memory}


def main() -> None:
    """Measure every size and print."""
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        print(json.dumps(one(json.loads(sys.argv[1]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stimuli", type=int, nargs="+", default=[1000, 3000, 8000, 22_000])
    parser.add_argument("--sites", type=int, default=300)
    parser.add_argument("--features", type=int, default=4096)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--method", default="pearson")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    for n in arguments.stimuli:
        task = {"stimuli": n, "method": arguments.method, "memory": arguments.memory}
        sizes = {"sites": arguments.sites, "features": arguments.features}
        result = measure(sys.executable, "scale.py", {**task, **sizes}, arguments.threads)
        rows.append({**task, **result})
    print(json.dumps(rows) if arguments.json else table(rows))
    if len(rows) > 1:
        for name in ("seconds", "cpu_s"):
            times = [float(str(row[name])) for row in rows]
            exponent = np.polyfit(np.log(arguments.stimuli), np.log(times), 1)[0]
            print(f"{name} grow with exponent {exponent:.2f}", file=sys.stderr)


if __name__ == "__main__":
    main()
