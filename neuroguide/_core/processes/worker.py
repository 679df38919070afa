"""The child's side: read a task from standard input, run it, write one line to standard output.

Nothing else reaches that pipe: what a task prints goes to standard error. When the parent is gone, standard input
ends, and the process with it, whatever it is doing.
"""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

from neuroguide._core.processes.tasks import fault_of, find_function, to_line

#: Seconds after the parent's limit at which a child ends by itself, if its parent did not do it.
_GRACE = 15.0


def main() -> None:
    """Serve tasks until standard input ends."""
    tasks = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # a task that prints or reads must not touch the protocol
    os.dup2(2, 1)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    settings = json.loads(tasks.readline())
    _limit_memory(settings["memory_limit"])
    _write(answers, {"ready": os.getpid()})
    for task in _listen(tasks):
        _write(answers, {"begun": task["id"]})
        if task["time_limit"] is not None:
            # a timer in C: it fires even while a library holds the interpreter's lock and the parent is gone
            faulthandler.dump_traceback_later(task["time_limit"] + _GRACE, exit=True)
        _write(answers, _run(task, settings["threads"]))
        faulthandler.cancel_dump_traceback_later()


def _listen(tasks: TextIO) -> Iterator[dict[str, Any]]:
    """Tasks as they come; the process ends with the input, even in the middle of a task."""
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def read() -> None:
        for line in tasks:
            waiting.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True, name="tasks").start()
    while True:
        yield waiting.get()


def _run(task: dict[str, Any], threads: int) -> dict[str, Any]:
    try:
        function = find_function(task["function"])
        # after the import that brings torch in
        if (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(threads)
        answer = {"id": task["id"], "result": function(task["spec"])}
    except BaseException as error:
        return _failure(task, fault_of(error), f"{type(error).__name__}: {error}")
    try:
        to_line(answer, "a result")
    except Exception as error:
        return _failure(task, "result", str(error))
    return answer


def _failure(task: dict[str, Any], kind: str, message: str) -> dict[str, Any]:
    return {"id": task["id"], "fault": kind, "message": message, "detail": traceback.format_exc()}


def _write(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(to_line(message, "an answer") + "\n")
    answers.flush()


def _limit_memory(limit: int | None) -> None:
    """Let the system refuse private memory beyond what the process has now plus the limit (Linux).

    The parent watches the resident size as well; this stops one allocation that is far too large before it is filled.
    """
    if limit is None or not sys.platform.startswith("linux"):
        return
    import resource

    with open("/proc/self/status", encoding="ascii") as status:
        now = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = now + limit
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
