"""The journal survives what happens to it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import optuna
import pytest

from neuroguide._core.errors import FileError, InputError
from neuroguide.nas import storage as storage_module
from neuroguide.nas.storage import PASSWORD, RunJournal, adopt, open_storage, repair_journal, without_password


def _study(path):
    return optuna.create_study(study_name="search", storage=open_storage(path), load_if_exists=True)


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "study.journal"
    study = _study(path)
    for _ in range(3):
        trial = study.ask()
        trial.suggest_categorical("a", (1, 2, 3))
        study.tell(trial, 1.0)
    return path


def test_every_cut_of_the_last_line_is_repaired_and_backed_up(journal):
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in range(1, len(lines[-1])):
        journal.write_bytes(whole[:-cut])
        backup = repair_journal(journal)
        assert backup.read_bytes() == whole[:-cut]
        assert journal.read_bytes() == b"".join(lines[:-1])
        backup.unlink()
    # the trial whose end was lost is running again, and can be told again
    study = _study(journal)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "COMPLETE", "RUNNING"]
    study.tell(adopt(study, study.trials[2]), 1.0)
    assert len(_study(journal).trials) == 3


def test_a_block_of_zeros_at_the_end_is_cut(journal):
    whole = journal.read_bytes()
    for tail in (b"\0" * 100, b"\0" * 100 + b"\n"):
        journal.write_bytes(whole + tail)
        assert repair_journal(journal) is not None
        assert journal.read_bytes() == whole


def test_a_whole_journal_and_an_empty_one_are_left_alone(journal, tmp_path):
    before = journal.read_bytes()
    assert repair_journal(journal) is None
    assert journal.read_bytes() == before
    (tmp_path / "empty").touch()
    assert repair_journal(tmp_path / "empty") is None
    assert repair_journal(tmp_path / "missing") is None


def test_a_journal_that_never_got_its_first_line_can_be_used(tmp_path):
    path = tmp_path / "study.journal"
    path.write_bytes(b'{"op_code":0,"worker')
    repair_journal(path)
    assert _study(path).trials == []


def test_backups_do_not_replace_each_other(journal):
    first = journal.read_bytes()
    names = []
    for cut in (3, 5):
        journal.write_bytes(first[:-cut])
        names.append(repair_journal(journal).name)
    assert names == ["study.journal.before-repair-1", "study.journal.before-repair-2"]


def test_damage_in_the_middle_is_refused(journal):
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], b"{broken}\n", *lines[2:]]))
    with pytest.raises(FileError, match=r"study\.journal is damaged before its last line"):
        open_storage(journal)


def test_a_lock_left_by_a_killed_client_is_removed(journal):
    lock = journal.with_name("study.journal.lock")
    os.symlink(journal, lock)
    start = time.monotonic()
    repair_journal(journal)
    assert not os.path.lexists(lock)
    assert time.monotonic() - start < 10


def test_a_full_disk_leaves_the_journal_whole(journal, monkeypatch):
    before = journal.read_bytes()
    store = RunJournal(journal)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left on device"):
        store.append_logs([{"user_attr": {}}])
    assert journal.read_bytes() == before
    assert not os.path.lexists(journal.with_name("study.journal.lock"))


def test_results_wait_for_the_disk_and_what_follows_from_them_does_not(journal, monkeypatch):
    waits = []
    monkeypatch.setattr(os, "fsync", waits.append)
    store = RunJournal(journal)
    logs = [{"param_name": "a"}, {"state": 1}, {"user_attr": {"result": 1}}]
    store.append_logs(logs[:2])
    assert waits == []
    store.append_logs(logs)
    assert len(waits) == 1
    assert [json.loads(line) for line in journal.read_text().splitlines()[-5:]] == [*logs[:2], *logs]


def test_a_relative_journal_has_a_lock_that_does_not_dangle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = RunJournal(Path("study.journal"))
    store._guard.acquire()
    assert os.stat("study.journal.lock").st_size == 0
    store._guard.release()


def test_any_database_of_optuna_will_do(tmp_path):
    url = f"sqlite:///{tmp_path / 'searches.db'}"
    storage = open_storage(tmp_path / "unused", url)
    assert optuna.create_study(storage=storage).trials == []
    storage.engine.dispose()
    with pytest.raises(InputError, match="cannot open the storage 'nonsense://'"):
        open_storage(tmp_path / "unused", "nonsense://")


def test_a_password_is_neither_written_down_nor_shown(tmp_path, monkeypatch):
    hidden = without_password("nonsense://me:secret@host/db")
    assert hidden == "nonsense://me:***@host/db"
    assert without_password("sqlite:///x.db") == "sqlite:///x.db"
    with pytest.raises(InputError, match=r"was written down without its password; give it in .* NEUROGUIDE_STORAGE_"):
        open_storage(tmp_path / "unused", hidden)
    opened = []
    monkeypatch.setattr(storage_module.optuna.storages, "RDBStorage", opened.append)
    monkeypatch.setenv(PASSWORD, "sec/ret")
    open_storage(tmp_path / "unused", hidden)
    assert opened == ["nonsense://me:sec%2Fret@host/db"]
    monkeypatch.undo()
    with pytest.raises(InputError) as raised:
        open_storage(tmp_path / "unused", "nonsense://me:secret@host/db")
    assert "secret" not in str(raised.value)
