"""Guided search: one call from a space and a guide to a run folder, and the ways back into that folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide._core.options import unknown_option
from neuroguide._core.settings import parse_memory
from neuroguide.execution import Executor
from neuroguide.nas import guides, samplers
from neuroguide.nas.client import run_client
from neuroguide.nas.data import TrainingData, open_data
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.halving import Halving, Rung, open_halving
from neuroguide.nas.plan import EVALUATE, Plan
from neuroguide.nas.progress import Progress
from neuroguide.nas.reference import middle_architecture
from neuroguide.nas.resuming import AnyExecutor, OnProgress, continued, opened_executor, repeat_search, resume_search
from neuroguide.nas.run import STUDY, Candidate, SearchRun, open_run
from neuroguide.nas.samplers import make_sampler
from neuroguide.nas.spaces import Space, open_space
from neuroguide.nas.storage import open_storage

__all__ = ["Candidate", "Progress", "SearchRun", "open_run", "repeat_search", "resume_search", "search"]


def search(
    space: str | Space[Any],
    guide: str | Sequence[str] | guides.Guide | guides.PreparedGuide,
    *,
    data: str | Path | TrainingData | None = None,
    sampler: str = "evolution",
    trials: int | None = None,
    images: int | None = None,
    halving: str | Halving | Sequence[Rung] | None = None,
    promotion: str = "value",
    run: str | os.PathLike[str] | None = None,
    executor: AnyExecutor | None = None,
    ordered: bool = True,
    lag: int | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    memory_limit: str | int | None = None,
    threads: int = 1,
    device: str = "auto",
    training: Mapping[str, Any] | None = None,
    sampler_options: Mapping[str, Any] | None = None,
    objectives: Sequence[str] | None = None,
    reference: Any = "auto",
    degrees: float | None = None,
    keep: int = 5,
    retries: int = 1,
    storage: str | None = None,
    resume: bool = False,
    progress: OnProgress | None = None,
    evaluate: str = EVALUATE,
) -> SearchRun:
    """Search a space for architectures that a guide finds worth the most.

    Every proposal derives from the seed, the trial's number and the trials told before it, every training from the
    seed, the architecture and the fidelity. So the leaderboard is the same, bit for bit, whether a search was killed
    and resumed, or ran on one worker or on as many as its lag (same versions, CPU type, threads and device).

    Parameters
    ----------
    space : str or Space
        What can be built; see :func:`neuroguide.nas.spaces.open_space`.
    guide : Guide, or one or several names
        What a candidate is worth; see :mod:`neuroguide.nas.guides`.
    data : str, path or TrainingData
        What candidates are trained on; see :func:`neuroguide.nas.data.open_data`.
    sampler : str
        Which candidate next: ``"random"``, ``"evolution"``, ``"tpe"``, ``"nsga2"``, ``"progressive"``,
        ``"controller"``, ``"hourglass"``, or one that was registered.
    trials : int, optional
        How many candidates: by default 24, or one whole ladder of ``halving``.
    images : int, optional
        Images that each is trained on, by default 4,000; 0 measures untrained candidates.
    halving : str or sequence of Rung, optional
        Successive halving instead of one number of images: ``"16x500, 8x1000, 4x2000"`` trains 16 candidates on 500
        images, the better 8 of them anew on 1,000, and so on; ``"16x500 filters=4, ..."`` also on smaller networks. See
        :class:`neuroguide.nas.halving.Halving`.
    promotion : str
        By what candidates climb: ``"value"``, what the guide finds them worth, or a measure (``"P"``, ``"TG"``).
    run : path, optional
        The run's folder; by default a new one in ``runs``.
    executor : str, Executor, distributed.Client or concurrent.futures.Executor, optional
        Where candidates are evaluated: by default one child process, ``"local:4"`` four; a dask client's workers; see
        :func:`neuroguide.execution.open_executor`.
    ordered : bool
        Tell results in the order of the trials. False tells them as they come, and gives up the promise above.
    lag : int, optional
        Trials under way at most; trial ``n`` learns from trials up to ``n - lag``. By default as many as the executor
        has workers; without order an eighth more, so that none of many waits for this process.
    seed : int
        Of everything.
    time_limit : float, optional
        Seconds that a candidate may take.
    memory_limit : str or int, optional
        What a candidate's process may hold, ``"2GB"`` or bytes.
    threads : int
        Threads of each candidate's process.
    device : str
        Where candidates are trained.
    training : mapping, optional
        More of :class:`neuroguide.nas.fidelity.Fidelity` than ``images``.
    sampler_options : mapping, optional
        The sampler's own; see :func:`neuroguide.nas.samplers.sampler_options`.
    objectives : sequence of str, optional
        For a sampler of several objectives: measures (``"P"``, ``"TG"``, ``"similarity/IT"``), ``"value"`` or costs
        (``"flops"``, ``"macs"``, ``"parameters"``: smaller is better). ``nsga2`` takes TG, P and FLOPs (the guide's
        value and FLOPs where there is no teacher); the others take the guide's value.
    reference : architecture, "auto" or None
        A network that is evaluated once in the same way and reported beside the candidates; by default the one with the
        middle option of every choice.
    degrees : float, optional
        Field of view that a candidate's input stands for, in degrees.
    keep : int
        Trained networks of how many best candidates are kept.
    retries : int
        How often a candidate that could not be evaluated (killed, out of time or memory, an error) is tried again. Then
        it is told the worst finite value, and the search goes on.
    storage : str, optional
        A database instead of the run's journal, as Optuna takes it: ``"sqlite:///searches.db"``.
    resume : bool
        Go on with the run in the folder, if there is one; ``trials`` may have grown. See also :func:`resume_search`.
    progress : callable, optional
        Called with a :class:`Progress` at the start, before the first trial and after every one.
    evaluate : str
        ``"module:function"`` that takes a candidate's spec and returns its outcome, instead of
        :func:`neuroguide.nas.evaluation.evaluate`.

    Returns
    -------
    SearchRun

    Raises
    ------
    FileError
        If the folder holds a run and ``resume`` is False, or another client has it, or it cannot be written.
    OptionError
        If an option is impossible, or a resumed run was started with other settings; the message names them.
    CandidateError
        If the executor broke; the run can be resumed.
    KeyboardInterrupt
        On Ctrl-C; the run can be resumed.
    """
    opened = open_space(space)
    folder = RunFolder(run if run is not None else _new_name(opened, sampler))
    if folder.exists and not resume:
        raise FileError(f"{folder.path} holds a run already; go on with it by resume=True, or choose another run=")
    if data is None and evaluate == EVALUATE:
        raise OptionError("a search needs images to train candidates on; give data=, e.g. data='cifar10'")
    # what costs nothing to check comes first: data and guide may take minutes to open
    options = _all_options(sampler, sampler_options)
    make_sampler(sampler, opened, seed=seed, **options)
    ladder = open_halving(halving)
    fidelity = Fidelity.from_json({"images": _images(images, ladder), **(training or {})})
    chosen = guides.open_guide(guide) if isinstance(guide, str | list | tuple) else guide
    memory = None if memory_limit is None else parse_memory(memory_limit)
    if storage is not None:
        open_storage(folder.journal, storage)
    with (
        opened_executor(executor, threads=threads, time_limit=time_limit, memory_limit=memory) as workers,
        folder.made(),
        folder.locked(),
    ):
        data = _inside(open_data(data), folder) if data is not None else None
        prepared = _prepare(chosen, data, degrees, device)
        plan = Plan(
            space=opened,
            guide=prepared,
            guide_spec=prepared.save(folder.inputs),
            data=data,
            fidelity=fidelity,
            sampler=sampler,
            options=options,
            trials=_trials(trials, ladder),
            seed=seed,
            lag=_lag(lag, folder, workers, ordered),
            ordered=ordered,
            objectives=tuple(objectives or _usual_objectives(sampler, prepared)),
            reference=middle_architecture(opened) if reference == "auto" else reference,
            evaluate=evaluate,
            device=device,
            # an executor that was made elsewhere has limits of its own
            threads=getattr(workers, "threads", threads),
            time_limit=getattr(workers, "time_limit", time_limit),
            memory_limit=getattr(workers, "memory_limit", memory),
            retries=retries,
            keep=keep,
            storage=storage,
            study=STUDY if storage is None else f"{folder.path.name} {secrets.token_hex(4)}",
            halving=ladder,
            promotion=promotion,
        )
        if folder.exists:
            folder.check_same(plan.settings(folder))
            plan = continued(plan, folder)
        else:
            folder.write_settings(plan.settings(folder))
        run_client(plan, folder, workers, progress)
    return open_run(folder.path, storage=storage)


def _prepare(guide: object, data: TrainingData | None, degrees: float | None, device: str) -> guides.PreparedGuide:
    """The guide for candidates that see such images; stand-ins for the evaluation see none."""
    if data is not None and isinstance(guide, guides.Guide):
        return guide.prepare(image_size=data.image_size, mean=data.mean, std=data.std, degrees=degrees, device=device)
    if not isinstance(guide, guides.PreparedGuide):
        raise InputError(f"guide is a {type(guide).__name__}; give a guide of neuroguide.nas.guides, or its name")
    return guide


def _trials(asked: int | None, ladder: Halving | None) -> int:
    if ladder is None:
        return 24 if asked is None else asked
    return ladder.trials if asked is None else ladder.check_trials(asked)


def _images(asked: int | None, ladder: Halving | None) -> int:
    if ladder is None:
        return 4000 if asked is None else asked
    if asked is not None:
        raise OptionError(
            f"images = {asked} and halving = {str(ladder)!r} both say how long to train; give one of them"
        )
    return ladder.images


def _inside(data: TrainingData, folder: RunFolder) -> TrainingData:
    """Data that workers can open: arrays are saved into the run."""
    return data if data.origin is not None else data.save(folder.inputs / "data.safetensors")


def _lag(asked: int | None, folder: RunFolder, workers: Executor, ordered: bool) -> int:
    if asked is not None:
        return asked
    if folder.exists:
        return int(folder.read_settings()["search"]["lag"])
    count = int(getattr(workers, "workers", 1))
    return count if ordered else count + count // 8


def _all_options(sampler: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """A sampler's options, defaults filled in: a later version's defaults must not change a run."""
    known = samplers.sampler_options(sampler)
    for name in given or {}:
        if name not in known:
            raise unknown_option(f"option of sampler {sampler!r}", name, known)
    return {**known, **(given or {})}


def _usual_objectives(sampler: str, guide: guides.PreparedGuide) -> tuple[str, ...]:
    if sampler != "nsga2":
        return ("value",)
    taught = isinstance(guide, guides.PreparedTeacher | guides.PreparedCombined)
    return ("TG", "P", "flops") if taught else ("value", "flops")


def _new_name(space: Space[Any], sampler: str) -> Path:
    stem = Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{space.name}-{sampler}"
    number, path = 1, stem
    while path.exists():
        number += 1
        path = stem.with_name(f"{stem.name}-{number}")
    return path
