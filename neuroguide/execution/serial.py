"""Tasks in this process, one after another: for debugging, and where no child process can be had."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from neuroguide._core.processes.tasks import TaskError, fault_of, find_function, to_line


class SerialExecutor:
    """Runs every task at once, in this process: no limits, and this process's thread count.

    Spec and result pass through JSON as they would on the way to another process, so that a task that works here works
    there.
    """

    def submit(self, function: str, spec: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Run the task and return its finished future.

        Raises
        ------
        InputError
            If the function does not exist or the spec is no JSON.
        """
        task = find_function(function)
        sent = json.loads(to_line(spec, "a spec"))
        future: Future[dict[str, Any]] = Future()
        try:
            result = json.loads(to_line({"result": task(sent)}, "a result"))["result"]
        except Exception as error:
            fault = TaskError(f"{type(error).__name__}: {error}", fault_of(error), traceback.format_exc())
            fault.__cause__ = error
            future.set_exception(fault)
        else:
            future.set_result(result)
        return future

    def shutdown(self) -> None:
        """Nothing runs between calls."""
