"""Tasks on a dask cluster: on this machine, at an address, or as jobs of a batch system.

The client alone asks and tells. A worker gets the name of a function and a line of JSON, runs it in a child process
that it can kill, and returns a line of JSON. Weights and inputs pass through the run's folder, which every worker must
see under the same path.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroguide._core.errors import InputError, OptionError, missing_extra
from neuroguide._core.options import check_option
from neuroguide._core.processes.tasks import TaskError, fault_of, to_line
from neuroguide._core.processes.warm import WarmChild
from neuroguide.execution.pool import call_task

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as DaskFuture

_log = logging.getLogger("neuroguide.execution")

#: Batch systems by name, and dask-jobqueue's class for each.
BATCH = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}

#: Where dask shows its status page: for this machine alone, at whatever port is free.
_PAGE = "127.0.0.1:0"

#: Children of this worker process, one for each of its threads and limits.
_children: dict[tuple[int, str], WarmChild] = {}


class DaskExecutor:
    """Runs tasks on the workers of a dask cluster, one at a time on each of their threads.

    Retries are ours: dask is told to give up at once on a task whose worker died.

    Parameters
    ----------
    client : distributed.Client
    threads, time_limit, memory_limit
        Of each child process; see :class:`neuroguide.execution.ChildExecutor`.
    isolate : bool
        Whether a task runs in a child process. Without one there are no limits, and a task that crashes takes the
        worker with it.
    own : bool
        Whether :meth:`shutdown` also ends the client and its cluster.
    expected : int
        Tasks at a time that the cluster will run once all its jobs have started.
    """

    def __init__(
        self,
        client: Client,
        *,
        threads: int = 1,
        time_limit: float | None = None,
        memory_limit: int | None = None,
        isolate: bool = True,
        own: bool = False,
        expected: int = 1,
    ) -> None:
        if not isolate and (time_limit is not None or memory_limit is not None):
            raise OptionError("without a child process (isolate=False) no task can be stopped; leave the limits out")
        self.threads = threads
        self.time_limit = time_limit
        self.memory_limit = memory_limit
        self._client = client
        self._isolate = isolate
        self._own = own
        self._expected = expected
        self._running: dict[str, DaskFuture] = {}
        self._lock = threading.Lock()
        client.run_on_scheduler(_give_up_at_once)

    @property
    def workers(self) -> int:
        """Tasks that it runs at a time: one on each thread of the workers that are there, or expected."""
        return max(self._expected, sum(int(n) for n in self._client.nthreads().values()))

    def submit(self, function: str, spec: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Queue a task; its future holds the result, or a :class:`TaskError`, or ``BrokenExecutor`` without a cluster.

        Raises
        ------
        InputError
            If the spec is no JSON.
        """
        limits = {"threads": self.threads, "time_limit": self.time_limit, "memory_limit": self.memory_limit}
        key = f"neuroguide-{uuid.uuid4().hex}"
        future: Future[dict[str, Any]] = Future()
        future.set_running_or_notify_cancel()
        line = to_line(spec, "a spec")
        sent = self._client.submit(
            run_task, function, line, json.dumps(limits), self._isolate, key=key, pure=False, retries=0
        )
        with self._lock:
            self._running[key] = sent
        sent.add_done_callback(lambda done: self._settle(key, done, future))
        return future

    def check_folder(self, folder: str | os.PathLike[str]) -> None:
        """Refuse a folder that a worker does not see.

        Raises
        ------
        InputError
            Naming the workers that do not.
        """
        blind = [name for name, seen in self._client.run(_sees, str(Path(folder).resolve())).items() if not seen]
        if blind:
            raise InputError(
                f"{len(blind)} of the cluster's workers do not see the run's folder {folder} (first: {blind[0]}); "
                "put it on a file system that all of them share"
            )

    def shutdown(self) -> None:
        """Stop what runs and what waits; the client stays, unless the executor made it."""
        with self._lock:
            left, self._running = list(self._running.values()), {}
        with contextlib.suppress(Exception):  # a cluster that is gone needs no telling
            self._client.cancel(left, force=True)
            # cancelling frees no worker: its child must go
            self._client.run(end_children)
        if self._own:
            cluster = self._client.cluster
            self._client.close()
            if cluster is not None:
                cluster.close()

    def _settle(self, key: str, done: DaskFuture, future: Future[dict[str, Any]]) -> None:
        """Pass on what dask has to say of a task."""
        from distributed.scheduler import KilledWorker

        with self._lock:
            self._running.pop(key, None)
        try:
            answer = done.result()
        except KilledWorker:
            future.set_exception(TaskError("its worker died, or lost its network", "died"))
        except BaseException as error:
            future.set_exception(BrokenExecutor(f"the cluster lost it: {type(error).__name__}: {error}"))
        else:
            if "fault" in answer:
                future.set_exception(TaskError(answer["message"], answer["fault"], answer["detail"]))
            else:
                future.set_result(answer["result"])


