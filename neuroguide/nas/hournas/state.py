"""The state of a search in one file, from which it goes on bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import FileError
from neuroguide.nas.hournas.search import HourNAS

#: Raised whenever an older neuroguide would misread a state.
FORMAT = 1


def save_state(search: HourNAS, path: Path) -> None:
    """Write a state: tensors as safetensors, everything else as JSON in the header of the same file.

    One file, renamed into its place when it is whole: a process that is killed leaves the state before or this one.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    tensors, plain = search.state()
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
            search.restore(tensors, plain)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(
            f"{path} is not the state of this search ({error}); restore it from a copy, or remove it to begin again"
        ) from error
