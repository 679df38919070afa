"""From a run or a weights file to a folder that needs no neuroguide, checked against the original."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from neuroguide._core.atomic import write_text
from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide._version import __version__
from neuroguide.models.capture import forward
from neuroguide.models.factory import call_factory, is_factory
from neuroguide.models.onnx_files import OnnxNetwork
from neuroguide.models.state import fixed_draws
from neuroguide.nas.export.module import module_text
from neuroguide.nas.export.onnx_file import LOGITS, check_onnx, write_onnx
from neuroguide.nas.folder import now
from neuroguide.nas.maturing import RESULT
from neuroguide.nas.retraining import Retrained, open_retrained, retrained
from neuroguide.nas.run import SearchRun, open_run
from neuroguide.nas.spaces import Space, open_space
from neuroguide.nas.trained import TrainedNetwork, open_trained

FORMAT = 1

#: Largest difference of an answer from the original's, in units of the largest answer (or of 1, if that is more).
TOLERANCE = 1e-5

#: Regions that Brain-Score knows; a teacher layer stands for one if its name ends with it ("monkey IT").
_REGIONS = ("V1", "V2", "V4", "IT")
_CHECKED_IMAGES = 8
_ONNX = "model.onnx"


@dataclass(frozen=True)
class Export:
    """An exported network.

    Attributes
    ----------
    folder : Path
        With ``model.py``, ``weights.safetensors``, ``export.json`` and perhaps ``model.onnx``.
    about : dict
        What is in ``export.json``: where the network comes from, how it scored, its preprocessing, the SHA-256 of the
        files, and under ``differences`` how far their answers are from the original's.
    """

    folder: Path
    about: dict[str, Any]

    @property
    def model(self) -> str:
        """As :func:`neuroguide.score` takes it: ``FOLDER/model.py:make``."""
        return f"{self.folder / 'model.py'}:make"


@dataclass(frozen=True)
class _Source:
    """A trained network, in words, and what is known of it."""

    trained: TrainedNetwork
    words: str
    about: dict[str, Any]


def export(
    source: SearchRun | Retrained | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    trial: int | None = None,
    onnx: bool = False,
    space: Space[Any] | None = None,
) -> Export:
    """Write a trained network into a folder that needs no neuroguide.

    ``model.py`` is readable source, made of the parts of the space that build this architecture; it needs torch, and
    safetensors to read ``weights.safetensors``. Everything is read back and must answer as the original does, within
    1e-5, before the folder gets its name.

    Parameters
    ----------
    source : SearchRun, Retrained or path
        A run or its folder: of the trial, the retraining on the most images, else the weights that the search kept. Or
        one retraining, or a ``.safetensors`` file of either.
    folder : path
        A new one.
    trial : int, optional
        Which of a run; the best by default.
    onnx : bool
        Write ``model.onnx`` too (extra ``onnx``): logits and the maps of all stages.
    space : Space, optional
        For a bare weights file of a space of one's own; see :func:`neuroguide.nas.trained.open_trained`.

    Returns
    -------
    Export

    Raises
    ------
    FileError
        If there is nothing to export, the folder exists, or it cannot be written.
    InputError
        If the network cannot be written as source (it needs another package than torch, say), or what was written
        answers differently.
    MissingExtraError
        If ONNX is asked and a package for it is not installed.
    """
    target = Path(folder).expanduser()
    if target.exists():
        raise FileError(f"{target} exists already; choose a new folder for the export")
    if onnx:
        check_onnx()
    found = _find(source, trial, space)
    with _made(target) as temporary:
        about = _write(found, temporary, onnx)
        write_text(temporary / "export.json", json.dumps(about, indent=1, allow_nan=False) + "\n")
    return Export(target, about)


def _write(found: _Source, folder: Path, onnx: bool) -> dict[str, Any]:
    trained = found.trained
    function, arguments = trained.space.recipe(
        trained.architecture, image_size=trained.preprocess.size, n_classes=len(trained.classes), in_channels=3
    )
    regions = _region_layer_map(found.about.get("measures", {}))
    text = module_text(
        function, arguments,
        about=found.words, preprocess=trained.preprocess, classes=trained.classes, region_layer_map=regions,
    )  # fmt: skip
    write_text(folder / "model.py", text)
    bare = call_factory(f"{folder / 'model.py'}:untrained")
    kept = {name: trained.weights[name] for name in bare.state_dict() if name in trained.weights}
    # save_file would leave a file that only its owner may read
    (folder / "weights.safetensors").write_bytes(tensors_to_bytes(kept))

    images = _images(trained)
    stage_names: tuple[str, ...] = trained.network.stage_names  # type: ignore[assignment]
    original = _answers(trained.network, stage_names, images)
    module = call_factory(f"{folder / 'model.py'}:make")
    differences = {"model.py": _compared(original, _answers(module, stage_names, images), "model.py")}
    if onnx:
        write_onnx(module, trained.preprocess, images[:2], folder / _ONNX)
        differences[_ONNX] = _compared(original, _answers(OnnxNetwork(folder / _ONNX), stage_names, images), _ONNX)
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    return {
        "format": FORMAT,
        "neuroguide": __version__,
        "torch": torch.__version__,
        "at": now(),
        "about": found.words,
        "space": trained.space.name,
        "architecture": trained.space.to_json(trained.architecture),
        "hash": trained.space.hash(trained.architecture),
        "classes": list(trained.classes),
        "preprocess": {
            "size": trained.preprocess.size, "mean": trained.preprocess.mean, "std": trained.preprocess.std,
            "pixels": "RGB in [0, 1], the whole image, on grey if it is not square",
        },
        "stage_names": list(stage_names),
        "region_layer_map": regions,
        "left_out": sorted(set(trained.weights) - set(kept)),
        "differences": differences,
        "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
        **found.about,
    }  # fmt: skip


def _find(
    source: SearchRun | Retrained | str | os.PathLike[str], trial: int | None, space: Space[Any] | None
) -> _Source:
    if isinstance(source, SearchRun):
        return _of_run(source, trial)
    if isinstance(source, Retrained):
        return _of_retrained(source.path)
    path = Path(source).expanduser()
    if path.is_dir() and not (path / RESULT).is_file():
        return _of_run(open_run(path), trial)
    if trial is not None:
        raise OptionError(f"trial={trial} belongs to a run's folder; {path} is one network already")
    if path.is_dir():
        return _of_retrained(path)
    trained = open_trained(path, space=space)
    return _Source(trained, f"A network of the space {trained.space.name} from {path.name}.", {"source": path.name})


def _of_run(run: SearchRun, trial: int | None) -> _Source:
    candidate = run.best if trial is None else run.candidate(trial)
    mature = [one for one in retrained(run) if one.trial == candidate.trial]
    if mature:
        return _of_retrained(mature[-1].path)
    if candidate.weights is None:
        raise FileError(
            f"{run.path} keeps no weights of trial {candidate.trial}; train it first: "
            f"neuroguide retrain {run.path} --trial {candidate.trial}"
        )
    own = run.space if is_factory(str(run.settings["space"]["space"])) else None
    trained = open_trained(candidate.weights, space=own)
    words = (
        f"Trial {candidate.trial} of the search {run.path.name} on the space {trained.space.name}, trained a little."
    )
    about = {
        "source": {"run": run.path.name, "trial": candidate.trial},
        "data": _data_of(run),
        "simulated": int(run.settings["guide"].get("simulated", 0)),
        "measures": dict(candidate.measures),
        "training": run.settings.get("training", {}),
    }
    return _Source(trained, words, about)


def _of_retrained(folder: Path) -> _Source:
    run, one = open_retrained(folder)
    origin = one.settings["space"]
    own = open_space(origin["space"], **origin["options"]) if is_factory(str(origin["space"])) else None
    trained = open_trained(one.weights, space=own)
    words = (
        f"Trial {one.trial} of the search {run.path.name} on the space {trained.space.name}, retrained on "
        f"{one.result['images_seen']:,} images."
    )
    about = {
        "source": {"run": run.path.name, "trial": one.trial, "retrained": one.path.name},
        "data": _data_of(run),
        "simulated": int(run.settings["guide"].get("simulated", 0)),
        "accuracy": one.result["accuracy"],
        "test_accuracy": one.result["test_accuracy"],
        "measures": one.result["measures"],
        "training": one.settings["fidelity"],
    }
    return _Source(trained, words, about)


def _data_of(run: SearchRun) -> dict[str, Any]:
    data = run.settings.get("data", {})
    return {name: data.get(name) for name in ("name", "identifier")}


def _region_layer_map(measures: Mapping[str, Any]) -> dict[str, str]:
    """The stage most similar to each region; of two teacher layers for one region, the first by name counts."""
    regions: dict[str, str] = {}
    for key in sorted(measures):
        layer = key.removeprefix("layer/")
        region = layer.rpartition(" ")[2]
        if key != layer and region in _REGIONS and (region not in regions or layer == region):
            regions[region] = str(measures[key])
    return regions


def _images(trained: TrainedNetwork) -> Tensor:
    """Normalised noise: the same for everybody, and nobody's data."""
    side = trained.preprocess.size
    pixels = torch.rand((_CHECKED_IMAGES, 3, side, side), generator=torch.Generator().manual_seed(0))
    return trained.preprocess.normalise(pixels)


