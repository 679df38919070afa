"""The ways back into a run's folder: go on with it, or search again from its settings."""

from __future__ import annotations

import os
import secrets
import shutil
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor as StandardExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from neuroguide._core.errors import FileError, NeuroguideWarning
from neuroguide.execution import Executor, open_executor
from neuroguide.nas.client import run_client
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.plan import Plan, made, restore_plan
from neuroguide.nas.progress import Progress
from neuroguide.nas.run import STUDY, SearchRun, open_run

if TYPE_CHECKING:
    from distributed import Client

OnProgress = Callable[[Progress], None]
#: Whatever :func:`neuroguide.execution.open_executor` takes.
AnyExecutor: TypeAlias = Union[str, Executor, StandardExecutor, "Client"]


def resume_search(
    run: str | os.PathLike[str],
    *,
    trials: int | None = None,
    storage: str | None = None,
    executor: AnyExecutor | None = None,
    progress: OnProgress | None = None,
) -> SearchRun:
    """Go on with a run from its folder alone.

    Parameters
    ----------
    run : path
        The run's folder.
    trials : int, optional
        More trials than it was started with.
    storage : str, optional
        The database of a run that has one, with its password, which ``run.toml`` does not hold; without it, the
        password is taken from the environment variable ``NEUROGUIDE_STORAGE_PASSWORD``.
    executor : str or Executor, optional
        Where candidates are evaluated; it need not be what it was.
    progress : callable, optional
        See :func:`search`.

    Raises
    ------
    FileError
        If there is no run, it is damaged or in use, or a newer neuroguide wrote it.
    InputError
        If the training data or the file of the space have changed.
    OptionError
        If fewer trials are asked for than it was started with.
    CandidateError, KeyboardInterrupt
        See :func:`search`.
    """
    folder = RunFolder(run)
    folder.read_settings()
    with folder.locked():
        plan = restore_plan(folder)
        if trials is not None or storage is not None:
            plan = replace(plan, trials=trials or plan.trials, storage=storage or plan.storage)
            folder.check_same(plan.settings(folder))
        with opened_executor(
            executor, threads=plan.threads, time_limit=plan.time_limit, memory_limit=plan.memory_limit
        ) as workers:
            run_client(continued(plan, folder), folder, workers, progress)
    return open_run(folder.path, storage=storage)


def repeat_search(
    source: str | os.PathLike[str],
    run: str | os.PathLike[str],
    *,
    executor: AnyExecutor | None = None,
    progress: OnProgress | None = None,
) -> SearchRun:
    """Search again, from the settings and inputs of another run, in a new folder.

    Parameters
    ----------
    source : path
        A run's folder, or its ``run.toml``.
    run : path
        The new folder.
    executor, progress
        See :func:`search`.

    Raises
    ------
    FileError
        If there is no run in ``source``, or one in ``run``; and as :func:`resume_search`.
    """
    path = Path(source)
    old, new = RunFolder(path.parent if path.name == "run.toml" else path), RunFolder(run)
    settings = old.read_settings()
    if new.exists:
        raise FileError(f"{new.path} holds a run already; choose another run=")
    new.make()
    with new.locked():
        for item in old.inputs.iterdir():
            shutil.copy2(item, new.inputs / item.name)
        name = STUDY if "storage" not in settings["search"] else f"{new.path.name} {secrets.token_hex(4)}"
        new.write_settings({**settings, "search": {**settings["search"], "study": name}, "made": made()})
    return resume_search(new.path, executor=executor, progress=progress)


@contextmanager
def opened_executor(executor: AnyExecutor | None, **limits: Any) -> Iterator[Executor]:
    """The executor; one that was made here is ended here, and one that was given is left alone."""
    workers = open_executor(executor, **limits)
    try:
        yield workers
    finally:
        if workers is not executor:
            workers.shutdown()


def continued(plan: Plan, folder: RunFolder) -> Plan:
    """The plan of a run that exists, with what may have changed written down."""
    settings = folder.read_settings()
    before, now = settings["made"], made()
    changed = [name for name in ("torch", "numpy", "optuna", "python", "machine") if before.get(name) != now[name]]
    if changed:
        told = "; ".join(f"{name} was {before.get(name)}, is {now[name]}" for name in changed)
        warnings.warn(
            f"{folder.path}: {told}; candidates from here on may differ in their last digits",
            NeuroguideWarning,
            stacklevel=3,
        )
    search = {**settings["search"], "trials": plan.trials, "keep": plan.keep}
    if search != settings["search"]:
        folder.write_settings({**settings, "search": search})
    return replace(plan, study=search["study"])
