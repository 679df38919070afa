"""Executors by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Executor as StandardExecutor
from typing import TYPE_CHECKING, Any

from neuroguide._core.errors import OptionError
from neuroguide.execution.children import ChildExecutor
from neuroguide.execution.cluster import BATCH, DaskExecutor, batch_cluster, connect, local_client
from neuroguide.execution.pool import PoolExecutor
from neuroguide.execution.protocol import Executor
from neuroguide.execution.serial import SerialExecutor

if TYPE_CHECKING:
    from distributed import Client


def open_executor(
    executor: str | Executor | StandardExecutor | Client | None = None,
    *,
    threads: int = 1,
    time_limit: float | None = None,
    memory_limit: int | None = None,
    cluster: Mapping[str, Any] | None = None,
) -> Executor:
    """An executor.

    Parameters
    ----------
    executor : str, Executor, concurrent.futures.Executor, distributed.Client or None
        None: one child process, task after task. ``"local:N"``: N child processes. ``"inline"``: this process, without
        limits. ``"dask"``: a dask cluster on this machine; ``"dask:tcp://host:8786"``: the one at that address;
        ``"slurm"``, ``"pbs"``, ``"sge"``, ``"lsf"``: batch jobs. A dask client or an executor of the standard library
        is wrapped; one of ours is returned as it is.
    threads, time_limit, memory_limit
        Of each child; see :class:`ChildExecutor`.
    cluster : mapping, optional
        For batch jobs; see :func:`neuroguide.execution.cluster.batch_cluster`.

    Raises
    ------
    OptionError
        If the name is unknown, or limits are asked of an executor that has none.
    MissingExtraError
        If dask is needed and not installed.
    """
    limits: dict[str, Any] = {"threads": threads, "time_limit": time_limit, "memory_limit": memory_limit}
    if executor is None or isinstance(executor, str):
        return _named(executor or "local:1", limits, cluster or {})
    if isinstance(executor, StandardExecutor):
        _without_limits(limits, f"a {type(executor).__name__}")
        return PoolExecutor(executor, threads=threads)
    if hasattr(executor, "scheduler_info"):
        return DaskExecutor(executor, **limits)
    return executor


def _named(name: str, limits: dict[str, Any], cluster: Mapping[str, Any]) -> Executor:
    if cluster and name not in BATCH:
        raise OptionError(f"executor {name!r} takes no options of a batch system; leave out {', '.join(cluster)}")
    if name == "inline":
        _without_limits(limits, "executor 'inline'")
        return SerialExecutor()
    if match := re.fullmatch(r"local:([1-9]\d{0,3})", name):
        return ChildExecutor(int(match[1]), **limits)
    if name == "dask":
        return DaskExecutor(local_client(), own=True, **limits)
    if name.startswith("dask:"):
        return DaskExecutor(connect(name.removeprefix("dask:")), own=True, **limits)
    if name in BATCH:
        from distributed import Client

        jobs = batch_cluster(name, cluster)
        count = int(cluster.get("jobs", 1))
        jobs.scale(jobs=count)
        return DaskExecutor(Client(jobs), own=True, expected=count, **limits)
    raise OptionError(
        f"unknown executor {name!r}; give None, 'inline', 'local:2' (number of processes), 'dask', "
        f"'dask:tcp://host:8786', {', '.join(map(repr, BATCH))} or an object"
    )


def _without_limits(limits: Mapping[str, Any], what: str) -> None:
    if limits["time_limit"] is not None or limits["memory_limit"] is not None:
        raise OptionError(f"{what} cannot stop a task; leave the limits out, or use 'local:1'")
