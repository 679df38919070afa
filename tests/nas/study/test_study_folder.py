"""Runs of other formats, other settings, other clients; and what an interrupted one leaves."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import pytest
from safetensors import SafetensorError

from neuroguide._core.errors import FileError, InputError, NeuroguideWarning, OptionError
from neuroguide.nas.artifacts import BestWeights
from neuroguide.nas.data import from_arrays
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import open_run, repeat_search, resume_search
from neuroguide.testing import candidates
from neuroguide.testing.candidates import StandInGuide


def _table(run):
    return run.leaderboard(seconds=False).to_csv()


def _edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_folder_that_holds_a_run_is_not_searched_again_by_accident(stand_in):
    stand_in(trials=2)
    with pytest.raises(FileError, match="holds a run already; go on with it by resume=True"):
        stand_in(trials=2)
    assert len(stand_in(trials=2, resume=True).results) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": 2000}, r"training\.images = 4000, not 2000"),
        ({"seed": 1}, r"search\.seed = 0, not 1"),
        ({"sampler": "tpe"}, r"sampler\.name = 'evolution', not 'tpe'"),
        ({"sampler_options": {"population": 9}}, r"sampler\.options\.population = 8, not 9"),
        ({"guide": StandInGuide(seconds=0.001)}, r"guide\.spec\.seconds = 0\.0, not 0\.001"),
        ({"lag": 2}, r"search\.lag = 1, not 2"),
        ({"time_limit": 5.0, "executor": None}, r"search\.time_limit = nothing, not 5\.0"),
        ({"space": open_space("macro", stages=1, depth=(1, 2))}, r"space\.options\.depth = nothing, not \[1, 2\]"),
        ({"trials": 3}, "started with 4 trials, not 3"),
        ({"images": 2000, "seed": 1}, r"seed = 0, not 1; training\.images"),
    ],
)
def test_other_settings_are_named(stand_in, options, message):
    run = stand_in(trials=4)
    before = {path: path.read_bytes() for path in run.path.rglob("*.*") if path.is_file() and path.name != "run.lock"}
    with pytest.raises(OptionError, match=message):
        stand_in(**{"trials": 4, **options, "resume": True})
    assert {path: path.read_bytes() for path in before} == before


def test_what_may_change_changes(stand_in, tmp_path):
    stand_in(trials=4)
    run = stand_in(trials=6, keep=1, resume=True)
    assert len(run.results) == 6
    assert run.settings["search"]["trials"] == 6
    assert len(list((tmp_path / "run" / "artifacts").iterdir())) == 1
    assert _table(run) == _table(stand_in("whole", trials=6))


def test_a_run_of_a_newer_format_is_refused(stand_in):
    run = stand_in(trials=2)
    _edit(run.path / "run.toml", "format = 1", "format = 2")
    for again in (open_run, resume_search, lambda path: repeat_search(path, path / "other")):
        with pytest.raises(FileError, match=r"run\.toml has format 2, and this neuroguide reads up to 1"):
            again(run.path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format = 1\n", "", "names no format"),
        ("format = 1\n", 'format = "1"\n', "names no format"),
        ("[sampler]", "[sampler", "is not TOML"),
        ("[search]", "[serach]", r"has no \[search\] table"),
        ("seed = 0\n", "", "lacks or garbles a setting: 'seed'"),
        ('objectives = ["value"]', "objectives = 3", "lacks or garbles a setting"),
        ('reference = "', 'reference = "x', "lacks or garbles a setting"),
        ("seed = 0\n", "seed = [[]]\n", "lacks or garbles a setting: 'seed'"),
        ('space = "macro"', "space = 1.5", "lacks or garbles a setting: 'space'"),
        ("trials = 2\n", 'trials = 2\nhalving = ["a"]\n', "lacks or garbles a setting: 'halving'"),
        ("trials = 2", "trials = -2", "trials = -2 is not possible"),
    ],
)
def test_damaged_settings_are_refused(stand_in, old, new, message):
    run = stand_in(trials=2)
    _edit(run.path / "run.toml", old, new)
    with pytest.raises(InputError, match=message):
        resume_search(run.path, executor="inline")


def test_missing_parts_are_named(stand_in, tmp_path):
    with pytest.raises(FileError, match="holds no run"):
        open_run(tmp_path)
    run = stand_in(trials=2)
    (run.path / "inputs" / "guide.json").unlink()
    with pytest.raises(FileError, match=r"guide\.json cannot be read"):
        open_run(run.path)
    run = stand_in("other", trials=2)
    (run.path / "study.journal").unlink()
    with pytest.raises(FileError, match=r"study\.journal is not there"):
        open_run(run.path).leaderboard()


def test_two_clients_of_one_run(stand_in):
    run = stand_in(trials=2)
    with RunFolder(run.path).locked():
        with pytest.raises(FileError, match=r"is being searched by another client \(process \d+ on .*\); wait for it"):
            stand_in(trials=2, resume=True)
        # looking is free
        assert len(open_run(run.path).results) == 2
    assert len(stand_in(trials=3, resume=True).results) == 3


def test_a_read_only_folder_is_refused(stand_in, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(FileError, match="cannot make the folder"):
        stand_in("file/run")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_became_read_only_is_refused(stand_in):
    run = stand_in(trials=2)
    before = {path: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    (run.path / "run.lock").unlink()
    run.path.chmod(0o500)
    try:
        with pytest.raises(FileError, match=r"cannot write in .*run \(Permission denied\); choose another run="):
            stand_in(trials=3, resume=True)
        assert len(open_run(run.path).results) == 2
    finally:
        run.path.chmod(0o700)
    assert {path: path.read_bytes() for path in before if path.exists()}.items() <= before.items()
    assert len(stand_in(trials=3, resume=True).results) == 3


class _WrongClock(datetime):
    """Every look at it tells another year."""

    looks = 0

    @classmethod
    def now(cls, tz=None):
        cls.looks += 1
        return datetime(2026 - 7 * cls.looks % 50, 1, 1, tzinfo=tz)


def test_a_clock_that_jumps_changes_nothing(stand_in, monkeypatch):
    whole = _table(stand_in("whole", trials=10, lag=2))
    monkeypatch.setattr("optuna.storages.journal._storage.datetime", _WrongClock)
    monkeypatch.setattr(time, "time", lambda: _WrongClock.now().timestamp())
    assert len(stand_in(trials=4, lag=2).results) == 4
    assert _table(stand_in(trials=10, lag=2, resume=True)) == whole
    assert _WrongClock.looks > 10


def test_an_interrupted_search_goes_on(stand_in, tmp_path):
    def interrupt(state):
        if state.told == 5:
            raise KeyboardInterrupt

    whole = _table(stand_in("whole", trials=10))
    with pytest.raises(KeyboardInterrupt):
        stand_in(trials=10, progress=interrupt)
    assert len(open_run(tmp_path / "run").results) == 5
    assert (tmp_path / "run" / "leaderboard.csv").read_text().count("\n") == 7
    assert _table(stand_in(trials=10, resume=True)) == whole


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs Linux to tell the files apart")
def test_a_full_disk_stops_the_search_and_the_run_goes_on(stand_in, monkeypatch):
    whole = _table(stand_in("whole", trials=10))
    room = iter([True] * 6)
    fsync = os.fsync

    def filling(descriptor):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".journal") and not next(room, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling)
        with pytest.raises(FileError, match=r"No space left on device\); make room and resume"):
            stand_in(trials=10)
    assert _table(stand_in(trials=10, resume=True)) == whole


@pytest.mark.parametrize("of_others", [False, True])
def test_no_candidate_is_worse_because_its_weights_found_no_room(stand_in, monkeypatch, of_others):
    """Safetensors' own error, which is no OSError; tried again, then the search stops."""
    whole = _table(stand_in("whole", trials=10))
    room = iter([True] * 5)
    save_file = candidates.save_file

    def filling(tensors, path):
        if not next(room, False):
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        save_file(tensors, path)

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
        executor = pool if of_others else "inline"
        patch.setattr(candidates, "save_file", filling)
        with pytest.raises(FileError, match=r"the disk is full \(.*\); make room and resume: nothing finished is lost"):
            stand_in(trials=10, executor=executor)
    run = stand_in(trials=10, resume=True)
    assert _table(run) == whole
    assert not run.leaderboard()["reason"].any()


