"""Decoded or rendered images, kept in the user's cache folder under a key of their content."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import FileError

_log = logging.getLogger("neuroguide.nas.data")

#: ``progress(what, done, total)`` in images.
Progress = Callable[[str, int, int], None]
UInt8 = np.ndarray[Any, np.dtype[np.uint8]]
Int64 = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class LabelledImages:
    """Decoded images of one or more splits.

    Attributes
    ----------
    splits : dict
        Split (``train``, ``validation``, ``test``) to pixels uint8 ``(n, height, width, 3)`` and labels ``(n,)``.
    classes : tuple of str
        What the labels count.
    """

    splits: dict[str, tuple[UInt8, Int64]]
    classes: tuple[str, ...]


def _cached(key: str) -> Path:
    # the user's own cache folder, never the download cache: that may be a lab's shared, read-only copy
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser()
    return own / "neuroguide" / ".decoded" / f"{key}.safetensors"


def load_decoded(key: str) -> LabelledImages | None:
    """The images kept under that key; None if there are none, or the file is damaged."""
    path = _cached(key)
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            splits = {
                split: (file.get_tensor(f"{split}.pixels"), file.get_tensor(f"{split}.labels"))
                for split in sorted({name.split(".")[0] for name in file.keys()})  # noqa: SIM118
            }
            return LabelledImages(splits, tuple(json.loads(file.metadata()["classes"])))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        _log.warning("%s is damaged and is made again (%s)", path, error)
        return None


def save_decoded(key: str, images: LabelledImages) -> None:
    """Keep images under a key; where the cache cannot be written, they are not kept."""
    tensors: dict[str, Any] = {}
    for split, (pixels, labels) in images.splits.items():
        tensors |= {f"{split}.pixels": pixels, f"{split}.labels": labels}
    path = _cached(key)
    try:
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata={"classes": json.dumps(images.classes)})
    except (FileError, OSError, SafetensorError) as error:
        # the decoded images are at hand all the same; only the next opening takes longer
        _log.info("decoded images are not kept at %s: %s", path, error)
