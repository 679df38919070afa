"""Macaque IT over time: when its RDM becomes reliable, and how long it stays the same.

The Zhang-Desimone 7-object data: 132 IT neurons, 7 objects at 3 positions, 20 repetitions, recorded one neuron after
the other. The split-half reliability of the 21 x 21 RDM in bins of 50 ms, the similarity of the RDM at one time with
that at another, and the window of 100 to 400 ms under each way of halving the trials:

    python benchmarks/time_course.py [--out docs/images/time_course.png]

Neurons that were recorded one after the other share no trials: the k-th repetition of one neuron has nothing to do with
the k-th of another. So each neuron's trials may be halved by themselves, and chance differences that all neurons of a
half would share disappear: 0.886 comes out that way, with sites z-scored. Halving whole repetitions, or the
trials of each stimulus for all neurons alike (as ``rdm_reliability`` does, which suits arrays), gives a little less.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import neuroguide as ng
from neuroguide.engine import dissimilarity
from neuroguide.engine.normalising import normalise_features
from neuroguide.engine.similarity import compare
from neuroguide.recordings import split_half_reliability
from neuroguide.recordings.repeating import by_repetition
from neuroguide.scoring import rdm_reliability, temporal_generalisation

HERE = Path(__file__).parent
NAME = "zhangdesimone7objects"
N_SPLITS = 500

WAYS = {
    "each neuron by itself": lambda rng, shape: rng.random(shape).argsort(1),
    "whole repetitions": lambda rng, shape: np.broadcast_to(rng.permutation(shape[1])[None, :, None], shape),
    "each stimulus by itself": lambda rng, shape: np.broadcast_to(rng.random(shape[:2]).argsort(1)[..., None], shape),
}


def split_halves(responses: np.ndarray, way: str, normalise: str) -> float:
    """Mean correlation of the RDMs of two halves of trials (n_stimuli, n_repetitions, n_neurons)."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(N_SPLITS):
        shuffled = np.take_along_axis(responses, WAYS[way](rng, responses.shape), 1)
        middle = responses.shape[1] // 2
        halves = [torch.as_tensor(np.nanmean(h, 1)) for h in (shuffled[:, :middle], shuffled[:, middle:])]
        rdms = [dissimilarity.rdm(normalise_features(half, normalise), "correlation") for half in halves]
        found.append(float(compare(*rdms)))
    return float(np.mean(found))


def main() -> None:
    """Compute, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "images" / "time_course.png")
    arguments = parser.parse_args()

    window = ng.open_recording(NAME, bin_ms=300, window=(100, 400)).isel(time_bin=0, drop=True)
    responses = by_repetition(window).astype(np.float64)
    complete = ~np.isnan(responses).any((0, 1))
    sites = split_half_reliability(window).values
    print(f"100 to 400 ms: median reliability of single neurons {np.median(sites):.3f}")
    print(f"split-half correlation of the 21 x 21 RDM, {N_SPLITS} splits, all {len(complete)} neurons (and the "
          f"{complete.sum()} without a missing trial):")  # fmt: skip
    for way in WAYS:
        for normalise in ("none", "zscore"):
            both = [split_halves(part, way, normalise) for part in (responses, responses[:, :, complete])]
            print(f"  {way:>24}, normalise={normalise:<7} {both[0]:.3f} ({both[1]:.3f})")

    timed = ng.open_recording(NAME, bin_ms=50)
    course = rdm_reliability(timed, time="bins")
    print("split-half correlation in bins of 50 ms (trials of each stimulus halved for all neurons alike):")
    for start, value in zip(course["time_bin_start"].values, course["split_half"].values[0], strict=True):
        print(f"  {start:5.0f} to {start + 50:4.0f} ms  {value:6.3f}")
    across = temporal_generalisation(timed)
    early, late = (np.flatnonzero(across["time_bin_start"].values == start)[0] for start in (100, 350))
    print(f"RDM at 100 to 150 ms with that at 350 to 400 ms: {float(across[0, early, late]):.3f}")
    draw(course, across, arguments.out)


def draw(course: xr.Dataset, across: xr.DataArray, out: Path) -> None:
    """The time course, and time against time."""
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained", width_ratios=(1.4, 1))
    line = course["split_half"].isel(region=0, drop=True).assign_attrs(long_name="split-half correlation of the RDM")
    ng.plot.time_course(line, ax=left, legend=False, title="IT, 132 neurons, 21 stimuli")
    edges = (float(across["time_bin_start"].min()), float(across["time_bin_end"].max()))
    shown = right.imshow(across.values[0], origin="lower", extent=(*edges, *edges), vmin=0, vmax=1, cmap="viridis")
    right.set(xlabel="time of one half (ms)", ylabel="time of the other (ms)", title="RDM similarity")
    figure.colorbar(shown, ax=right, label="Pearson r")
    print(f"wrote {ng.plot.save(left, out, dpi=150)}")


if __name__ == "__main__":
    main()
