"""Activations of named layers to stimuli."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.settings import parse_memory
from neuroguide.engine.device import resolve_device, resolve_dtype
from neuroguide.models.capture import forward, largest_output
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.state import evaluating, fixed_draws, placed
from neuroguide.models.zoo import Model, check_layers, open_model
from neuroguide.stimuli import StimulusSet

#: ``progress(done, total, what)``.
Progress = Callable[[int, int, str], None]

#: Batches do not become larger than this: more does not go faster.
_LARGEST_BATCH = 128


class NonFiniteError(InputError):
    """A layer answers with NaN or infinite values: the network has diverged."""


class ImageSequence(Protocol):
    """Images that are loaded when they are asked for: ``len(images)``, ``images[i]`` of shape (height, width, 3)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> NDArray[Any]: ...


Images = StimulusSet | NDArray[Any] | Tensor | ImageSequence


def activations(
    model: Model | nn.Module | str,
    images: Images,
    layers: Sequence[str] | None = None,
    *,
    degrees: float | None = None,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = torch.float32,
    batch_size: int | str = "auto",
    memory: int | str = "auto",
    progress: Progress | None = None,
) -> dict[str, Tensor]:
    """Responses of a model's layers to stimuli, each map flattened.

    A layer's response is what its module returns (after the activation function, if the module ends with one), copied
    before anything can change it in place; of a module called several times in one pass the last call counts, of one
    that returns several tensors the first. The network runs in evaluation mode and without gradients, and is left in
    the mode, on the device and in the dtype in which it was. The batch size changes responses by rounding only.

    Parameters
    ----------
    model : Model, torch.nn.Module or str
        See :func:`neuroguide.models.open_model`.
    images : StimulusSet, uint8 array, sequence of uint8 arrays, or tensor
        Stimuli: a set, whose size in degrees is used; an array of shape (n_stimuli, height, width, 3); anything with
        ``len`` and items of shape (height, width, 3), also of different sizes. A floating tensor of shape
        (n_stimuli, channels, height, width) is taken as the network's input, without preprocessing.
    layers : sequence of str, optional
        Names as in ``module.named_modules()``; by default the model's.
    degrees : float, optional
        Width of the stimuli in degrees of visual angle, if ``images`` is no StimulusSet.
    device, dtype : str, torch.device, torch.dtype
        Where and in which precision the network runs; the result is there too.
    batch_size : int or "auto"
        Stimuli per pass; ``"auto"`` fits a batch into a quarter of ``memory``.
    memory : "auto", str or int
        See :func:`neuroguide._core.settings.parse_memory`. The returned features come on top: where they are too large
        together, take them one after another from :func:`iterate_activations`.
    progress : callable, optional
        Called with (stimuli done, stimuli in all, ``"activations"``).

    Returns
    -------
    dict of str to tensor of shape (n_stimuli, n_features)
        In the order of ``layers``, detached.

    Raises
    ------
    OptionError
        If a layer (the message suggests close names), the device or another option is unknown.
    InputError
        If the images are not as described, the network fails on them, or a layer is never reached, returns no tensor,
        or answers with NaN or infinite values (``NonFiniteError``).
    """
    run = prepare_run(model, images, layers, degrees, device, dtype, batch_size, memory)
    return run.record(run.layers, progress)


