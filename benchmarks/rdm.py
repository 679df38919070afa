"""Speed and memory of a correlation RDM, beside numpy, scipy, Brain-Score, rsatoolbox and torch's own sgemm.

    python benchmarks/rdm.py [--stimuli 2000 5760] [--features 300 4096 50000] [--repeats 5] [--threads 2]
                             [--contenders ours sgemm ...] [--environments FOLDER] [--json]

Every figure is a median in a process of its own, all sizes and contenders in one run; look at the ratios. The peers get
fresh environments in a temporary folder (or in --environments, which is kept). Contenders that would take more than
--limit seconds, judged by the smaller sizes and n**2 p, are left out and named. ``of_sgemm`` counts n**2 p
operations for ours against the rate that torch's sgemm reaches on 2 n**2 p.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from peers import measure, peer_python, table
from rdm_contenders import CONTENDERS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stimuli", type=int, nargs="+", default=[2000, 5760])
    parser.add_argument("--features", type=int, nargs="+", default=[300, 4096, 50_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=300, help="Seconds that one call may be expected to take.")
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=list(CONTENDERS))
    parser.add_argument("--environments", type=Path, help="Where the peers' environments are made and kept.")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.environments or Path(temporary)
        rows = [row for row in run(arguments, folder) if row]
    print(json.dumps(rows) if arguments.json else table(rows))


def run(arguments: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """One row for each size and contender."""
    rates: dict[str, float] = {}
    rows: list[dict[str, object]] = []
    sizes = sorted((n * n * p, n, p) for n in arguments.stimuli for p in arguments.features)
    for work, n, p in sizes:
        seconds: dict[str, float] = {}
        for name in arguments.contenders:
            expected = work / rates[name] if name in rates else 0.0
            if expected > arguments.limit:
                print(f"{name} left out at {n} x {p}: about {expected:.0f} s a call", file=sys.stderr)
                continue
            peer = next((peer for peer in ("rsatoolbox", "brainscore") if name.startswith(peer)), None)
            python = peer_python(peer, folder) if peer else sys.executable
            task = {"contender": name, "stimuli": n, "features": p}
            task["repeats"] = 1 if expected > arguments.limit / 10 else arguments.repeats
            result = measure(python, "rdm_contenders.py", task, arguments.threads)
            seconds[name] = result["seconds"]
            rates[name] = work / result["seconds"]
            rows.append({"stimuli": n, "features": p, "contender": name, **result})
        for row in rows[-len(seconds) :]:
            name = str(row["contender"])
            base = "ours_metric" if name.endswith("_metric") else "ours"
            row["times_ours"] = seconds[name] / seconds[base] if base in seconds else float("nan")
            of_sgemm = seconds["sgemm"] / 2 / seconds["ours"] if {"sgemm", "ours"} <= set(seconds) else float("nan")
            row["of_sgemm"] = of_sgemm if name == "ours" else float("nan")
    return rows


if __name__ == "__main__":
    main()
