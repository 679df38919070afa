"""Speed and memory of a correlation RDM, beside numpy, scipy, Brain-Score, rsatoolbox and torch's own sgemm.

    python benchmarks/rdm.py [--stimuli 2000 5760] [--features 300 4096 50000] [--rounds 5] [--repeats 3] [--threads 2]
                             [--contenders ours sgemm ...] [--environments FOLDER] [--json]

All contenders of a size take turns, ``--rounds`` times ``--repeats`` calls each (fewer where a call takes long), so
that they see the same load of the machine; each has a process of its own. ``seconds`` is the median of all calls,
``least`` the fastest, ``spread`` half the distance of the quartiles over the median, ``cpu_s`` the median processor
time of all threads. ``times_ours`` is the ratio of medians, ``cpu_times_ours`` that of processor times. ``of_sgemm``
counts n**2 p operations for ours against the rate that torch's sgemm reaches on 2 n**2 p. The peers get fresh
environments in a temporary folder (or in --environments, which is kept). Contenders that would take more than --limit
seconds a call, judged by the smaller sizes and n**2 p, are left out and named.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from peers import Worker, peer_python, table
from rdm_contenders import CONTENDERS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stimuli", type=int, nargs="+", default=[2000, 5760])
    parser.add_argument("--features", type=int, nargs="+", default=[300, 4096, 50_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3, help="Calls of a contender in each round.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=100, help="Seconds that one call may be expected to take.")
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=list(CONTENDERS))
    parser.add_argument("--environments", type=Path, help="Where the peers' environments are made and kept.")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.environments or Path(temporary)
        rows = run(arguments, folder)
    print(json.dumps(rows) if arguments.json else table(rows))


def run(arguments: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """One row for each size and contender."""
    rates: dict[str, float] = {}
    rows: list[dict[str, object]] = []
    sizes = sorted((n * n * p, n, p) for n in arguments.stimuli for p in arguments.features)
    for work, n, p in sizes:
        expected = {name: work / rates.get(name, np.inf) for name in arguments.contenders}
        names = [name for name, seconds in expected.items() if seconds <= arguments.limit]
        for name in set(expected) - set(names):
            print(f"{name} left out at {n} x {p}: about {expected[name]:.0f} s a call", file=sys.stderr)
        results = take_turns(names, n, p, expected, arguments, folder)
        rates |= {name: work / float(np.median(result["times"])) for name, result in results.items()}
        rows += [{"stimuli": n, "features": p, **row} for row in summary(results)]
    return rows


def take_turns(
    names: list[str], n: int, p: int, expected: dict[str, float], arguments: argparse.Namespace, folder: Path
) -> dict[str, dict[str, object]]:
    """All calls of every contender, one contender after the other in each round."""
    workers = {}
    for name in names:
        peer = next((peer for peer in ("rsatoolbox", "brainscore") if name.startswith(peer)), None)
        python = peer_python(peer, folder) if peer else sys.executable
        workers[name] = Worker(python, "rdm_contenders.py", {"contender": name}, arguments.threads)
    results: dict[str, dict[str, object]] = {}
    for turn in range(arguments.rounds):
        for name, worker in workers.items():
            slow, slower = (expected[name] > arguments.limit / part for part in (50, 10))
            if turn and expected[name] > arguments.limit / 5:
                continue
            task = {"stimuli": n, "features": p, "repeats": 1 if slow else arguments.repeats, "warm": not slower}
            answer = worker.ask(task)
            kept = results.setdefault(name, {**answer, "times": [], "processor": []})
            kept |= {key: [*kept[key], *answer[key]] for key in ("times", "processor")}  # type: ignore[misc]
            kept["peak_mb"] = answer["peak_mb"]
    for worker in workers.values():
        worker.close()
    return results


def summary(results: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    """One row for each contender of a size."""
    middle = {name: float(np.median(result["times"])) for name, result in results.items()}
    cpu = {name: float(np.median(result["processor"])) for name, result in results.items()}
    rows = []
    for name, result in results.items():
        base = "ours_metric" if name.endswith("_metric") else "ours"
        times, both = np.asarray(result["times"]), name == "ours" and "sgemm" in middle
        rows.append(
            {
                "contender": name,
                "calls": len(times),
                "seconds": middle[name],
                "least": float(times.min()),
                "spread": float(np.subtract(*np.quantile(times, [0.75, 0.25])) / 2 / middle[name]),
                "cpu_s": cpu[name],
                "times_ours": middle[name] / middle.get(base, np.nan),
                "cpu_times_ours": cpu[name] / cpu.get(base, np.nan),
                "of_sgemm": middle["sgemm"] / 2 / middle["ours"] if both else np.nan,
                **{key: result[key] for key in ("peak_mb", "before_mb", "input_mb", "kernels")},
            }
        )
    return rows


if __name__ == "__main__":
    main()
