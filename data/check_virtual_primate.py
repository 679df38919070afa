"""Describe the built virtual primate, and check that it behaves as ventral cortex is known to.

    python data/check_virtual_primate.py

Prints reliabilities, noise and file sizes, category decoding, and how well the layers of another network (another
architecture and seed, trained here on other images of the same objects; about 4 CPU minutes) match V4 and IT.
"""

from __future__ import annotations

import logging

import numpy as np
import torch
import xarray as xr
from hidden_network import IMAGE_SIZE, as_floats, train
from make_virtual_primate import FOLDER, IMAGES, MANIFEST, RESPONSES, SEED
from simulated_trials import WINDOW
from torch import Tensor, nn

from neuroguide._core.seeds import derive_seed
from neuroguide.engine.ceiling import split_half_ceiling
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.similarity import compare
from neuroguide.models.render import OBJECTS
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.opening import open_recording
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.stimuli import open_stimuli

REGIONS = ("V4", "IT")


class Probe(nn.Module):
    """A plain network of five convolutions, with nothing in common with the hidden one but its task."""

    names = ("conv1", "conv2", "conv3", "conv4", "conv5")

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 96, 128, 128)
        for name, c_in, c_out in zip(self.names, widths[:-1], widths[1:], strict=True):
            size = 7 if c_in == 3 else 3
            layers = nn.Conv2d(c_in, c_out, size, 2, size // 2, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()
            self.add_module(name, nn.Sequential(*layers))
        self.read_out = nn.Linear(widths[-1], len(OBJECTS) + 3)

    def maps(self, images: Tensor) -> dict[str, Tensor]:
        """Maps of each layer."""
        found, x = {}, (images - 0.5) / 0.25
        for name in self.names:
            x = found[name] = self.get_submodule(name)(x)
        return found

    def forward(self, images: Tensor) -> Tensor:
        """64 object logits, position, log size."""
        out: Tensor = self.read_out(self.maps(images)[self.names[-1]].mean(dim=(2, 3)))
        return out


def spike_counts(recording: xr.DataArray, region: str) -> np.ndarray:
    """Counts of a region's sites, shape (n_stimuli, n_repetitions, n_sites)."""
    here = recording.isel(neuroid=(recording["region"] == region).values)
    shape = len(np.unique(here["repetition"].values)), -1, here.sizes["neuroid"]
    return np.ascontiguousarray((here.values * WINDOW).reshape(shape).transpose(1, 0, 2))


def describe(recording: xr.DataArray, region: str) -> None:
    """Print reliability, rates and noise of a region."""
    here = recording.isel(neuroid=(recording["region"] == region).values)
    counts, animal = spike_counts(recording, region), here["animal"].values
    reliability = np.nanquantile(split_half_reliability(here).values, [0.05, 0.25, 0.5, 0.75, 0.95])
    mean, variance = counts.mean(axis=1), counts.var(axis=1, ddof=1).mean(axis=0)
    alive = mean.mean(axis=0) > 0
    fano = variance[alive] / mean.mean(axis=0)[alive]
    residual = (counts - mean[:, None])[:, :, alive].reshape(-1, int(alive.sum()))
    correlation = np.corrcoef(residual.T)
    same = animal[alive][:, None] == animal[alive]
    pairs = np.triu(np.ones_like(correlation, dtype=bool), 1)
    print(f"{region}: {len(alive)} sites, {int((~alive).sum())} silent")
    print(f"  split-half reliability, quantiles 5, 25, 50, 75, 95 %: {', '.join(f'{q:.2f}' for q in reliability)}")
    print(
        f"  median rate {np.median(mean.mean(axis=0)) / WINDOW:.1f} spikes/s, median Fano factor {np.median(fano):.2f}"
    )
    print(f"  noise correlation {correlation[pairs & same].mean():.3f} within animals, ", end="")
    print(f"{correlation[pairs & ~same].mean():.3f} between them")


def decoding(features: np.ndarray, categories: np.ndarray, objects: np.ndarray) -> float:
    """Category by ridge regression, leaving out one object of each category at a time; share right."""
    labels = np.unique(categories)
    target = (categories[:, None] == labels[None, :]).astype(float)
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    fold = np.array([OBJECTS.index(name) % 8 for name in objects])
    right = np.zeros(len(categories), dtype=bool)
    for k in range(8):
        train_rows, test_rows = fold != k, fold == k
        x = features[train_rows]
        kernel = x @ x.T
        dual = np.linalg.solve(
            kernel + 0.1 * np.trace(kernel) / len(x) * np.eye(len(x)), target[train_rows] - 1 / len(labels)
        )
        right[test_rows] = labels[(features[test_rows] @ x.T @ dual).argmax(axis=1)] == categories[test_rows]
    return float(right.mean())


def main() -> None:
    """Print everything."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    torch.set_num_threads(1)
    sizes = {name: (FOLDER / name).stat().st_size for name in (RESPONSES, IMAGES, MANIFEST)}
    print("; ".join(f"{name} {size / 1000:.0f} kB" for name, size in sizes.items()))
    recording = open_recording("virtual")
    for region in REGIONS:
        describe(recording, region)

    averaged = average_repetitions(recording)
    stimuli = open_stimuli("virtual").select(averaged["stimulus_id"].values)
    pixels = stimuli.images(size=IMAGE_SIZE)[:]
    regions = {name: averaged.isel(neuroid=(averaged["region"] == name).values).values for name in REGIONS}
    categories, objects = (averaged[name].values for name in ("category_name", "object_name"))
    flat = pixels.reshape(len(pixels), -1).astype(float)
    for name, features in {"pixels": flat, **regions}.items():
        right = decoding(features, categories, objects)
        print(f"category decoded from {name}, objects left out: {right:.2f} (chance 0.12)")

    probe, accuracy = train(Probe, derive_seed(SEED, "probe"), n_images=16_000, epochs=8)
    print("probe network:", ", ".join(f"{name} {value:.2f}" for name, value in accuracy.items()))
    torch.manual_seed(0)
    untrained = Probe().eval()
    with torch.no_grad():
        layers = {f"{name}, trained": x.flatten(1) for name, x in probe.maps(as_floats(pixels)).items()}
        layers |= {f"{name}, untrained": x.flatten(1) for name, x in untrained.maps(as_floats(pixels)).items()}
    layers = {"pixels": torch.from_numpy(flat), **layers}
    print("RDM similarity (correlation distance, Pearson)      V4     IT")
    teachers = {name: rdm(torch.from_numpy(values).double()) for name, values in regions.items()}
    for name, features in layers.items():
        student = rdm(features.double())
        print(f"  {name:48s}" + "  ".join(f"{float(compare(student, teacher)):5.2f}" for teacher in teachers.values()))
    print(f"  V4 with IT: {float(compare(teachers['V4'], teachers['IT'])):.2f}")
    for name in regions:
        trials = torch.from_numpy(spike_counts(recording, name)).double()
        print(f"  ceiling of {name} by its repetitions: {float(split_half_ceiling(trials).ceiling):.2f}")


if __name__ == "__main__":
    main()
