"""A network as ONNX: its logits and the maps of its stages, for any number of images."""

from __future__ import annotations

import importlib
import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import InputError, missing_extra
from neuroguide.models.factory import one_line
from neuroguide.models.onnx_files import METADATA
from neuroguide.models.preprocess import Preprocess

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


def write_onnx(network: nn.Module, preprocess: Preprocess, images: Tensor, path: Path) -> None:
    """Write a network in evaluation mode; input ``images``, outputs ``logits`` and one for each of its stages.

    :class:`neuroguide.models.onnx_files.OnnxNetwork` reads it.

    Parameters
    ----------
    network : nn.Module
        Its attribute ``stage_names`` names its stages.
    preprocess : Preprocess
        Kept in the file.
    images : Tensor of shape (n, channels, size, size)
        An example; the number of images stays free.
    path : Path

    Raises
    ------
    InputError
        If torch cannot export it.
    """
    import onnx

    stage_names: tuple[str, ...] = network.stage_names  # type: ignore[assignment]
    shown = _Staged(network, stage_names).eval()
    described = json.dumps({"size": preprocess.size, "mean": preprocess.mean, "std": preprocess.std})
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
            model = onnx.load(temporary)
            onnx.helper.set_model_props(model, {METADATA: described})
            onnx.save(model, temporary)
        except Exception as error:  # whatever the exporter meets in a user's network
            raise InputError(
                f"torch {torch.__version__} cannot export this network to ONNX: {one_line(error)}"
            ) from error


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