def run_task(function: str, line: str, limits: str, isolate: bool) -> dict[str, Any]:
    """On a worker: run one task, in the child of this thread or in this process."""
    try:
        if not isolate:
            return {"result": call_task(function, line, json.loads(limits)["threads"])}
        place = threading.get_ident(), limits
        if place not in _children:
            _children[place] = WarmChild(json.loads(limits))
        return {"result": _children[place].call(function, json.loads(line))}
    except TaskError as error:
        return {"fault": error.kind, "message": str(error), "detail": error.detail}
    except Exception as error:
        return {"fault": fault_of(error), "message": f"{type(error).__name__}: {error}", "detail": ""}


def end_children() -> None:
    """On a worker: end its children, whatever they are doing."""
    for place in list(_children):
        _children.pop(place).close()


def _sees(folder: str) -> bool:
    return Path(folder).is_dir()


def _give_up_at_once(dask_scheduler: Any) -> None:
    dask_scheduler.allowed_failures = 0


def local_client(workers: int | None = None) -> Client:
    """A client of a new cluster of processes on this machine, as many as there are processors."""
    dask = _distributed()
    cluster = dask.LocalCluster(
        n_workers=workers or os.cpu_count() or 1, threads_per_worker=1, processes=True, memory_limit=0,
        dashboard_address=_PAGE, silence_logs=logging.ERROR,
    )  # fmt: skip
    return dask.Client(cluster)


def connect(address: str) -> Client:
    """A client of the scheduler at an address (``tcp://host:8786``).

    Raises
    ------
    OptionError
        If nothing answers there.
    """
    dask = _distributed()
    try:
        return dask.Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise OptionError(f"no dask scheduler answers at {address!r} ({error}); start one, or correct it") from error


def batch_cluster(system: str, options: Mapping[str, Any]) -> Any:
    """A cluster of batch jobs, each a worker of one thread; dask-jobqueue's, with its options.

    Parameters
    ----------
    system : str
        ``"slurm"``, ``"pbs"``, ``"sge"`` or ``"lsf"``.
    options : mapping
        ``jobs`` (how many, 1 by default), and what dask-jobqueue takes: ``queue``, ``account``, ``walltime``,
        ``memory`` ("8GB" by default), ``cores`` (1), ``job_extra_directives`` (a list), ...

    Raises
    ------
    MissingExtraError
        If dask-jobqueue is not installed.
    OptionError
        If there is no such system, or dask-jobqueue refuses an option.
    """
    check_option("batch system", system, list(BATCH))
    _distributed()
    try:
        import dask_jobqueue
    except ImportError as error:
        raise missing_extra("dask-jobqueue", "distributed", f"the executor {system!r}") from error
    given = {name: value for name, value in options.items() if name != "jobs"}
    page = {"scheduler_options": {"dashboard_address": _PAGE}}
    settings = {"cores": 1, "memory": "8GB", "processes": 1, **page, **given}
    try:
        return getattr(dask_jobqueue, BATCH[system])(**settings)
    except (TypeError, ValueError) as error:
        raise OptionError(f"executor {system!r}: {error}") from error


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise missing_extra("dask.distributed", "distributed", "an executor on dask") from error
    return distributed