def _answers(network: nn.Module, stage_names: tuple[str, ...], images: Tensor) -> dict[str, Tensor]:
    with fixed_draws(images.device):
        found = forward(network.eval(), images, ("", *stage_names), name="the exported network")
    return {name or LOGITS: value for name, value in found.items()}


def _compared(original: Mapping[str, Tensor], answers: Mapping[str, Tensor], what: str) -> dict[str, float]:
    """The largest difference of each output, in units of the original's largest value (or of 1).

    Raises
    ------
    InputError
        If one is above the tolerance.
    """
    differences = {}
    for name, expected in original.items():
        scale = max(1.0, float(expected.abs().max()))
        differences[name] = float((answers[name] - expected).abs().max()) / scale
        # a NaN is no agreement either
        if not differences[name] <= TOLERANCE:
            raise InputError(
                f"the exported {what} answers differently from the original ({name}: {differences[name]:.2g}, allowed "
                f"are {TOLERANCE:g}), so nothing was exported; please report the architecture"
            )
    return differences


@contextmanager
def _made(target: Path) -> Iterator[Path]:
    """A folder that gets its name when everything in it is written and checked."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        shutil.rmtree(temporary / "__pycache__", ignore_errors=True)
        os.replace(temporary, target)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"cannot write {target} ({error.strerror}); choose another folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
