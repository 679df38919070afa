"""A real search on `cells`, kept: guided by monkey V4 and IT, once by `progressive`, once by `controller`.

Each proposes 48 networks of cells of up to three blocks (N = 1, F = 8), trains each on 3,000 CIFAR-10 images, and ranks
them by P + TG. The best of each is retrained larger (N = 2, F = 10, drop-path growing to 0.1, auxiliary head) on 45,000
images, its test images looked at once; exported as a module and as ONNX; and scored again from both. What is finished
is not done again, so the command can be repeated. Recordings and CIFAR-10 must be in the download cache.

    pip install "neuroguide[onnx]" && python benchmarks/cells_search.py FOLDER
"""

from __future__ import annotations

import argparse
import functools
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import xarray as xr

import neuroguide as ng
from neuroguide.nas.retraining import Retrained
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import resume_search
from neuroguide.nas.trained import open_trained

V4, IT = "cowley2023:210325", "kriegeskorte2008"
GUIDE = ["performance", f"recording:{V4}", f"recording:{IT}@monkey IT"]
SAMPLERS = {"progressive": {"first": 16, "beam": 16}, "controller": {}}


def search(folder: Path, sampler: str) -> ng.SearchRun:
    """Search, or go on with a search from what its folder holds."""
    if (folder / sampler / "run.toml").is_file():
        run = ng.open_run(folder / sampler)
        return run if run.finished else resume_search(run.path, executor="local:2")
    start = time.perf_counter()
    run = ng.search(
        open_space("cells", blocks=(1, 2, 3), repeats=1, filters=8), GUIDE, data="cifar10",
        sampler=sampler, sampler_options=SAMPLERS[sampler], trials=48, images=3000,
        training={"validation_images": 2000}, run=folder / sampler, executor="local:2",
    )  # fmt: skip
    print(
        f"{sampler}: searched for {time.perf_counter() - start:.0f} s, {run.image_equivalents:,.0f} image-equivalents"
    )
    return run


def retrain(run: ng.SearchRun) -> Retrained:
    """Train the best to maturity, or go on with it."""
    larger = {"repeats": 2, "filters": 10, "drop_path": 0.1}
    return ng.retrain(run, 1, images=45_000, settings=larger, training={"augmentation": ["flip"]})[0]


@functools.cache
def target(name: str) -> xr.DataArray:
    """RDMs of a recording, computed once for all scores."""
    return ng.open_rdm(IT) if name == IT else ng.rdm(ng.open_recording(name), by="region")


def scores(model: object) -> dict[str, float]:
    """Similarity of the best layer to V4 and to monkey IT, as `ng.score` gives it."""
    found = {}
    for name, region in ((V4, "V4"), (IT, "monkey IT")):
        similarity = ng.score(model, target(name))["similarity"]
        found[region] = float(similarity.sel(region=region).max())
    return found


def keep(run: ng.SearchRun, mature: Retrained, folder: Path) -> list[dict[str, object]]:
    """Export the mature network and score it three times; one row of the table each."""
    if (folder / "export.json").is_file():
        raise SystemExit(f"{folder} exists already; remove it to export again")
    best, done = run.best, ng.export(mature, folder, onnx=True)
    onnx = str(folder / "model.onnx")
    sampler = run.settings["sampler"]["name"]
    rows: list[dict[str, object]] = [
        {"": f"{sampler}: trial {best.trial} in the search", "validation": best.measures["P"],
         "V4 (guide)": best.measures["similarity/V4"], "IT (guide)": best.measures["similarity/monkey IT"]},
        {"": f"{sampler}: retrained", "validation": mature.result["accuracy"], "test": mature.result["test_accuracy"],
         "V4 (guide)": mature.result["measures"]["similarity/V4"],
         "IT (guide)": mature.result["measures"]["similarity/monkey IT"]},
    ]  # fmt: skip
    original = scores(open_trained(mature.weights).model())
    for name, model in (("model.py", done.model), ("model.onnx", onnx)):
        again = scores(model)
        rows.append({
            "": f"{sampler}: {name}", "V4": again["V4"], "IT": again["monkey IT"],
            "outputs differ by": max(done.about["differences"][name].values()),
            "scores differ by": max(abs(again[region] - original[region]) for region in original),
        })  # fmt: skip
    rows[1] |= {"V4": original["V4"], "IT": original["monkey IT"]}
    return rows


def main() -> None:
    """Search, retrain, export and score, with both samplers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    runs = [search(arguments.folder, sampler) for sampler in SAMPLERS]
    with ThreadPoolExecutor(len(runs)) as pool:
        mature = list(pool.map(retrain, runs))
    for run, one in zip(runs, mature, strict=True):
        about = f"{one.result['parameters']:,} parameters with the auxiliary head, {one.result['seconds']:.0f} s"
        print(f"{run.settings['sampler']['name']}: retrained {one.path.name}, {about}")
    rows = [
        row
        for run, one in zip(runs, mature, strict=True)
        for row in keep(run, one, arguments.folder / f"{run.settings['sampler']['name']} kept")
    ]
    formats = {"outputs differ by": "{:.1g}".format, "scores differ by": "{:.1g}".format}
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, na_rep="", float_format="{:.4f}".format, formatters=formats))


if __name__ == "__main__":
    main()
