"""One entry of a pool: all trainings of one architecture and seed, and everything that is measured of them."""

from __future__ import annotations

import functools
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pool_members import MILESTONES, ON_THE_WAY, SEEDS, Job, longer, mature, premature, space_of
from torch import Tensor, nn
from torch.nn import functional

from neuroguide._core.atomic import atomic_path
from neuroguide._core.seeds import derive_seed
from neuroguide.models.activations import NonFiniteError, iterate_activations
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model
from neuroguide.nas.data import Split, TrainingData, open_data
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.guides.lesson import pixels_of
from neuroguide.nas.guides.prepared import live_rdm
from neuroguide.nas.guides.recorded import chosen_stimuli
from neuroguide.nas.trainer import Preparation, Trainer, deterministic
from neuroguide.nas.training import training_seed
from neuroguide.stimuli import StimulusSet, open_stimuli

FORMAT = 1
N_STAGES = 3
_CPU = torch.device("cpu")
LEVELS = 2**16 - 1
#: Of validation and stimuli; those of the package.
_VALIDATION_BATCH, _STIMULUS_BATCH = 250, 128


@functools.cache
def data() -> TrainingData:
    """CIFAR-10: 45,000 images to train on, 5,000 for validation, 10,000 for test."""
    return open_data("cifar10")


@functools.cache
def stimulus_sets() -> dict[str, StimulusSet]:
    """What every network is shown, as it was shown to the animals."""
    second = open_stimuli("cowley2023:201025")
    return {
        "v4": open_stimuli("cowley2023:210325"),
        "v4-89": second.select(second.ids[row] for row in chosen_stimuli(len(second), 300, 0)),
        "it": open_stimuli("kriegeskorte2008"),
        "cifar": _cifar_stimuli(),
    }


def _cifar_stimuli() -> StimulusSet:
    """Thirty training images of each class."""
    train = data().train
    labels = train.labels.numpy()
    rng = np.random.default_rng(derive_seed("pool", "cifar stimuli"))
    rows = np.concatenate([np.sort(rng.permutation(np.flatnonzero(labels == label))[:30]) for label in range(10)])
    return StimulusSet.from_arrays(train.images[rows].numpy(), [f"train{row:05d}" for row in rows])


@functools.cache
def shown() -> tuple[Preprocess, dict[str, Tensor]]:
    """The stimuli as candidates see them: uint8 of shape (n, 3, 32, 32)."""
    preprocess = Preprocess(data().image_size, data().mean, data().std)
    return preprocess, {name: pixels_of(stimuli, preprocess) for name, stimuli in stimulus_sets().items()}


def build(job: Job, fidelity: Fidelity) -> tuple[nn.Module, int]:
    """The network as a search would initialise it for this fidelity, and the seed of its training."""
    own = training_seed(SEEDS[job.seed], job.hash, fidelity)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(own, "weights"))
        network = space_of(job.pool).build(job.arch, image_size=data().image_size, n_classes=data().n_classes)
    return network, own


def outcomes(
    network: nn.Module, split: Split, fidelity: Fidelity, n: int | None = None
) -> tuple[NDArray[np.bool_], float]:
    """Which of the first ``n`` images are classified rightly, and the mean cross-entropy."""
    total = len(split) if n is None else n
    prepare = Preparation(data(), fidelity, _CPU)
    network.eval()
    right, loss = [], 0.0
    with torch.inference_mode(), deterministic():
        for start in range(0, total, _VALIDATION_BATCH):
            stop = min(start + _VALIDATION_BATCH, total)
            logits, labels = network(prepare(split.images[start:stop])), split.labels[start:stop]
            right.append(logits.argmax(dim=1) == labels)
            loss += float(functional.cross_entropy(logits, labels, reduction="sum").double())
    return torch.cat(right).numpy(), loss / total


