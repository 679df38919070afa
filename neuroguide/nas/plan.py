"""Everything that a search depends on, opened; and the same as settings in ``run.toml``."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide._core.options import unknown_option
from neuroguide._version import __version__
from neuroguide.nas import guides
from neuroguide.nas.data import TrainingData, open_data
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.folder import RunFolder, now
from neuroguide.nas.guides.base import WORST_ACCURACY, WORST_SIMILARITY
from neuroguide.nas.halving import Halving, open_halving
from neuroguide.nas.loop import RESULT
from neuroguide.nas.samplers import ArchitectureSampler, make_sampler
from neuroguide.nas.samplers.halving import HalvingSampler
from neuroguide.nas.spaces import Space, open_space
from neuroguide.nas.storage import without_password

#: The function that evaluates a candidate, unless another is named.
EVALUATE = "neuroguide.nas.evaluation:evaluate"

#: Objectives that are better when smaller; all others are better when larger.
_SMALLER = ("flops", "macs", "parameters")

#: What a candidate that could not be evaluated is told for an objective: worse than any real one, and finite.
_WORST = {"P": WORST_ACCURACY, **dict.fromkeys(_SMALLER, 1e15)}


@dataclass(frozen=True)
class Plan:
    """A search that is ready to run.

    Attributes
    ----------
    space : Space
        Opened by name, so that workers can open it.
    guide : PreparedGuide
    guide_spec : dict
        As the guide saved itself into the run's inputs.
    data : TrainingData or None
        Opened by name or saved into the run's inputs; None only for stand-ins for the evaluation.
    fidelity : Fidelity
    sampler : str
    options : dict
        All of the sampler's options, defaults included.
    trials, seed, lag : int
    ordered : bool
    objectives : tuple of str
        ``("value",)``, the guide's, or several measures and costs.
    reference : architecture or None
        The network that is reported beside the candidates.
    evaluate : str
        The function that evaluates a candidate, ``"module:function"``.
    device : str
    threads : int
    time_limit : float or None
        Seconds for a candidate.
    memory_limit : int or None
        Bytes for a candidate.
    retries : int
        How often a candidate that could not be evaluated is tried again.
    keep : int
        How many trained networks are kept.
    storage : str or None
        A database instead of the journal.
    study : str
        The study's name there.
    halving : Halving or None
        The ladder that candidates climb.
    promotion : str
        By what they are promoted: ``"value"``, the guide's, or a measure such as ``"P"`` or ``"TG"``.
    """

    space: Space[Any]
    guide: guides.PreparedGuide
    guide_spec: dict[str, Any]
    data: TrainingData | None
    fidelity: Fidelity
    sampler: str
    options: dict[str, Any]
    trials: int
    seed: int
    lag: int
    ordered: bool
    objectives: tuple[str, ...]
    reference: Any
    evaluate: str
    device: str
    threads: int
    time_limit: float | None
    memory_limit: int | None
    retries: int
    keep: int
    storage: str | None
    study: str
    halving: Halving | None = None
    promotion: str = "value"

    def __post_init__(self) -> None:
        limits = {"trials": 1, "lag": 1, "threads": 1, "retries": 0, "keep": 0}
        for name, least in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise OptionError(f"{name} = {value!r} is not possible; give a whole number of at least {least}")
        if not self.objectives or len(set(self.objectives)) < len(self.objectives):
            raise OptionError(f"objectives = {list(self.objectives)} is not possible; name each of at least one once")
        if self.space.origin is None:
            raise InputError(
                f"the space {self.space.name!r} was made in memory, where workers cannot open it; "
                'open it by open_space, with a name and options or with "file.py:factory"'
            )
        if self.halving is not None:
            if len(self.objectives) > 1:
                raise OptionError(f"halving promotes by one value, and there are several: {list(self.objectives)}")
            self.halving.check_trials(self.trials)
            self.halving.check_space(self.space)
        self.make_sampler()

    @property
    def directions(self) -> list[StudyDirection]:
        """Of each objective."""
        return [StudyDirection.MINIMIZE if name in _SMALLER else StudyDirection.MAXIMIZE for name in self.objectives]

    def make_sampler(self) -> optuna.samplers.BaseSampler:
        """The sampler; in a search without order, it learns from everything that was told.

        Raises
        ------
        OptionError
            If an option is out of its range, or it ranks by one value and there are several objectives.
        """
        lag = self.lag if self.ordered else 1
        sampler = make_sampler(self.sampler, self.space, seed=self.seed, lag=lag, **self.options)
        if len(self.objectives) > 1 and not getattr(sampler, "multi_objective", True):
            raise OptionError(
                f"sampler {self.sampler!r} ranks by one value, not by {list(self.objectives)}; use sampler='nsga2'"
            )
        if self.halving is None:
            return sampler
        if not isinstance(sampler, ArchitectureSampler):
            raise OptionError(f"halving needs one of our samplers on its first rung, not {type(sampler).__name__}")
        return HalvingSampler(sampler, self.halving, self._promotion_worth)

    def at_trial(self, arch: Any, number: int | None) -> tuple[Space[Any], Any, Fidelity]:
        """The space, architecture and fidelity of a trial: its rung's, or the whole ones without halving or number."""
        if self.halving is None:
            return self.space, arch, self.fidelity
        return *self.halving.network(number, self.space, arch), self.halving.fidelity(number, self.fidelity)

    def _promotion_worth(self, trial: FrozenTrial) -> float:
        """What a told trial is worth for its promotion; nothing is below what could not be evaluated."""
        result = trial.user_attrs[RESULT]
        found = result["value"] if self.promotion == "value" else result["measures"].get(self.promotion)
        if isinstance(found, int | float):
            return float(found)
        if result["reason"] is not None:
            return -math.inf
        numbers = [name for name, value in result["measures"].items() if isinstance(value, int | float)]
        raise unknown_option("promotion", self.promotion, [*numbers, "value"])

    def values(self, value: float, measured: Mapping[str, Any]) -> list[float]:
        """One number for each objective: the worst where a candidate with a ``reason`` has none.

        Parameters
        ----------
        value : float
            The guide's.
        measured : mapping
            Measures and costs.

        Raises
        ------
        OptionError
            If an objective is not among what is measured.
        """
        values = []
        for name in self.objectives:
            found = value if name == "value" else measured.get(name)
            if isinstance(found, int | float):
                values.append(float(found))
            elif measured.get("reason") is not None:
                values.append(_WORST.get(name, WORST_SIMILARITY))
            else:
                numbers = [key for key, other in measured.items() if isinstance(other, int | float)]
                raise unknown_option("objective", name, [*numbers, "value"])
        return values

    def settings(self, folder: RunFolder) -> dict[str, Any]:
        """As written into ``run.toml``."""
        origin = self.space.origin or {}
        search = (
            "trials", "seed", "lag", "ordered", "objectives", "evaluate", "device", "threads", "time_limit",
            "memory_limit", "retries", "keep", "storage", "study",
        )  # fmt: skip
        ladder = {} if self.halving is None else {"halving": str(self.halving), "promotion": self.promotion}
        reference = None if self.reference is None else json.dumps(self.space.to_json(self.reference))
        return {
            "search": {
                **{name: getattr(self, name) for name in search},
                **ladder,
                "reference": reference,
                # a run's folder is handed around, its password is not
                "storage": None if self.storage is None else without_password(self.storage),
            },
            "sampler": {"name": self.sampler, "options": self.options},
            "space": {**origin, "sha256": file_hash(str(origin["space"]))},
            "guide": {
                "name": self.guide.name,
                "simulated": int(is_simulated(self.guide_spec)),
                "spec": self.guide_spec,
            },
            "data": None if self.data is None else data_settings(self.data, folder),
            "training": self.fidelity.to_json(),
            "made": made(),
        }


