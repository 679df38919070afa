"""What named modules return during a forward pass, by our own hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError
from neuroguide.models.factory import one_line


def forward(module: nn.Module, batch: Tensor, layers: Sequence[str], *, name: str = "the network") -> dict[str, Tensor]:
    """Run a network on one batch and return what the named modules returned, flattened.

    What a layer returns is copied the moment it leaves the layer, so that an in-place operation after it changes
    nothing. Of a module that is called several times in a pass the last call counts; of one that returns several
    tensors, the first. Gradients are not recorded; the network's mode (training or evaluation) is the caller's.

    Parameters
    ----------
    module : torch.nn.Module
    batch : tensor of shape (n_stimuli, ...)
        Its input.
    layers : sequence of str
        Names as in ``module.named_modules()``.
    name : str
        What the network is called in errors.

    Returns
    -------
    dict of str to tensor of shape (n_stimuli, n_features)
        In the order of ``layers``.

    Raises
    ------
    InputError
        If the network fails, or a layer is never reached, returns no tensor, or something whose first dimension is
        not the stimuli.
    """
    with _capturing(module, layers, len(batch)) as captured:
        try:
            # not inference_mode: a network that keeps tensors of a pass (a cached position code) could not train on
            with torch.no_grad():
                module(batch)
        except InputError:
            raise
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"{name} ran out of memory on {len(batch)} stimuli of shape {tuple(batch.shape[1:])}; "
                "give a smaller batch_size or memory"
            ) from error
        except Exception as error:
            raise InputError(
                f"{name} failed on {len(batch)} stimuli of shape {tuple(batch.shape[1:])}: {one_line(error)}"
            ) from error
    missing = [layer for layer in layers if layer not in captured]
    if missing:
        raise InputError(
            f"{name} has the layer {missing[0]!r}, but its forward pass never calls it; choose another layer"
        )
    return {layer: captured[layer] for layer in layers}


@contextmanager
def _capturing(module: nn.Module, layers: Sequence[str], n_stimuli: int) -> Iterator[dict[str, Tensor]]:
    parts = dict(module.named_modules(remove_duplicate=False))
    captured: dict[str, Tensor] = {}

    def hook_for(layer: str) -> Callable[[nn.Module, object, object], None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            captured[layer] = _flattened(layer, output, n_stimuli)

        return hook

    handles = [parts[layer].register_forward_hook(hook_for(layer)) for layer in layers]
    try:
        yield captured
    finally:
        for handle in handles:
            handle.remove()


def _flattened(layer: str, output: object, n_stimuli: int) -> Tensor:
    tensor = _first_tensor(output)
    if tensor is None:
        raise InputError(f"layer {layer!r} returns {type(output).__name__} without a tensor; choose another layer")
    if tensor.ndim == 0 or tensor.shape[0] != n_stimuli:
        raise InputError(
            f"layer {layer!r} returns the shape {tuple(tensor.shape)} for {n_stimuli} stimuli, "
            "so its first dimension is not the stimuli; choose another layer"
        )
    if tensor.is_complex():
        raise InputError(f"layer {layer!r} returns complex numbers; choose another layer")
    return tensor.detach().reshape(n_stimuli, -1).clone()


def _first_tensor(output: object) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, list | tuple):
        for item in output:
            found = _first_tensor(item)
            if found is not None:
                return found
    return None


def largest_output(module: nn.Module, batch: Tensor) -> int:
    """Bytes of the largest tensor that any module returns during a pass over ``batch``."""
    largest = 0

    def hook(_module: nn.Module, _inputs: object, output: object) -> None:
        nonlocal largest
        tensor = _first_tensor(output)
        if tensor is not None:
            largest = max(largest, tensor.numel() * tensor.element_size())

    handles = [part.register_forward_hook(hook) for part in module.modules()]
    try:
        with torch.no_grad():
            module(batch)
    finally:
        for handle in handles:
            handle.remove()
    return largest