def iterate_activations(
    model: Model | nn.Module | str,
    images: Images,
    layers: Sequence[str] | None = None,
    *,
    degrees: float | None = None,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = torch.float32,
    batch_size: int | str = "auto",
    memory: int | str = "auto",
    progress: Progress | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """Responses of one layer after another, in bounded memory.

    As many layers as fit into half of ``memory`` are recorded in one pass over the stimuli, so that a larger bound
    means fewer passes and the same numbers. A single layer that does not fit has a pass of its own.

    Parameters
    ----------
    model, images, layers, degrees, device, dtype, batch_size, memory, progress
        As for :func:`activations`; progress counts the stimuli of all passes.

    Yields
    ------
    layer : str
    features : tensor of shape (n_stimuli, n_features)

    Raises
    ------
    OptionError, InputError
        As for :func:`activations`.
    """
    run = prepare_run(model, images, layers, degrees, device, dtype, batch_size, memory)
    groups = run.groups(parse_memory(memory) // 2)
    for index, group in enumerate(groups):
        recorded = run.record(group, shifted(progress, index, len(groups)))
        for layer in group:
            yield layer, recorded.pop(layer)


@dataclass(frozen=True)
class Run:
    """A model, its stimuli and where it runs; see :func:`activations`."""

    model: Model
    stimuli: _Stimuli
    layers: tuple[str, ...]
    device: torch.device
    dtype: torch.dtype
    batch_size: int | None
    budget: int

    def record(self, layers: Sequence[str], progress: Progress | None) -> dict[str, Tensor]:
        """One pass over all stimuli."""
        features: dict[str, Tensor] = {}
        for start, outputs in self.batches(layers, progress=progress):
            for layer, output in outputs.items():
                if layer not in features:
                    shape = (len(self.stimuli), output.shape[1])
                    features[layer] = torch.empty(shape, dtype=self.dtype, device=self.device)
                features[layer][start : start + len(output)] = output
        for layer, values in features.items():
            check_finite(layer, values, self.model.name)
        return features

    def batches(
        self, layers: Sequence[str], *, size: int | None = None, progress: Progress | None = None
    ) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """One pass over all stimuli: where each batch starts, and what the layers returned to it."""
        n = len(self.stimuli)
        widths: dict[str, int] = {}
        with placed(self.model.module, self.device, self.dtype) as module, evaluating(module), fixed_draws(self.device):
            size = size or self.batch_size or self._automatic_batch(module, layers)
            for start in range(0, n, size):
                batch = self.input(start, min(start + size, n))
                outputs = forward(module, batch, layers, name=f"the model {self.model.name}")
                for layer, output in outputs.items():
                    if output.shape[1] != widths.setdefault(layer, output.shape[1]):
                        raise InputError(
                            f"layer {layer!r} of {self.model.name} returns {widths[layer]} features in one "
                            f"batch and {output.shape[1]} in another; choose another layer"
                        )
                yield start, outputs
                if progress is not None:
                    progress(start + len(batch), n, "activations")

    def n_features(self) -> dict[str, int]:
        """Features of each layer."""
        with placed(self.model.module, self.device, self.dtype) as module, evaluating(module), fixed_draws(self.device):
            outputs = forward(module, self.input(0, 1), self.layers, name=f"the model {self.model.name}")
        return {layer: output.shape[1] for layer, output in outputs.items()}

    def automatic_batch(self) -> int:
        """Stimuli per pass when all layers are recorded."""
        if self.batch_size is not None:
            return self.batch_size
        with placed(self.model.module, self.device, self.dtype) as module, evaluating(module), fixed_draws(self.device):
            return self._automatic_batch(module, self.layers)

    def groups(self, budget: int) -> list[tuple[str, ...]]:
        """Layers that fit together into ``budget`` bytes, in order."""
        groups: list[tuple[str, ...]] = []
        left = 0
        for layer, width in self.n_features().items():
            needed = width * self.dtype.itemsize * len(self.stimuli)
            if groups and needed <= left:
                groups[-1] += (layer,)
                left -= needed
            else:
                groups.append((layer,))
                left = budget - needed
        return groups

    def _automatic_batch(self, module: nn.Module, layers: Sequence[str]) -> int:
        one = self.input(0, 1)
        outputs = forward(module, one, layers, name=f"the model {self.model.name}")
        captured = sum(output.numel() * output.element_size() for output in outputs.values())
        # a block holds its input, its output and two maps between them
        needed = 4 * max(largest_output(module, one), one.numel() * one.element_size()) + 2 * captured
        return max(1, min(_LARGEST_BATCH, self.budget // needed))

    def input(self, start: int, stop: int) -> Tensor:
        """Stimuli ``start`` to ``stop`` as the network takes them."""
        return self.stimuli.batch(start, stop).to(device=self.device, dtype=self.dtype)


class _Stimuli:
    """Batches of network input from any kind of images."""

    def __init__(self, images: Images, degrees: float | None, preprocess: Preprocess) -> None:
        if isinstance(images, StimulusSet) and degrees is not None:
            raise OptionError("degrees cannot be given with a StimulusSet, which has its own")
        self._degrees = images.degrees if isinstance(images, StimulusSet) else degrees
        self._images = images.images() if isinstance(images, StimulusSet) else images
        self._preprocess = preprocess
        _check_images(self._images)

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, start: int, stop: int) -> Tensor:
        images = self._images
        if isinstance(images, Tensor):
            return images[start:stop]
        if isinstance(images, np.ndarray):
            return self._preprocess(images[start:stop], degrees=self._degrees)
        items = [np.asarray(images[index]) for index in range(start, stop)]
        if len({item.shape for item in items}) == 1:
            return self._preprocess(np.stack(items), degrees=self._degrees)
        return torch.cat([self._preprocess(item[None], degrees=self._degrees) for item in items])


def _check_images(images: object) -> None:
    if isinstance(images, Tensor):
        if images.ndim != 4 or not images.is_floating_point():
            raise InputError(
                "a tensor of images is the network's input, floating, of shape (n_stimuli, channels, height, width); "
                f"{images.dtype} of shape {tuple(images.shape)} arrived (give uint8 images as a numpy array)"
            )
    elif isinstance(images, str) or not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
        raise InputError(
            f"images of type {type(images).__name__} are not understood; give a StimulusSet or a uint8 array of "
            "shape (n_stimuli, height, width, 3)"
        )
    if len(images) == 0:
        raise InputError("there are no images; give at least one stimulus")


def prepare_run(
    model: Model | nn.Module | str,
    images: Images,
    layers: Sequence[str] | None,
    degrees: float | None,
    device: str | torch.device,
    dtype: str | torch.dtype,
    batch_size: int | str,
    memory: int | str,
) -> Run:
    """Check the arguments of :func:`activations` and open what they name."""
    if batch_size != "auto" and not (isinstance(batch_size, int) and batch_size >= 1):
        raise OptionError(f"batch_size is {batch_size!r}; give 'auto' or a number of at least 1")
    opened = open_model(model)
    names = opened.layers if layers is None else check_layers(opened.module, tuple(layers), opened.name)
    where = resolve_device(device)
    return Run(
        model=opened,
        stimuli=_Stimuli(images, degrees, opened.preprocess),
        layers=names,
        device=where,
        dtype=resolve_dtype(dtype, where),
        batch_size=None if isinstance(batch_size, str) else batch_size,
        budget=parse_memory(memory) // 4,
    )


def shifted(progress: Progress | None, index: int, passes: int) -> Progress | None:
    """Progress of one of several passes, counted over all of them."""
    if progress is None:
        return None
    return lambda done, total, what: progress(index * total + done, passes * total, what)


def check_finite(layer: str, values: Tensor, model: str) -> None:
    """Raise NonFiniteError where a layer's response to some stimulus is NaN or infinite."""
    bad = ~torch.isfinite(values.sum(1, dtype=torch.float64) if values.device.type != "mps" else values.sum(1))
    if bool(bad.any()):
        broken = ~torch.isfinite(values).all(1)
        if bool(broken.any()):
            raise NonFiniteError(
                f"layer {layer!r} of {model} answers with NaN or infinite values to {int(broken.sum())} of "
                f"{len(values)} stimuli (the first is number {int(broken.nonzero()[0])}); its weights may have diverged"
            )