def test_a_journal_cut_in_its_last_line_is_repaired_when_it_is_opened(stand_in, caplog):
    whole = _table(stand_in("whole", trials=8))
    run = stand_in(trials=8)
    journal = run.path / "study.journal"
    cut = journal.read_bytes()[:-30]
    journal.write_bytes(cut)
    assert _table(resume_search(run.path, executor="inline")) == whole
    assert (run.path / "study.journal.before-repair-1").read_bytes() == cut
    assert "was cut short" in caplog.text


def test_a_garbled_result_is_one_sentence(stand_in):
    run = stand_in(trials=2)
    journal = run.path / "study.journal"
    journal.write_text(journal.read_text().replace('"value":', '"worth":'))
    message = r"the result of trial \d of .* lacks or garbles value; restore the store from a copy"
    with pytest.raises(FileError, match=message):
        open_run(run.path).leaderboard()
    with pytest.raises(FileError, match=message):
        resume_search(run.path, trials=4, executor="inline")


def test_a_run_may_be_moved(stand_in, tmp_path):
    stand_in(trials=4)
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    moved = resume_search(tmp_path / "elsewhere", trials=8, executor="inline")
    assert _table(moved) == _table(stand_in("whole", trials=8))


def test_other_versions_are_warned_of(stand_in):
    run = stand_in(trials=2)
    _edit(run.path / "run.toml", 'torch = "', 'torch = "0.')
    with pytest.warns(NeuroguideWarning, match=r"torch was 0\..*may differ in their last digits"):
        resume_search(run.path, trials=3, executor="inline")


