"""The folder of a run: what is in it, one writer at a time, formats that this version can read."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from neuroguide._core.atomic import write_text
from neuroguide._core.errors import FileError, OptionError
from neuroguide.nas.stored import garbled_settings
from neuroguide.nas.toml import read_toml, write_toml

#: Raised whenever an older neuroguide would misread a run.
FORMAT = 1

#: Settings that may differ when a run is resumed: they change no result.
_FREE = frozenset({"search.trials", "search.keep", "search.study"})

#: The guide's settings, which have values that TOML lacks.
_GUIDE = "guide.json"


class RunFolder:
    """Paths of a run, and its settings.

    Parameters
    ----------
    path : path
        The folder; it need not exist.

    Attributes
    ----------
    settings_file : Path
        ``run.toml``.
    journal : Path
        ``study.journal``, which optuna-dashboard opens.
    inputs, artifacts : Path
        Folders of what the search was given, and of the weights of its best candidates.
    leaderboard : Path
        ``leaderboard.csv``, written whenever a client leaves.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        self.settings_file = self.path / "run.toml"
        self.journal = self.path / "study.journal"
        self.inputs = self.path / "inputs"
        self.artifacts = self.path / "artifacts"
        self.leaderboard = self.path / "leaderboard.csv"

    @property
    def exists(self) -> bool:
        """Whether it holds a run."""
        return self.settings_file.exists()

    def weights(self, trial: int) -> Path:
        """Where the trained weights of a trial are, if they are kept."""
        return self.artifacts / f"trial-{trial:05d}.safetensors"

    @contextmanager
    def made(self) -> Iterator[None]:
        """Make the folders; if the block fails before there is a run, a folder that was not there before goes again.

        Raises
        ------
        FileError
            If they cannot be made.
        """
        is_new = not self.path.exists()
        self.make()
        try:
            yield
        except BaseException:
            if is_new and not self.exists:
                shutil.rmtree(self.path, ignore_errors=True)
            raise

    def make(self) -> None:
        """Make the folders.

        Raises
        ------
        FileError
            If that is not possible.
        """
        for folder in (self.path, self.inputs, self.artifacts):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise FileError(f"cannot make the folder {folder} ({error.strerror}); choose another run=") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only client of this run; the operating system ends it, however the process dies.

        Raises
        ------
        FileError
            If another client has it, or the folder cannot be written.
        """
        owner = self.path / "client.json"
        lock = filelock.FileLock(self.path / "run.lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise FileError(
                f"{self.path} is being searched by another client{_describe(owner)}; wait for it, stop it, "
                "or choose another run="
            ) from error
        except OSError as error:
            raise FileError(f"cannot write in {self.path} ({error.strerror}); choose another run=") from error
        try:
            _sign(owner)
            yield
        finally:
            owner.unlink(missing_ok=True)
            lock.release()

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Write ``run.toml`` with the format in front, and the guide's settings into the inputs."""
        guide = settings["guide"]
        write_text(self.inputs / _GUIDE, json.dumps(guide["spec"], indent=1) + "\n")
        write_toml(
            self.settings_file,
            {"format": FORMAT, **settings, "guide": {**guide, "spec": f"{self.inputs.name}/{_GUIDE}"}},
        )

    def read_settings(self) -> dict[str, Any]:
        """The settings in ``run.toml``, the guide's included.

        Raises
        ------
        FileError
            If there is no run, it is damaged, or a newer neuroguide wrote it.
        """
        if not self.exists:
            raise FileError(f"{self.path} holds no run (there is no run.toml); give the folder that search made")
        settings = read_toml(self.settings_file)
        written = settings.pop("format", None)
        if not isinstance(written, int) or isinstance(written, bool):
            raise FileError(f"{self.settings_file} names no format, so it is not a run's; restore it from a copy")
        if written > FORMAT:
            raise FileError(
                f"{self.settings_file} has format {written}, and this neuroguide reads up to {FORMAT}; "
                "install a newer neuroguide"
            )
        for name in ("search", "space", "guide", "sampler"):
            if not isinstance(settings.get(name), dict):
                raise FileError(f"{self.settings_file} has no [{name}] table; restore it from a copy")
        if garbled := garbled_settings(settings):
            names = ", ".join(map(repr, garbled))
            raise FileError(f"{self.settings_file} lacks or garbles a setting: {names}; restore it from a copy")
        if settings["guide"].get("simulated", 0) not in (0, 1):
            raise FileError(f"{self.settings_file} garbles whether its guide is simulated; restore it from a copy")
        try:
            settings["guide"]["spec"] = json.loads((self.inputs / _GUIDE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise FileError(f"{self.inputs / _GUIDE} cannot be read ({error}); restore it from a copy") from error
        return settings

    def check_same(self, asked: Mapping[str, Any]) -> None:
        """Check that a resumed search asks for what the run was started with.

        Raises
        ------
        OptionError
            If it does not; the message names every difference.
        """
        stored = self.read_settings()
        before, after = flatten(stored), flatten(asked)
        names = [n for n in [*before, *(n for n in after if n not in before)] if n.split(".")[0] != "made"]
        # None, which TOML lacks, stands for a setting that is not there
        pairs = {name: (before.get(name), after.get(name)) for name in names if name not in _FREE}
        differences = [
            f"{name} = {_show(old)}, not {_show(new)}" for name, (old, new) in pairs.items() if not _equal(old, new)
        ]
        if differences:
            raise OptionError(
                f"{self.path} was started with {'; '.join(differences)}; ask for the same, or choose another run="
            )
        if asked["search"]["trials"] < stored["search"]["trials"]:
            raise OptionError(
                f"{self.path} was started with {stored['search']['trials']} trials, not {asked['search']['trials']}; "
                "a resumed run may have more, not fewer"
            )


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one, with dotted names, without values that are None."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
            flat |= flatten({str(i): item for i, item in enumerate(value)}, f"{prefix}{key}.")
        elif value is not None:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _equal(a: Any, b: Any) -> bool:
    # 1 and 1.0 are one setting, 1 and True are not
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _show(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _sign(owner: Path) -> None:
    about = {"pid": os.getpid(), "host": platform.node(), "since": now()}
    try:
        write_text(owner, json.dumps(about) + "\n")
    except OSError as error:
        raise FileError(f"cannot write {owner} ({error.strerror}); make room, or choose another run=") from error


def _describe(owner: Path) -> str:
    """Who holds the lock, as far as it can be told: the file is written after the lock is taken."""
    try:
        about = json.loads(owner.read_text(encoding="utf-8"))
        return f" (process {about['pid']} on {about['host']}, since {about['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
