"""Child processes: results come back, and every fault becomes a sentence while the next task works."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from neuroguide._core.errors import CandidateError, InputError, OptionError
from neuroguide.execution import ChildExecutor, Executor, SerialExecutor, TaskError, open_executor

TASKS = """
import os, sys, time, subprocess

calls = 0

def echo(spec):
    return {"got": spec, "pid": os.getpid()}

def count(spec):
    global calls
    calls += 1
    return {"calls": calls}

def environment(spec):
    import torch
    return {"threads": torch.get_num_threads(), "omp": os.environ["OMP_NUM_THREADS"]}

def fail(spec):
    raise ValueError("the width is wrong")

def leave(spec):
    sys.exit(3)

def vanish(spec):
    os.write(2, b"last words\\n")
    os._exit(7)

def sleep(spec):
    open(spec["mark"], "w").write(str(os.getpid()))
    time.sleep(spec["seconds"])
    return {}

def allocate(spec):
    block = bytearray(int(spec["bytes"]))
    block[::4096] = b"x" * len(block[::4096])
    return {"length": len(block)}

def creep(spec):
    kept = []
    while True:
        kept.append(bytearray(b"x" * 2_000_000))
        time.sleep(0.001)

def noise(spec):
    print("{\\"id\\": 1, \\"result\\": {\\"from\\": \\"print\\"}}")
    sys.stdout.flush()
    os.write(1, b"raw noise on the descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('noise of a grandchild')"])
    return {"read": sys.stdin.read()}

def array(spec):
    import numpy
    return {"value": numpy.float32(1)}

def infinite(spec):
    return {"value": float("nan")}

def several(spec):
    return [1, "two", None, {"three": 3.5}]

