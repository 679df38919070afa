"""The best of a search, trained to maturity from scratch: in ``RUN/retrained``, one folder each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from neuroguide._core.atomic import write_text
from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.execution import Executor
from neuroguide.nas.fidelity import mature_fidelity
from neuroguide.nas.maturing import FORMAT, PROGRESS, RESULT, WEIGHTS
from neuroguide.nas.plan import check_file, made
from neuroguide.nas.resuming import opened_executor
from neuroguide.nas.run import SearchRun, open_run
from neuroguide.nas.spaces import Space, open_space

#: The function that an executor runs.
MATURE = "neuroguide.nas.maturing:mature"

_SETTINGS = "settings.json"
#: What does not change a result.
_BESIDE = ("format", "trial", "made")
#: Seconds between two looks at how far trainings are.
_LOOK = 0.5


@dataclass(frozen=True)
class Retrained:
    """An architecture of a run that was trained to maturity.

    Attributes
    ----------
    path : Path
        Its folder, named after everything that the result depends on.
    trial : int
        Of the search.
    settings : dict
        Everything needed to train it again.
    result : dict
        See :func:`neuroguide.nas.maturing.mature`: ``accuracy``, ``test_accuracy``, ``measures``, ``history``, ...
    """

    path: Path
    trial: int
    settings: dict[str, Any]
    result: dict[str, Any]

    @property
    def weights(self) -> Path:
        """The trained weights."""
        return self.path / WEIGHTS


@dataclass(frozen=True)
class RetrainProgress:
    """How far one retraining is.

    Attributes
    ----------
    trial : int
    images_seen, images : int
    accuracy : float or None
        On validation images, the last time that it was looked at.
    """

    trial: int
    images_seen: int
    images: int
    accuracy: float | None


def retrain(
    run: SearchRun | str | os.PathLike[str],
    best: int = 1,
    *,
    images: int = 450_000,
    trials: Sequence[int] | None = None,
    settings: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    seed: int = 0,
    executor: str | Executor | None = None,
    threads: int = 1,
    device: str = "auto",
    checkpoint_seconds: float = 60.0,
    progress: Callable[[RetrainProgress], None] | None = None,
) -> list[Retrained]:
    """Train the best candidates of a run to maturity, from scratch.

    Each is validated on the way; the test images are looked at once, at the end. The guide's similarities are measured
    on the mature network too. A retraining that was interrupted goes on when the same is asked again, to the same
    weights, bit for bit; one that is finished is returned as it is.

    Parameters
    ----------
    run : SearchRun or path
    best : int
        How many of the best distinct candidates.
    images : int
        Images that each is trained on, in all; the default is ten passes over CIFAR-10's 45,000.
    trials : sequence of int, optional
        These trials instead of the best.
    settings : mapping, optional
        Options with which the space is opened for the retraining. Those that are fields of an architecture are changed
        in it: ``{"repeats": 3, "filters": 24}`` makes larger networks of the same `cells` (N and F). Others belong to
        training: ``cells`` has ``drop_path`` (growing linearly over the training; by default up to 0.2) and
        ``auxiliary`` (by default true).
    training : mapping, optional
        More of :class:`neuroguide.nas.fidelity.Fidelity`; the other defaults are
        :func:`neuroguide.nas.fidelity.mature_fidelity`'s.
    seed : int
        Of the weights and of the order of images.
    executor : str or Executor, optional
        Where they are trained: by default one child process, ``"local:2"`` two at a time.
    threads : int
        Threads of each process; results are the same bit for bit for the same number only.
    device : str
    checkpoint_seconds : float
        Seconds of training between two checkpoints.
    progress : callable, optional
        Called with a :class:`RetrainProgress` whenever a training comes further.

    Returns
    -------
    list of Retrained
        The best candidate of the search first.

    Raises
    ------
    FileError
        If there is no run, or one of the trainings is under way in another process.
    InputError
        If the run has too few candidates, or had no training images, or those have changed.
    OptionError
        If a setting is unknown or impossible.
    CandidateError
        If a training failed, or its process died.
    KeyboardInterrupt
        On Ctrl-C; the same call goes on from the last checkpoint.
    """
    found = run if isinstance(run, SearchRun) else open_run(run)
    if "data" not in found.settings:
        raise InputError(f"{found.path} was searched without training images, so nothing can be retrained")
    chosen = _best(found, best) if trials is None else list(trials)
    fidelity = mature_fidelity(images, **(training or {}))
    tasks: dict[Path, dict[str, Any]] = {}
    for trial in chosen:
        space, arch = grown(found, found.candidate(trial).architecture, settings or {})
        origin = space.origin or {}
        about = {
            "format": FORMAT,
            "trial": trial,
            "space": {**found.settings["space"], **origin},
            "architecture": space.to_json(arch),
            "hash": space.hash(arch),
            "data": found.settings["data"],
            "fidelity": fidelity.to_json(),
            "guide": found.settings["guide"]["spec"],
            "seed": seed,
            "device": device,
            "threads": threads,
            "made": made(),
        }
        tasks[_folder(found, about)] = about
    with opened_executor(executor, threads=threads) as workers:
        _run(found, tasks, workers, checkpoint_seconds, progress)
    return [_open(path) for path in tasks]


def retrained(run: SearchRun | str | os.PathLike[str]) -> list[Retrained]:
    """The finished retrainings of a run, by trial and images trained on."""
    path = run.path if isinstance(run, SearchRun) else Path(run)
    found = [_open(file.parent) for file in path.glob(f"retrained/*/{RESULT}")]
    return sorted(found, key=lambda one: (one.trial, one.result["images_seen"], one.path.name))


def grown(run: SearchRun, arch: Any, settings: Mapping[str, Any]) -> tuple[Space[Any], Any]:
    """The space opened with other options, and the architecture with those that are its fields; see :func:`retrain`."""
    origin = run.space.origin or {}
    names = {field.name for field in fields(arch)}
    options = {**origin.get("options", {}), **run.space.mature_options, **settings}
    space = open_space(origin["space"], **options)
    return space, space.canonicalise(replace(arch, **{name: settings[name] for name in settings if name in names}))


def _best(run: SearchRun, count: int) -> list[int]:
    table = run.leaderboard()
    fine = table[(table["kind"] == "candidate") & (table["reason"] == "")].drop_duplicates("architecture")
    if not 1 <= count <= len(fine):
        raise OptionError(f"best = {count!r} is not possible; {run.path} has {len(fine)} distinct candidates")
    return [int(trial) for trial in fine["trial"].head(count)]


def _folder(run: SearchRun, about: Mapping[str, Any]) -> Path:
    """The folder of these settings; written down before anything is trained."""
    plain = {name: value for name, value in about.items() if name not in _BESIDE}
    key = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
    folder = run.path / "retrained" / key
    if not (folder / _SETTINGS).is_file():
        write_text(folder / _SETTINGS, json.dumps(about, indent=1) + "\n")
    return folder


def _run(
    run: SearchRun,
    tasks: Mapping[Path, dict[str, Any]],
    workers: Executor,
    checkpoint_seconds: float,
    progress: Callable[[RetrainProgress], None] | None,
) -> None:
    running: dict[Future[dict[str, Any]], Path] = {}
    for folder, about in tasks.items():
        if not (folder / RESULT).is_file():
            spec = {
                "folder": str(folder.resolve()),
                "settings": about,
                "data": _data_here(run),
                "guide_folder": str(run.folder.inputs.resolve()),
                "checkpoint_seconds": checkpoint_seconds,
            }
            running[workers.submit(MATURE, spec)] = folder
    seen: dict[Path, RetrainProgress] = {}
    while running:
        done, _ = wait(running, timeout=_LOOK, return_when=FIRST_COMPLETED)
        for future, folder in running.items():
            state = _progress(folder, tasks[folder])
            if progress is not None and state is not None and state != seen.get(folder):
                seen[folder] = state
                progress(state)
            if future in done:
                future.result()
                (folder / PROGRESS).unlink(missing_ok=True)
        running = {future: folder for future, folder in running.items() if future not in done}


def _data_here(run: SearchRun) -> dict[str, Any]:
    """How a worker opens the run's training data; those saved into the run lie where the run is now."""
    about = run.settings["data"]
    name = str(about["data"])
    inside = name.startswith(f"{run.folder.inputs.name}/")
    return {
        "data": str((run.path / name).resolve()) if inside else name,
        "options": about.get("options", {}),
        "identifier": about["identifier"],
    }


def _progress(folder: Path, about: Mapping[str, Any]) -> RetrainProgress | None:
    try:
        state = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        images = int(about["fidelity"]["images"])
        return RetrainProgress(about["trial"], int(state["images_seen"]), images, state["accuracy"])
    except FileNotFoundError:
        return None


def _open(folder: Path) -> Retrained:
    read = {}
    for name in (_SETTINGS, RESULT):
        try:
            read[name] = json.loads((folder / name).read_text(encoding="utf-8"))
            if read[name]["format"] > FORMAT:
                raise FileError(f"{folder / name} has a newer format than this neuroguide reads; install a newer one")
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, FileError):
                raise
            raise FileError(f"{folder / name} cannot be read ({error}); delete its folder and retrain") from error
    return Retrained(folder, int(read[_SETTINGS]["trial"]), read[_SETTINGS], read[RESULT])


def open_retrained(path: str | os.PathLike[str]) -> tuple[SearchRun, Retrained]:
    """The retraining in a folder, and the run that it belongs to.

    Raises
    ------
    FileError
        If there is none, or it is not finished.
    """
    folder = Path(path)
    run = open_run(folder.parent.parent)
    check_file(run.settings["space"])
    return run, _open(folder)
