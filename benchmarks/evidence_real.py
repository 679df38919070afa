"""Real searches in open spaces (claim 3): every sampler once under P and once under P + TG(V4, IT), at the same cost.

Each search may spend 55,000 image-equivalents on candidates trained on 1,000 CIFAR-10 images and validated on 1,000.
Its best is then trained on 60,000 images, as the networks of the pools are, and its test images are looked at once.
`progressive` needs cells, the others search `macro`. One search each is an example, not a test: the pools have 200.
What is finished is not done again, so the command can be repeated. The table goes to benchmarks/pools/real.json.

    python benchmarks/evidence_real.py FOLDER
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from evidence_pool import HERE
from evidence_tables import markdown

import neuroguide as ng
from neuroguide._core.atomic import write_text
from neuroguide.nas.spaces import Space, open_space
from neuroguide.nas.study import resume_search

SAMPLERS = ("random", "evolution", "tpe", "controller", "progressive")
GUIDES = {
    "P": ["performance"],
    "P + TG(V4, monkey IT)": ["performance", "recording:cowley2023:210325", "recording:kriegeskorte2008@monkey IT"],
}
BUDGET, IMAGES, VALIDATION, MATURE = 55_000, 1000, 1000, 60_000
#: Of V4 and IT together.
STIMULI = 640 + 92
FILE = HERE / "pools" / "real.json"


def space_of(sampler: str) -> Space[Any]:
    """Cells of up to three blocks for `progressive`, else everything that `macro` can be."""
    return (
        open_space("cells", blocks=(1, 2, 3), repeats=1, filters=8) if sampler == "progressive" else open_space("macro")
    )


def search(folder: Path, sampler: str, guide: str) -> ng.SearchRun:
    """Search, or go on with a search from what its folder holds."""
    cost = IMAGES + (VALIDATION + (STIMULI if "TG" in guide else 0)) / 3
    path = folder / f"{sampler} {'TG' if 'TG' in guide else 'P'}"
    if (path / "run.toml").is_file():
        run = ng.open_run(path)
        return run if run.finished else resume_search(path)
    return ng.search(
        space_of(sampler), GUIDES[guide], data="cifar10", sampler=sampler, trials=int(BUDGET / cost), images=IMAGES,
        training={"validation_images": VALIDATION}, reference=None, run=path, seed=0,
    )  # fmt: skip


def row(run: ng.SearchRun, sampler: str, guide: str) -> dict[str, Any]:
    """What the search found, and what became of it."""
    plain = {"drop_path": 0.0, "auxiliary": False} if sampler == "progressive" else None
    mature = ng.retrain(run, 1, images=MATURE, settings=plain, training={"augmentation": ["flip"]})[0].result
    return {
        "sampler": sampler,
        "space": run.settings["space"]["space"],
        "guide": guide,
        "trials": len(run.results),
        "image_equivalents": round(run.image_equivalents),
        "early_accuracy": run.best.measures["P"],
        "test_accuracy": mature["test_accuracy"],
        "parameters": mature["parameters"],
    }


def report() -> str:
    """What each search found."""
    if not FILE.exists():
        return "The searches have not been run yet."
    rows = [
        [r["sampler"], f"`{r['space']}`", r["guide"], str(r["trials"]), f"{r['image_equivalents']:,}",
         f"{r['early_accuracy']:.3f}", f"{r['test_accuracy']:.3f}", f"{r['parameters']:,}"]
        for r in json.loads(FILE.read_text(encoding="utf-8"))
    ]  # fmt: skip
    header = ("sampler", "space", "guide", "candidates", "image-equivalents", "P of the best by the guide",
              "its mature test accuracy", "parameters")  # fmt: skip
    return markdown(header, rows)


def main() -> None:
    """Search with every sampler and guide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    rows = []
    for sampler in SAMPLERS:
        for guide in GUIDES:
            rows.append(row(search(folder, sampler, guide), sampler, guide))
            print(json.dumps(rows[-1]), flush=True)
    write_text(FILE, json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
