"""What an executor is."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Executor(Protocol):
    """Runs functions named ``"module:function"`` that take and return JSON objects."""

    def submit(self, function: str, spec: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Start a task; its future holds the result, or a :class:`neuroguide.execution.TaskError`."""
        ...

    def shutdown(self) -> None:
        """End everything now: what runs is stopped, what waits is cancelled."""
        ...
