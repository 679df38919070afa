"""A client that is killed with SIGKILL, over and over, ends with the leaderboard of one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from neuroguide.nas.samplers import samplers
from neuroguide.nas.study import open_run, resume_search
from neuroguide.testing.candidates import StandInGuide

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

TRIALS = 30
#: Two ladders.
LADDER = "9x500, 4x1000, 2x2000"

#: A fresh interpreter that starts one client after another in forks of itself, and lets each die.
DRIVER = """
import json, os, signal, sys, time
import numpy as np
from pathlib import Path
from neuroguide.nas import storage
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import search
from neuroguide.testing.candidates import STAND_IN, StandInGuide

storage._LOCK_PATIENCE = 0.05
# a test run in the background of a shell inherits that Ctrl-C is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
folder, searches, deaths = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
space = open_space("macro", stages=1, activation=("relu", "elu", "gelu"), normalisation=("batch",))
append = storage.RunJournal._append


def client(sampler, death):
    kind, when = death
    written = 0

    def dying(self, text, *, durable):
        nonlocal written
        written += 1
        if written == when:
            if kind == "half":
                with self._path.open("ab") as handle:
                    handle.write(text[: len(text) // 2])
            elif kind == "after":
                append(self, text, durable=durable)
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, text, durable=durable)

    def told(state):
        if kind == "Ctrl-C" and state.told >= when:
            signal.raise_signal(signal.SIGINT)

    if kind in ("before", "half", "after"):
        storage.RunJournal._append = dying
    search(space, StandInGuide(seconds=0.002, failing=0.1), run=folder / sampler, executor="inline",
           evaluate=STAND_IN, resume=True, progress=told, **{"sampler": sampler, **options})


def fork(sampler, death):
    child = os.fork()
    if child == 0:
        try:
            client(sampler, death)
        except KeyboardInterrupt:
            os._exit(2)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if death[0] == "any moment":
        time.sleep(death[1])
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


for sampler, options in searches.items():
    codes = [fork(sampler, death) for death in [*deaths, ["none", 0]]]
    print(json.dumps([sampler, codes]), flush=True)
"""


#: Some clients die in the middle of a line, some between lines, some at any moment.
DEATHS = [
    ["half", 2], ["before", 17], ["after", 5], ["Ctrl-C", 7], ["half", 23], ["after", 31], ["before", 40],
    ["any moment", 0.15], ["half", 28], ["any moment", 0.1],
]  # fmt: skip


def test_killed_and_resumed_equals_undisturbed_bit_for_bit(stand_in, tmp_path):
    searches = {name: {"trials": TRIALS, "lag": 3 if name == "random" else 1, "seed": 1} for name in samplers}
    # several levels within these trials
    searches["progressive"]["sampler_options"] = {"first": 6, "beam": 4}
    # both phases
    searches["hourglass"]["sampler_options"] = {"vital": 10}
    searches["halving"] = {"sampler": "evolution", "trials": TRIALS, "lag": 2, "seed": 1, "halving": LADDER}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DRIVER, str(tmp_path), json.dumps(searches), json.dumps(DEATHS)],
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    codes = dict(json.loads(line) for line in done.stdout.splitlines())
    assert list(codes) == list(searches), done.stderr
    for sampler, options in searches.items():
        assert codes[sampler][-1] == 0, done.stderr
        assert 1 not in codes[sampler], done.stderr
        # a slow machine may finish nothing before the moment comes, a quick one everything
        assert codes[sampler].count(-signal.SIGKILL) >= 6
        assert codes[sampler].count(2) == 1
        guide = StandInGuide(seconds=0.002, failing=0.1)
        whole = stand_in(f"whole {sampler}", guide=guide, **{"sampler": sampler, **options})
        run = open_run(tmp_path / sampler)
        assert (run.path / "leaderboard.csv").read_bytes() == (whole.path / "leaderboard.csv").read_bytes()
        assert [t.number for t in run.study.trials] == list(range(TRIALS))
        assert [t.params for t in run.study.trials] == [t.params for t in whole.study.trials]
        assert [t.values for t in run.study.trials] == [t.values for t in whole.study.trials]
        assert {t.state.name for t in run.study.trials} == {"COMPLETE"}
        files = [sorted(p.name for p in (r.path / "artifacts").iterdir()) for r in (run, whole)]
        assert files[0] == files[1]


CLIENT = """
import sys
from neuroguide.nas.study import search
from neuroguide.testing.candidates import STAND_IN, StandInGuide

search("macro", StandInGuide(seconds=0.15), run=sys.argv[1], executor="local:2", evaluate=STAND_IN, trials=12,
       progress=lambda state: print(state.told, flush=True))
"""


def _client(folder):
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_a_client_with_workers_dies_in_the_middle_of_trials(stand_in, tmp_path):
    folder = tmp_path / "run"
    with _client(folder) as client:
        for line in client.stdout:
            if int(line) >= 4:
                break
        # another client is told who is there
        with pytest.raises(ValueError, match=rf"is being searched by another client \(process {client.pid} on "):
            resume_search(folder, executor="inline")
        # and anybody may look
        assert 4 <= len(open_run(folder).results) < 12
        time.sleep(0.05)
        client.kill()
        client.wait(timeout=60)
    states = [t.state.name for t in open_run(folder).study.trials]
    assert states.count("RUNNING") >= 1
    run = resume_search(folder, executor="inline")
    whole = stand_in("whole", space="macro", guide=StandInGuide(), trials=12, lag=2)
    assert run.leaderboard(seconds=False).equals(whole.leaderboard(seconds=False))
    assert len(run.results) == 12
