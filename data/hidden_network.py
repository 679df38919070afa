"""The network inside the virtual primate: a small residual network, trained to tell rendered objects apart.

Its weights exist only while ``make_virtual_primate.py`` runs; they are written nowhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuroguide._core.seeds import derive_seed
from neuroguide.models.render import CATEGORIES, OBJECTS, render_objects, sample_parameters
from neuroguide.models.render.scenes import object_indices

IMAGE_SIZE = 64

_log = logging.getLogger("virtual_primate")


class Block(nn.Module):
    """Two convolutions around which the input is added back."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(c_out),
            nn.ReLU(),
            nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )
        same = stride == 1 and c_in == c_out
        self.around: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        """The block's output after its ReLU."""
        return functional.relu(self.body(x) + self.around(x))


class HiddenNetwork(nn.Module):
    """Four stages; the third feeds V4, the last feeds IT.

    It tells the 64 objects apart and says where and how large the object is.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        self.early = nn.Sequential(Block(width, width, 1), Block(width, width, 1))
        self.middle = nn.Sequential(Block(width, 2 * width, 2), Block(2 * width, 2 * width, 1))
        self.late = nn.Sequential(Block(2 * width, 4 * width, 2), Block(4 * width, 4 * width, 1))
        self.read_out = nn.Linear(4 * width, len(OBJECTS) + 3)

    def maps(self, images: Tensor) -> dict[str, Tensor]:
        """Post-activation maps of each stage, from float images in [0, 1] of shape (n, 3, 64, 64)."""
        early = self.early(self.stem((images - 0.5) / 0.25))
        middle_first = self.middle[0](early)
        middle = self.middle[1](middle_first)
        late_first = self.late[0](middle)
        late = self.late[1](late_first)
        return {"early": early, "middle_first": middle_first, "middle": middle, "late_first": late_first, "late": late}

    def forward(self, images: Tensor) -> Tensor:
        """64 object logits, then position x, position y and log size."""
        out: Tensor = self.read_out(self.maps(images)["late"].mean(dim=(2, 3)))
        return out


def as_floats(images: np.ndarray) -> Tensor:
    """uint8 (n, H, W, 3) to float (n, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255


def rendered(n: int, seed: int, split: str) -> tuple[Tensor, Tensor, Tensor]:
    """Images (uint8, channels first), objects, and where and how large they are; half medium, half high variation."""
    parts = [sample_parameters(n // 2, derive_seed(seed, split, level), level) for level in ("medium", "high")]
    images = np.concatenate([render_objects(part, IMAGE_SIZE, device="cpu") for part in parts])
    names = np.concatenate([part["object_name"].to_numpy(dtype=object) for part in parts])
    where = np.concatenate(
        [np.stack([part["position_x"], part["position_y"], np.log(part["size"])], 1) for part in parts]
    )
    return (
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(object_indices(names).astype(np.int64)),
        torch.from_numpy(where.astype(np.float32)),
    )


def train(
    make: Callable[[], nn.Module], seed: int, *, n_images: int, epochs: int
) -> tuple[nn.Module, dict[str, float]]:
    """Train a network that ``make`` builds; returns it and its accuracies on images that it has not seen."""
    started = time.process_time()
    torch.manual_seed(derive_seed(seed, "weights"))
    network = make().to(memory_format=torch.channels_last)
    images, objects, where = rendered(n_images, seed, "train")
    _log.info("rendered %d images: %.0f CPU s", n_images, time.process_time() - started)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    batch = 64
    steps = epochs * (n_images // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.1, total_steps=steps, pct_start=0.2)
    generator = torch.Generator().manual_seed(derive_seed(seed, "order"))
    for epoch in range(epochs):
        network.train()
        total = 0.0
        for rows in torch.randperm(n_images, generator=generator)[: n_images // batch * batch].split(batch):
            x = (images[rows].float() / 255).to(memory_format=torch.channels_last)
            loss = _loss(network(x), objects[rows], where[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        _log.info(
            "epoch %d: loss %.3f, %.0f CPU s", epoch + 1, total / (n_images // batch), time.process_time() - started
        )
    return network.eval(), accuracies(network, seed)


def _loss(out: Tensor, objects: Tensor, where: Tensor) -> Tensor:
    """Category and object cross-entropy, and a little for position and size."""
    logits = out[:, : len(OBJECTS)]
    by_category = logits.reshape(len(logits), len(CATEGORIES), -1).logsumexp(dim=2)
    return (
        functional.cross_entropy(by_category, objects // (len(OBJECTS) // len(CATEGORIES)))
        + 0.5 * functional.cross_entropy(logits, objects)
        + functional.mse_loss(out[:, len(OBJECTS) :], where)
    )


def accuracies(network: nn.Module, seed: int, n_images: int = 2048) -> dict[str, float]:
    """Share of unseen images whose category and whose object is told right."""
    images, objects, _ = rendered(n_images, seed, "test")
    network.eval()
    with torch.no_grad():
        logits = torch.cat([network(x.float() / 255)[:, : len(OBJECTS)] for x in images.split(256)])
    by_category = logits.reshape(len(logits), len(CATEGORIES), -1).logsumexp(dim=2).argmax(1)
    right = by_category == objects // (len(OBJECTS) // len(CATEGORIES))
    half = len(right) // 2
    return {
        "category": right.float().mean().item(),
        "category, medium variation": right[:half].float().mean().item(),
        "category, high variation": right[half:].float().mean().item(),
        "object": (logits.argmax(1) == objects).float().mean().item(),
    }