def made() -> dict[str, Any]:
    """When, and by what: results are bit for bit the same only on the same versions and kind of processor."""
    return {
        "at": now(),
        "neuroguide": __version__,
        **{name: version(name) for name in ("optuna", "torch", "numpy")},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
    }


def restore_plan(folder: RunFolder) -> Plan:
    """The plan of a run, from its settings and inputs alone.

    Raises
    ------
    FileError, InputError, OptionError
        If they are damaged, or something that they name is not here any more or has changed.
    """
    settings = folder.read_settings()
    if "method" in settings["search"]:
        raise InputError(
            f"{folder.path} was not searched trial by trial but by the method {settings['search']['method']!r}; go on "
            "with it by neuroguide search --resume, or neuroguide.nas.hournas.resume_hournas"
        )
    try:
        search, origin, sampler = settings["search"], settings["space"], settings["sampler"]
        check_file(origin)
        if not str(search["evaluate"]).startswith("neuroguide."):
            # a file must not choose what is run
            raise InputError(
                f"{folder.settings_file} names {search['evaluate']!r} to evaluate candidates, which is not "
                "neuroguide's; go on with such a run by search(..., evaluate=, resume=True), if you trust it"
            )
        space = open_space(origin["space"], **origin.get("options", {}))
        plain = ("trials", "seed", "lag", "ordered", "evaluate", "device", "threads", "retries", "keep", "study")
        return Plan(
            space=space,
            guide=guides.load(settings["guide"]["spec"], folder.inputs),
            guide_spec=settings["guide"]["spec"],
            data=restore_data(settings["data"], folder) if "data" in settings else None,
            fidelity=Fidelity.from_json(settings["training"]),
            sampler=sampler["name"],
            options=sampler.get("options", {}),
            objectives=tuple(search["objectives"]),
            reference=space.from_json(json.loads(search["reference"])) if "reference" in search else None,
            time_limit=search.get("time_limit"),
            memory_limit=search.get("memory_limit"),
            storage=search.get("storage"),
            halving=open_halving(search.get("halving")),
            promotion=search.get("promotion", "value"),
            **{name: search[name] for name in plain},
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise FileError(
            f"{folder.settings_file} lacks or garbles a setting: {error}; restore it from a copy"
        ) from error


def data_settings(data: TrainingData, folder: RunFolder) -> dict[str, Any]:
    """How a run names its training data."""
    origin = data.origin or {}
    path = Path(str(origin.get("data", "")))
    # arrays were saved into the run, which may be moved
    inside = path.is_absolute() and path.parent == folder.inputs.resolve()
    where = f"{folder.inputs.name}/{path.name}" if inside else str(origin.get("data"))
    return {"name": data.name, "identifier": data.identifier, "data": where, "options": origin.get("options", {})}


def restore_data(settings: Mapping[str, Any], folder: RunFolder) -> TrainingData:
    """The training data of a run, refused with an InputError if they are others by now."""
    name = settings["data"]
    inside = name.startswith(f"{folder.inputs.name}/")
    data = open_data(folder.path / name if inside else name, **settings.get("options", {}))
    if data.identifier != settings["identifier"]:
        raise InputError(
            f"the training data {name} are not those that {folder.path} was started with "
            f"({settings['identifier']}, now {data.identifier}); bring them back, or start another run"
        )
    return data


def file_hash(space: str) -> str | None:
    """SHA-256 of the file of a space of one's own; None for a space by name."""
    path = Path(space.rpartition(":")[0])
    return hashlib.sha256(path.read_bytes()).hexdigest() if ".py:" in space else None


def check_file(origin: Mapping[str, Any]) -> None:
    """Refuse a space whose file is gone, or is not the one that the run was started with."""
    name = str(origin["space"])
    if ".py:" not in name:
        return
    path = Path(name.rpartition(":")[0])
    if not path.is_file():
        raise FileError(f"the file of the space, {path}, is not here any more; bring it back, or start another run")
    if file_hash(name) != origin.get("sha256"):
        raise InputError(f"{path} has changed since the run was started; bring it back, or start another run")


def is_simulated(spec: Any) -> bool:
    """Whether anything that a guide is made of says that it is simulated."""
    return any(bool(about.get("simulated")) for about in _abouts(spec))


def _abouts(spec: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(spec, Mapping):
        if isinstance(spec.get("about"), Mapping):
            yield spec["about"]
        for value in spec.values():
            yield from _abouts(value)
    elif isinstance(spec, list | tuple):
        for value in spec:
            yield from _abouts(value)
