"""Dask clusters and pools of the standard library: results come back, faults become sentences, the next task works."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor, wait

import pytest

from neuroguide._core.errors import InputError, OptionError
from neuroguide.execution import DaskExecutor, PoolExecutor, TaskError, open_executor
from neuroguide.execution.cluster import batch_cluster

distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed (extra distributed)")

TASKS = """
import os, time

def echo(spec):
    return {"got": spec, "parent": os.getppid(), "pid": os.getpid()}

def fail(spec):
    raise ValueError("the width is wrong")

def sleep(spec):
    time.sleep(spec["seconds"])
    return {}

def kill_worker(spec):
    os.kill(os.getppid(), 9)
    time.sleep(60)
"""

pytestmark = [
    # distributed's own: sockets of killed workers, and an event loop that is closed a moment late
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """Name of a module of tasks that children can import."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "cluster_tasks.py").write_text(textwrap.dedent(TASKS))
    sys.path.insert(0, str(folder))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), before]))
    yield "cluster_tasks"
    sys.path.remove(str(folder))
    os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


@pytest.fixture(scope="module")
def client(tasks):
    """A cluster of two worker processes on this machine."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with cluster, distributed.Client(cluster) as found:
        yield found


def test_results_come_back_from_children_that_stay(client, tasks):
    executor = open_executor(client)
    assert isinstance(executor, DaskExecutor)
    assert executor.workers == 2
    spec = {"width": 8, "name": "ü", "list": [1.5, None]}
    answers = [executor.submit(f"{tasks}:echo", spec).result(timeout=60) for _ in range(4)]
    assert all(answer["got"] == spec for answer in answers)
    # each child belongs to a worker, and the workers are other processes than this one
    assert len({answer["pid"] for answer in answers}) <= 2
    assert os.getpid() not in {answer["parent"] for answer in answers}
    executor.shutdown()
    # the client is its owner's, and goes on
    assert client.submit(abs, -3).result(timeout=60) == 3


def test_every_fault_is_one_sentence_and_the_next_task_works(client, tasks):
    executor = DaskExecutor(client, time_limit=1.0)
    with pytest.raises(TaskError, match="ValueError: the width is wrong"):
        executor.submit(f"{tasks}:fail", {}).result(timeout=60)
    with pytest.raises(TaskError, match="longer than its limit of 1 seconds") as late:
        executor.submit(f"{tasks}:sleep", {"seconds": 30}).result(timeout=60)
    assert late.value.kind == "time"
    with pytest.raises(TaskError, match="has no function 'missing'"):
        executor.submit(f"{tasks}:missing", {}).result(timeout=60)
    assert executor.submit(f"{tasks}:echo", {}).result(timeout=60)["got"] == {}
    with pytest.raises(InputError, match="plain JSON"):
        executor.submit(f"{tasks}:echo", {"bad": float("nan")})


def test_a_worker_that_is_killed_costs_its_task_and_nothing_else(client, tasks):
    executor = DaskExecutor(client)
    with pytest.raises(TaskError, match="its worker died") as death:
        executor.submit(f"{tasks}:kill_worker", {}).result(timeout=60)
    assert death.value.kind == "died"
    # its nanny starts another
    assert executor.submit(f"{tasks}:echo", {}).result(timeout=60)["got"] == {}


def test_shutdown_frees_the_workers(client, tasks):
    executor = DaskExecutor(client)
    running = [executor.submit(f"{tasks}:sleep", {"seconds": 300}) for _ in range(2)]
    time.sleep(2)
    executor.shutdown()
    wait(running, timeout=60)
    assert all(isinstance(future.exception(), BrokenExecutor | TaskError) for future in running)
    again = DaskExecutor(client)
    began = time.monotonic()
    assert again.submit(f"{tasks}:echo", {}).result(timeout=60)["got"] == {}
    assert time.monotonic() - began < 30


def test_a_folder_that_workers_do_not_see(client, tmp_path):
    executor = DaskExecutor(client)
    executor.check_folder(tmp_path)
    with pytest.raises(InputError, match=r"of the cluster's workers do not see the run's folder .*share"):
        executor.check_folder(tmp_path / "nowhere")


def test_a_cluster_by_its_address(client, tasks):
    executor = open_executor(f"dask:{client.scheduler.address}")
    assert executor.submit(f"{tasks}:echo", {}).result(timeout=60)["got"] == {}
    executor.shutdown()
    # the client was the executor's, the cluster is not
    assert client.submit(abs, -3).result(timeout=60) == 3


def test_without_children_there_are_no_limits(client, tasks):
    with pytest.raises(OptionError, match="no task can be stopped"):
        DaskExecutor(client, isolate=False, time_limit=1)
    executor = DaskExecutor(client, isolate=False)
    answer = executor.submit(f"{tasks}:echo", {"a": 1}).result(timeout=60)
    assert answer["got"] == {"a": 1}
    with pytest.raises(TaskError, match="ValueError: the width is wrong"):
        executor.submit(f"{tasks}:fail", {}).result(timeout=60)


def test_a_scheduler_that_does_not_answer():
    with pytest.raises(OptionError, match=r"no dask scheduler answers at 'tcp://127\.0\.0\.1:9'"):
        open_executor("dask:tcp://127.0.0.1:9")


def test_a_pool_of_threads_and_a_pool_of_processes(tasks):
    with ThreadPoolExecutor(3) as pool:
        executor = open_executor(pool)
        assert isinstance(executor, PoolExecutor)
        assert executor.workers == 3
        assert executor.submit("cluster_tasks:echo", {"a": 1}).result(timeout=60)["got"] == {"a": 1}
        with pytest.raises(ValueError, match="the width is wrong"):
            executor.submit("cluster_tasks:fail", {}).result(timeout=60)
        with pytest.raises(OptionError, match="a ThreadPoolExecutor cannot stop a task"):
            open_executor(pool, time_limit=1)


def test_a_broken_pool_says_so(tasks):
    import multiprocessing

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        executor = open_executor(pool)
        pid = executor.submit("cluster_tasks:echo", {}).result(timeout=60)["pid"]
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(BrokenExecutor):
            executor.submit("cluster_tasks:echo", {}).result(timeout=60)


@pytest.mark.parametrize(("system", "line"), [("slurm", "#SBATCH -p gpu"), ("pbs", "#PBS -q gpu")])
def test_the_script_of_a_batch_job(system, line):
    options = {"queue": "gpu", "walltime": "02:00:00", "job_extra_directives": ["--gres=gpu:1"]}
    with batch_cluster(system, options) as cluster:
        script = cluster.job_script()
    assert line in script
    assert "--gres=gpu:1" in script
    with pytest.raises(OptionError, match="executor 'slurm'"):
        batch_cluster("slurm", {"queu": "gpu"})
    with pytest.raises(OptionError, match="unknown batch system 'slumr'"):
        batch_cluster("slumr", {})
