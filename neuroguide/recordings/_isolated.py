"""Files without a checksum are read in a child process: a broken one may crash or spin inside a library's C code.

The child stays for the next file and is replaced after a fault. What it read comes back as plain arrays and JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neuroguide._core import errors
from neuroguide._core.errors import FileError, InputError, NeuroguideError, NeuroguideWarning
from neuroguide._core.processes.tasks import TaskError
from neuroguide._core.processes.warm import WarmChild

#: Seconds for a file of no size, and bytes that it gets more for each second: a slow disk is not a hostile file.
_SECONDS, _BYTES_A_SECOND = 60.0, 5e6

#: Bytes that reading may take: for a file of no size, and for each of its bytes (compressed ones grow).
_LEAST_MEMORY, _MEMORY_A_BYTE = 4 * 2**30, 20

_lock = threading.Lock()
_child: tuple[int, WarmChild] | None = None
_here = False


def read_isolated(function: str, path: Path, options: Mapping[str, Any] | None = None) -> Any:
    """Call ``function(path, **options)`` in a child process and bring back what it returns.

    Parameters
    ----------
    function : str
        ``"module:function"``, of neuroguide; it returns a DataArray, a Dataset or plain JSON.
    path : Path
        The file.
    options : mapping, optional
        What is no JSON (a table in memory, say) cannot be sent: the file is then read in this process.

    Raises
    ------
    FileError
        If reading crashes, takes too long for a file of this size, or too much memory.
    NeuroguideError
        Whatever the function raises.
    """
    sent = _sendable(options or {})
    if _here or sent is None:
        return _find(function)(path, **(options or {}))
    size = path.stat().st_size if path.exists() else 0
    with _lock, tempfile.TemporaryDirectory(prefix="neuroguide-") as folder:
        spec = {"function": function, "path": str(path), "options": sent, "folder": folder, "cwd": os.getcwd()}
        try:
            answer = _reader(size).call(f"{__name__}:serve", spec, time_limit=_SECONDS + size / _BYTES_A_SECOND)
        except TaskError as error:
            raise FileError(f"{path} cannot be read: {_how(error)}; it is broken, or not what it says it is") from error
        for message in answer["warnings"]:
            warnings.warn(message, NeuroguideWarning, stacklevel=2)
        if "error" in answer:
            raise _error(answer["error"], answer["message"])
        return _load(answer["result"], Path(folder))


@contextmanager
def in_this_process() -> Iterator[None]:
    """Read files in this process for a while: for tests of what happens inside, and where no child can be had."""
    global _here
    before, _here = _here, True
    try:
        yield
    finally:
        _here = before


def serve(spec: Mapping[str, Any]) -> dict[str, Any]:
    """In the child: read, and leave the arrays in the folder."""
    os.chdir(spec["cwd"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", NeuroguideWarning)
        try:
            found = _find(spec["function"])(Path(spec["path"]), **spec["options"])
            answer: dict[str, Any] = {"result": _save(found, Path(spec["folder"]))}
        except NeuroguideError as error:
            answer = {"error": type(error).__name__, "message": str(error)}
    return {**answer, "warnings": [str(warning.message) for warning in caught]}


def _reader(size: int) -> WarmChild:
    """The child, or a new one if a larger file needs more memory than it may have."""
    global _child
    needed = max(_LEAST_MEMORY, _MEMORY_A_BYTE * size)
    if _child is None or _child[0] < needed:
        if _child is not None:
            _child[1].close()
        _child = needed, WarmChild({"threads": 1, "time_limit": None, "memory_limit": needed})
    return _child[1]


def _find(function: str) -> Any:
    module, _, name = function.partition(":")
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _sendable(options: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        sent: dict[str, Any] = json.loads(json.dumps(options, default=_path, allow_nan=False))
    except (TypeError, ValueError):
        return None
    return sent


def _path(value: object) -> str:
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    raise TypeError


def _how(error: TaskError) -> str:
    """What happened, without the words for candidates."""
    said = {"time": "reading it took too long and was stopped", "memory": "reading it took too much memory"}
    return said.get(error.kind, f"the library that reads it failed ({error})")


def _error(name: str, message: str) -> NeuroguideError:
    kind = getattr(errors, name, InputError)
    return kind(message) if isinstance(kind, type) and issubclass(kind, NeuroguideError) else InputError(message)


def _save(found: Any, folder: Path) -> dict[str, Any]:
    """Arrays as .npy files without objects, everything else as JSON."""
    if isinstance(found, xr.DataArray):
        array = _save(found.to_dataset(name="__array__"), folder)
        return {"name": found.name, "array": array, "attrs": _plain(found.attrs)}
    if not isinstance(found, xr.Dataset):
        return {"json": found}
    variables = []
    for number, (name, variable) in enumerate(found.variables.items()):
        values = variable.values
        np.save(folder / f"{number}.npy", values.astype(str) if values.dtype == object else values, allow_pickle=False)
        variables.append(
            {"name": name, "dims": variable.dims, "coord": name in found.coords, "attrs": _plain(variable.attrs)}
        )
    return {"variables": variables, "attrs": _plain(found.attrs)}


def _load(result: Mapping[str, Any], folder: Path) -> Any:
    if "json" in result:
        return result["json"]
    if "array" in result:
        array = _load(result["array"], folder)["__array__"]
        return array.rename(result["name"]).assign_attrs(result["attrs"])
    data: dict[str, xr.Variable] = {}
    coords: dict[str, xr.Variable] = {}
    for number, variable in enumerate(result["variables"]):
        values = np.load(folder / f"{number}.npy", allow_pickle=False)
        (coords if variable["coord"] else data)[variable["name"]] = xr.Variable(
            variable["dims"], values, variable["attrs"]
        )
    return xr.Dataset(data, coords, attrs=result["attrs"])


def _plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value.item() if isinstance(value, np.generic) else value for name, value in attrs.items()}
