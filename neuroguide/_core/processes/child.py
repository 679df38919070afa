"""A warm child process that can be killed: time and memory limits, one thread count, JSON in and out."""

from __future__ import annotations

import collections
import contextlib
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from neuroguide._core.processes.memory import resident_bytes
from neuroguide._core.processes.tasks import NotBegunError, TaskError, to_line

_log = logging.getLogger("neuroguide.execution")

_START_SECONDS = 120.0
_MAX_ANSWER = 64 * 1024**2
_WATCH_SECONDS = 0.05

_MAIN = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from neuroguide._core.processes.worker import main
main()
"""


class Child:
    """One child process; used from one thread at a time, apart from :meth:`kill`.

    Parameters
    ----------
    threads : int
        Threads of numerical libraries in the child.
    time_limit : float or None
        Seconds a task may take.
    memory_limit : int or None
        Bytes that may be resident in the child, its libraries and opened data included.
    """

    def __init__(self, *, threads: int, time_limit: float | None, memory_limit: int | None) -> None:
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._last_words: collections.deque[bytes] = collections.deque(maxlen=40)
        self._tasks = 0
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-c", _MAIN, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(threads),
            # Ctrl-C in the terminal is the parent's business, and grandchildren can be killed together
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read_answers, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._read_words, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        settings = {"threads": threads, "memory_limit": memory_limit}
        try:
            self._send(settings)
            ready = self._receive(_START_SECONDS)
        except TaskError:
            self.kill()
            raise
        if "ready" not in ready:
            self.kill()
            raise TaskError("the child process did not start", "died", self._words())

    def call(self, function: str, spec: Mapping[str, Any], *, time_limit: float | None = None) -> dict[str, Any]:
        """Run one task, within ``time_limit`` seconds if that is given and else within the child's.

        Raises
        ------
        NotBegunError
            If the child had ended before it took the task.
        TaskError
            If the task fails; the child is then gone, or must be replaced.
        """
        self._tasks += 1
        limit = self._time_limit if time_limit is None else time_limit
        try:
            self._send({"id": self._tasks, "function": function, "spec": spec, "time_limit": limit})
            begun = self._receive(_START_SECONDS)
        except TaskError as error:
            raise NotBegunError(str(error), error.kind, error.detail) from None
        if begun.get("begun") != self._tasks:
            raise TaskError("the child process answered another question", "died", self._words())
        answer = self._receive(limit)
        if answer.get("id") != self._tasks:
            raise TaskError("the child process answered another question", "died", self._words())
        if "fault" in answer:
            raise TaskError(answer["message"], answer["fault"], answer["detail"])
        result: dict[str, Any] = answer["result"]
        return result

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End the process and all that it started; safe to call at any time, from any thread, more than once."""
        # once its end was noticed its number may be another process's
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg"):
                    os.killpg(self.process.pid, signal.SIGKILL)
                else:
                    self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def close(self) -> None:
        """Kill, and release the pipes."""
        self.kill()
        for reader, pipe in zip(self._readers, (self.process.stdout, self.process.stderr), strict=True):
            reader.join(timeout=5)
            if pipe is not None and not reader.is_alive():
                pipe.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        line = to_line(message, "a spec") + "\n"
        try:
            assert self.process.stdin is not None  # a pipe was asked for
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except (OSError, ValueError):
            raise self._death() from None

    def _receive(self, limit: float | None) -> dict[str, Any]:
        started = time.monotonic()
        while True:
            line = self._wait(limit, started)
            if line is None:
                raise self._death()
            try:
                answer = json.loads(line)
            except ValueError:
                raise TaskError(
                    "the child process answered with something that is not JSON", "died", self._words()
                ) from None
            if isinstance(answer, dict):
                return answer

    def _wait(self, limit: float | None, started: float) -> bytes | None:
        while True:
            with contextlib.suppress(queue.Empty):
                return self._answers.get(timeout=_WATCH_SECONDS)
            if limit is not None and time.monotonic() - started > limit:
                self.kill()
                raise TaskError(
                    f"it took longer than its limit of {limit:g} seconds and was stopped", "time", self._words()
                )
            if self._memory_limit is not None and (resident_bytes(self.process.pid) or 0) > self._memory_limit:
                self.kill()
                raise TaskError(
                    f"it used more memory than its limit of {self._memory_limit / 1e6:.0f} MB and was stopped",
                    "memory",
                    self._words(),
                )

    def _death(self) -> TaskError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            # the pipe closes a moment before the process is gone
            self.process.wait(timeout=2)
        # its last words may still be on the way
        self._readers[1].join(timeout=1)
        code = self.process.poll()
        if code is None:
            how = "closed its pipe"
        elif code < 0:
            name = signal.Signals(-code).name if -code in {s.value for s in signal.Signals} else str(-code)
            how = f"was killed by {name}"
            if name == "SIGKILL":
                how += ", perhaps because the machine ran out of memory"
        else:
            how = f"ended with exit code {code}"
        return TaskError(f"its process {how}", "died", self._words())

    def _words(self) -> str:
        return b"".join(self._last_words).decode(errors="replace")

    def _read_answers(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := pipe.readline(_MAX_ANSWER):
                if not line.endswith(b"\n"):
                    # cut short by its death, or beyond all measure: neither is an answer
                    break
                self._answers.put(line)
        self._answers.put(None)

    def _read_words(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := pipe.readline(4096):
                self._last_words.append(line)
                _log.debug("child %s: %s", self.process.pid, line.decode(errors="replace").rstrip())


def _environment(threads: int) -> dict[str, str]:
    counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    # threads that spin while they wait are ten times slower where others want the same processors
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **counts}
