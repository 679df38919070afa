"""Models of Brain-Score as ours (``"brainscore:alexnet"``), and ours as its ``ModelCommitment``."""

from __future__ import annotations

import re
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from neuroguide._core.brainscore import brainscore, load, quiet_environment
from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.device import resolve_device
from neuroguide.models.capture import forward
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.state import evaluating, fixed_draws, placed
from neuroguide.models.zoo import Model, check_layers, open_model, openers
from neuroguide.stimuli.pixels import FilePixels

#: Field of view of a model that states none, in degrees: Brain-Score's own default.
VISUAL_DEGREES = 8

#: What Brain-Score calls the output of a network.
LOGITS = "logits"


def to_model_commitment(
    model: nn.Module | Model | str | Callable[[], Any],
    *,
    region_layer_map: Mapping[str, str | Sequence[str]] | None = None,
    layers: Sequence[str] | None = None,
    visual_degrees: float | None = None,
    behavioral_readout_layer: str | None = None,
    device: str = "auto",
    batch_size: int = 64,
) -> Any:
    """A model as Brain-Score's ``ModelCommitment``, which its benchmarks take.

    Features are those of :func:`neuroguide.models.activations.activations`: the same preprocessing, copied the moment
    they leave a layer. Brain-Score keeps features and scores on disk under a model's identifier; ours holds a hash of
    weights and preprocessing, so that two states of one network never share an entry.

    Parameters
    ----------
    model : torch.nn.Module, Model, str or function
        Whatever :func:`neuroguide.open_model` takes.
    region_layer_map : mapping of str to str or list of str, optional
        The layer or layers that stand for a region, e.g. ``{"V4": "stage2", "IT": "stage3"}``; by default the network's
        own attribute of this name, which networks exported by :func:`neuroguide.export` have. Without it Brain-Score
        chooses the best of ``layers`` on its public benchmarks when a region is first recorded, for which it downloads
        their data.
    layers : sequence of str, optional
        The layers to choose from; by default the model's own, the outputs of its stages.
    visual_degrees : float, optional
        Field of view; by default the model's, else 8 degrees.
    behavioral_readout_layer : str, optional
        The layer that behaviour is read out from; by default the last one.
    device : str
        Where features are computed.
    batch_size : int
        Stimuli at once.

    Returns
    -------
    brainscore_vision.model_helpers.brain_transformation.ModelCommitment

    Raises
    ------
    MissingExtraError
        If brainscore-vision is not installed.
    OptionError
        If a layer is not one of the network's.

    Examples
    --------
    >>> from neuroguide.models.brainscore import to_model_commitment
    >>> brain_model = to_model_commitment("network.py:make", region_layer_map={"IT": "stage3"})  # doctest: +SKIP
    """
    transformation = brainscore(
        "brainscore_vision.model_helpers.brain_transformation", "making a ModelCommitment of a model"
    )
    opened = open_model(model)
    names = opened.layers if layers is None else check_layers(opened.module, tuple(layers), opened.name)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise OptionError(f"batch_size is {batch_size!r}; give a number of at least 1")
    # networks that neuroguide exported say which stage is most similar to each region
    regions = region_layer_map or getattr(opened.module, "region_layer_map", None) or None
    committed = None if regions is None else _checked(regions, opened)
    if behavioral_readout_layer is not None:
        check_layers(opened.module, (behavioral_readout_layer,), opened.name)
    degrees = visual_degrees or opened.preprocess.degrees or VISUAL_DEGREES
    with quiet_environment():
        return transformation.ModelCommitment(
            identifier=cache_identifier(opened),
            activations_model=ActivationsModel(opened, device=device, batch_size=batch_size),
            layers=list(names),
            region_layer_map=committed,
            behavioral_readout_layer=behavioral_readout_layer,
            visual_degrees=degrees,
        )


def cache_identifier(model: Model) -> str:
    """A model's identifier as a name that is safe inside the names of files."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", model.identifier)


class ActivationsModel:
    """A model in the form in which Brain-Score asks for activations.

    Parameters
    ----------
    model : Model
        What is asked.
    device : str
        Where features are computed.
    batch_size : int
        Stimuli at once.
    """

    def __init__(self, model: Model, *, device: str = "auto", batch_size: int = 64) -> None:
        core = brainscore("brainscore_vision.model_helpers.activations.core", "making a ModelCommitment of a model")
        self._model = model
        self._device = resolve_device(device)
        self._extractor = core.ActivationsExtractorHelper(
            get_activations=self._activations,
            preprocessing=self._preprocess,
            identifier=cache_identifier(model),
            batch_size=batch_size,
        )
        self._extractor.insert_attrs(self)

    @property
    def identifier(self) -> str:
        """What Brain-Score keeps features under; it changes it while it chooses layers."""
        return str(self._extractor.identifier)

    @identifier.setter
    def identifier(self, value: str) -> None:
        self._extractor.identifier = value

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Activations as one of Brain-Score's assemblies; see its ``ActivationsExtractorHelper``."""
        return self._extractor(*arguments, **options)

    def _preprocess(self, paths: Sequence[str]) -> NDArray[np.float32]:
        """Network input of image files, which Brain-Score has put on a screen of the network's field of view."""
        pixels = FilePixels([Path(str(path)) for path in paths])
        inputs = [self._model.preprocess(pixels.read(index)[None]) for index in range(len(pixels))]
        return np.asarray(torch.cat(inputs).numpy())

    def _activations(self, images: Any, layer_names: Sequence[str]) -> OrderedDict[str, NDArray[Any]]:
        named = {layer: "" if layer == LOGITS else layer for layer in layer_names}
        check = tuple(name for name in named.values() if name)
        if check:
            check_layers(self._model.module, check, self._model.name)
        batch = torch.as_tensor(np.asarray(images), dtype=torch.float32, device=self._device)
        with (
            placed(self._model.module, self._device, torch.float32) as module,
            evaluating(module),
            fixed_draws(self._device),
        ):
            found = forward(module, batch, tuple(named.values()), name=f"the model {self._model.name}")
        return OrderedDict((layer, found[name].cpu().numpy()) for layer, name in named.items())


