"""Ask, evaluate, tell: in the order of the trials and at a fixed lag, or as results come in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from neuroguide._core.atomic import is_full
from neuroguide._core.errors import CandidateError, FileError
from neuroguide._core.processes.tasks import TaskError
from neuroguide.nas.halving import Halving
from neuroguide.nas.progress import Progress, Tally
from neuroguide.nas.spaces.base import Space
from neuroguide.nas.storage import adopt

logger = logging.getLogger("neuroguide.nas")

#: What is stored of a candidate, under this name in its trial: one entry, so that it is there as a whole or not at all.
RESULT = "result"

Result = dict[str, Any]


@dataclass(eq=False)
class Job:
    """A trial that was asked and is not told yet.

    Attributes
    ----------
    trial : Trial
    key : str
        Hash of its architecture.
    architecture : Any
    twin : int or None
        The earlier trial with the same architecture, whose result it takes.
    future : Future or None
    attempts : int
        Evaluations begun.
    result : dict or None
        Set once it is known, and stored by then.
    """

    trial: Trial
    key: str
    architecture: Any
    twin: int | None = None
    future: Future[Any] | None = None
    attempts: int = 0
    result: Result | None = None


@dataclass
class Evaluation:
    """How candidates are evaluated and what their results are worth: the parts of a search that the loop is given.

    Attributes
    ----------
    submit : callable
        ``submit(spec) -> Future`` of a JSON-able outcome.
    specify : callable
        ``specify(architecture, key, trial number) -> spec``.
    complete : callable
        ``complete(architecture, outcome, reason, trial number) -> result``: the dict to store, with ``value`` (the
        guide's), ``values`` (one for each objective), ``reason`` (None unless it is worth nothing) and
        ``image_equivalents``; ``outcome`` is None when the candidate could not be evaluated.
    retries : int
        How often a candidate that could not be evaluated is tried again.
    """

    submit: Callable[[dict[str, Any]], Future[Any]]
    specify: Callable[[Any, str, int | None], dict[str, Any]]
    complete: Callable[[Any, dict[str, Any] | None, str | None, int | None], Result]
    retries: int = 1


@dataclass
class Loop:
    """One client's part of a search, from the trials that it finds to the number that is wanted.

    Trial ``n`` is asked when trial ``n - lag`` was told. In order, results that come early wait for their turn; they
    are stored at once, so a killed client loses none.

    Attributes
    ----------
    study : optuna.Study
        With its sampler.
    space : Space
    evaluation : Evaluation
    trials : int
        Trials in the end.
    lag : int
        Trials under way at most.
    ordered : bool
        Tell in the order of the trials.
    on_told : callable
        Called with a :class:`Progress` at the start and after every trial, and with the number and result of that trial
        (None at the start).
    spent : float
        Image-equivalents that were spent beside the trials.
    halving : Halving, optional
        Every trial of a rung is told before the next rung is asked; the same architecture is evaluated once a rung.
    """

    study: optuna.Study
    space: Space[Any]
    evaluation: Evaluation
    trials: int
    lag: int
    ordered: bool
    on_told: Callable[[Progress, int | None, Result | None], None]
    spent: float = 0.0
    halving: Halving | None = None
    _pending: list[Job] = field(default_factory=list)
    _first: dict[tuple[int, str], int] = field(default_factory=dict)
    _results: dict[int, Result] = field(default_factory=dict)
    _tally: Tally = field(default_factory=Tally)
    _asked: int = 0

    def run(self) -> None:
        """Search until all trials are told.

        Raises
        ------
        CandidateError, FileError
            If the executor broke, or a disk is full; everything finished is stored, so the run can be resumed.
        """
        started = time.monotonic()
        self._find()
        already = self._told
        self.on_told(self._progress(started, already), None, None)
        while self._pending or self._asked < self.trials:
            while len(self._pending) < self.lag and self._asked < self.trials and self._open:
                self._start(self.study.ask())
            self._collect()
            for job, result in self._ready():
                self._tell(job, result)
                self.on_told(self._progress(started, already), job.trial.number, result)

    @property
    def _told(self) -> int:
        return self._asked - len(self._pending)

    @property
    def _open(self) -> bool:
        """Whether the next trial may be asked: all of the rungs before it are told."""
        start = self.halving.start(self._asked) if self.halving is not None else 0
        return all(job.trial.number >= start for job in self._pending)

    def _rung(self, number: int) -> int:
        return 0 if self.halving is None else self.halving.rung(number)

    def _find(self) -> None:
        """Take up what earlier clients left: told trials answer duplicates, running ones are adopted."""
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state == TrialState.RUNNING:
                self._start(adopt(self.study, trial), trial)
            elif trial.state != TrialState.WAITING:
                self._asked += 1
                result = trial.user_attrs.get(RESULT)
                if result is not None:
                    self._first.setdefault((self._rung(trial.number), result["hash"]), trial.number)
                    self._keep(trial.number, result)

    def _start(self, trial: Trial, left: FrozenTrial | None = None) -> None:
        architecture = self.space.suggest(trial)
        key = self.space.hash(architecture)
        self._asked += 1
        place = self._rung(trial.number), key
        job = Job(trial, key, architecture, twin=self._first.get(place))
        self._first.setdefault(place, trial.number)
        self._pending.append(job)
        if left is not None and RESULT in left.user_attrs:
            job.result = left.user_attrs[RESULT]
        elif job.twin is None:
            self._submit(job)

    def _submit(self, job: Job) -> None:
        job.attempts += 1
        spec = self.evaluation.specify(job.architecture, job.key, job.trial.number)
        try:
            job.future = self.evaluation.submit(spec)
        except RuntimeError as error:
            raise _broken(error) from error

    def _collect(self) -> None:
        """Wait for something, and store what has come."""
        running = [job.future for job in self._pending if job.future is not None]
        if running and not self._ready():
            wait(running, return_when=FIRST_COMPLETED)
        for job in self._pending:
            if job.future is not None and job.future.done():
                future, job.future = job.future, None
                self._receive(job, future)

    def _receive(self, job: Job, future: Future[Any]) -> None:
        try:
            outcome, reason = future.result(), None
        except (BrokenExecutor, CancelledError) as error:
            raise _broken(error) from error
        except Exception as error:  # whatever a candidate raises: a search survives it and says so
            outcome, reason = None, _reason(error)
            logger.warning("trial %d, attempt %d: %s", job.trial.number, job.attempts, reason)
            if job.attempts <= self.evaluation.retries:
                self._submit(job)
                return
            _refuse_full_disk(error)
        result = self.evaluation.complete(job.architecture, outcome, reason, job.trial.number)
        self._store(job, {**result, "attempts": job.attempts})

    def _store(self, job: Job, result: Result) -> None:
        job.result = {"hash": job.key, "architecture": self.space.to_json(job.architecture), **result}
        job.trial.set_user_attr(RESULT, job.result)

    def _ready(self) -> list[tuple[Job, Result]]:
        """Jobs to tell now, with their results; duplicates among them take their twin's."""
        ready: dict[int, tuple[Job, Result]] = {}
        for job in self._pending:
            if job.result is None and job.twin is not None:
                twin = self._results.get(job.twin) or (ready[job.twin][1] if job.twin in ready else None)
                if twin is not None:
                    self._store(job, {**twin, "duplicate_of": job.twin, "image_equivalents": 0.0, "seconds": 0.0})
            if job.result is not None:
                ready[job.trial.number] = job, job.result
            elif self.ordered:
                break
        return list(ready.values())

    def _tell(self, job: Job, result: Result) -> None:
        self.study.tell(job.trial, [float(value) for value in result["values"]])
        self._pending.remove(job)
        self._keep(job.trial.number, result)

    def _keep(self, number: int, result: Result) -> None:
        self._results[number] = result
        self._tally.add(number, result)

    def _progress(self, started: float, already: int) -> Progress:
        seconds = time.monotonic() - started
        here = self._told - already
        return Progress(
            told=self._told,
            trials=max(self.trials, self._asked),
            best=self._tally.best,
            best_trial=self._tally.best_trial,
            image_equivalents=self.spent + self._tally.image_equivalents,
            failed=self._tally.failed,
            duplicates=self._tally.duplicates,
            seconds=seconds,
            seconds_left=seconds / here * max(0, self.trials - self._told) if here else None,
        )


def evaluate_once(evaluation: Evaluation, space: Space[Any], architecture: Any) -> Result:
    """Evaluate one architecture outside of all trials, with the same retries.

    Raises
    ------
    CandidateError, FileError
        If the executor broke, or a disk is full.
    """
    key = space.hash(architecture)
    reason: str | None = None
    outcome = None
    attempts = 0
    while attempts <= evaluation.retries and outcome is None:
        attempts += 1
        try:
            outcome = evaluation.submit(evaluation.specify(architecture, key, None)).result()
            reason = None
        except (BrokenExecutor, CancelledError) as error:
            raise _broken(error) from error
        except Exception as error:  # as for any candidate
            reason = _reason(error)
            logger.warning("reference network, attempt %d: %s", attempts, reason)
            if attempts > evaluation.retries:
                _refuse_full_disk(error)
    result = evaluation.complete(architecture, outcome, reason, None)
    return {"hash": key, "architecture": space.to_json(architecture), **result, "attempts": attempts}


def _reason(error: Exception) -> str:
    """Why a candidate failed, in one line; an executor that was shut down is no fault of the candidate."""
    if isinstance(error, TaskError):
        if error.kind == "shutdown":
            raise _broken(error) from error
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _refuse_full_disk(error: Exception) -> None:
    """A candidate is not worse because its weights found no room: such a search stops."""
    if is_full(error) or (isinstance(error, TaskError) and error.kind == "disk"):
        raise FileError(
            f"the disk is full ({_reason(error)}); make room and resume: nothing finished is lost"
        ) from error


def _broken(error: BaseException) -> CandidateError:
    return CandidateError(
        f"the executor takes no more candidates ({type(error).__name__}: {error}); "
        "everything finished is stored: resume the run with a new executor"
    )
