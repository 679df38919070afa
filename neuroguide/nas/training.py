"""Training candidates a little (premature) or fully (mature), with everything counted and every number derived."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from neuroguide._core.seeds import derive_seed
from neuroguide.engine.device import resolve_device
from neuroguide.nas.cost import count_cost
from neuroguide.nas.data import Split, TrainingData
from neuroguide.nas.fidelity import Fidelity, mature_fidelity
from neuroguide.nas.trainer import Preparation, Trainer, deterministic, precision

__all__ = [
    "Fidelity",
    "Trainer",
    "TrainingResult",
    "accuracy_on",
    "mature_fidelity",
    "train",
    "training_seed",
    "validate",
]

_VALIDATION_BATCH = 250


@dataclass(frozen=True)
class TrainingResult:
    """What training a candidate gave and what it cost.

    Attributes
    ----------
    accuracy : float or None
        Share of validation images classified rightly; 0 if diverged, None if the fidelity looks at none.
    loss : float or None
        Mean cross-entropy on the validation images; None if diverged or not looked at.
    summed_training_loss : float or None
        Sum over the batches of their mean training loss; None if diverged.
    images_seen : int
        Images trained on.
    images_forwarded : int
        Images only passed forward (validation).
    flops : int
        Of training (three times the forward pass: our convention, as for image-equivalents) and validation.
    seconds : float
        Wall time of both.
    diverged : str or None
        The reason, if the loss was not finite; the network is then useless.
    """

    accuracy: float | None
    loss: float | None
    summed_training_loss: float | None
    images_seen: int
    images_forwarded: int
    flops: int
    seconds: float
    diverged: str | None = None

    @property
    def image_equivalents(self) -> float:
        """Images trained on plus a third of the images only passed forward."""
        return self.images_seen + self.images_forwarded / 3


def train(
    network: nn.Module,
    data: TrainingData,
    fidelity: Fidelity,
    *,
    seed: int,
    device: str | torch.device = "auto",
    milestones: Sequence[int] = (),
    at_milestone: Callable[[int, nn.Module, float], None] | None = None,
) -> TrainingResult:
    """Train a network in place and validate it.

    Bit for bit the same for the same versions, CPU type, thread count and device; global random state is left as it
    was.

    Parameters
    ----------
    network : nn.Module
        Left on the device, in evaluation mode.
    data : TrainingData
    fidelity : Fidelity
    seed : int
        Of the order of images and their augmentation; see :func:`training_seed`.
    device : str or torch.device
    milestones : sequence of int
        Numbers of images seen at which ``at_milestone(images seen, network, summed training loss)`` is called, the
        network in evaluation mode: after the first batch that reaches each.
    at_milestone : callable, optional

    Raises
    ------
    InputError
        If the network does not take these images or classes.
    """
    started = time.perf_counter()
    where = resolve_device(device)
    forward = count_cost(network, (3, data.image_size, data.image_size)).flops
    trainer = Trainer(network, data, fidelity, seed=seed, device=where)
    asked = {m for m in milestones if m <= fidelity.images}
    for milestone in sorted(asked | {fidelity.images}):
        trainer.run(until=milestone)
        if at_milestone is not None and milestone in asked and trainer.diverged is None:
            network.eval()
            at_milestone(trainer.images_seen, network, trainer.summed_loss)
    network.eval()
    accuracy: float | None = None
    loss, forwarded, diverged = None, 0, trainer.diverged
    if diverged is None and fidelity.validation_images != 0:
        accuracy, loss, forwarded = validate(network, data, fidelity, device=where)
        if not math.isfinite(loss):
            diverged = f"the validation loss is not finite after {trainer.images_seen} images"
    if diverged is not None:
        accuracy, loss = 0.0, None
    return TrainingResult(
        accuracy=accuracy,
        loss=loss,
        summed_training_loss=None if diverged else trainer.summed_loss,
        images_seen=trainer.images_seen,
        images_forwarded=forwarded,
        flops=forward * (3 * trainer.images_seen + forwarded),
        seconds=time.perf_counter() - started,
        diverged=diverged,
    )


def training_seed(seed: int, architecture_hash: str, fidelity: Fidelity) -> int:
    """The seed of one candidate's training, from the run's seed, the architecture and the fidelity alone."""
    return derive_seed(seed, "training", architecture_hash, fidelity.to_json())


def validate(
    network: nn.Module, data: TrainingData, fidelity: Fidelity, *, device: str | torch.device = "auto"
) -> tuple[float, float, int]:
    """Accuracy, mean cross-entropy, and number of validation images, in evaluation mode."""
    return accuracy_on(network, data, data.validation, fidelity, n_images=fidelity.validation_images, device=device)


def accuracy_on(
    network: nn.Module,
    data: TrainingData,
    split: Split,
    fidelity: Fidelity,
    *,
    n_images: int | None = None,
    device: str | torch.device = "auto",
) -> tuple[float, float, int]:
    """Accuracy, mean cross-entropy, and number of images, on the first ``n_images`` (None: all) of a split.

    Parameters
    ----------
    network : nn.Module
        Put into evaluation mode.
    data : TrainingData
        Whose mean and standard deviation are used.
    split : Split
        Of ``data``: ``data.validation``, or ``data.test`` when everything is decided.
    fidelity : Fidelity
        Its memory layout and precision are used.
    n_images : int, optional
    device : str or torch.device
    """
    where = resolve_device(device)
    total = len(split) if n_images is None else min(n_images, len(split))
    network.to(where).eval()
    prepare = Preparation(data, fidelity, where)
    right = torch.zeros((), dtype=torch.int64, device=where)
    loss = torch.zeros((), dtype=torch.float64, device=where)
    with torch.inference_mode(), deterministic(), precision(fidelity, where):
        for start in range(0, total, _VALIDATION_BATCH):
            stop = min(start + _VALIDATION_BATCH, total)
            logits = network(prepare(split.images[start:stop].to(where))).float()
            labels = split.labels[start:stop].to(where)
            right += (logits.argmax(dim=1) == labels).sum()
            loss += functional.cross_entropy(logits, labels, reduction="sum").double()
    return int(right) / total, float(loss) / total, total
