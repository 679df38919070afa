"""Any executor of the standard library's kind, as one of ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from concurrent.futures import Executor as StandardExecutor
from concurrent.futures import Future
from typing import Any

from neuroguide._core.processes.tasks import find_function, to_line


class PoolExecutor:
    """Hands tasks to a :class:`concurrent.futures.Executor`: a pool of processes or threads, MPI, or another like them.

    Nothing stops a task that hangs or fills the memory, and a pool that loses a process is broken for good: the search
    then ends, and can be resumed. The pool stays its owner's: ending the search does not shut it down.

    Parameters
    ----------
    pool : concurrent.futures.Executor
    threads : int
        Threads of torch for a task.
    """

    def __init__(self, pool: StandardExecutor, *, threads: int = 1) -> None:
        self._pool = pool
        self.threads = threads
        #: How many tasks it runs at a time, where it says so.
        self.workers = int(getattr(pool, "_max_workers", 1))
        self._running: set[Future[dict[str, Any]]] = set()

    def submit(self, function: str, spec: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Queue a task; its future holds the result, or what the task raised.

        Raises
        ------
        InputError
            If the spec is no JSON.
        RuntimeError
            If the pool is broken or shut down.
        """
        future = self._pool.submit(call_task, function, to_line(spec, "a spec"), self.threads)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    def shutdown(self) -> None:
        """Cancel what waits; what runs goes on in the pool, which is its owner's."""
        for future in list(self._running):
            future.cancel()


def call_task(function: str, line: str, threads: int) -> dict[str, Any]:
    """Run a task in this process; spec and result pass through JSON."""
    task = find_function(function)
    # after the import that brings torch in
    if (torch := sys.modules.get("torch")) is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    result: dict[str, Any] = json.loads(to_line({"result": task(json.loads(line))}, "a result"))["result"]
    return result
