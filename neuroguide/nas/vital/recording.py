"""A network's operations and what flows between them, written down while an image of no content passes through it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from neuroguide._core.errors import InputError
from neuroguide.nas.cost import Cost, OperationCounter
from neuroguide.nas.vital.graph import Step

#: Operations that only add, join, divide or move what comes in.
_CARRIERS = {
    "add", "add_", "cat", "stack", "view", "_unsafe_view", "reshape", "permute", "transpose", "t", "clone", "alias",
    "detach", "_to_copy", "squeeze", "unsqueeze", "copy_",
}  # fmt: skip
#: Those that leave out a part: carriers as long as they do so among channels (dimension 1).
_PARTS = {"slice", "split", "split_with_sizes", "narrow", "chunk", "unbind", "select"}

#: Operations that take the shape of what comes in, and nothing else.
_SHAPES = {"new_zeros", "new_ones", "new_empty", "new_full", "zeros_like", "ones_like", "empty_like", "full_like"}


@dataclass
class Recording:
    """What a network did.

    Attributes
    ----------
    steps : list of Step
        All operations that depend on the image.
    outputs : list of int
        Steps that gave the network's results.
    sizes : dict
        Number of elements of each parameter.
    containers : frozenset of str
        Modules that only hold others in a row.
    composite : frozenset of str
        Modules that hold others and are no such containers.
    """

    steps: list[Step]
    outputs: list[int]
    sizes: dict[str, int]
    containers: frozenset[str] = frozenset()
    composite: frozenset[str] = frozenset()


def record(network: nn.Module, shape: tuple[int, int, int]) -> Recording:
    """Pass one image through a copy of a network on the meta device, in evaluation mode.

    Parameters
    ----------
    network : nn.Module
    shape : tuple of int
        Of one image: channels, height, width.

    Raises
    ------
    InputError
        If the network cannot be followed: it does not take such an image, or what it does depends on the values in it.
    """
    name = type(network).__name__
    try:
        shadow = copy.deepcopy(network).to("meta").eval()
        recorder = _Recorder(shadow)
        image = torch.empty((1, *shape), device="meta")
        recorder.enter(image)
        with torch.no_grad(), _watched(shadow, recorder.stack), recorder:
            results = [leaf for leaf in tree_leaves(shadow(image)) if isinstance(leaf, Tensor)]
    except (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"cannot follow an image of shape {tuple(shape)} through {name}: {first}; blocks are found in networks "
            "that take one batch of such images, and in which nothing is decided by the values in them"
        ) from error
    outputs = sorted({i for result in results for i in recorder.sources(result)})
    if not outputs:
        raise InputError(f"the output of {name} does not depend on the image: it has no blocks between the two")
    modules = dict(shadow.named_modules())
    rows = {n for n, module in modules.items() if isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict)}
    composite = {n for n, module in modules.items() if any(True for _ in module.children())} - rows
    sizes = {n: parameter.numel() for n, parameter in shadow.named_parameters()}
    return Recording(recorder.steps, outputs, sizes, frozenset(rows), frozenset(composite))


@contextmanager
def _watched(network: nn.Module, stack: list[str]) -> Iterator[None]:
    """Keep on a stack which module is at work."""
    handles = []
    for name, module in network.named_modules():
        handles.append(module.register_forward_pre_hook(lambda module, inputs, name=name: stack.append(name)))
        handles.append(module.register_forward_hook(lambda module, inputs, output: _leave(stack)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _leave(stack: list[str]) -> None:
    stack.pop()


@dataclass
class _Origin:
    """Where a tensor comes from: a step, or parameters that were only reshaped so far."""

    step: int | None = None
    parameters: frozenset[str] = frozenset()


@dataclass
class _Tensors:
    """Origins of all tensors seen; it keeps them alive, so that no identity is given twice."""

    kept: list[Tensor] = field(default_factory=list)
    origins: dict[int, _Origin] = field(default_factory=dict)
    written: dict[int, int] = field(default_factory=dict)

    def put(self, tensor: Tensor, origin: _Origin) -> None:
        self.kept.append(tensor)
        self.origins[id(tensor)] = origin

    def steps(self, tensor: Tensor) -> set[int]:
        """The step that made it, and the last one that wrote into its memory, perhaps through a view of it."""
        made = self.origins.get(id(tensor), _Origin()).step
        wrote = self.written.get(tensor.untyped_storage()._cdata)
        return {step for step in (made, wrote if made is None or (wrote or -1) > made else None) if step is not None}


class _Recorder(OperationCounter):  # type: ignore[no-untyped-call]
    """Writes down every operation below autograd that depends on the image."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.stack: list[str] = []
        self._tensors = _Tensors()
        for name, parameter in network.named_parameters():
            self._tensors.put(parameter, _Origin(parameters=frozenset([name])))

    def enter(self, image: Tensor) -> None:
        """Say which tensor is the image."""
        self._tensors.put(image, _Origin(step=-1))

    def sources(self, tensor: Tensor) -> set[int]:
        """Steps whose results a tensor holds."""
        return {step for step in self._tensors.steps(tensor) if step >= 0}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        kind = func.overloadpacket.__name__
        inputs = sorted(set[int]().union(*(self._tensors.steps(t) for t in given if kind not in _SHAPES)))
        held = [self._tensors.origins.get(id(tensor), _Origin()).parameters for tensor in given]
        parameters = frozenset[str]().union(*held)
        before = self.macs, self.flops
        out = super().__torch_dispatch__(func, types, args, kwargs)
        results = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        if not inputs:
            # weights on their way to an operation: whoever takes them uses the parameters
            for result in results:
                self._tensors.put(result, _Origin(parameters=parameters))
            return out
        step = Step(
            kind=kind,
            module=self.stack[-1] if self.stack else "",
            inputs=tuple(inputs),
            carries=_carries(kind, args, kwargs or {}, results),
            cost=Cost(0, self.macs - before[0], self.flops - before[1]),
            parameters=parameters,
            shape=tuple(results[0].shape[1:]) if results else (),
        )
        self.steps.append(step)
        for written in _written(func, args, kwargs or {}):
            self._tensors.written[written.untyped_storage()._cdata] = len(self.steps) - 1
        for result in results:
            self._tensors.put(result, _Origin(step=len(self.steps) - 1))
        return out


def _carries(kind: str, args: tuple[Any, ...], kwargs: dict[str, Any], results: list[Tensor]) -> bool:
    if kind in _PARTS:
        whole = len(results) == 1 and results[0].shape == args[0].shape
        place = 2 if kind.startswith(("split", "chunk")) else 1
        return bool(whole or kwargs.get("dim", args[place] if len(args) > place else 0) == 1)
    return kind in _CARRIERS


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """Arguments that an operation changes in place."""
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[i] if i < len(args) else kwargs.get(argument.name)
            yield from (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))
