"""Searches on a cluster whose workers are killed, and on pools of the standard library: the same leaderboard."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor, wait

import pytest

from neuroguide._core.errors import CandidateError
from neuroguide.testing.candidates import StandInGuide

#: Without torch, so that a killed worker is soon replaced.
TASKS = """
import os, time
from pathlib import Path

def evaluate(spec):
    time.sleep(spec["guide"]["seconds"])
    worth = int(spec["hash"], 16) % 997 / 997
    if (deadly := Path(__file__).with_name("deadly")).exists():
        deadly.unlink(missing_ok=True)
        os.kill(os.getpid(), 9)
    return {"hash": spec["hash"], "measures": {"P": worth, "TG": 1 - worth / 2}, "reason": None, "parameters": 10,
            "macs": 10, "flops": 20, "images_seen": 4000, "images_forwarded": 0, "image_equivalents": 4000.0,
            "seconds": 0.0}
"""


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """The name of an evaluation that the processes of a pool can import."""
    (tmp_path / "executor_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])))
    return "executor_tasks:evaluate"


def _table(run):
    return run.leaderboard(seconds=False).to_csv()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # distributed's own: sockets of killed workers
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_cluster_whose_workers_are_killed(stand_in, tasks):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed (extra distributed)")
    options = {"trials": 24, "lag": 2, "evaluate": tasks, "keep": 0, "guide": StandInGuide(seconds=0.05)}
    whole = stand_in("whole", **options)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address="127.0.0.1:0", silence_logs=50
    )
    killed = []

    def told(state):
        if state.told in (6, 14):
            workers = [worker.pid for worker in cluster.workers.values() if worker.pid is not None]
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

    with cluster, distributed.Client(cluster) as client:
        # a worker may be killed just as it takes up a trial again
        run = stand_in(executor=client, retries=5, progress=told, **options)
    assert len(killed) == 2
    assert _table(run) == _table(whole)


def test_a_pool_that_loses_a_process_ends_the_search_and_another_goes_on(stand_in, tasks, tmp_path):
    options = {"trials": 12, "lag": 2, "evaluate": tasks, "keep": 0}
    whole = stand_in("whole", **options)

    def told(state):
        if state.told == 4:
            (tmp_path / "deadly").touch()

    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        # Both processes start now: CPython 3.11 waits for ever for one that starts just as the other dies.
        wait([pool.submit(time.sleep, 0.5) for _ in range(2)])
        with pytest.raises(CandidateError, match="takes no more cand"):
            stand_in(executor=pool, progress=told, **options)
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        run = stand_in(executor=pool, resume=True, **options)
    assert _table(run) == _table(whole)