class Measured:
    """RDMs of one network's stages on all stimulus sets, as 16-bit numbers between their extremes."""

    def __init__(self) -> None:
        _, pixels = shown()
        self.arrays: dict[str, NDArray[Any]] = {}
        for name, images in pixels.items():
            n = len(images)
            self.arrays[f"rdm/{name}"] = np.zeros((N_STAGES, n * (n - 1) // 2), np.uint16)
            self.arrays[f"range/{name}"] = np.full((N_STAGES, 2), np.nan, np.float64)
            self.arrays[f"mean/{name}"] = np.full((N_STAGES, n), np.nan, np.float32)
            self.arrays[f"norm/{name}"] = np.full((N_STAGES, n), np.nan, np.float32)
            self.arrays[f"features/{name}"] = np.zeros(N_STAGES, np.int64)
        self.reason: str | None = None

    def look(self, network: nn.Module) -> None:
        """Show the stimuli to a network."""
        preprocess, pixels = shown()
        names: tuple[str, ...] = network.stage_names  # type: ignore[assignment]
        model = Model("the candidate", network, preprocess, names, identifier="candidate")
        try:
            with deterministic():
                for name, images in pixels.items():
                    prepared = preprocess.normalise(images.to(torch.float32) / 255)
                    for stage, features in iterate_activations(
                        model, prepared, device="cpu", batch_size=_STIMULUS_BATCH
                    ):
                        self._keep(name, names.index(stage), features)
        except NonFiniteError as error:
            self.reason = str(error)

    def _keep(self, name: str, stage: int, features: Tensor) -> None:
        mean = features.mean(1, keepdim=True)
        self.arrays[f"mean/{name}"][stage] = mean[:, 0].numpy()
        self.arrays[f"norm/{name}"][stage] = torch.linalg.vector_norm(features - mean, dim=1).numpy()
        self.arrays[f"features/{name}"][stage] = features.shape[1]
        found = live_rdm(features, "correlation", "none")
        if found is None:
            return
        low, high = float(found.min()), float(found.max())
        self.arrays[f"range/{name}"][stage] = low, high
        if high > low:
            levels = ((found - low) * (LEVELS / (high - low))).round().numpy()
            self.arrays[f"rdm/{name}"][stage] = levels.astype(np.uint16)


def train_and_measure(job: Job, fidelity: Fidelity, *, rdms: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """One training: numbers for JSON, and arrays."""
    network, own = build(job, fidelity)
    started = time.process_time()
    trainer = Trainer(network, data(), fidelity, seed=own, device=_CPU)
    on_the_way: dict[int, float] = {}
    watching = 0.0
    for images in ON_THE_WAY if fidelity == mature() else ():
        trainer.run(until=images)
        if trainer.diverged is None:
            paused = time.process_time()
            on_the_way[images] = float(outcomes(network, data().validation, fidelity, 1000)[0].mean())
            watching += time.process_time() - paused
    trainer.run()
    trained = time.process_time()
    reason, arrays, numbers = trainer.diverged, {}, {}
    splits = {"validation": data().validation}
    if fidelity in (mature(), longer()):
        splits["test"] = data().test
    for name, split in splits.items():
        right, loss = outcomes(network, split, fidelity)
        if reason is None and not math.isfinite(loss):
            reason = f"the {name} loss is not finite after {trainer.images_seen} images"
        arrays[f"right/{name}"] = np.packbits(right)
        numbers[f"{name}_accuracy"] = float(right.mean())
        numbers[f"{name}_loss"] = loss if math.isfinite(loss) else None
    validated = time.process_time()
    if rdms:
        measured = Measured()
        measured.look(network)
        reason = reason or measured.reason
        arrays |= measured.arrays
    looked = time.process_time()
    numbers |= {
        "images": fidelity.images,
        "reason": reason,
        "summed_training_loss": trainer.summed_loss if math.isfinite(trainer.summed_loss) else None,
        "on_the_way": on_the_way,
        "training_seconds": trained - started - watching,
        "validation_seconds": validated - trained,
        "stimuli_seconds": looked - validated,
    }
    return numbers, arrays


def run_entry(job: Job, folder: Path) -> dict[str, Any]:
    """Train and measure everything of an entry and write its shard; returns what was written beside the arrays."""
    fidelities = [longer()] if job.longer else [*(premature(images) for images in MILESTONES), mature()]
    trainings, collected = [], []
    for fidelity in fidelities:
        numbers, arrays = train_and_measure(job, fidelity, rdms=not job.longer)
        trainings.append(numbers)
        collected.append(arrays)
    about = {
        "format": FORMAT,
        "pool": job.pool,
        "hash": job.hash,
        "seed": job.seed,
        "architecture": space_of(job.pool).to_json(job.arch),
        "data": data().identifier,
        "torch": torch.__version__,
        "trainings": trainings,
    }
    stacked = {key: np.stack([arrays[key] for arrays in collected if key in arrays]) for key in collected[-1]}
    target = folder / f"{job.name}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary, open(temporary, "wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **stacked)
    return about
