"""How a function that runs elsewhere is named, what goes there and back, and what a failed task leaves."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from neuroguide._core.atomic import is_full
from neuroguide._core.errors import CandidateError, InputError

#: Why a task failed: it raised; took too long; used too much memory; found no room on a disk; its process died; it
#: returned no JSON; the executor was shut down.
FAULTS = ("exception", "time", "memory", "disk", "died", "result", "shutdown")


class TaskError(CandidateError):
    """A task failed.

    Attributes
    ----------
    kind : str
        One of :data:`FAULTS`.
    detail : str
        For the log: a traceback, or the last lines that the process wrote.
    """

    def __init__(self, message: str, kind: str = "exception", detail: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.detail = detail


class NotBegunError(TaskError):
    """The process was gone before the task reached it: no fault of the task, another process may run it."""


def find_function(name: str) -> Callable[[dict[str, Any]], Any]:
    """The function meant by ``"module:function"``.

    Raises
    ------
    InputError
        If there is no such module or function.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise InputError(f"function {name!r} is not of the form 'module:function'")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise InputError(f"function {name!r}: {error}") from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise InputError(f"module {module_name!r} has no function {attribute!r}")
    return function  # type: ignore[no-any-return]


def fault_of(error: BaseException) -> str:
    """Which of :data:`FAULTS` an exception of a task is."""
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return "memory"
    return "disk" if is_full(error) else "exception"


def to_line(message: Mapping[str, Any], what: str) -> str:
    """One line of JSON.

    Raises
    ------
    InputError
        If the message holds what JSON cannot: arrays, objects, infinite numbers or NaN.
    """
    try:
        return json.dumps(message, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must be plain JSON: {error}") from error
