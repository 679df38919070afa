"""One architecture trained to maturity: with checkpoints, validation on the way, and the test images at the very end.

This is what an executor runs. Everything is written into one folder; a training that was killed goes on from its
checkpoint to the same weights, bit for bit (same versions, CPU type, threads and device).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from neuroguide._core.atomic import atomic_path, write_text
from neuroguide._core.errors import FileError
from neuroguide._core.seeds import derive_seed
from neuroguide.engine.device import resolve_device
from neuroguide.nas.cost import count_cost
from neuroguide.nas.data import TrainingData
from neuroguide.nas.evaluation import opened_data, opened_guide, save_weights
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.spaces import open_space
from neuroguide.nas.training import Trainer, accuracy_on, training_seed

#: Equal parts of a training; after each the drop-path grows, and a checkpoint may be written.
PARTS = 100
#: How often a network is validated on the way, on how many images.
VALIDATIONS, VALIDATION_IMAGES = 10, 1000
#: Version of the results and checkpoints.
FORMAT = 1

#: Of a training, beside what the trainer keeps.
_KEPT = ("history", "forwarded", "validated", "seconds")

WEIGHTS, RESULT, PROGRESS, CHECKPOINT = "weights.safetensors", "result.json", "progress.json", "checkpoint.safetensors"


def mature(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Train one architecture, or go on with it; see :func:`neuroguide.nas.retraining.retrain`.

    Parameters
    ----------
    spec : mapping
        ``folder``; ``settings`` (what the result depends on: ``space``, ``architecture``, ``data``, ``fidelity``,
        ``guide``, ``seed``, ``device``); ``data`` (how this machine opens the data); ``guide_folder``; and
        ``checkpoint_seconds``.

    Returns
    -------
    dict
        What is in ``result.json``: ``accuracy`` and ``loss`` on all validation images, ``test_accuracy`` and
        ``test_loss`` (None without test images), ``history`` (accuracy on the way), ``measures`` (the guide's),
        ``reason`` (why it diverged, or None), ``parameters``, ``macs``, ``flops``, and what was spent: ``images_seen``,
        ``images_forwarded``, ``image_equivalents``, ``seconds``.

    Raises
    ------
    FileError
        If another process trains in this folder, or the checkpoint is damaged.
    """
    folder = Path(spec["folder"])
    lock = filelock.FileLock(folder / "training.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise FileError(f"{folder} is being trained by another process; wait for it, or stop it") from error
    try:
        return _mature(spec, folder)
    finally:
        lock.release()


def _mature(spec: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    settings = spec["settings"]
    device = resolve_device(settings["device"])
    space = open_space(settings["space"]["space"], **settings["space"]["options"])
    arch = space.from_json(settings["architecture"])
    fidelity = Fidelity.from_json(settings["fidelity"])
    data = opened_data(json.dumps(spec["data"], sort_keys=True), str(device))
    guide = opened_guide(json.dumps(settings["guide"], sort_keys=True), spec["guide_folder"])
    seed = training_seed(settings["seed"], space.hash(arch), fidelity)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        network = space.build(arch, image_size=data.image_size, n_classes=data.n_classes)

    training = _Training(network, data, fidelity, Trainer(network, data, fidelity, seed=seed, device=device), device)
    checkpoint = folder / CHECKPOINT
    if checkpoint.is_file():
        training.restore(checkpoint)
    training.run(folder, spec["checkpoint_seconds"])

    network.eval()
    reason = training.trainer.diverged
    accuracy, loss, forwarded = accuracy_on(network, data, data.validation, fidelity, device=device)
    tested = None if data.test is None else accuracy_on(network, data, data.test, fidelity, device=device)
    if reason is None and not math.isfinite(loss):
        reason = "the validation loss is not finite"
    stage_names: tuple[str, ...] = network.stage_names  # type: ignore[assignment]
    measures = guide.measure(network, stage_names, accuracy=accuracy if reason is None else math.nan, device=device)
    cost = count_cost(network, (3, data.image_size, data.image_size))
    forwarded += training.forwarded + guide.images_forwarded + (0 if tested is None else tested[2])
    save_weights(network, folder / WEIGHTS, space=space, arch=arch, data=data)
    result = {
        "format": FORMAT,
        "accuracy": accuracy,
        "loss": loss if math.isfinite(loss) else None,
        "test_accuracy": None if tested is None else tested[0],
        "test_loss": None if tested is None or not math.isfinite(tested[1]) else tested[1],
        "history": training.history,
        "measures": measures,
        "reason": reason or measures.get("reason"),
        "parameters": cost.parameters,
        "macs": cost.macs,
        "flops": cost.flops,
        "images_seen": training.trainer.images_seen,
        "images_forwarded": forwarded,
        "image_equivalents": training.trainer.images_seen + forwarded / 3,
        "seconds": training.seconds,
    }
    write_text(folder / RESULT, json.dumps(result, indent=1, allow_nan=False) + "\n")
    checkpoint.unlink(missing_ok=True)
    return result


@dataclass
class _Training:
    """A training in parts, and what of it a checkpoint holds."""

    network: nn.Module
    data: TrainingData
    fidelity: Fidelity
    trainer: Trainer
    device: torch.device
    history: list[dict[str, float]] = field(default_factory=list)
    forwarded: int = 0
    validated: int = 0
    seconds: float = 0.0

    def run(self, folder: Path, checkpoint_seconds: float) -> None:
        """Train to the end; the parts, and so what depends on them, are the same however often it is interrupted."""
        began, before, written = time.perf_counter(), self.seconds, time.perf_counter()
        drop_path = float(getattr(self.network, "drop_path", 0.0))
        for part in range(PARTS):
            goal = self.fidelity.images * (part + 1) // PARTS
            if self.trainer.images_seen >= goal or self.trainer.diverged is not None:
                continue
            if drop_path:
                # Zoph et al. 2018, ScheduledDropPath: from nothing at the beginning to the full probability at the end
                self.network.set_drop_path(drop_path * part / (PARTS - 1))  # type: ignore[operator]
            self.trainer.run(until=goal)
            due = self.trainer.images_seen * VALIDATIONS // self.fidelity.images
            if due > self.validated and self.trainer.diverged is None:
                self._validate()
                self.validated = due
            self.seconds = before + time.perf_counter() - began
            if time.perf_counter() - written >= checkpoint_seconds:
                self._save(folder / CHECKPOINT)
                written = time.perf_counter()
            self._report(folder / PROGRESS)

    def _validate(self) -> None:
        accuracy, loss, n = accuracy_on(
            self.network, self.data, self.data.validation, self.fidelity, n_images=VALIDATION_IMAGES, device=self.device
        )
        self.forwarded += n
        if math.isfinite(loss):
            self.history.append({"images": self.trainer.images_seen, "accuracy": accuracy, "loss": loss})

    def _report(self, path: Path) -> None:
        accuracy = self.history[-1]["accuracy"] if self.history else None
        about = {"images_seen": self.trainer.images_seen, "accuracy": accuracy}
        write_text(path, json.dumps(about) + "\n")

    def _save(self, path: Path) -> None:
        tensors, plain = self.trainer.state()
        about = {name: getattr(self, name) for name in _KEPT}
        header = {"format": str(FORMAT), "trainer": json.dumps(plain), "training": json.dumps(about)}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata=header)

    def restore(self, path: Path) -> None:
        """Go back to a checkpoint."""
        try:
            with safe_open(path, framework="pt") as file:
                header = file.metadata() or {}
                if header.get("format") != str(FORMAT):
                    raise FileError(f"{path} has format {header.get('format')!r}, this version reads '{FORMAT}'")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads(header["training"])
            self.trainer.restore(tensors, json.loads(header["trainer"]))
            for name in _KEPT:
                setattr(self, name, about[name])
        except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise FileError(
                f"{path} is damaged ({type(error).__name__}: {error}); delete it to begin this training anew"
            ) from error
