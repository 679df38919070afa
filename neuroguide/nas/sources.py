"""Labelled images by name: the catalogue, torchvision, the built-in objects, a folder or a zip."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from torch import Tensor

from neuroguide._core import catalog, download
from neuroguide._core.errors import FileError, InputError, OptionError, missing_extra
from neuroguide._core.options import check_option, unknown_option
from neuroguide._core.settings import home
from neuroguide.models.render import object_images
from neuroguide.nas.decoded import Int64, LabelledImages, Progress, UInt8, load_decoded, save_decoded
from neuroguide.nas.images import read_images

_TORCHVISION = ("CIFAR10", "CIFAR100")
_OBJECTS = 4000
_OBJECTS_FORMAT = "1"


def read_source(
    name: str, *, image_size: int | None, cache: bool, progress: Progress | None
) -> tuple[str, LabelledImages]:
    """The images meant by a name, and the name by which another process finds them; see :func:`open_data`."""
    kind, _, variant = name.partition(":")
    if kind == "torchvision":
        return name, _torchvision(variant, image_size)
    if kind == "objects":
        return name, _objects(variant, image_size or 32, cache, progress)
    images = read_images(_paths(name), image_size=image_size, cache=cache, progress=progress)
    return name if name in catalog.entries() else str(Path(name).expanduser().resolve()), images


def _objects(variant: str, image_size: int, cache: bool, progress: Progress | None) -> LabelledImages:
    if variant and not (variant.isdecimal() and 16 <= int(variant) <= 1_000_000):
        raise OptionError(
            f"data 'objects:{variant}' is not understood; give 'objects' or 'objects:8000', a number of images"
        )
    n = int(variant) if variant else _OBJECTS
    counts = {"train": n, "validation": max(8, n // 4), "test": max(8, n // 4)}
    key = hashlib.sha256(json.dumps(["objects", _OBJECTS_FORMAT, counts, image_size]).encode()).hexdigest()
    found = load_decoded(key) if cache else None
    if found is None:
        splits, total, done = {}, sum(counts.values()), 0
        classes: tuple[str, ...] = ()
        for split, count in counts.items():
            # on the CPU, whatever there is: every machine trains on the same pixels
            rendered = object_images(count, split, image_size=image_size, device="cpu")
            splits[split], classes = (rendered.images, rendered.labels), rendered.classes
            done += count
            if progress is not None:
                progress("rendering objects", done, total)
        found = LabelledImages(splits, classes)
        if cache:
            save_decoded(key, found)
    return found


def _paths(name: str) -> list[Path]:
    path = Path(name).expanduser()
    entries = catalog.entries()
    if name in entries:
        entry = entries[name]
        if entry.kind != "images":
            raise OptionError(f"{name!r} holds a {entry.kind}, not labelled images to train on; use it as a guide")
        # train before test, whatever order the catalogue has
        return [file for _, file in sorted(download.fetch(entry).items(), reverse=True)]
    if path.is_dir():
        zips = [path / f"{split}.zip" for split in ("train", "validation", "test")]
        found = [file for file in zips if file.is_file()]
        return found or [path]
    if path.is_file():
        return [path]
    known = [entry.name for entry in entries.values() if entry.kind == "images"]
    raise unknown_option(
        "data",
        name,
        [*known, "objects", *(f"torchvision:{n}" for n in _TORCHVISION)],
        how_to_add="or the path of a folder or zip",
    )


def _torchvision(name: str, image_size: int | None) -> LabelledImages:
    check_option("torchvision data set", name, _TORCHVISION)
    if image_size not in (None, 32):
        raise OptionError(f"torchvision's {name} has images of 32 pixels; image_size={image_size} is not possible")
    try:
        from torchvision import datasets
    except ImportError as error:
        raise missing_extra("torchvision", "zoo", f"the data set torchvision:{name}") from error
    root = home() / "torchvision"
    make = getattr(datasets, name)
    parts = {}
    for split in ("train", "test"):
        try:
            part = make(root, train=split == "train", download=True)
        except (OSError, RuntimeError) as error:
            raise FileError(f"torchvision cannot give {name} from {root}: {error}") from error
        parts[split] = part
    splits = {split: checked_arrays(part.data, np.asarray(part.targets), split) for split, part in parts.items()}
    return LabelledImages(splits, tuple(parts["train"].classes))


def checked_arrays(images: UInt8 | Tensor, labels: Int64 | Tensor, what: str) -> tuple[UInt8, Int64]:
    """Pixels uint8 ``(n, size, size, 3)`` and labels int64 ``(n,)``; raises InputError if they are something else."""
    pixels, numbers = np.asarray(images), np.asarray(labels)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.shape[1] != pixels.shape[2]:
        raise InputError(
            f"{what} should be uint8 of shape (n, size, size, 3), not {pixels.dtype} of shape {pixels.shape}"
        )
    if numbers.shape != (len(pixels),) or numbers.dtype.kind not in "iu" or (len(numbers) and numbers.min() < 0):
        raise InputError(
            f"labels of {what} should be {len(pixels)} whole numbers from 0, "
            f"not {numbers.dtype} of shape {numbers.shape}"
        )
    return np.ascontiguousarray(pixels), numbers.astype(np.int64)
