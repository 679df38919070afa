"""A HourNAS search in a run folder: started, killed, gone on with, and ending as a run like any other.

The folder holds what every run holds (``run.toml``, ``inputs``, ``study.journal``, ``artifacts``,
``leaderboard.csv``): derived networks are its trials, so that they are listed, retrained and exported like candidates
of any search. Beside it ``hournas/state.safetensors`` says where the supernet stands.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import FileError, InputError, NeuroguideWarning, OptionError
from neuroguide.engine.device import resolve_device
from neuroguide.nas import guides
from neuroguide.nas.data import TrainingData, open_data
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.guides import PreparedGuide
from neuroguide.nas.hournas.budget import Budget, check_reachable, parse_budget
from neuroguide.nas.hournas.latency import needed, with_latency
from neuroguide.nas.hournas.results import METHOD, HourNASRun, costs_file, read_costs, state_file
from neuroguide.nas.hournas.search import HourNAS
from neuroguide.nas.hournas.settings import HourNASSettings
from neuroguide.nas.hournas.state import restore_state, save_state
from neuroguide.nas.hournas.supernet import counted_table
from neuroguide.nas.hournas.table import CostTable
from neuroguide.nas.hournas.telling import tell_candidates
from neuroguide.nas.plan import check_file, data_settings, file_hash, is_simulated, made, restore_data
from neuroguide.nas.run import STUDY
from neuroguide.nas.spaces import Space, open_space
from neuroguide.nas.spaces.hourglass import HourglassSpace


@dataclass(frozen=True)
class HourNASProgress:
    """How far a search is.

    Attributes
    ----------
    images_seen, images : int
        Shown to the supernet, and in all.
    phase : str
        ``vital``, ``rest``, ``together``, or ``derived networks``.
    loss, similarity : float or None
        Of the last architecture step: cross-entropy, and TG.
    """

    images_seen: int
    images: int
    phase: str
    loss: float | None = None
    similarity: float | None = None


OnProgress = Callable[[HourNASProgress], None]


def hournas(
    space: str | Space[Any] = "hourglass",
    guide: str | Sequence[str] | guides.Guide | PreparedGuide = "performance",
    *,
    data: str | Path | TrainingData,
    budget: str | Budget | Sequence[str | Budget] = (),
    tolerance: float = 0.05,
    settings: HourNASSettings | Mapping[str, Any] | None = None,
    run: str | os.PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    degrees: float | None = None,
    resume: bool = False,
    progress: OnProgress | None = None,
) -> HourNASRun:
    """Search the hourglass space through one supernet: vital blocks first, then what the budget affords.

    Parameters
    ----------
    space : str or HourglassSpace
        See :func:`neuroguide.nas.spaces.open_space`; opened by name, so that the run can be gone on with.
    guide : Guide, or one or several names
        The architecture loss is cross-entropy for performance, minus TG for a teacher, and ``cross-entropy - alpha TG``
        for both; derived networks are ranked by the guide's value.
    data : str, path or TrainingData
        See :func:`neuroguide.nas.data.open_data`.
    budget : str, Budget, or several
        ``"300MFLOPs"``, ``"150MMACs"``, ``"5.3Mparameters"``, ``"12ms"``; all must hold. None: no budget, and no
        space proposals.
    tolerance : float
        Of budgets given as text: 0.05 allows 5% less and 5% more.
    settings : HourNASSettings or mapping, optional
    run : path, optional
        The run's folder; by default a new one in ``runs``.
    seed : int
        Of everything.
    device : str
    degrees : float, optional
        Field of view that a network's input stands for, in degrees.
    resume : bool
        Go on with the run in the folder, if there is one; see also :func:`resume_hournas`.
    progress : callable, optional
        Called with a :class:`HourNASProgress` after every step.

    Returns
    -------
    HourNASRun
        Its trials are the derived networks with the shared weights; ``neuroguide retrain`` trains them from scratch.

    Raises
    ------
    OptionError
        If no network keeps to the budgets (the message says what can be reached), a setting is impossible, the guide
        has no gradient, or a resumed run was started with other settings.
    InputError
        If the space is not `hourglass`, or the supernet diverged.
    FileError
        If the folder holds a run and ``resume`` is False, or another client has it, or it cannot be written.
    KeyboardInterrupt
        On Ctrl-C; the run can be resumed.
    """
    opened = open_space(space)
    if not isinstance(opened, HourglassSpace) or opened.origin is None:
        raise InputError(
            f"the method {METHOD} searches the space 'hourglass', opened by name (open_space); {opened.name!r} arrived"
        )
    chosen = settings if isinstance(settings, HourNASSettings) else HourNASSettings.from_json(settings or {})
    budgets = _budgets(budget, tolerance)
    folder = RunFolder(run if run is not None else _new_name())
    if folder.exists and not resume:
        raise FileError(f"{folder.path} holds a run already; go on with it by resume=True, or choose another run=")
    images = open_data(data)
    counted = counted_table(opened, image_size=images.image_size, n_classes=images.n_classes)
    # what can be refused without measuring comes first
    check_reachable(counted, [b for b in budgets if b.quantity in counted.quantities])
    with folder.made(), folder.locked():
        if images.origin is None:
            images = images.save(folder.inputs / "data.safetensors")
        prepared = _prepared(guide, images, degrees, device)
        asked = _settings(folder, opened, prepared, images, budgets, chosen, seed, device)
        if folder.exists:
            folder.check_same(asked)
            table = read_costs(folder)
        else:
            table = _measured(counted, opened, budgets, images)
        # a guide or setting that is refused leaves no run behind
        search = HourNAS(opened, images, prepared, table, budgets, chosen, seed=seed, device=resolve_device(device))
        if not folder.exists:
            _save_costs(table, folder)
            folder.write_settings(asked)
        _go_on(search, folder, images, prepared, progress)
    return HourNASRun(folder.path)


def resume_hournas(run: str | os.PathLike[str], *, progress: OnProgress | None = None) -> HourNASRun:
    """Go on with a run from its folder alone, to the same networks and weights, bit for bit.

    Raises
    ------
    FileError
        If there is no run of this method, it is damaged or in use, or a newer neuroguide wrote it.
    InputError
        If the training data have changed.
    """
    folder = RunFolder(run)
    found = HourNASRun(folder.path).settings
    with folder.locked():
        try:
            origin, about = found["space"], found["search"]
            check_file(origin)
            options = dict(found["sampler"]["options"])
            # TOML has no None, and a missing table stands for none
            chosen = HourNASSettings.from_json({"proposals": None, **options})
            budgets = tuple(Budget(str(q), float(target), float(t)) for q, target, t in about["budgets"])
            seed, device, threads = int(about["seed"]), str(about["device"]), int(about["threads"])
            space = open_space(origin["space"], **origin.get("options", {}))
            stored = found["data"]
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise FileError(
                f"{folder.settings_file} lacks or garbles a setting: {error}; restore it from a copy"
            ) from error
        if threads != torch.get_num_threads():
            warnings.warn(
                f"{folder.path} was searched with {threads} threads and goes on with {torch.get_num_threads()}; "
                "results may differ in their last digits",
                NeuroguideWarning,
                stacklevel=2,
            )
        images = restore_data(stored, folder)
        prepared = guides.load(found["guide"]["spec"], folder.inputs)
        search = HourNAS(
            space,  # type: ignore[arg-type]
            images, prepared, read_costs(folder), budgets, chosen, seed=seed, device=resolve_device(device),
        )  # fmt: skip
        _go_on(search, folder, images, prepared, progress)
    return HourNASRun(folder.path)


def _go_on(
    search: HourNAS, folder: RunFolder, data: TrainingData, guide: PreparedGuide, progress: OnProgress | None
) -> None:
    """Search from where the state says to the end, and tell the derived networks; call it with the lock held."""
    path = state_file(folder)
    if path.exists():
        restore_state(search, path)
    else:
        save_state(search, path)
    total = search.settings.images
    made_here = 0
    while not search.finished:
        phase = search.phases[search.phase].name
        search.step()
        made_here += 1
        if progress is not None:
            last = search.history[-1] if search.history else {}
            progress(HourNASProgress(search.images_seen, total, phase, last.get("loss"), last.get("TG")))
        # Ctrl-C may come in the middle of a step, so that only what was written before counts
        if search.finished or made_here % search.settings.checkpoint_every == 0:
            save_state(search, path)
    if progress is not None:
        progress(HourNASProgress(total, total, "derived networks"))
    tell_candidates(search, folder, data, guide)


def _budgets(given: str | Budget | Sequence[str | Budget], tolerance: float) -> tuple[Budget, ...]:
    several = [given] if isinstance(given, str | Budget) else list(given)
    return tuple(b if isinstance(b, Budget) else parse_budget(b, tolerance) for b in several)


def _prepared(guide: object, data: TrainingData, degrees: float | None, device: str) -> PreparedGuide:
    chosen = guides.open_guide(guide) if isinstance(guide, str | list | tuple) else guide
    if isinstance(chosen, guides.Guide):
        return chosen.prepare(image_size=data.image_size, mean=data.mean, std=data.std, degrees=degrees, device=device)
    if not isinstance(chosen, PreparedGuide):
        raise OptionError(f"guide is a {type(chosen).__name__}; give a guide of neuroguide.nas.guides, or its name")
    return chosen


def _measured(table: CostTable, space: HourglassSpace, budgets: Sequence[Budget], data: TrainingData) -> CostTable:
    """The counted costs, and a column for every latency that is a budget."""
    for runtime in needed(tuple(budget.quantity for budget in budgets)):
        table = with_latency(table, space, runtime, image_size=data.image_size, n_classes=data.n_classes)
    return table


def _save_costs(table: CostTable, folder: RunFolder) -> None:
    with atomic_path(costs_file(folder)) as temporary:
        save_file(table.tensors(), temporary, metadata={"format": "1", "names": json.dumps(table.names())})


def _settings(
    folder: RunFolder,
    space: HourglassSpace,
    guide: PreparedGuide,
    data: TrainingData,
    budgets: Sequence[Budget],
    settings: HourNASSettings,
    seed: int,
    device: str,
) -> dict[str, Any]:
    """As written into ``run.toml``."""
    spec = guide.save(folder.inputs)
    origin = space.origin or {}
    training = Fidelity(images=settings.images, batch_size=settings.batch_size, learning_rate=settings.learning_rate)
    return {
        "search": {
            "method": METHOD, "trials": settings.candidates, "keep": settings.candidates, "seed": seed,
            "device": device, "threads": torch.get_num_threads(), "objectives": ["value"], "study": STUDY,
            "budgets": [[budget.quantity, budget.target, budget.tolerance] for budget in budgets],
        },
        "sampler": {"name": METHOD, "options": settings.to_json()},
        "space": {**origin, "sha256": file_hash(str(origin["space"]))},
        "guide": {"name": guide.name, "simulated": int(is_simulated(spec)), "spec": spec},
        "data": data_settings(data, folder),
        "training": training.to_json(),
        "made": made(),
    }  # fmt: skip


def _new_name() -> Path:
    stem = Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-hourglass-{METHOD}"
    number, path = 1, stem
    while path.exists():
        number += 1
        path = stem.with_name(f"{stem.name}-{number}")
    return path
