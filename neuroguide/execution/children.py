"""Tasks in warm child processes that can be killed, as many at a time as there are workers.

A child is a fresh interpreter; it stays for the next task as long as nothing went wrong in it, and is replaced after
any fault. So a task sees nothing of the one before but what its modules keep on purpose (opened data).
"""

from __future__ import annotations

import contextlib
import queue
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.processes.child import Child
from neuroguide._core.processes.memory import can_watch
from neuroguide._core.processes.tasks import TaskError, to_line
from neuroguide._core.processes.warm import WarmChild


class ChildExecutor:
    """Runs tasks in child processes, as many at a time as there are workers, in the order in which they came.

    Parameters
    ----------
    workers : int
        Child processes; 1 runs one task after another.
    threads : int
        Threads of numerical libraries in each child. Results are bit for bit the same only for one thread count.
    time_limit : float, optional
        Seconds a task may take; it is then stopped.
    memory_limit : int, optional
        Bytes that a child may hold, its libraries and opened data included; it is then stopped (Linux and macOS).

    Raises
    ------
    OptionError
        If a number is impossible, or memory cannot be watched on this system.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        threads: int = 1,
        time_limit: float | None = None,
        memory_limit: int | None = None,
    ) -> None:
        if workers < 1 or threads < 1:
            raise OptionError(f"workers and threads must be at least 1, not {workers} and {threads}")
        if time_limit is not None and not time_limit > 0:
            raise OptionError(f"time_limit must be above 0 seconds, not {time_limit}")
        if memory_limit is not None and not can_watch():
            raise OptionError("memory_limit needs Linux or macOS; leave it out here")
        self.workers = workers
        self.threads = threads
        self.time_limit = time_limit
        self.memory_limit = memory_limit
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._serving: list[threading.Thread] = []
        self._closed = threading.Event()
        # an executor that is forgotten, or an interpreter that ends, leaves no process behind
        self._finalizer = weakref.finalize(self, _end, self._tasks, self._children, self._lock, self._closed, workers)

    def submit(self, function: str, spec: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Queue a task; its future holds the result, or a :class:`TaskError` that says what happened.

        Raises
        ------
        InputError
            If the spec is no JSON, or the executor is shut down.
        """
        if self._closed.is_set():
            raise InputError("this executor is shut down; make a new one")
        to_line(spec, "a spec")
        future: Future[dict[str, Any]] = Future()
        self._tasks.put((future, function, spec, self))
        if len(self._serving) < self.workers:
            # a waiting thread holds no executor, a task does: one that is forgotten ends when its tasks are done
            thread = threading.Thread(
                target=_serve, args=(self._tasks, self._children, self._lock, self._closed, self._limits()), daemon=True
            )
            self._serving.append(thread)
            thread.start()
        return future

    def shutdown(self) -> None:
        """Stop what runs (its future holds a fault of kind ``shutdown``), cancel what waits, end the processes."""
        self._finalizer()
        for thread in self._serving:
            thread.join(timeout=10)

    def __enter__(self) -> ChildExecutor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()

    def _limits(self) -> dict[str, Any]:
        return {"threads": self.threads, "time_limit": self.time_limit, "memory_limit": self.memory_limit}


_Task = tuple["Future[dict[str, Any]]", str, Mapping[str, Any], ChildExecutor]


def _serve(
    tasks: queue.SimpleQueue[_Task | None],
    children: set[Child],
    lock: threading.Lock,
    closed: threading.Event,
    limits: dict[str, Any],
) -> None:
    """One worker: takes tasks until told to stop, with a child that is replaced after a fault."""

    def made(child: Child) -> None:
        with lock:
            children.add(child)
        if closed.is_set():
            raise _stopped()

    def gone(child: Child) -> None:
        with lock:
            children.discard(child)

    warm = WarmChild(limits, made=made, gone=gone)
    while (task := tasks.get()) is not None:
        future, function, spec, _ = task
        if future.set_running_or_notify_cancel():
            try:
                result = warm.call(function, spec)
            except BaseException as error:
                future.set_exception(_stopped() if closed.is_set() else error)
            else:
                future.set_result(result)
        del task, future, _
    warm.close()


def _stopped() -> TaskError:
    return TaskError("it was stopped, because its executor was shut down", "shutdown")


def _end(
    tasks: queue.SimpleQueue[_Task | None],
    children: set[Child],
    lock: threading.Lock,
    closed: threading.Event,
    workers: int,
) -> None:
    closed.set()
    with contextlib.suppress(queue.Empty):
        while True:
            if (task := tasks.get_nowait()) is not None:
                task[0].cancel()
    for _ in range(workers):
        tasks.put(None)
    with lock:
        for child in children:
            child.kill()
