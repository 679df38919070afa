"""Trained networks back from the weights files of searches and retrainings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from neuroguide._core.errors import FileError, InputError, NeuroguideError
from neuroguide.models.factory import is_factory
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model
from neuroguide.nas.evaluation import FORMAT
from neuroguide.nas.spaces import Space, open_space

_HEADER = ("space", "architecture", "image_size", "classes", "mean", "std")


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network with its weights, and where it comes from.

    Attributes
    ----------
    network : nn.Module
        In evaluation mode, on the CPU.
    space : Space
    architecture
        One of the space's.
    preprocess : Preprocess
        Size of its training images, and their mean and standard deviation.
    classes : tuple of str
    weights : dict of str to Tensor
        As in the file.
    path : Path
        The file.
    """

    network: nn.Module
    space: Space[Any]
    architecture: Any
    preprocess: Preprocess
    classes: tuple[str, ...]
    weights: Mapping[str, Tensor]
    path: Path

    def model(self) -> Model:
        """As :func:`neuroguide.score` takes it."""
        names: tuple[str, ...] = self.network.stage_names  # type: ignore[assignment]
        return Model(self.path.stem, self.network, self.preprocess, names)


def open_trained(path: str | Path, *, space: Space[Any] | None = None) -> TrainedNetwork:
    """The network in a weights file that a search or a retraining wrote.

    Parameters
    ----------
    path : path
        ``RUN/artifacts/trial-….safetensors`` or ``RUN/retrained/…/weights.safetensors``.
    space : Space, optional
        The space of its architecture. It must be given for a space of one's own, since a file of weights does not
        choose the code that is run.

    Raises
    ------
    FileError
        If there is no such file, or it is none of neuroguide's, or a newer one's.
    InputError
        If its space is a file and ``space`` is not given, or the weights are not those of its architecture.
    """
    path = Path(path).expanduser()
    header, weights = _read(path)
    try:
        origin = json.loads(header["space"])
        plain, classes = json.loads(header["architecture"]), tuple(json.loads(header["classes"]))
        preprocess = Preprocess(
            int(header["image_size"]), tuple(json.loads(header["mean"])), tuple(json.loads(header["std"]))
        )
        opened = space or _space(origin, path)
        architecture = opened.from_json(plain)
        _check_size(opened, architecture, preprocess.size, len(classes), weights)
        with torch.random.fork_rng(devices=[]):
            network = opened.build(architecture, image_size=preprocess.size, n_classes=len(classes))
        network.load_state_dict(dict(weights))
    except NeuroguideError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path} lacks or garbles what its network is made of: {reason}") from error
    except RuntimeError as error:
        raise InputError(f"{path} holds weights of another network: {str(error).splitlines()[-1].strip()}") from error
    return TrainedNetwork(network.eval(), opened, architecture, preprocess, classes, weights, path)


def _space(origin: Mapping[str, Any], path: Path) -> Space[Any]:
    name = str(origin["space"])
    if is_factory(name):
        raise InputError(
            f"{path} holds a network of the space {name}, which is code and is not run because a file says so; give "
            "space=open_space(...), or the run's folder"
        )
    return open_space(name, **origin.get("options", {}))


def _check_size(
    space: Space[Any], architecture: Any, image_size: int, n_classes: int, weights: Mapping[str, Tensor]
) -> None:
    """Refuse a network that is not the one of the weights before anything of its claimed size is allocated."""
    with torch.device("meta"):
        expected = space.build(architecture, image_size=image_size, n_classes=n_classes).state_dict()
    other = [name for name, value in expected.items() if name not in weights or weights[name].shape != value.shape]
    if other or len(expected) != len(weights):
        raise RuntimeError(f"its architecture has {len(expected)} tensors, of which {len(other)} are not in the file")


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise FileError(f"there is no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if not all(name in header for name in _HEADER):
                raise FileError(f"{path} is no file of weights that a search or a retraining wrote")
            if header.get("format") != FORMAT:
                raise FileError(f"{path} has format {header.get('format')!r}, this version reads {FORMAT!r}")
            return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise FileError(f"{path} is not a safetensors file: {error}") from error
