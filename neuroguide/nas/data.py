"""Images to train candidates on: resident as uint8 on the device, validation apart from test."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.decoded import Int64, LabelledImages, Progress, UInt8
from neuroguide.nas.sources import checked_arrays, read_source

_FORMAT = "1"


@dataclass(frozen=True)
class Split:
    """Images and labels of one split.

    Attributes
    ----------
    images : Tensor of shape (n, height, width, 3)
        uint8: small sets stay on the device as they are.
    labels : Tensor of shape (n,)
        int64.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Split:
        """The same on another device."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class TrainingData:
    """What candidates are trained, validated and, once, tested on.

    Attributes
    ----------
    name : str
        How it was opened.
    classes : tuple of str
    train, validation : Split
        Validation images come class by class in turn, so that any first part of them is balanced.
    test : Split or None
        Never looked at by a search.
    mean, std : tuple of 3 floats
        Of the training pixels' channels, on the scale 0 to 1.
    identifier : str
        Sixteen hexadecimal digits of all pixels and labels: equal means the same data, however they were opened.
    origin : dict or None
        How a worker opens the same data again (``{"data": name, "options": {...}}``); None for arrays, which are
        saved first (:meth:`save`).
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    identifier: str
    origin: dict[str, Any] | None = None

    @property
    def image_size(self) -> int:
        """Side of the square images in pixels."""
        return int(self.train.images.shape[1])

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    def to(self, device: torch.device) -> TrainingData:
        """The same data on another device."""
        test = None if self.test is None else self.test.to(device)
        return dataclasses.replace(self, train=self.train.to(device), validation=self.validation.to(device), test=test)

    def save(self, path: str | Path) -> TrainingData:
        """Write everything to a ``.safetensors`` file that :func:`open_data` opens; returns the data with that origin.

        Raises
        ------
        FileError
            If it cannot be written.
        """
        target = Path(path).resolve()
        tensors: dict[str, Tensor] = {}
        for name, split in self._splits().items():
            tensors |= {f"{name}.images": split.images.cpu(), f"{name}.labels": split.labels.cpu()}
        header = {"format": _FORMAT, "name": self.name, "classes": json.dumps(self.classes)}
        with atomic_path(target) as temporary:
            save_file(tensors, temporary, metadata=header)
        return dataclasses.replace(self, origin={"data": str(target), "options": {}})

    def _splits(self) -> dict[str, Split]:
        splits = {"train": self.train, "validation": self.validation}
        return splits if self.test is None else {**splits, "test": self.test}


