"""Models by name, from a file of one's own, or from a torch module."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import unknown_option
from neuroguide._core.registry import Registry
from neuroguide.engine.device import resolve_device
from neuroguide.models.factory import call_factory, is_factory, one_line
from neuroguide.models.onnx_files import OnnxNetwork
from neuroguide.models.optional import preprocess_of_timm
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.stages import stage_outputs


@dataclass(frozen=True, eq=False)
class Model:
    """A network together with what it needs to see stimuli.

    Parameters
    ----------
    name : str
        What it is called in tables and figures.
    module : torch.nn.Module
        The network; it takes a tensor of shape (n_stimuli, channels, size, size).
    preprocess : Preprocess
        How stimuli become its input. By default 224 pixels, normalised by ImageNet's mean and standard deviation.
    layers : tuple of str
        Its default layers, names as in ``module.named_modules()``; by default the outputs of its stages
        (:mod:`neuroguide.models.stages`).
    identifier : str
        Unique to its weights, structure and preprocessing: by default the name and a hash of these.

    Raises
    ------
    OptionError
        If a layer is not a module of the network.
    InputError
        If the network has parameters without values yet, or no layers.
    """

    name: str
    module: nn.Module = field(repr=False)
    preprocess: Preprocess = field(default_factory=Preprocess)
    layers: tuple[str, ...] = ()
    identifier: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.module, nn.Module):
            raise InputError(f"a model's module is a torch.nn.Module, {type(self.module).__name__} arrived")
        if any(nn.parameter.is_lazy(weight) for weight in self.module.parameters()):
            raise InputError(f"the model {self.name} has lazy parameters without values; run it once on an input first")
        layers = tuple(self.layers) or stage_outputs(self.module, self._blank())
        object.__setattr__(self, "layers", check_layers(self.module, layers, self.name))
        if not self.identifier:
            object.__setattr__(self, "identifier", f"{self.name}-{self._hash()}")

    def _blank(self) -> Tensor:
        weight = next((w for w in self.module.parameters() if w.is_floating_point()), torch.zeros(()))
        side = self.preprocess.size
        return torch.zeros(1, self.preprocess.channels, side, side, device=weight.device, dtype=weight.dtype)

    def _hash(self) -> str:
        digest = hashlib.sha256(repr(self.preprocess).encode())
        for name, part in self.module.named_modules(remove_duplicate=False):
            digest.update(f"{name}:{type(part).__module__}.{type(part).__qualname__};".encode())
        for name, weight in self.module.state_dict().items():
            if isinstance(weight, Tensor):
                digest.update(f"{name}:{weight.dtype}:{tuple(weight.shape)};".encode())
                raw = weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
                digest.update(raw.numpy().data)
        return digest.hexdigest()[:16]


def check_layers(module: nn.Module, layers: tuple[str, ...], model: str) -> tuple[str, ...]:
    """Return ``layers`` if each is a module of the network and none is named twice.

    Raises
    ------
    OptionError
        If one is not (with the closest names), one is named twice, or there is none.
    """
    known = [name for name, _ in module.named_modules(remove_duplicate=False) if name]
    for name in layers:
        if name not in known:
            raise unknown_option(f"layer of {model}", name, known)
    if not layers or len(set(layers)) < len(layers):
        raise OptionError(f"layers of {model} must be named, each once; {list(layers)} arrived")
    return tuple(layers)


#: What stands before the colon of a name to a function ``(rest of the name, pretrained) -> Model``.
openers: Registry[Callable[[str, bool], Model]] = Registry(
    "source of models", 'register it with neuroguide.models.openers.add(name, open), or give "path/to/file.py:factory"'
)


def open_model(
    model: nn.Module | Model | str | Callable[[], Any],
    *,
    device: str | torch.device | None = None,
    pretrained: bool = True,
) -> Model:
    """A model with its preprocessing, default layers and identifier.

    Parameters
    ----------
    model : torch.nn.Module, Model, str or function
        - ``"timm:resnet18"``, ``"torchvision:alexnet"``, ``"brainscore:alexnet"``: with the weights and preprocessing
          of that library.
        - ``"path/to/file.py:make"``: ``make()`` of that file returns a torch module or a :class:`Model`. **The file is
          run** with your rights: name only files that you trust. Without a function's name, ``make`` is meant.
        - ``"path/to/model.onnx"``: one that :func:`neuroguide.export` wrote.
        - ``"pixels"``: the pixels themselves, a baseline; ``"luminance-contrast"``: their luminance and contrast alone.
        - a torch module: it may carry the attributes ``preprocess`` (a :class:`Preprocess`, or its parameters in a
          dict, as exported networks do) or ``image_size`` (an int), ``stage_names`` (layers), or timm's
          ``pretrained_cfg``; otherwise it is shown 224 pixels with ImageNet's normalisation.
        - a function without arguments that returns one of these, or a :class:`Model`, which is returned as it is.
    device : str or torch.device, optional
        Where its weights are put, as for :func:`neuroguide.engine.device.resolve_device`; by default they stay where
        they are.
    pretrained : bool
        False for a library's network with random weights.

    Returns
    -------
    Model

    Raises
    ------
    OptionError
        If the name is unknown; the message suggests close ones.
    FileError
        If the factory's file is missing.
    InputError
        If the factory fails or returns something else.
    MissingExtraError
        If the library is not installed.
    DownloadError
        If the weights cannot be downloaded.
    """
    opened = _open(model, pretrained)
    if device is not None:
        opened.module.to(resolve_device(device))
    return opened


def _open(model: object, pretrained: bool) -> Model:
    if isinstance(model, Model):
        return model
    if isinstance(model, nn.Module):
        return _from_module(model, type(model).__name__)
    if isinstance(model, str):
        return _from_name(model, pretrained)
    if callable(model):
        name = getattr(model, "__name__", type(model).__name__)
        try:
            made = model()
        except Exception as error:
            raise InputError(f"the model function {name} failed: {one_line(error)}") from error
        return _made(made, name)
    raise InputError(
        f"a model of type {type(model).__name__} is not understood; give a torch module, a name such as "
        "'timm:resnet18', or 'path/to/file.py:make'"
    )


def _from_name(text: str, pretrained: bool) -> Model:
    if is_factory(text):
        return _made(call_factory(text), text.replace("\\", "/").rpartition("/")[2])
    if text.endswith(".onnx"):
        return _made(OnnxNetwork(Path(text).expanduser()), text.replace("\\", "/").rpartition("/")[2])
    source, _, rest = text.partition(":")
    opener = openers[source]
    if not rest and source not in ("pixels", "luminance-contrast"):
        raise OptionError(f"{text!r} names no model; write '{source}:NAME'")
    return opener(rest, pretrained)


def _made(made: object, name: str) -> Model:
    if isinstance(made, Model):
        return made
    if isinstance(made, nn.Module):
        return _from_module(made, name)
    raise InputError(f"{name} returned {type(made).__name__}; a torch.nn.Module or a neuroguide Model was expected")


def _from_module(module: nn.Module, name: str) -> Model:
    return Model(name, module, _preprocess_of(module, name))


def _preprocess_of(module: nn.Module, name: str) -> Preprocess:
    own = getattr(module, "preprocess", None)
    if isinstance(own, Preprocess):
        return own
    if isinstance(own, Mapping) and "size" in own:
        return _preprocess_from(own, name)
    if isinstance(getattr(module, "pretrained_cfg", None), dict):
        return preprocess_of_timm(module)
    size = getattr(module, "image_size", 224)
    if not isinstance(size, int):
        raise InputError(f"the attribute image_size of {name} is {size!r}; a number of pixels was expected")
    return Preprocess(size)


def _preprocess_from(parameters: Mapping[str, Any], name: str) -> Preprocess:
    try:
        return Preprocess(**parameters)
    except TypeError as error:
        raise InputError(f"the attribute preprocess of {name} is not understood: {error}") from error
