"""Crop, flip and cutout on a batch where it lies, drawn from a generator of the CPU: the same on every device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

AUGMENTATIONS = ("crop", "flip", "cutout")


def augment(images: Tensor, kinds: Sequence[str], generator: torch.Generator) -> Tensor:
    """Randomly shifted, mirrored and partly hidden images.

    Parameters
    ----------
    images : Tensor of shape (n, channels, size, size)
        Already standardised: what is filled in is 0, the mean.
    kinds : sequence of str
        Among ``crop`` (shifted by up to an eighth of the size each way: 4 pixels of 32), ``flip`` (left and right,
        half of the images) and ``cutout`` (a square of half the size, its centre anywhere; DeVries & Taylor 2017).
    generator : torch.Generator
        On the CPU.
    """
    if "crop" in kinds:
        images = _crop(images, generator)
    if "flip" in kinds:
        mirrored = (torch.rand(len(images), generator=generator) < 0.5).to(images.device)
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    if "cutout" in kinds:
        images = images * _kept(images, generator)
    return images


def _crop(images: Tensor, generator: torch.Generator) -> Tensor:
    n, _, height, width = images.shape
    pad = max(1, height // 8)
    shifts = torch.randint(0, 2 * pad + 1, (2, n), generator=generator).to(images.device)
    padded = functional.pad(images, (pad, pad, pad, pad)).permute(0, 2, 3, 1)
    rows = shifts[0][:, None, None] + torch.arange(height, device=images.device)[None, :, None]
    columns = shifts[1][:, None, None] + torch.arange(width, device=images.device)[None, None, :]
    return padded[torch.arange(n, device=images.device)[:, None, None], rows, columns].permute(0, 3, 1, 2)


def _kept(images: Tensor, generator: torch.Generator) -> Tensor:
    n, _, height, width = images.shape
    reach = height // 4
    centres = torch.stack([torch.randint(0, side, (n,), generator=generator) for side in (height, width)]).to(
        images.device
    )
    rows = (torch.arange(height, device=images.device)[None, :] - centres[0][:, None]).abs() < reach
    columns = (torch.arange(width, device=images.device)[None, :] - centres[1][:, None]).abs() < reach
    return (~(rows[:, None, :, None] & columns[:, None, None, :])).to(images.dtype)