def nest(spec):
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open(spec["mark"], "w").write(str(grandchild.pid))
    time.sleep(600)
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "child_tasks_for_tests.py").write_text(TASKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "child_tasks_for_tests"


def wait_for(condition: object, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # a zombie of a process that nobody has collected yet has ended as well
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"


def fault(executor: Executor, function: str, spec: dict[str, object]) -> TaskError:
    with pytest.raises(TaskError) as caught:
        executor.submit(function, spec).result(timeout=60)
    return caught.value


def test_results_come_back_and_the_child_stays_warm(tasks: str) -> None:
    spec = {"text": "Gänse\n", "numbers": [1, 2.5], "none": None}
    with ChildExecutor() as executor:
        first = executor.submit(f"{tasks}:echo", spec).result(timeout=60)
        assert first["got"] == spec
        assert first["pid"] != os.getpid()
        assert executor.submit(f"{tasks}:echo", {}).result(timeout=60)["pid"] == first["pid"]
        assert executor.submit(f"{tasks}:several", {}).result(timeout=60) == [1, "two", None, {"three": 3.5}]


def test_threads_are_set_in_the_child_only(tasks: str) -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    with ChildExecutor(threads=2) as executor:
        assert executor.submit(f"{tasks}:environment", {}).result(timeout=60) == {"threads": 2, "omp": "2"}
    assert torch.get_num_threads() == before


def test_every_fault_is_a_sentence_and_the_child_is_replaced(tasks: str) -> None:
    with ChildExecutor() as executor:
        assert executor.submit(f"{tasks}:count", {}).result(timeout=60) == {"calls": 1}
        raised = fault(executor, f"{tasks}:fail", {})
        assert (raised.kind, str(raised)) == ("exception", "ValueError: the width is wrong")
        assert "in fail" in raised.detail
        assert isinstance(raised, CandidateError)
        # a fresh child: nothing is left of what ran before the fault
        assert executor.submit(f"{tasks}:count", {}).result(timeout=60) == {"calls": 1}
        assert fault(executor, f"{tasks}:leave", {}).kind == "exception"
        ended = fault(executor, f"{tasks}:vanish", {})
        assert (ended.kind, "exit code 7" in str(ended)) == ("died", True)
        assert "last words" in ended.detail
        assert "must be plain JSON" in str(fault(executor, f"{tasks}:array", {}))
        assert fault(executor, f"{tasks}:infinite", {}).kind == "result"
        assert "no function 'missing'" in str(fault(executor, f"{tasks}:missing", {}))
        assert "nowhere" in str(fault(executor, "nowhere_at_all:missing", {}))
        assert executor.submit(f"{tasks}:count", {}).result(timeout=60) == {"calls": 1}


def test_killed_from_outside(tasks: str, tmp_path: Path) -> None:
    with ChildExecutor() as executor:
        future = executor.submit(f"{tasks}:sleep", {"mark": str(tmp_path / "mark"), "seconds": 600})
        assert wait_for(lambda: (tmp_path / "mark").exists() and (tmp_path / "mark").read_text())
        os.kill(int((tmp_path / "mark").read_text()), signal.SIGKILL)
        with pytest.raises(TaskError, match="SIGKILL") as caught:
            future.result(timeout=60)
        assert caught.value.kind == "died"
        assert executor.submit(f"{tasks}:count", {}).result(timeout=60) == {"calls": 1}


def test_a_child_killed_between_tasks_costs_nothing(tasks: str) -> None:
    with ChildExecutor() as executor:
        pid = executor.submit(f"{tasks}:echo", {}).result(timeout=60)["pid"]
        os.kill(pid, signal.SIGKILL)
        assert wait_for(lambda: gone(pid))
        assert executor.submit(f"{tasks}:echo", {}).result(timeout=60)["pid"] != pid


def test_time_limit(tasks: str, tmp_path: Path) -> None:
    with ChildExecutor(time_limit=0.5) as executor:
        executor.submit(f"{tasks}:echo", {}).result(timeout=60)
        started = time.monotonic()
        late = fault(executor, f"{tasks}:nest", {"mark": str(tmp_path / "mark")})
        assert time.monotonic() - started < 10
        assert (late.kind, "limit of 0.5 seconds" in str(late)) == ("time", True)
        # whatever the task had started is gone too
        assert wait_for(lambda: gone(int((tmp_path / "mark").read_text())))
        assert executor.submit(f"{tasks}:count", {}).result(timeout=60) == {"calls": 1}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident size is watched elsewhere by ps")
def test_memory_limit(tasks: str) -> None:
    with ChildExecutor(memory_limit=300 * 10**6, time_limit=60) as executor:
        assert executor.submit(f"{tasks}:allocate", {"bytes": 1e8}).result(timeout=60) == {"length": 10**8}
        at_once = fault(executor, f"{tasks}:allocate", {"bytes": 2e10})
        assert at_once.kind == "memory"
        slowly = fault(executor, f"{tasks}:creep", {})
        assert slowly.kind == "memory"
        assert executor.submit(f"{tasks}:count", {}).result(timeout=60) == {"calls": 1}


def test_what_a_task_prints_or_reads_is_not_the_protocol(tasks: str) -> None:
    with ChildExecutor() as executor:
        assert executor.submit(f"{tasks}:noise", {}).result(timeout=60) == {"read": ""}
        assert executor.submit(f"{tasks}:count", {}).result(timeout=60) == {"calls": 1}


def test_shutdown_stops_what_runs_and_cancels_what_waits(tasks: str, tmp_path: Path) -> None:
    executor = ChildExecutor()
    running = executor.submit(f"{tasks}:sleep", {"mark": str(tmp_path / "mark"), "seconds": 600})
    waiting = executor.submit(f"{tasks}:echo", {})
    assert wait_for(lambda: (tmp_path / "mark").exists() and (tmp_path / "mark").read_text())
    executor.shutdown()
    with pytest.raises(TaskError, match="shut down") as caught:
        running.result(timeout=10)
    assert caught.value.kind == "shutdown"
    assert waiting.cancelled()
    assert wait_for(lambda: gone(int((tmp_path / "mark").read_text())))
    with pytest.raises(InputError, match="shut down"):
        executor.submit(f"{tasks}:echo", {})
    executor.shutdown()


def test_several_workers_run_at_once(tasks: str) -> None:
    with ChildExecutor(2) as executor:
        futures = [executor.submit(f"{tasks}:echo", {"i": i}) for i in range(12)]
        results = [future.result(timeout=60) for future in futures]
    assert [result["got"]["i"] for result in results] == list(range(12))


def test_a_forgotten_executor_leaves_no_process(tasks: str) -> None:
    executor = ChildExecutor()
    pid = executor.submit(f"{tasks}:echo", {}).result(timeout=60)["pid"]
    del executor
    gc.collect()
    assert wait_for(lambda: gone(pid))


@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_the_end_of_the_parent_is_the_end_of_the_child(tasks: str, tmp_path: Path, how: str) -> None:
    mark = tmp_path / "mark"
    script = f"""
        import signal, sys
        # a test run in the background of a shell inherits that Ctrl-C is ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path.insert(0, {str(tmp_path)!r})
        from neuroguide.execution import ChildExecutor
        ChildExecutor().submit("{tasks}:sleep", {{"mark": {str(mark)!r}, "seconds": 600}}).result()
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stderr=subprocess.DEVNULL)
    try:
        assert wait_for(lambda: mark.exists() and mark.read_text(), 60)
        parent.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
        parent.wait(timeout=20)
        assert wait_for(lambda: gone(int(mark.read_text())))
    finally:
        parent.kill()
        parent.wait()


def test_serial_runs_here_with_the_same_rules(tasks: str) -> None:
    executor = open_executor("inline")
    assert isinstance(executor, SerialExecutor)
    assert executor.submit(f"{tasks}:echo", {"a": (1, 2)}).result() == {"got": {"a": [1, 2]}, "pid": os.getpid()}
    assert str(fault(executor, f"{tasks}:fail", {})) == "ValueError: the width is wrong"
    assert "plain JSON" in str(fault(executor, f"{tasks}:array", {}))
    with pytest.raises(InputError, match="plain JSON"):
        executor.submit(f"{tasks}:echo", {"a": object()})


def test_open_executor_by_name() -> None:
    one = open_executor(None, threads=2)
    assert isinstance(one, ChildExecutor)
    assert (one.workers, one.threads) == (1, 2)
    three = open_executor("local:3", time_limit=5)
    assert isinstance(three, ChildExecutor)
    assert (three.workers, three.time_limit) == (3, 5)
    assert open_executor(three) is three
    assert isinstance(three, Executor)
    for name in ("lokal:2", "local:0", "local"):
        with pytest.raises(OptionError, match="unknown executor"):
            open_executor(name)
    with pytest.raises(OptionError, match="cannot stop"):
        open_executor("inline", time_limit=1)
    for wrong in ({"workers": 0}, {"threads": 0}, {"time_limit": 0}):
        with pytest.raises(OptionError):
            ChildExecutor(**wrong)


def test_spec_must_be_json() -> None:
    with ChildExecutor() as executor, pytest.raises(InputError, match="plain JSON"):
        executor.submit("os:getcwd", {"a": float("nan")})