def test_a_space_in_a_file_is_watched(stand_in, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from neuroguide.nas.spaces import MacroSpace\n\ndef make():\n    return MacroSpace(stages=1)\n")
    run = stand_in(space=f"{path}:make", trials=3)
    assert len(run.settings["space"]["sha256"]) == 64
    assert len(resume_search(run.path, trials=4, executor="inline").results) == 4
    path.write_text(path.read_text().replace("stages=1", "stages=2"))
    with pytest.raises(InputError, match=r"mine\.py has changed since the run was started"):
        resume_search(run.path, executor="inline")
    with pytest.raises(OptionError, match=r"space\.sha256"):
        stand_in(space=f"{path}:make", trials=4, resume=True)
    path.unlink()
    with pytest.raises(FileError, match="is not here any more"):
        resume_search(run.path, executor="inline")


def test_arrays_are_saved_into_the_run(stand_in, tmp_path):
    rng = np.random.default_rng(0)
    data = from_arrays(rng.integers(0, 255, (40, 8, 8, 3), dtype=np.uint8), np.arange(40) % 4)
    run = stand_in(data=data, trials=3)
    assert run.settings["data"]["data"] == "inputs/data.safetensors"
    assert (run.path / "inputs" / "data.safetensors").exists()
    assert len(stand_in(data=data, trials=4, resume=True).results) == 4
    shutil.move(run.path, tmp_path / "moved")
    assert len(resume_search(tmp_path / "moved", trials=5, executor="inline").results) == 5
    again = repeat_search(tmp_path / "moved", tmp_path / "again", executor="inline")
    assert again.settings["data"] == run.settings["data"]
    assert len(again.results) == 5
    other = from_arrays(rng.integers(0, 255, (40, 8, 8, 3), dtype=np.uint8), np.arange(40) % 4)
    other.save(tmp_path / "again" / "inputs" / "data.safetensors")
    with pytest.raises(InputError, match="are not those that"):
        resume_search(tmp_path / "again", executor="inline")


def test_a_run_that_nobody_began_says_so(stand_in, tmp_path):
    run = stand_in(trials=2)
    folder = RunFolder(tmp_path / "new")
    folder.make()
    folder.write_settings(run.settings)
    folder.journal.touch()
    with pytest.raises(FileError, match="has no trials yet"):
        open_run(folder.path).leaderboard()
    assert len(resume_search(folder.path, executor="inline").results) == 2


def test_the_page_of_a_notebook(stand_in):
    run = stand_in(trials=3)
    page = run._repr_html_()
    assert "3 of 3 trials" in page
    assert page.count("<tr") == 5
    assert repr(run).startswith("<SearchRun")
    assert f"best {run.best.value:.4f} in trial {run.best.trial}" in repr(run)
    # the file of a space is code, which somebody else's run may bring along
    received = open_run(run.path)
    received.settings["space"]["space"] = "nowhere.py:make"
    assert repr(received) == repr(run)
    with pytest.raises(InputError, match="no finished trial 7"):
        run.candidate(7)


def test_exported_files(stand_in, tmp_path):
    run = stand_in(trials=3)
    rows = json.loads(run.export(tmp_path / "board.json").read_text())["rows"]
    assert [row["kind"] for row in rows] == ["candidate"] * 3 + ["reference"]
    assert run.export(tmp_path / "board.csv").read_text().count("\n") == 5


def test_nothing_warns(stand_in):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stand_in(trials=3)


def test_what_a_killed_worker_left_half_written_is_swept(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.make()
    # ours, and the one that safetensors itself writes through
    for name in (".trial-00002.1f2e.tmp.safetensors", ".tmpoOw3Hw", "trial-00001.safetensors"):
        (folder.artifacts / name).write_bytes(b"weights")
    BestWeights(folder, keep=2).sweep()
    assert [path.name for path in folder.artifacts.iterdir()] == ["trial-00001.safetensors"]
