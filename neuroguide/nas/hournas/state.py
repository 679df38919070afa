"""The state of a search in one file, from which it goes on bit for bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import FileError
from neuroguide.nas.hournas.proposal import Proposals
from neuroguide.nas.hournas.search import HourNAS

#: Raised whenever an older neuroguide would misread a state.
FORMAT = 1


#: Attributes that are numbers, or lists of them, and say where a search stands.
_COUNTERS = ("phase", "steps", "architecture_steps", "weights_seen", "images_spent", "history")

_MOMENTS = "architecture.optimiser."


def pack(search: HourNAS) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (for safetensors) and numbers (for JSON) from which :func:`unpack` goes on."""
    tensors, trainer = search.trainer.state()
    tensors["architecture.logits"] = search.logits.detach().clone()
    for name, value in search.optimiser.state_dict()["state"].get(0, {}).items():
        tensors[_MOMENTS + name] = value.clone()
    if search.proposals is not None:
        tensors["proposals"] = search.proposals.logits.clone()
    tensors["snapshots"] = torch.stack([found for _, _, found in search.snapshots])
    plain = {
        "trainer": trainer,
        "decided": [[block, operation] for block, operation in search.decided.items()],
        "phases": [phase.name for phase in search.phases],
        "snapshots": [[phase, images] for phase, images, _ in search.snapshots],
        **{name: getattr(search, name) for name in _COUNTERS},
    }
    return tensors, plain


def unpack(search: HourNAS, tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> None:
    """Bring a search to where :func:`pack` found one with the same arguments.

    Raises
    ------
    InputError, KeyError
        If it belongs to another search.
    """
    search.phase = min(int(plain["phase"]), len(search.phases) - 1)
    search.prepare_phase()
    for name in _COUNTERS:
        setattr(search, name, plain[name])
    search.decided = {int(block): int(operation) for block, operation in plain["decided"]}
    search.trainer.restore(tensors, plain["trainer"])
    search.logits.copy_(tensors["architecture.logits"])
    moments = {name.removeprefix(_MOMENTS): t for name, t in tensors.items() if name.startswith(_MOMENTS)}
    search.optimiser.load_state_dict({**search.optimiser.state_dict(), "state": {0: moments} if moments else {}})
    search.proposals = (
        Proposals(search.table.with_fixed(search.decided), search.budgets, tensors["proposals"])
        if "proposals" in tensors
        else None
    )
    pictures = zip(plain["snapshots"], tensors["snapshots"], strict=True)
    search.snapshots = [(int(phase), int(images), found) for (phase, images), found in pictures]


def save_state(search: HourNAS, path: Path) -> None:
    """Write a state: tensors as safetensors, everything else as JSON in the header of the same file.

    One file, renamed into its place when it is whole: a process that is killed leaves the state before or this one.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    tensors, plain = pack(search)
    header = {"format": str(FORMAT), "state": json.dumps(plain, allow_nan=True)}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def restore_state(search: HourNAS, path: Path) -> None:
    """Bring a search, made with the same arguments, to where it stood.

    Raises
    ------
    FileError
        If the file is damaged, of a newer neuroguide, or of another search.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if int(header["format"]) > FORMAT:
                raise FileError(
                    f"{path} has format {header['format']}, and this neuroguide reads up to {FORMAT}; install a newer "
                    "neuroguide"
                )
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        plain: dict[str, Any] = json.loads(header["state"])
        with torch.no_grad():
            unpack(search, tensors, plain)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(
            f"{path} is not the state of this search ({error}); restore it from a copy, or remove it to begin again"
        ) from error
