"""The training loop; batches depend on the seed and their number alone, so that it can stop and go on."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.augmentation import augment
from neuroguide.nas.data import TrainingData
from neuroguide.nas.fidelity import Fidelity

_CHECK_EVERY = 10
#: Zoph et al. 2018, appendix A.2.
_AUXILIARY_WEIGHT = 0.4


class Trainer:
    """A training that can be stopped after any batch and gone on with: batch ``i`` depends on the seed and ``i`` alone.

    Parameters
    ----------
    network : nn.Module
    data : TrainingData
    fidelity : Fidelity
    seed : int
    device : torch.device

    Attributes
    ----------
    images_seen : int
    summed_loss : float
    diverged : str or None
    """

    def __init__(
        self, network: nn.Module, data: TrainingData, fidelity: Fidelity, *, seed: int, device: torch.device
    ) -> None:
        layout = torch.channels_last if fidelity.channels_last else torch.contiguous_format
        self.network = network.to(device=device, memory_format=layout)  # type: ignore[call-overload]
        self.data = data.to(device)
        self.fidelity = fidelity
        self.seed = seed
        self.device = device
        self.batch = 0
        self.diverged: str | None = None
        self.optimiser = _optimiser(network, fidelity, device)
        self._n_batches = math.ceil(fidelity.images / fidelity.batch_size)
        self._scaler = torch.amp.GradScaler("cuda", enabled=device.type == "cuda" and fidelity.mixed_precision)
        self._prepare = Preparation(data, fidelity, device)
        self._norms = [(m, m.momentum) for m in network.modules() if isinstance(m, _BatchNorm)]
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._order: tuple[int, Tensor] | None = None

    @property
    def images_seen(self) -> int:
        """Images trained on until now."""
        return self._boundary(self.batch)

    @property
    def summed_loss(self) -> float:
        """Sum of the batches' mean losses until now."""
        return float(self._loss)

    def run(self, until: int | None = None) -> None:
        """Train until at least ``until`` images are seen (None: all of the fidelity), or the loss is not finite."""
        goal = self.fidelity.images if until is None else min(until, self.fidelity.images)
        self.network.train()
        with _own_random(self.device), deterministic():
            while self.images_seen < goal and self.diverged is None:
                self._step()
        # what was lent to the normalisations is given back
        for module, momentum in self._norms:
            module.momentum = momentum

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors (for safetensors) and numbers (for JSON) from which :meth:`restore` goes on."""
        tensors = {f"network.{name}": _packed(value) for name, value in self.network.state_dict().items()}
        plain: dict[str, Any] = {"batch": self.batch, "diverged": self.diverged, "scaler": self._scaler.state_dict()}
        for number, entries in self.optimiser.state_dict()["state"].items():
            for name, value in entries.items():
                tensors[f"optimiser.{number}.{name}"] = _packed(torch.as_tensor(value))
        tensors["summed_loss"] = self._loss.clone()
        return tensors, plain

    def restore(self, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> None:
        """Go back to a :meth:`state` of the same network, data, fidelity and seed.

        Raises
        ------
        InputError
            If it belongs to another network.
        """
        weights = {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
        try:
            self.network.load_state_dict(weights)
        except RuntimeError as error:
            raise InputError(f"the checkpoint is of another network: {str(error).splitlines()[-1].strip()}") from error
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, number, entry = name.split(".", 2)
                # in the memory layout of its parameter: fused steps go through both in parallel
                like = parameters[int(number)]
                laid = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
                state.setdefault(int(number), {})[entry] = laid
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self._loss = tensors["summed_loss"].to(self.device)
        self.batch, self.diverged = int(plain["batch"]), plain["diverged"]
        self._scaler.load_state_dict(dict(plain["scaler"]))

    def _step(self) -> None:
        i = self.batch
        seed = derive_seed(self.seed, "batch", i)
        # dropout and the like draw from the global generator, which is ours for the time of the run
        torch.manual_seed(seed)
        chosen = self._indices(self._boundary(i), self._boundary(i + 1))
        images = self._prepare(self.data.train.images[chosen])
        if self.fidelity.augmentation:
            generator = torch.Generator().manual_seed(derive_seed(seed, "augmentation"))
            images = augment(images, self.fidelity.augmentation, generator)
        self._set_rates(i)
        with precision(self.fidelity, self.device):
            logits = self.network(images)
            loss = self._cross_entropy(logits, chosen)
            # a network with a second classifier leaves its logits here
            second = getattr(self.network, "auxiliary_logits", None)
            minimised = loss if second is None else loss + _AUXILIARY_WEIGHT * self._cross_entropy(second, chosen)
        self.optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(minimised).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.fidelity.clip)
        self._scaler.step(self.optimiser)
        self._scaler.update()
        self._loss += loss.detach()
        self.batch += 1
        last = self.batch == self._n_batches
        if (last or self.batch % _CHECK_EVERY == 0) and not math.isfinite(float(self._loss)):
            self.diverged = f"the training loss is not finite after {self.images_seen} images"

    def _cross_entropy(self, logits: Tensor, chosen: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits.float(), self.data.train.labels[chosen], label_smoothing=self.fidelity.label_smoothing
        )

    def _set_rates(self, i: int) -> None:
        warmup, n = self.fidelity.warmup, self._n_batches
        risen = (i + 1) / n / warmup if warmup else 1.0
        fallen = 0.5 * (1 + math.cos(math.pi * max(0.0, i / n - warmup) / (1 - warmup)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.fidelity.learning_rate * min(1.0, risen) * fallen
        # running statistics start as a plain mean: after a few batches the usual momentum still remembers the
        # arbitrary 0 and 1 they were made with
        for module, momentum in self._norms:
            module.momentum = None if momentum is None else max(momentum, 1 / (i + 1))

    def _boundary(self, i: int) -> int:
        """Images before batch ``i``: batches are equal to within one image, so that none is too small to normalise."""
        return self.fidelity.images * i // self._n_batches if self._n_batches else 0

    def _indices(self, start: int, stop: int) -> Tensor:
        n = len(self.data.train)
        parts = []
        for epoch in range(start // n, (stop - 1) // n + 1):
            if self._order is None or self._order[0] != epoch:
                generator = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", epoch))
                self._order = (epoch, torch.randperm(n, generator=generator).to(self.device))
            parts.append(self._order[1][max(start - epoch * n, 0) : stop - epoch * n])
        return torch.cat(parts)


def _packed(value: Tensor) -> Tensor:
    """A copy that shares nothing, row after row, as safetensors wants it."""
    return value.detach().clone(memory_format=torch.contiguous_format)


class Preparation:
    """uint8 ``(n, height, width, 3)`` to standardised ``(n, 3, height, width)`` in the fidelity's memory layout."""

    def __init__(self, data: TrainingData, fidelity: Fidelity, device: torch.device) -> None:
        self._scale = 1 / (255 * torch.tensor(data.std, device=device))
        self._shift = -torch.tensor(data.mean, device=device) / torch.tensor(data.std, device=device)
        self._channels_last = fidelity.channels_last

    def __call__(self, pixels: Tensor) -> Tensor:
        """Standardise one batch."""
        # pixels lie channels-last already: the permuted view has that layout
        images = (pixels.float() * self._scale + self._shift).permute(0, 3, 1, 2)
        return images if self._channels_last else images.contiguous()


def _optimiser(network: nn.Module, fidelity: Fidelity, device: torch.device) -> torch.optim.Optimizer:
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": fidelity.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = device.type in ("cpu", "cuda")
    if fidelity.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=fidelity.learning_rate, fused=fused)
    return torch.optim.SGD(groups, lr=fidelity.learning_rate, momentum=0.9, nesterov=True, fused=fused)


@contextlib.contextmanager
def _own_random(device: torch.device) -> Iterator[None]:
    """Leave torch's global generators as they were."""
    with torch.random.fork_rng(
        devices=[] if device.type == "cpu" else [device], device_type="cuda" if device.type == "cpu" else device.type
    ):
        yield


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """No cuDNN algorithm that sums in a varying order, or that is chosen by timing."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield


def precision(fidelity: Fidelity, device: torch.device) -> torch.autocast:
    """Half precision where the fidelity asks for it and the device is CUDA."""
    return torch.autocast(device.type, torch.float16, enabled=fidelity.mixed_precision and device.type == "cuda")
