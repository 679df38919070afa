"""What a network costs: parameters, multiply-accumulates and FLOPs, counted on the built network without running it.

The network is copied to the meta device and one image is passed through it, so shapes are exact and nothing is
computed. Conventions, stated because the literature mixes them:

- **MACs**: multiply-accumulates of convolutions and matrix products only, without biases. It is what papers mean by
  "ResNet-18 has 1.8 GFLOPs".
- **FLOPs**: floating-point operations of everything: 2 per MAC; 1 per output for a bias; 2 per element for a
  normalisation (scale and shift, as at inference); one per element of the window for a pooling output; 1 per element
  for an activation, an addition or a product.
- Both are per image, forward only.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from neuroguide._core.errors import InputError


@dataclass(frozen=True)
class Cost:
    """What one image costs in one network.

    Attributes
    ----------
    parameters : int
        Learned numbers.
    macs : int
        Multiply-accumulates of one image's forward pass (convolutions and matrix products).
    flops : int
        Floating-point operations of one image's forward pass, everything counted; see the module.
    """

    parameters: int
    macs: int
    flops: int

    def __add__(self, other: Cost) -> Cost:
        """The cost of two parts of a network together."""
        return Cost(self.parameters + other.parameters, self.macs + other.macs, self.flops + other.flops)


def count_cost(network: nn.Module, shape: Sequence[int]) -> Cost:
    """Count a network in evaluation mode; the network is left as it is.

    Parameters
    ----------
    network : nn.Module
    shape : sequence of int
        Shape of one image, ``(channels, height, width)``.

    Raises
    ------
    InputError
        If the network cannot be copied to the meta device or does not accept such an image.
    """
    try:
        shadow = copy.deepcopy(network).to("meta").eval()
        counter = OperationCounter()
        with torch.no_grad(), counter:
            shadow(torch.empty((1, *shape), device="meta"))
    except (RuntimeError, NotImplementedError, TypeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"cannot count {type(network).__name__} on an image of shape {tuple(shape)}: {first}"
        ) from error
    return Cost(sum(p.numel() for p in network.parameters()), counter.macs, counter.flops)


class OperationCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what every operation below autograd costs, by its shapes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs = 0
        self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in _PRODUCTS:
            macs, extra = _PRODUCTS[name](args, out)
            self.macs += macs
            self.flops += 2 * macs + extra
        else:
            self.flops += _flops(name, args, out)
        return out


def _convolution(args: tuple[Any, ...], out: Tensor) -> tuple[int, int]:
    weight, bias, transposed = args[1], args[2], args[6]
    # a transposed convolution spends its window on every input position, an ordinary one on every output position
    positions = args[0].numel() // args[0].shape[1] if transposed else out.numel() // out.shape[1]
    return positions * weight.numel(), 0 if bias is None else out.numel()


def _addmm(args: tuple[Any, ...], out: Tensor) -> tuple[int, int]:
    return out.numel() * args[1].shape[-1], out.numel()


def _mm(args: tuple[Any, ...], out: Tensor) -> tuple[int, int]:
    return out.numel() * args[0].shape[-1], 0


_PRODUCTS: dict[str, Callable[[tuple[Any, ...], Tensor], tuple[int, int]]] = {
    "convolution": _convolution,
    "addmm": _addmm,
    "mm": _mm,
    "bmm": _mm,
    "baddbmm": _addmm,
}

_NORMS = {"native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "native_group_norm",
          "native_layer_norm"}  # fmt: skip
_POOLS = {"avg_pool2d", "max_pool2d_with_indices", "max_pool2d"}
_GLOBAL_POOLS = {"mean", "_adaptive_avg_pool2d", "adaptive_max_pool2d", "sum", "amax"}
_ELEMENTWISE = {
    "relu", "relu_", "elu", "elu_", "gelu", "silu", "silu_", "tanh", "tanh_", "sigmoid", "sigmoid_", "hardtanh",
    "hardtanh_", "hardswish", "hardswish_", "hardsigmoid", "hardsigmoid_", "leaky_relu", "leaky_relu_", "softplus",
    "add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_", "_softmax", "exp", "sqrt", "rsqrt", "pow", "abs",
    "maximum", "minimum", "clamp", "clamp_",
}  # fmt: skip


def _flops(name: str, args: tuple[Any, ...], out: Any) -> int:
    if name in _NORMS:
        return 2 * int(out[0].numel())
    if name in _POOLS:
        first = out[0] if isinstance(out, (tuple, list)) else out
        kernel = args[1]
        window = math.prod(kernel) if len(kernel) > 1 else kernel[0] ** 2
        return int(first.numel() * window)
    if name in _GLOBAL_POOLS:
        return int(args[0].numel())
    if name in _ELEMENTWISE and isinstance(out, Tensor):
        return int(out.numel())
    return 0
