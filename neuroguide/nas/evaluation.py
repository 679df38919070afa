"""One candidate, from a JSON spec to a JSON outcome: built, trained, validated, measured by the guide.

This is what an executor runs. The outcome depends on the spec alone, never on what ran before in the same process;
opened data and guides are kept for the next candidate.
"""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.engine.device import resolve_device
from neuroguide.nas import guides
from neuroguide.nas.cost import count_cost
from neuroguide.nas.data import TrainingData, open_data
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.spaces import Space, open_space
from neuroguide.nas.training import TrainingResult, train, training_seed

#: Version of the weights files.
FORMAT = "1"

_REQUIRED = {"space", "architecture", "data", "fidelity", "guide", "guide_folder", "seed"}
_OPTIONAL = {"device", "hash", "weights"}


def make_spec(
    space: Space[Any],
    arch: Any,
    *,
    data: TrainingData,
    fidelity: Fidelity,
    guide_spec: Mapping[str, Any],
    guide_folder: str | Path,
    seed: int,
    device: str = "auto",
    weights: str | Path | None = None,
) -> dict[str, Any]:
    """The spec of one candidate.

    Parameters
    ----------
    space : Space
        Opened by name, so that a worker can open it again.
    arch
        One of its architectures.
    data : TrainingData
        Opened by name, or saved (:meth:`TrainingData.save`).
    fidelity : Fidelity
    guide_spec : mapping
        What the prepared guide's ``save`` returned.
    guide_folder : path
        Where it saved; every worker must see it under this path.
    seed : int
        The run's seed; the training's derives from it, the architecture and the fidelity.
    device : str
    weights : path, optional
        Where to write the trained weights (``.safetensors``).

    Raises
    ------
    InputError
        If the space or the data could not be opened by a worker.
    """
    if space.origin is None:
        raise InputError(
            f'the space {space.name!r} was made in memory; open it by open_space("file.py:factory") for workers'
        )
    if data.origin is None:
        raise InputError(f"the data {data.name!r} are in memory; save them to a file for workers (data.save)")
    return {
        "space": space.origin,
        "architecture": space.to_json(arch),
        "hash": space.hash(arch),
        "data": {**data.origin, "identifier": data.identifier},
        "fidelity": fidelity.to_json(),
        "guide": dict(guide_spec),
        "guide_folder": str(guide_folder),
        "seed": seed,
        "device": device,
        "weights": None if weights is None else str(weights),
    }


