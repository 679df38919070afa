"""Measured latency of every block, so that it can be a budget beside counted costs.

The latency of a network is taken as the sum over its blocks, each measured alone at its own input size with random
weights, less what the runtime takes to do nothing; ``benchmarks/space_proposal.py`` prints such sums beside measured
networks. All runtimes go through one function of a module and its input: :data:`runtimes`.
"""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from neuroguide._core.errors import OptionError, missing_extra
from neuroguide._core.registry import Registry
from neuroguide.nas.hournas.table import CostTable
from neuroguide.nas.spaces.hourglass import HourglassSpace, MBConv
from neuroguide.nas.spaces.hourglass.network import head, stem

#: Milliseconds that a timed repetition lasts at least, and repetitions, of which the quickest counts: whatever else a
#: machine does makes them slower only.
_LEAST_MS = 2.0
_REPETITIONS = 7

Run = Callable[[], object]

#: Name to a function that takes a module and its input and returns what runs it once.
runtimes: Registry[Callable[[nn.Module, Tensor], Run]] = Registry(
    "runtime of a latency budget", "register it with neuroguide.nas.hournas.latency.runtimes.add"
)


@runtimes.register("cpu")
def _cpu(module: nn.Module, images: Tensor) -> Run:
    module = module.to("cpu", memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    images = images.to(memory_format=torch.channels_last)
    return lambda: module(images)


@runtimes.register("cuda")
def _cuda(module: nn.Module, images: Tensor) -> Run:
    if not torch.cuda.is_available():
        raise OptionError("a latency budget on cuda needs a CUDA device; there is none here")
    module, images = module.to("cuda").eval(), images.to("cuda")

    def run() -> None:
        module(images)
        torch.cuda.synchronize()

    return run


@runtimes.register("onnxruntime")
def _onnxruntime(module: nn.Module, images: Tensor) -> Run:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise missing_extra("onnxruntime", "onnx", "measuring latency with it") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = str(Path(folder) / "block.onnx")
        # the older exporter: a hundred times faster than the one that compiles, and there are hundreds of blocks
        torch.onnx.export(module.to("cpu").eval(), (images,), path, dynamo=False)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: images.numpy()}
    return lambda: session.run(None, inputs)


def latency(module: nn.Module, images: Tensor, runtime: str = "cpu") -> float:
    """Milliseconds of one forward pass: the quickest of some repetitions after a first one.

    Parameters
    ----------
    module : nn.Module
    images : Tensor
        Its input, on the CPU.
    runtime : str
        ``"cpu"`` and ``"cuda"`` with torch, or ``"onnxruntime"`` on the CPU (extra ``onnx``).

    Raises
    ------
    OptionError
        If the runtime is unknown or not there.
    MissingExtraError
        If onnxruntime is not installed.
    """
    with torch.no_grad():
        run = runtimes[runtime](module, images)
        run()
        started = time.perf_counter()
        run()
        once = (time.perf_counter() - started) * 1000
        count = max(1, math.ceil(_LEAST_MS / max(once, 1e-4)))
        found = []
        for _ in range(_REPETITIONS):
            started = time.perf_counter()
            for _ in range(count):
                run()
            found.append((time.perf_counter() - started) * 1000 / count)
    return min(found)


def with_latency(
    table: CostTable,
    space: HourglassSpace,
    runtime: str,
    *,
    image_size: int,
    n_classes: int,
    batch_size: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> CostTable:
    """A cost table with the column ``latency:RUNTIME``, in milliseconds of a batch.

    Parameters
    ----------
    table : CostTable
        Of this space.
    space : HourglassSpace
    runtime : str
    image_size, n_classes, batch_size : int
    progress : callable, optional
        Called as ``progress(done, total)`` for each block that is measured.
    """
    measured: dict[tuple[int, ...], list[float]] = {}
    costs = torch.zeros(table.allowed.shape, dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for p in space.positions:
            size = math.ceil(image_size / p.reduction)
            # blocks of one shape are measured once
            shape = (p.in_channels, p.channels, p.stride, size)
            if shape not in measured:
                images = torch.randn(batch_size, p.in_channels, size, size)
                blocks = (
                    MBConv(p.in_channels, p.channels, operation, stride=p.stride, style=space.layout.style)
                    for operation in space.operations
                )
                measured[shape] = [_net(block, images, runtime) for block in blocks]
            costs[p.index, : len(space.operations)] = torch.tensor(measured[shape], dtype=torch.float64)
            if progress is not None:
                progress(p.index + 1, len(space.positions))
        fixed = _fixed(space, runtime, image_size=image_size, n_classes=n_classes, batch_size=batch_size)
    return table.with_quantity(f"latency:{runtime}", fixed, costs)


def _fixed(space: HourglassSpace, runtime: str, *, image_size: int, n_classes: int, batch_size: int) -> float:
    """Milliseconds of stem, head and classifier."""
    layout = space.layout
    last = space.positions[-1]
    size = math.ceil(image_size / (last.reduction * last.stride))
    end = nn.Sequential(head(layout), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(layout.head, n_classes))
    entrance = latency(stem(layout), torch.randn(batch_size, 3, image_size, image_size), runtime)
    return entrance + _net(end, torch.randn(batch_size, last.channels, size, size), runtime)


def _net(module: nn.Module, images: Tensor, runtime: str) -> float:
    """Milliseconds that a part adds to a network: those of calling the runtime are not paid again."""
    return max(0.0, latency(module, images, runtime) - latency(nn.Identity(), images, runtime))


def needed(quantities: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
    """The runtimes among the quantities of budgets."""
    return tuple(name.partition(":")[2] for name in quantities if name.startswith("latency:"))
