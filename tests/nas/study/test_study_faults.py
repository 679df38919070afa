"""Two hundred trials while workers and clients are killed with SIGKILL at random: nothing is lost or done twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from neuroguide.nas.study import open_run, search
from neuroguide.testing.candidates import StandInGuide

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers to kill in /proc")

TRIALS = 200

#: A candidate without torch, so that a killed worker is soon replaced; it notes that it was evaluated to its end.
TASKS = """
import os, time
from pathlib import Path

def evaluate(spec):
    time.sleep(spec["guide"]["seconds"])
    worth = int(spec["hash"], 16) % 997 / 997
    if (notes := os.environ.get("FAULT_NOTES")):
        with open(notes, "a") as handle:
            handle.write(spec["hash"] + "\\n")
    return {"hash": spec["hash"], "measures": {"P": worth, "TG": 1 - worth / 2}, "reason": None, "parameters": 10,
            "macs": 10, "flops": 20, "images_seen": 4000, "images_forwarded": 0, "image_equivalents": 4000.0,
            "seconds": 0.0}
"""

#: A fresh interpreter that forks one client after another, and kills them and their workers at random.
DRIVER = """
import json, os, random, signal, sys, time
from pathlib import Path
from neuroguide.nas import storage
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import search
from neuroguide.testing.candidates import StandInGuide

storage._LOCK_PATIENCE = 0.05
folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
chance = random.Random(0)
deaths = {"client": 0, "worker": 0}


def fork():
    child = os.fork()
    if child == 0:
        try:
            search("macro", StandInGuide(seconds=0.1), run=folder, executor="local:3", evaluate="fault_tasks:evaluate",
                   resume=True, **options)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def workers(client):
    lists = Path(f"/proc/{client}/task").glob("*/children")
    return [int(pid) for path in lists for pid in path.read_text().split()]


client, code = fork(), None
while code is None:
    time.sleep(chance.uniform(0.1, 0.5))
    # enough is enough: a slow machine would go on for long
    spared = sum(deaths.values()) >= 26
    target = client if chance.random() < 0.25 and not spared else None
    try:
        found = workers(client)
        if target is None and found and not spared:
            os.kill(chance.choice(found), signal.SIGKILL)
            deaths["worker"] += 1
        elif target is not None:
            os.kill(client, signal.SIGKILL)
            deaths["client"] += 1
    except (ProcessLookupError, FileNotFoundError):
        pass
    done, status = os.waitpid(client, os.WNOHANG if target is None else 0)
    if done:
        if os.waitstatus_to_exitcode(status) == -signal.SIGKILL:
            client = fork()
        else:
            code = os.waitstatus_to_exitcode(status)
print(json.dumps({"code": code, **deaths}))
"""


def test_two_hundred_trials_under_fire(tmp_path, monkeypatch):
    (tmp_path / "fault_tasks.py").write_text(TASKS)
    notes = tmp_path / "notes.txt"
    # retries: a trial may be hit more than once here, and one that fails would rightly change the leaderboard
    options = {"trials": TRIALS, "lag": 3, "seed": 4, "sampler": "evolution", "retries": 50, "keep": 0}
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path / "run"), json.dumps(options)],
        capture_output=True,
        text=True,
        timeout=400,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "FAULT_NOTES": str(notes)},
    )
    assert done.returncode == 0, done.stderr
    deaths = json.loads(done.stdout.splitlines()[-1])
    assert deaths["code"] == 0, done.stderr
    assert deaths["client"] >= 2
    assert deaths["client"] + deaths["worker"] >= 20

    monkeypatch.syspath_prepend(tmp_path)
    whole = search(
        "macro", StandInGuide(), run=tmp_path / "whole", executor="inline", evaluate="fault_tasks:evaluate", **options
    )
    run = open_run(tmp_path / "run")
    assert sorted(run.results) == list(range(TRIALS))
    assert {t.state.name for t in run.study.trials} == {"COMPLETE"}
    assert (run.path / "leaderboard.csv").read_bytes() == (whole.path / "leaderboard.csv").read_bytes()
    # nothing that was finished was done again: at most what was under way at a death
    evaluated = Counter(notes.read_text().split())
    distinct = {result["hash"] for result in run.results.values()}
    assert distinct <= set(evaluated)
    assert sum(evaluated.values()) - len(evaluated) <= 3 * deaths["client"] + deaths["worker"]


def test_a_candidate_that_dies_is_tried_once_more_and_then_told_as_failed(tmp_path, monkeypatch):
    """The search goes on, and says why."""
    (tmp_path / "dying_tasks.py").write_text(
        TASKS.replace(
            "    time.sleep", "    if int(spec['hash'], 16) % 3 == 0: os.kill(os.getpid(), 9)\n    time.sleep"
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    run = search(
        "macro", StandInGuide(), run=tmp_path / "run", executor="local:2", evaluate="dying_tasks:evaluate", trials=9,
        seed=1, reference=None, keep=0,
    )  # fmt: skip
    results = run.results
    assert sorted(results) == list(range(9))
    for result in results.values():
        dies = int(result["hash"], 16) % 3 == 0
        assert (result["reason"] is not None) == dies
        assert result.get("attempts") == (2 if dies else 1)
        if dies:
            assert "was killed by SIGKILL" in result["reason"]
