"""Bootstrap over stimuli beside rsatoolbox's: the same standard errors, and the time.

    python benchmarks/inference.py [--conditions 92 500] [--models 10] [--samples 1000] [--methods spearman ...]
                                   [--peer-samples 1000] [--threads 2] [--environments FOLDER] [--json]

rsatoolbox gets a fresh environment in a temporary folder (or in --environments, which is kept). With fewer
--peer-samples its time is scaled up to --samples. Standard errors of ``s`` samples are known to ``1 / sqrt(2 s)``:
``error_z`` is the largest difference over models in units of that. Both make t intervals (no jackknife, which BCa
would add: as many samples again as there are conditions). Each has a short run before the one that is timed.
``cpu_times`` is the ratio of processor times. ``same_draws`` is the largest difference of similarities in two samples
that both are given, in float64.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from peers import measure, peer_python, table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conditions", type=int, nargs="+", default=[92, 500])
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--peer-samples", type=int, default=1000)
    parser.add_argument("--methods", nargs="+", default=["spearman", "whitened-pearson"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as temporary:
        peer = peer_python("rsatoolbox", arguments.environments or Path(temporary))
        for conditions in arguments.conditions:
            for method in arguments.methods:
                task = {"conditions": conditions, "models": arguments.models, "method": method}
                ours, theirs = (
                    measure(
                        python,
                        "inference_contenders.py",
                        {**task, "contender": name, "samples": samples},
                        arguments.threads,
                    )
                    for name, python, samples in (
                        ("ours", sys.executable, arguments.samples),
                        ("rsatoolbox", peer, arguments.peer_samples),
                    )
                )
                peer_share = arguments.peer_samples / arguments.samples
                seconds = theirs["seconds"] / peer_share
                ratio = np.asarray(ours["errors"]) / np.asarray(theirs["errors"])
                chance = (0.5 / arguments.samples + 0.5 / arguments.peer_samples) ** 0.5
                rows.append(
                    {
                        **task,
                        "ours_s": ours["seconds"],
                        "rsatoolbox_s": seconds,
                        "times": seconds / ours["seconds"],
                        "cpu_times": theirs["processor"] / peer_share / ours["processor"],
                        "error_ratio": float(ratio.mean()),
                        "error_z": float(np.abs(ratio - 1).max() / chance),
                        "same_draws": float(np.abs(np.subtract(ours["same"], theirs["same"])).max()),
                    }
                )
    print(json.dumps(rows) if arguments.json else table(rows))


if __name__ == "__main__":
    main()
