"""What guidance costs beside a premature training: the time of both, measured in one run, candidate by candidate.

    python benchmarks/guidance_cost.py [--candidates 12] [--images 4000] [--stimuli 200] [--threads 1] [--json]

Candidates are random draws of the ``macro`` space at 32 pixels; the teacher is an RDM over ``--stimuli`` images.
Images and RDM are random: the time does not depend on what they show. The figure to look at is the summed time of
guidance over the summed time of training (the target is under 5% at 200 stimuli and 4,000 images).
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
import xarray as xr

from neuroguide.nas.data import from_arrays
from neuroguide.nas.evaluation import train_candidate
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.guides import PreparedTeacher, Teacher
from neuroguide.nas.spaces import open_space
from neuroguide.stimuli import StimulusSet


def made_guide(n_stimuli: int, mean: tuple[float, ...], std: tuple[float, ...], comparison: str) -> PreparedTeacher:
    """A teacher of one layer over random images."""
    rng = np.random.default_rng(0)
    ids = [f"image{index:04d}" for index in range(n_stimuli)]
    stimuli = StimulusSet.from_arrays(rng.integers(0, 256, (n_stimuli, 32, 32, 3), dtype=np.uint8), ids)
    square = rng.uniform(0, 2, (n_stimuli, n_stimuli))
    square = np.triu(square, 1) + np.triu(square, 1).T
    coords = {"stimulus_id": ids, "stimulus_id_2": ids}
    rdm = xr.DataArray(square, dims=("stimulus_id", "stimulus_id_2"), coords=coords)
    return Teacher(rdm, stimuli=stimuli, comparison=comparison).prepare(image_size=32, mean=mean, std=std, device="cpu")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=12)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--stimuli", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--comparison", default="pearson")
    parser.add_argument("--json", action="store_true", help="Print one JSON object instead of a table.")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    rng = np.random.default_rng(1)
    pixels, labels = rng.integers(0, 256, (5000, 32, 32, 3), dtype=np.uint8), np.arange(5000) % 10
    data = from_arrays(pixels, labels)
    guide = made_guide(arguments.stimuli, data.mean, data.std, arguments.comparison)
    fidelity = Fidelity(images=arguments.images)
    space = open_space("macro")
    rows = []
    for index in range(arguments.candidates):
        arch = space.sample(np.random.default_rng(index))
        started = time.perf_counter()
        network, result = train_candidate(space, arch, data, fidelity, seed=0, device="cpu")
        trained = time.perf_counter()
        guide.measure(network, network.stage_names, accuracy=result.accuracy, device="cpu")
        guided = time.perf_counter() - trained
        rows.append({"candidate": index, "training_s": trained - started, "guidance_s": guided})
        if not arguments.json:
            print(f"{index:3d}  training {trained - started:7.2f} s  guidance {guided:6.3f} s", flush=True)
    training, guidance = (sum(row[key] for row in rows) for key in ("training_s", "guidance_s"))
    shares = sorted(row["guidance_s"] / row["training_s"] for row in rows)
    found = {
        "ratio_of_sums": guidance / training,
        "median_ratio": float(np.median(shares)),
        "largest_ratio": shares[-1],
        "images_forwarded_share": arguments.stimuli / 3 / arguments.images,
        **vars(arguments),
        "torch": torch.__version__,
    }
    if arguments.json:
        print(json.dumps({**found, "rows": rows}))
    else:
        print(
            f"guidance / training, {arguments.stimuli} stimuli beside {arguments.images} images: "
            f"{found['ratio_of_sums']:.1%} of the summed time, median candidate {found['median_ratio']:.1%}, "
            f"largest {found['largest_ratio']:.1%}; in image-equivalents {found['images_forwarded_share']:.1%}"
        )


if __name__ == "__main__":
    main()
