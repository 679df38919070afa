"""The store of a search: an Optuna journal in the run's folder, or any database that Optuna opens."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, Trial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from neuroguide._core.errors import FileError, InputError

#: Seconds for which another program (a dashboard) may hold the journal before its lock counts as left behind.
_LOCK_PATIENCE = 1.0

#: Environment variable of the password of a run's database, which is not written down.
PASSWORD = "NEUROGUIDE_STORAGE_PASSWORD"  # noqa: S105
#: What SQLAlchemy shows instead of one.
_HIDDEN = "***"


class RunJournal(JournalFileBackend):
    """Optuna's journal file, fit for a search: fewer waits for the disk, and never half a line after an error.

    Parameters
    ----------
    path : Path
        The journal.
    """

    def __init__(self, path: Path) -> None:
        # absolute: Optuna's lock is a symbolic link, and a relative one dangles
        name = str(path.resolve())
        # a symbolic link needs a privilege on Windows
        self._guard = JournalFileOpenLock(name) if os.name == "nt" else JournalFileSymlinkLock(name)
        self._path = Path(name)
        super().__init__(name, lock_obj=self._guard)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append whole lines; wait until results are on the disk, since a power cut must not cost a training.

        Raises
        ------
        FileError
            If the disk is full or the file cannot be written; the journal is then as it was.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        try:
            self._guard.acquire()
        except OSError as error:
            raise FileError(f"cannot write in {self._path.parent} ({error.strerror}); the search stops here") from error
        try:
            self._append(text, durable=any("user_attr" in log for log in logs))
        finally:
            self._guard.release()

    def _append(self, text: bytes, *, durable: bool) -> None:
        size = self._path.stat().st_size
        try:
            # unbuffered: closing the file must not try to write the rest again after an error
            with self._path.open("ab", buffering=0) as handle:
                written = handle.write(text)
                if written != len(text):
                    handle.write(text[written:])
                # results are precious; proposals follow from the seed, and what is told from the results
                if durable:
                    os.fsync(handle.fileno())
        except OSError as error:
            os.truncate(self._path, size)
            raise FileError(
                f"cannot write {self._path} ({error.strerror}); make room and resume: nothing finished is lost"
            ) from error


def open_storage(journal: Path, url: str | None = None) -> BaseStorage:
    """Optuna's storage of a run.

    Parameters
    ----------
    journal : Path
        The journal file; made if it does not exist.
    url : str, optional
        A database instead, as SQLAlchemy writes it: ``"sqlite:///searches.db"``. Where its password is ``***``, it is
        taken from the environment variable ``NEUROGUIDE_STORAGE_PASSWORD``.

    Raises
    ------
    FileError
        If the journal is damaged before its last line.
    InputError
        If the database cannot be opened.
    """
    if url is not None:
        url, shown = _with_password(url), without_password(url)
        try:
            return optuna.storages.RDBStorage(url)
        except Exception as error:  # whatever the driver of the database raises
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"cannot open the storage {shown!r}: {first.replace(url, shown)}") from error
    try:
        return JournalStorage(RunJournal(journal))
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{journal} cannot be read ({error.strerror})") from error
    except Exception as error:  # whatever Optuna's reader trips over
        raise FileError(
            f"{journal} is damaged before its last line ({str(error)[:200]}); restore it from a copy, or start another "
            "run"
        ) from error


def without_password(url: str) -> str:
    """A database's address with ``***`` for its password, as it may be written down and shown."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return url
    return url if parsed.password is None else parsed.render_as_string(hide_password=True)


def _with_password(url: str) -> str:
    try:
        parsed = make_url(url)
    except ArgumentError:
        return url
    if parsed.password != _HIDDEN:
        return url
    password = os.environ.get(PASSWORD)
    if password is None:
        raise InputError(
            f"the storage {url!r} was written down without its password; give it in the environment variable "
            f"{PASSWORD}, or the whole address as storage= (--storage)"
        )
    return parsed.set(password=password).render_as_string(hide_password=False)


def repair_journal(path: Path) -> Path | None:
    """Cut a journal to its last whole line; call it only while no other search can write.

    A client that loses power leaves half a line, onto which Optuna's next write would be glued, and a client that is
    killed while it writes leaves Optuna's lock, for which the next would wait.

    Parameters
    ----------
    path : Path
        The journal; nothing happens if it does not exist.

    Returns
    -------
    Path or None
        The copy of the journal as it was, if something was cut.
    """
    _clear_lock(path)
    if not path.exists():
        return None
    content = path.read_bytes()
    end = _end_of_whole_lines(content)
    if end == len(content):
        return None
    backup = _free_name(path)
    shutil.copy2(path, backup)
    with path.open("rb+") as handle:
        handle.truncate(end)
        os.fsync(handle.fileno())
    return backup


def adopt(study: optuna.Study, trial: FrozenTrial) -> Trial:
    """A trial that another client left running, as the trial of this one: same number, same parameters so far."""
    return Trial(study, trial._trial_id)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna from announcing every study on the user's screen."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _end_of_whole_lines(content: bytes) -> int:
    """Where the last line ends that is whole and JSON (a file system may fill the block that was lost with zeros)."""
    end = content.rfind(b"\n") + 1
    start = content.rfind(b"\n", 0, max(end - 1, 0)) + 1
    try:
        json.loads(content[start:end])
    except ValueError:
        return start
    return end


def _free_name(path: Path) -> Path:
    number = 1
    while (backup := path.with_name(f"{path.name}.before-repair-{number}")).exists():
        number += 1
    return backup


def _clear_lock(path: Path) -> None:
    """Remove the journal's own lock when nobody has let go of it for longer than a write takes."""
    lock = path.with_name(path.name + ".lock")
    deadline = time.monotonic() + _LOCK_PATIENCE
    first = _identity(lock)
    while first is not None and _identity(lock) == first:
        if time.monotonic() > deadline:
            lock.unlink(missing_ok=True)
            return
        time.sleep(0.02)


def _identity(lock: Path) -> tuple[int, int] | None:
    try:
        status = os.lstat(lock)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
