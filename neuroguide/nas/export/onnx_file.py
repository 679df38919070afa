"""A network as ONNX: its logits and the maps of its stages, for any number of images."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import InputError, missing_extra
from neuroguide.models.factory import one_line

LOGITS = "logits"
_IMAGES = "images"


def check_onnx() -> None:
    """Whether ONNX can be written and run here.

    Raises
    ------
    MissingExtraError
        If a package of the extra ``onnx`` is not installed.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise missing_extra(name, "onnx", "exporting to ONNX") from error


def write_onnx(network: nn.Module, stage_names: Sequence[str], images: Tensor, path: Path) -> None:
    """Write a network in evaluation mode; input ``images``, outputs ``logits`` and one for each stage.

    Parameters
    ----------
    network : nn.Module
    stage_names : sequence of str
    images : Tensor of shape (n, channels, size, size)
        An example; the number of images stays free.
    path : Path

    Raises
    ------
    InputError
        If torch cannot export it.
    """
    shown = _Staged(network, stage_names).eval()
    with atomic_path(path) as temporary, _quiet():
        try:
            torch.onnx.export(
                shown,
                (images,),
                temporary,
                input_names=[_IMAGES],
                output_names=[LOGITS, *stage_names],
                dynamic_shapes={_IMAGES: {0: torch.export.Dim("n")}},
                external_data=False,
                verbose=False,
                dynamo=True,
            )
        except Exception as error:  # whatever the exporter meets in a user's network
            raise InputError(
                f"torch {torch.__version__} cannot export this network to ONNX: {one_line(error)}"
            ) from error


def run_onnx(path: Path, images: Tensor) -> Mapping[str, Tensor]:
    """What the file answers to images, run by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, map(torch.from_numpy, session.run(None, {_IMAGES: images.numpy()})), strict=True))


class _Staged(nn.Module):
    """A network that returns what its stages put out beside its logits."""

    def __init__(self, network: nn.Module, stage_names: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self._names = tuple(stage_names)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        found: dict[str, Tensor] = {}

        def keep(name: str) -> Any:
            return lambda _module, _inputs, output: found.__setitem__(name, output.clone())

        handles = [self.network.get_submodule(name).register_forward_hook(keep(name)) for name in self._names]
        logits = self.network(images)
        for handle in handles:
            handle.remove()
        return (logits, *(found[name] for name in self._names))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from telling of itself: packages that it can do without, and its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