def open_data(
    data: str | Path | TrainingData,
    *,
    validation: int | float = 0.1,
    seed: int = 0,
    image_size: int | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> TrainingData:
    """Open images to train on.

    Parameters
    ----------
    data : str, path or TrainingData
        ``"cifar10"``: the catalogue's JPEG copy. ``"torchvision:CIFAR10"`` or ``"torchvision:CIFAR100"`` (extra
        ``zoo``; downloaded once into the download cache). ``"objects"``: 4,000 rendered images of the 8 built-in
        categories, and a quarter as many for validation and for test; ``"objects:8000"`` for another number. A folder,
        or a zip, of ``split/class/image`` files; a folder that holds ``train.zip`` and perhaps ``test.zip``. A
        ``.safetensors`` file of :meth:`TrainingData.save`. Data that are open already are returned as they are.
    validation : int or float
        How many of the training images are set apart for validation, in all (int) or as a share (float), in equal
        shares of every class. The default leaves CIFAR-10's 50,000 as 45,000 and 5,000. Not used where the source has
        a validation split of its own.
    seed : int
        Which images are set apart; independent of every other seed.
    image_size : int, optional
        Side in pixels to scale images to; see :func:`neuroguide.nas.images.read_images`.
    cache : bool
        Keep decoded images; see the same.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Raises
    ------
    FileError, InputError, OptionError, MissingExtraError, DownloadError
        If there is no such data or they cannot be used; each says which and why.
    """
    if isinstance(data, TrainingData):
        return data
    name = str(data)
    if name.endswith(".safetensors"):
        return _read_saved(Path(name).expanduser())
    name, images = read_source(name, image_size=image_size, cache=cache, progress=progress)
    options: dict[str, Any] = {"validation": validation, "seed": seed, "image_size": image_size, "cache": cache}
    return _assemble(name, images, validation, seed, {"data": name, "options": options})


def from_arrays(
    images: UInt8 | Tensor,
    labels: Int64 | Tensor,
    *,
    test: tuple[UInt8 | Tensor, Int64 | Tensor] | None = None,
    classes: tuple[str, ...] | None = None,
    validation: int | float = 0.1,
    seed: int = 0,
    name: str = "arrays",
) -> TrainingData:
    """Data to train on from arrays.

    Parameters
    ----------
    images : array of shape (n, size, size, 3)
        uint8.
    labels : array of shape (n,)
        Whole numbers from 0.
    test : tuple of images and labels, optional
    classes : tuple of str, optional
        Names; the numbers themselves by default.
    validation, seed
        As in :func:`open_data`.
    name : str

    Raises
    ------
    InputError
        If shapes, types or labels are not as above.
    """
    splits = {"train": checked_arrays(images, labels, "images")}
    if test is not None:
        splits["test"] = checked_arrays(*test, "test images")
        if splits["test"][0].shape[1:] != splits["train"][0].shape[1:]:
            raise InputError(
                f"test images are {splits['test'][0].shape[1:3]} pixels and training images "
                f"{splits['train'][0].shape[1:3]}; they must be of one size"
            )
    highest = max(int(labels.max()) for _, labels in splits.values())
    if classes is None:
        classes = tuple(str(i) for i in range(highest + 1))
    elif len(classes) <= highest:
        raise InputError(f"labels go up to {highest} and there are only {len(classes)} class names")
    return _assemble(name, LabelledImages(splits, classes), validation, seed, None)


def _assemble(
    name: str, images: LabelledImages, validation: int | float, seed: int, origin: dict[str, Any] | None
) -> TrainingData:
    if "train" not in images.splits:
        raise InputError(f"{name} has no training images, only {sorted(images.splits)}")
    pixels, labels = (torch.from_numpy(array) for array in images.splits["train"])
    if "validation" in images.splits:
        train, held = Split(pixels, labels), Split(*(torch.from_numpy(a) for a in images.splits["validation"]))
    else:
        kept, apart = split_indices(images.splits["train"][1], validation, seed)
        train = Split(pixels[torch.from_numpy(kept)], labels[torch.from_numpy(kept)])
        held = Split(pixels[torch.from_numpy(apart)], labels[torch.from_numpy(apart)])
    test = Split(*(torch.from_numpy(a) for a in images.splits["test"])) if "test" in images.splits else None
    return _finish(name, images.classes, train, held, test, origin)


def _finish(
    name: str, classes: tuple[str, ...], train: Split, held: Split, test: Split | None, origin: dict[str, Any] | None
) -> TrainingData:
    if len(train) < 2 or len(held) < 1:
        raise InputError(
            f"{name} leaves {len(train)} images to train on and {len(held)} for validation; at least 2 and 1 are needed"
        )
    digest = hashlib.sha256(json.dumps(classes).encode())
    for split in (train, held, test):
        if split is not None:
            digest.update(split.images.contiguous().numpy().data)
            digest.update(split.labels.numpy().data)
    mean, std = _moments(train.images)
    return TrainingData(name, classes, train, held, test, mean, std, digest.hexdigest()[:16], origin)


def _moments(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Exact mean and standard deviation per channel, from counts of the 256 values."""
    values = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for channel in range(3):
        counts = torch.bincount(images[..., channel].flatten(), minlength=256).double()
        mean = (counts * values).sum() / counts.sum()
        variance = (counts * (values - mean) ** 2).sum() / counts.sum()
        means.append(float(mean))
        # one constant channel must not divide by nothing
        stds.append(max(float(variance.sqrt()), 1 / 255))
    return tuple(means), tuple(stds)


def split_indices(labels: Int64, validation: int | float, seed: int) -> tuple[Int64, Int64]:
    """Indices to train on (ascending) and for validation (classes in turn), every class in the same share.

    Parameters
    ----------
    labels : array of shape (n,)
    validation : int or float
        Number, or share of n.
    seed : int

    Raises
    ------
    OptionError
        If the number is not between 1 and n - 2, or the share not between 0 and 1.
    """
    n = len(labels)
    count = round(validation * n) if isinstance(validation, float) else validation
    if not 1 <= count <= n - 2:
        raise OptionError(
            f"validation={validation!r} of {n} images is not possible; give a share such as 0.1, or a number"
        )
    rng = np.random.default_rng(derive_seed(seed, "validation split"))
    shuffled = rng.permutation(n)
    # the place of each image within its class, and then class by class in turn: the first ``count`` are balanced
    rank = np.empty(n, np.int64)
    for label in np.unique(labels):
        own = shuffled[labels[shuffled] == label]
        rank[own] = np.arange(len(own)) * n // len(own)
    order = shuffled[np.lexsort((labels[shuffled], rank[shuffled]))]
    return np.sort(order[count:]), order[:count]


def _checked_split(images: Tensor, labels: Tensor, n_classes: int, split: str) -> Split:
    pixels, numbers = (torch.from_numpy(array) for array in checked_arrays(images, labels, f"{split} images"))
    if len(numbers) and int(numbers.max()) >= n_classes:
        raise InputError(f"labels of {split} images go up to {int(numbers.max())} and there are {n_classes} classes")
    return Split(pixels, numbers)


def _read_saved(path: Path) -> TrainingData:
    if not path.is_file():
        raise FileError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != _FORMAT:
                raise FileError(f"{path} has format {header.get('format')!r}, this version reads {_FORMAT!r}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        classes = tuple(json.loads(header["classes"]))
        splits = {
            split: _checked_split(tensors[f"{split}.images"], tensors[f"{split}.labels"], len(classes), split)
            for split in ("train", "validation", "test")
            if f"{split}.images" in tensors
        }
        origin = {"data": str(path.resolve()), "options": {}}
        return _finish(header["name"], classes, splits["train"], splits["validation"], splits.get("test"), origin)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} is not training data saved by neuroguide: {error}") from error
