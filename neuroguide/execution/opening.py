"""Executors by name."""

from __future__ import annotations

import re

from neuroguide._core.errors import OptionError
from neuroguide.execution.children import ChildExecutor
from neuroguide.execution.protocol import Executor
from neuroguide.execution.serial import SerialExecutor


def open_executor(
    executor: str | Executor | None = None,
    *,
    threads: int = 1,
    time_limit: float | None = None,
    memory_limit: int | None = None,
) -> Executor:
    """An executor.

    Parameters
    ----------
    executor : str, Executor or None
        None: one child process, task after task. ``"local:N"``: N child processes. ``"inline"``: this process, without
        limits. An executor is returned as it is.
    threads, time_limit, memory_limit
        Of each child; see :class:`ChildExecutor`.

    Raises
    ------
    OptionError
        If the name is unknown, or limits are asked of an executor that has none.
    """
    if executor is None or isinstance(executor, str):
        name = executor or "local:1"
        if name == "inline":
            if time_limit is not None or memory_limit is not None:
                raise OptionError("executor 'inline' cannot stop a task; leave the limits out, or use 'local:1'")
            return SerialExecutor()
        match = re.fullmatch(r"local:([1-9]\d{0,3})", name)
        if match is None:
            raise OptionError(
                f"unknown executor {name!r}; give None, 'inline', 'local:2' (number of processes) or an object"
            )
        return ChildExecutor(int(match[1]), threads=threads, time_limit=time_limit, memory_limit=memory_limit)
    return executor