def evaluate(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate one candidate.

    Parameters
    ----------
    spec : mapping
        See :func:`make_spec`.

    Returns
    -------
    dict
        Plain JSON: ``hash``; ``measures`` (the guide's: ``P``, ``TG``, ``similarity/<teacher layer>``, words such as
        ``reason``); ``value`` (the guide's, finite); ``reason`` (why it is worth nothing, or None); ``loss`` and
        ``summed_training_loss``; ``parameters``, ``macs``, ``flops`` of one image's forward pass; what was spent:
        ``images_seen``, ``images_forwarded`` (validation and stimuli), ``image_equivalents``, ``spent_flops``,
        ``seconds``, of which ``guidance_seconds``; ``weights`` (the file written, or None).

    Raises
    ------
    InputError
        If the spec is not complete, or space, data or guide are not what they were when it was made.
    """
    started = time.perf_counter()
    _check(spec)
    device = resolve_device(spec.get("device", "auto"))
    space = open_space(spec["space"]["space"], **spec["space"].get("options", {}))
    arch = space.from_json(spec["architecture"])
    key = space.hash(arch)
    if spec.get("hash", key) != key:
        raise InputError(f"the space {space.name!r} is another one here: {spec['hash']} hashes to {key}")
    data = opened_data(json.dumps(spec["data"], sort_keys=True), str(device))
    guide = opened_guide(json.dumps(spec["guide"], sort_keys=True), spec["guide_folder"])
    fidelity = Fidelity.from_json(spec["fidelity"])

    before: guides.Measures = {}
    guidance_seconds = 0.0

    def look(_images: int, untrained: nn.Module, _loss: float) -> None:
        nonlocal guidance_seconds
        looked = time.perf_counter()
        stages = untrained.stage_names
        before.update(guide.measure(untrained, stages, accuracy=None, device=device))  # type: ignore[arg-type]
        guidance_seconds += time.perf_counter() - looked

    # without a training, before is after
    twice = getattr(guide, "looks_before", False) and fidelity.images > 0
    watching = {"milestones": (0,), "at_milestone": look} if twice else {}
    network, result = train_candidate(space, arch, data, fidelity, seed=spec["seed"], device=device, **watching)
    guided = time.perf_counter()
    measures = guide.measure(
        network,
        network.stage_names,  # type: ignore[arg-type]
        accuracy=math.nan if result.diverged else result.accuracy,
        device=device,
    )
    guidance_seconds += time.perf_counter() - guided
    reason = result.diverged or measures.get("reason")
    if reason is not None:
        measures = {**measures, "reason": reason}
    cost = count_cost(network, (3, data.image_size, data.image_size))
    if hasattr(guide, "with_training"):
        facts = {
            "images": result.images_seen, "loss": result.loss, "summed_training_loss": result.summed_training_loss,
            "parameters": cost.parameters, "flops": cost.flops,
        }  # fmt: skip
        facts = {name: fact for name, fact in facts.items() if fact is not None}
        measures = guide.with_training(measures, facts, before if twice else measures)
    shown = guide.images_forwarded * (1 + twice)
    forwarded = result.images_forwarded + shown
    if spec.get("weights") is not None:
        save_weights(network, spec["weights"], space=space, arch=arch, data=data)
    return {
        "hash": key,
        "measures": measures,
        "value": guide.value(measures),
        "reason": reason,
        "loss": result.loss,
        "summed_training_loss": result.summed_training_loss,
        "parameters": cost.parameters,
        "macs": cost.macs,
        "flops": cost.flops,
        "images_seen": result.images_seen,
        "images_forwarded": forwarded,
        "image_equivalents": result.images_seen + forwarded / 3,
        "spent_flops": result.flops + cost.flops * shown,
        "seconds": time.perf_counter() - started,
        "guidance_seconds": guidance_seconds,
        "weights": spec.get("weights"),
    }


def train_candidate(
    space: Space[Any],
    arch: Any,
    data: TrainingData,
    fidelity: Fidelity,
    *,
    seed: int,
    device: str | torch.device = "auto",
    **watching: Any,
) -> tuple[nn.Module, TrainingResult]:
    """Build an architecture and train it, with all randomness derived from the seed, the architecture and the fidelity.

    Parameters
    ----------
    space : Space
    arch
    data : TrainingData
    fidelity : Fidelity
    seed : int
        The run's.
    device : str or torch.device
    **watching
        ``milestones`` and ``at_milestone`` of :func:`neuroguide.nas.training.train`.
    """
    own = training_seed(seed, space.hash(arch), fidelity)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(own, "weights"))
        network = space.build(arch, image_size=data.image_size, n_classes=data.n_classes)
    return network, train(network, data, fidelity, seed=own, device=device, **watching)


def save_weights(network: nn.Module, path: str | Path, *, space: Space[Any], arch: Any, data: TrainingData) -> None:
    """Write a network's weights, and in the header how to build it, as ``.safetensors``.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()}
    header = {
        "format": FORMAT,
        "space": json.dumps(space.origin),
        "architecture": json.dumps(space.to_json(arch)),
        "image_size": str(data.image_size),
        "classes": json.dumps(data.classes),
        "mean": json.dumps(data.mean),
        "std": json.dumps(data.std),
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def _check(spec: Mapping[str, Any]) -> None:
    missing, unknown = _REQUIRED - set(spec), set(spec) - _REQUIRED - _OPTIONAL
    if missing or unknown:
        raise InputError(f"the spec of a candidate lacks {sorted(missing)} or has unknown entries {sorted(unknown)}")


@functools.lru_cache(maxsize=2)
def opened_data(key: str, device: str) -> TrainingData:
    """Training data from the JSON of a spec's ``data``, kept for the next candidate."""
    wanted = json.loads(key)
    data = open_data(wanted["data"], **wanted.get("options", {}))
    if data.identifier != wanted["identifier"]:
        raise InputError(
            f"the training data {wanted['data']} are not those of the search ({wanted['identifier']}, "
            f"here {data.identifier})"
        )
    return data.to(torch.device(device))


@functools.lru_cache(maxsize=4)
def opened_guide(key: str, folder: str) -> guides.PreparedGuide:
    """A guide from the JSON of a spec's ``guide``, kept for the next candidate."""
    return guides.load(json.loads(key), Path(folder))