def _checked(region_layer_map: Mapping[str, str | Sequence[str]], model: Model) -> dict[str, str | list[str]]:
    """The map as Brain-Score takes it, after checking that its layers exist."""
    checked: dict[str, str | list[str]] = {}
    for region, layers in region_layer_map.items():
        names = (layers,) if isinstance(layers, str) else tuple(layers)
        check_layers(model.module, names, model.name)
        checked[str(region)] = layers if isinstance(layers, str) else list(names)
    return checked


@dataclass(frozen=True)
class BrainScorePreprocess(Preprocess):
    """The preprocessing of one of Brain-Score's models, which reads image files.

    Parameters
    ----------
    read : callable
        ``read(paths) -> array of shape (n_stimuli, channels, height, width)``.
    """

    read: Callable[[list[str]], Any] = field(repr=False, compare=False, kw_only=True)

    def __call__(self, images: NDArray[Any], *, degrees: float | None = None) -> Tensor:
        """The input for some stimuli; see :class:`neuroguide.models.preprocess.Preprocess`."""
        with tempfile.TemporaryDirectory(prefix="neuroguide-") as folder:
            paths = []
            for index, pixels in enumerate(np.asarray(images)):
                path = Path(folder) / f"{index:06d}.png"
                self._on_screen(Image.fromarray(pixels), degrees).save(path)
                paths.append(str(path))
            found = self.read(paths)
        if isinstance(found, list | tuple):
            found = torch.stack([torch.as_tensor(each) for each in found])
        return torch.as_tensor(found)

    def _on_screen(self, image: Image.Image, degrees: float | None) -> Image.Image:
        """The image on grey, or its centre, so that it spans the network's field of view (as ``place_on_screen``)."""
        if degrees is None or self.degrees is None or degrees == self.degrees:
            return image
        ratio = self.degrees / degrees
        size = np.round(ratio * np.asarray(image.size)).astype(int)
        if ratio < 1:
            left, upper = np.round((np.asarray(image.size) - size) / 2).astype(int)
            return image.crop((int(left), int(upper), int(left + size[0]), int(upper + size[1])))
        screen = Image.new("RGB", (int(size[0]), int(size[1])), "gray")
        left, upper = np.round((size - np.asarray(image.size)) / 2).astype(int)
        screen.paste(image, (int(left), int(upper)))
        return screen


@openers.register("brainscore")
def _brainscore(name: str, pretrained: bool) -> Model:
    if not pretrained:
        raise OptionError(f"'brainscore:{name}' has trained weights only; leave pretrained=False out")
    return from_brain_model(load("model", name), f"brainscore:{name}")


def from_brain_model(brain_model: Any, name: str) -> Model:
    """One of Brain-Score's models as ours.

    Parameters
    ----------
    brain_model : brainscore_vision BrainModel
        A ``ModelCommitment`` around a network of torch.
    name : str
        What to call it.

    Returns
    -------
    Model
        Its network with Brain-Score's own preprocessing; its default layers are those of the commitment.

    Raises
    ------
    InputError
        If there is no network of torch inside it.
    """
    layer_model = getattr(brain_model, "layer_model", brain_model)
    wrapper = getattr(brain_model, "activations_model", None) or getattr(layer_model, "activations_model", None)
    module, extractor = getattr(wrapper, "_model", None), getattr(wrapper, "_extractor", None)
    if isinstance(module, Model):  # one of ours, on its way back
        return module
    if not isinstance(module, nn.Module) or extractor is None:
        raise InputError(
            f"{name} is no network of torch inside Brain-Score's wrapper (it is a {type(brain_model).__name__} around "
            f"{type(wrapper).__name__}), so its layers cannot be read; score it with brainscore_vision.score"
        )
    degrees = brain_model.visual_degrees() if hasattr(brain_model, "visual_degrees") else None
    preprocess = BrainScorePreprocess(
        size=_size(extractor.preprocess, name), degrees=None if degrees is None else float(degrees),
        read=extractor.preprocess,
    )  # fmt: skip
    known = dict(module.named_modules(remove_duplicate=False))
    layers = tuple(layer for layer in dict.fromkeys(getattr(brain_model, "layers", ())) if layer in known)
    return Model(name, module, preprocess, layers)


def _size(read: Callable[[list[str]], Any], name: str) -> int:
    """Width of the network's input in pixels, found by showing it a grey image."""
    grey = np.full((1, 256, 256, 3), 128, dtype=np.uint8)
    shown = BrainScorePreprocess(size=1, read=read)(grey)
    if shown.ndim != 4:
        raise InputError(
            f"the preprocessing of {name} makes an input of shape {tuple(shown.shape)} of one image; "
            "(1, channels, height, width) was expected"
        )
    return int(shown.shape[-1])
