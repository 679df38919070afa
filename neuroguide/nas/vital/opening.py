"""A network to look at: by name, from a factory, from weights of a run, or from an architecture's JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.models.zoo import open_model
from neuroguide.nas.spaces import open_space, spaces
from neuroguide.nas.spaces.base import Space
from neuroguide.nas.spaces.hourglass import HourglassSpace
from neuroguide.nas.spaces.hourglass.published import EFFICIENTNET_B0, HOURNAS_F
from neuroguide.nas.trained import open_trained

#: Published networks of the `hourglass` space, for images of 224 pixels.
PUBLISHED = {"hournas-f": HOURNAS_F, "efficientnet-b0": EFFICIENTNET_B0}


@dataclass(frozen=True)
class Opened:
    """A network with random or trained weights.

    Attributes
    ----------
    name : str
    network : nn.Module
    image_size : int
        Side of the images that it is made for, in pixels.
    operations : dict
        What stands in a block, by the block's name, where its space says.
    """

    name: str
    network: nn.Module
    image_size: int
    operations: dict[str, str] = field(default_factory=dict)


def open_architecture(text: str, *, image_size: int | None = None, seed: int = 0) -> Opened:
    """Open a network of which only the architecture matters; library networks come with random weights.

    Parameters
    ----------
    text : str
        ``hournas-f`` or ``efficientnet-b0``; the name of a space (``hourglass``), for an architecture drawn from it;
        a model as for :func:`neuroguide.models.open_model` (``timm:resnet18``, ``path/to/file.py:make``); a weights
        file of a run (``.safetensors``); or a ``.json`` file with an architecture of the `hourglass` space as
        ``to_json`` writes it, or with ``space``, ``options`` (may be left out) and ``architecture`` of any space.
    image_size : int, optional
        Side of the images in pixels; by default that of the model, 224 for published networks, 32 for spaces.
    seed : int
        Which architecture is drawn from a space.

    Raises
    ------
    OptionError
        If the name is unknown, or the size impossible.
    FileError, InputError
        If a file is missing or holds something else.
    """
    if image_size is not None and not 1 <= image_size <= 10_000:
        raise OptionError(f"a size of {image_size} pixels is not possible; give a number from 1 to 10000")
    if text in PUBLISHED:
        space: Space[Any] = HourglassSpace(layout=PUBLISHED[text].layout)
        return _built(text, space, PUBLISHED[text], image_size or 224, n_classes=1000)
    if text in spaces:
        space = open_space(text)
        return _built(
            f"{text} (drawn, seed {seed})", space, space.sample(np.random.default_rng(seed)), image_size or 32
        )
    path = Path(text).expanduser()
    if path.suffix == ".json":
        space, arch = _from_json(path)
        return _built(path.name, space, arch, image_size or 32)
    if path.suffix == ".safetensors":
        trained = open_trained(path)
        operations = operations_of(trained.space, trained.architecture)
        return Opened(path.name, trained.network, image_size or trained.preprocess.size, operations)
    model = open_model(text, pretrained=False)
    return Opened(model.name, model.module, image_size or model.preprocess.size)


def _built(name: str, space: Space[Any], arch: Any, image_size: int, *, n_classes: int = 10) -> Opened:
    with torch.random.fork_rng(devices=[]):
        network = space.build(arch, image_size=image_size, n_classes=n_classes)
    return Opened(name, network, image_size, operations_of(space, arch))


def operations_of(space: Space[Any], arch: Any) -> dict[str, str]:
    """What stands in each block, by the block's name; empty for spaces that do not say."""
    if not isinstance(space, HourglassSpace):
        return {}
    blocks = zip(space.positions, space.canonicalise(arch).blocks, strict=True)
    return {position.name: block.name for position, block in blocks if block is not None}


def _from_json(path: Path) -> tuple[Space[Any], Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise FileError(f"{path} is not JSON: {error}") from error
    if isinstance(data, dict) and {"layout", "blocks"} <= set(data):
        data = {"space": "hourglass", "options": {"layout": data["layout"]}, "architecture": data}
    if not isinstance(data, dict) or not {"space", "architecture"} <= set(data):
        raise InputError(
            f"{path} holds no architecture; it should have 'space' and 'architecture' (and 'options' of the space), or "
            "be an architecture of the hourglass space"
        )
    if not isinstance(data["space"], str) or not isinstance(data.get("options", {}), dict):
        raise InputError(f"{path}: 'space' should be a name, and 'options' a table of the space's options")
    space = open_space(data["space"], **data.get("options", {}))
    return space, space.from_json(data["architecture"])
