"""A run as it lies in its folder: finished, interrupted, or being searched by somebody at this moment."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.study import StudyDirection
from optuna.trial import TrialState

from neuroguide._core.errors import FileError, InputError
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.halving import open_halving, standing
from neuroguide.nas.leaderboard import export, leaderboard
from neuroguide.nas.loop import RESULT, Result
from neuroguide.nas.plan import check_file
from neuroguide.nas.spaces import Space, open_space
from neuroguide.nas.storage import open_storage
from neuroguide.nas.stored import garbled_result, is_cost

#: Name of the study in a run's own journal.
STUDY = "search"

#: The study's attribute that holds the reference network's result.
REFERENCE = "reference"

#: Beginning of the attributes that hold the results of the networks over which a guide is standardised.
STANDARD = "standard "

#: The study's attribute that holds what a supernet cost, from which the candidates were derived.
SUPERNET = "supernet"


@dataclass(frozen=True)
class Candidate:
    """One evaluated candidate.

    Attributes
    ----------
    trial : int
        Number of its trial.
    architecture : Any
        A frozen dataclass of the run's space.
    value : float
        What the guide found it worth.
    measures : mapping
        What was measured: ``P``, ``TG``, ``similarity/<teacher layer>``, ...
    weights : Path or None
        Its trained weights, if it is among the best that are kept.
    """

    trial: int
    architecture: Any
    value: float
    measures: Mapping[str, Any]
    weights: Path | None


class SearchRun:
    """The results of a search; reads what is there, locks nothing, and can look at a run that is under way.

    Parameters
    ----------
    path : path
        The run's folder.
    study : optuna.Study, optional
        Its study, if it is open already.
    storage : str, optional
        The address of its database, if it has one with a password; see
        :func:`neuroguide.nas.resuming.resume_search`.

    Raises
    ------
    FileError
        If it holds no run, or one of a newer neuroguide.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, study: optuna.Study | None = None, storage: str | None = None
    ) -> None:
        self._study = study
        self._storage = storage
        self.folder = RunFolder(path)
        #: Everything that the search depends on, as in ``run.toml``.
        self.settings: dict[str, Any] = self.folder.read_settings()

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @property
    def study(self) -> optuna.Study:
        """The Optuna study.

        Raises
        ------
        FileError
            If the store is gone or damaged.
        """
        if self._study is not None:
            return self._study
        url = self._storage or self.settings["search"].get("storage")
        if url is None and not self.folder.journal.exists():
            raise FileError(f"{self.folder.journal} is not there; restore it from a copy, or resume the run")
        storage = open_storage(self.folder.journal, url)
        try:
            self._study = optuna.load_study(study_name=self.settings["search"]["study"], storage=storage)
        except KeyError as error:
            raise FileError(f"{self.path} has no trials yet; resume the run") from error
        return self._study

    @cached_property
    def space(self) -> Space[Any]:
        """The space that was searched."""
        origin = self.settings["space"]
        check_file(origin)
        return open_space(origin["space"], **origin.get("options", {}))

    @property
    def results(self) -> dict[int, Result]:
        """What is stored of every told trial, by its number.

        Raises
        ------
        FileError
            If the store is gone or damaged.
        """
        trials = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        found = {trial.number: trial.user_attrs[RESULT] for trial in trials if RESULT in trial.user_attrs}
        for number, result in found.items():
            self._check(result, f"trial {number}")
        return found

    @property
    def reference(self) -> Result | None:
        """What is stored of the reference network, if there is one.

        Raises
        ------
        FileError
            If the store is gone or damaged.
        """
        found: Result | None = self.study.user_attrs.get(REFERENCE)
        if found is not None:
            self._check(found, "the reference network")
        return found

    def _check(self, result: Any, whose: str) -> None:
        if garbled := garbled_result(result, len(self.study.directions)):
            raise FileError(
                f"the result of {whose} of {self.path} lacks or garbles {', '.join(garbled)}; restore the "
                "store from a copy, or start another run"
            )

    @property
    def finished(self) -> bool:
        """Whether all trials are told."""
        return len(self.results) >= int(self.settings["search"]["trials"])

    @property
    def image_equivalents(self) -> float:
        """What it cost, reference networks included: images trained on plus a third of those only passed forward."""
        attributes = self.study.user_attrs
        beside = [attributes[name] for name in attributes if name in (REFERENCE, SUPERNET) or name.startswith(STANDARD)]
        if not all(map(is_cost, beside)):
            raise FileError(f"{self.path} garbles what its reference networks cost; restore the store from a copy")
        return sum(float(result["image_equivalents"]) for result in [*self.results.values(), *beside])

    @property
    def best(self) -> Candidate:
        """The candidate with the highest value, on the highest rung of a search with halving; the earliest of equals.

        Raises
        ------
        InputError
            If nothing is told yet.
        """
        number = _best_trial(self.results)
        if number is None:
            raise InputError(f"{self.path} has no finished trial yet; resume the run")
        return self.candidate(number)

    def candidate(self, trial: int) -> Candidate:
        """The candidate of a told trial.

        Raises
        ------
        InputError
            If there is no such trial, or it is not finished.
        """
        result = self.results.get(trial)
        if result is None:
            raise InputError(f"{self.path} has no finished trial {trial}")
        weights = self.folder.weights(result.get("duplicate_of", trial))
        return Candidate(
            trial=trial,
            architecture=self.space.from_json(result["architecture"]),
            value=result["value"],
            measures=result["measures"],
            weights=weights if weights.exists() else None,
        )

    def leaderboard(self, *, seconds: bool = True) -> pd.DataFrame:
        """One row for each told trial, best first, and the reference network's; see :mod:`neuroguide.nas.leaderboard`.

        Parameters
        ----------
        seconds : bool
            Whether to keep the wall time, the one column that differs between two runs of the same search.
        """
        directions = ["minimize" if d == StudyDirection.MINIMIZE else "maximize" for d in self.study.directions]
        table = leaderboard(self.results, reference=self.reference, directions=directions)
        table.attrs["simulated"] = int(self.settings["guide"].get("simulated", 0))
        return table if seconds else table.drop(columns="seconds")

    def history(self) -> pd.DataFrame:
        """One row for each told trial in their order, for :func:`neuroguide.plot.search`.

        Returns
        -------
        DataFrame
            ``trial``, ``value`` (NaN on the lower rungs of a search with halving, which are no results),
            ``image_equivalents`` (what this trial cost), ``sampler``, ``seed``.
        """
        results = sorted(self.results.items())
        ladder = open_halving(self.settings["search"].get("halving"))
        top = 0 if ladder is None else len(ladder.rungs) - 1
        table = pd.DataFrame(
            {
                "trial": [number for number, _ in results],
                "value": [float(r["value"]) if r.get("rung", 0) == top else math.nan for _, r in results],
                "image_equivalents": [float(result["image_equivalents"]) for _, result in results],
                "sampler": self.settings["sampler"]["name"],
                "seed": self.settings["search"]["seed"],
            }
        )
        table.attrs["simulated"] = int(self.settings["guide"].get("simulated", 0))
        return table

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the leaderboard as ``.csv`` or ``.json``."""
        return export(self.leaderboard(), path)

    def __repr__(self) -> str:
        # the space stays closed: its file is code, which looking at a run must not start
        results, trials = self.results, self.settings["search"]["trials"]
        number = _best_trial(results)
        best = "" if number is None else f", best {results[number]['value']:.4f} in trial {number}"
        simulated = ", guided by simulated data" if self.settings["guide"].get("simulated") else ""
        return f"<SearchRun {self.path}: {len(results)} of {trials} trials{best}{simulated}>"

    def _repr_html_(self) -> str:
        table = self.leaderboard().drop(columns="architecture").head(10)
        shown = table.to_html(index=False, escape=True, na_rep="", float_format=lambda x: f"{x:.4g}", border=0)
        return f"<p>{html.escape(repr(self)[1:-1])}</p>{shown}"


def _best_trial(results: Mapping[int, Result]) -> int | None:
    """The trial that stands highest, the earliest of equal ones; None if nothing is told yet."""
    return max(results, key=lambda number: (standing(results[number]), -number), default=None)


def open_run(path: str | os.PathLike[str], *, storage: str | None = None) -> SearchRun:
    """Open the run in a folder to look at it; :func:`neuroguide.nas.study.resume_search` goes on with it.

    Raises
    ------
    FileError
        If it holds no run, or one of a newer neuroguide.
    """
    return SearchRun(path, storage=storage)
