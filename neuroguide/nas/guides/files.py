"""A prepared teacher on disk: a JSON spec, and its RDMs and stimuli in a safetensors file beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import FileError, InputError, NeuroguideError
from neuroguide._core.paths import check_relative
from neuroguide.models.preprocess import Preprocess
from neuroguide.nas.guides.base import FORMAT
from neuroguide.nas.guides.lesson import TeacherLayer
from neuroguide.nas.guides.standard import Standard

#: Largest file of RDMs and stimuli that is read.
_MAX_BYTES = 4 * 1024**3

_LAYER = ("name", "stimuli", "ceiling", "weight", "distance", "comparison", "normalise", "about")


def save_teacher(
    folder: Path,
    name: str,
    layers: Sequence[TeacherLayer],
    shown: Sequence[Tensor],
    preprocess: Preprocess,
    standard: Standard | None,
    needs_reference: bool,
) -> dict[str, Any]:
    """Write RDMs and stimuli under a name made of their content; return the spec.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    tensors = {f"rdm.{index}": layer.rdm.contiguous() for index, layer in enumerate(layers)}
    tensors |= {f"stimuli.{index}": pixels.contiguous() for index, pixels in enumerate(shown)}
    data = tensors_to_bytes(tensors)
    digest = hashlib.sha256(data).hexdigest()
    target = Path(folder) / f"guide-{digest[:16]}.safetensors"
    if not target.is_file() or hashlib.sha256(target.read_bytes()).hexdigest() != digest:
        with atomic_path(target) as temporary:
            temporary.write_bytes(data)
    return {
        "format": FORMAT,
        "guide": "teacher",
        "name": name,
        "file": target.name,
        "sha256": digest,
        "image_size": preprocess.size,
        "mean": list(preprocess.mean),
        "std": list(preprocess.std),
        "degrees": preprocess.degrees,
        "layers": [{key: _plain(getattr(layer, key)) for key in _LAYER} for layer in layers],
        "standard": None if standard is None else {key: dict(getattr(standard, key)) for key in ("mean", "sd", "n")},
        "needs_reference": needs_reference,
    }


def read_teacher(
    spec: Mapping[str, Any], folder: Path
) -> tuple[str, tuple[TeacherLayer, ...], tuple[Tensor, ...], Preprocess, Standard | None, bool]:
    """What :func:`save_teacher` was given, from its spec and the folder.

    Raises
    ------
    FileError
        If the spec lacks something, or the file is missing, was changed, or does not fit the spec.
    """
    try:
        tensors = _tensors(folder, str(spec["file"]), str(spec["sha256"]))
        layers = tuple(
            TeacherLayer(rdm=tensors[f"rdm.{index}"], **{key: layer[key] for key in _LAYER})
            for index, layer in enumerate(spec["layers"])
        )
        n_sets = 1 + max(layer.stimuli for layer in layers)
        shown = tuple(tensors[f"stimuli.{index}"] for index in range(n_sets))
        preprocess = Preprocess(int(spec["image_size"]), tuple(spec["mean"]), tuple(spec["std"]), spec["degrees"])
        standard = None if spec["standard"] is None else Standard(**spec["standard"])
        _check_shapes(layers, shown, preprocess)
        return str(spec["name"]), layers, shown, preprocess, standard, bool(spec["needs_reference"])
    except FileError:
        raise
    except (KeyError, TypeError, ValueError, NeuroguideError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise FileError(f"the saved guide in {folder} is not as it was written ({reason}); prepare it again") from error


def _tensors(folder: Path, name: str, digest: str) -> dict[str, Tensor]:
    path = Path(folder) / check_relative(name, source="the saved guide")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path} is larger than the {_MAX_BYTES:,} bytes that a guide may have")
        data = path.read_bytes()
    except OSError as error:
        raise FileError(
            f"{path}, the RDMs of a guide, cannot be read ({error.strerror}); prepare the guide again"
        ) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise FileError(f"{path} has another checksum than its guide says; it was changed or cut: prepare it again")
    try:
        return tensors_from_bytes(data)
    except SafetensorError as error:
        raise FileError(f"{path} is not a safetensors file ({error}); prepare the guide again") from error


def _check_shapes(layers: Sequence[TeacherLayer], shown: Sequence[Tensor], preprocess: Preprocess) -> None:
    for pixels in shown:
        if pixels.dtype != torch.uint8 or pixels.shape[1:] != (preprocess.channels, preprocess.size, preprocess.size):
            raise InputError(f"stimuli of shape {tuple(pixels.shape)} and type {pixels.dtype} do not fit the guide")
    for layer in layers:
        n = len(shown[layer.stimuli])
        if layer.rdm.shape != (n * (n - 1) // 2,):
            raise InputError(f"the RDM of {layer.name!r} has {layer.rdm.numel()} pairs for {n} stimuli")


def _plain(value: Any) -> Any:
    """As JSON has it: numpy's numbers and strings become Python's."""
    return json.loads(json.dumps(value, default=lambda item: item.item()))
