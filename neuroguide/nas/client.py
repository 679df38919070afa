"""One client at work on a run: opens the store, evaluates what is reported beside the candidates, and searches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from neuroguide._core.atomic import write_text
from neuroguide._core.errors import FileError, InputError
from neuroguide.execution import Executor
from neuroguide.nas.artifacts import BestWeights
from neuroguide.nas.evaluation import make_spec
from neuroguide.nas.folder import RunFolder
from neuroguide.nas.guides import PreparedCombined, PreparedTeacher
from neuroguide.nas.guides.base import WORST_ACCURACY
from neuroguide.nas.leaderboard import to_csv
from neuroguide.nas.loop import Evaluation, Loop, Result, evaluate_once
from neuroguide.nas.plan import Plan
from neuroguide.nas.progress import Progress
from neuroguide.nas.reference import reference_set
from neuroguide.nas.run import REFERENCE, STANDARD, SearchRun
from neuroguide.nas.storage import open_storage, quiet_optuna, repair_journal

logger = logging.getLogger("neuroguide.nas")

#: Random networks over which a guide is standardised (our choice).
STANDARD_SET = 12

_COSTS = ("parameters", "macs", "flops", "image_equivalents", "seconds")
_SPENT = ("images_seen", "images_forwarded", "spent_flops", "guidance_seconds", "loss", "summed_training_loss")


def run_client(
    plan: Plan, folder: RunFolder, executor: Executor, progress: Callable[[Progress], None] | None = None
) -> None:
    """Search until all trials are told; call it with the folder's lock held.

    Whatever ends it, everything finished is stored, and ``leaderboard.csv`` is written.

    Parameters
    ----------
    plan : Plan
    folder : RunFolder
        With its settings written.
    executor : Executor
    progress : callable, optional
    """
    if (check := getattr(executor, "check_folder", None)) is not None:
        check(folder.path)
    if (backup := repair_journal(folder.journal)) is not None:
        logger.warning(
            "the last line of %s was cut short; it was removed, and the file kept as %s", folder.journal, backup
        )
    storage = open_storage(folder.journal, plan.storage)
    with quiet_optuna():
        study = optuna.create_study(
            study_name=plan.study,
            storage=storage,
            directions=plan.directions,
            sampler=plan.make_sampler(),
            load_if_exists=True,
        )
    if progress is not None:
        # the networks beside the candidates come first, and may take minutes
        told = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
        progress(Progress(told=told, trials=plan.trials))
    try:
        _search(plan, folder, executor, study, progress)
    except BaseException:
        try:
            _write_leaderboard(folder, study)
        except (OSError, FileError) as error:
            # a full disk, say: what ended the search is the news
            logger.warning("%s could not be written: %s", folder.leaderboard, error)
        raise
    else:
        _write_leaderboard(folder, study)
    finally:
        storage.remove_session()


def _write_leaderboard(folder: RunFolder, study: optuna.Study) -> None:
    write_text(folder.leaderboard, to_csv(SearchRun(folder.path, study=study).leaderboard(seconds=False)))


def _search(
    plan: Plan,
    folder: RunFolder,
    executor: Executor,
    study: optuna.Study,
    progress: Callable[[Progress], None] | None,
) -> None:
    guide, spec = plan.guide, plan.guide_spec
    beside: list[Result] = []
    if isinstance(guide, PreparedTeacher | PreparedCombined) and guide.needs_reference:
        # until it is standardised, candidates are measured, and their value means nothing
        beside += _standard_set(plan, study, Judge(plan, folder, executor, _measuring(spec), lambda measures: 0.0))
        guide = guide.standardised([result["measures"] for result in beside])
        spec = guide.save(folder.inputs)
    judge = Judge(plan, folder, executor, spec, guide.value)
    if plan.reference is not None:
        if REFERENCE not in study.user_attrs:
            study.set_user_attr(REFERENCE, evaluate_once(judge.evaluation, plan.space, plan.reference))
        beside.append(study.user_attrs[REFERENCE])

    weights = BestWeights(folder, plan.keep)
    weights.sweep()
    for number, result in SearchRun(folder.path, study=study).results.items():
        weights.add(number, result)

    def on_told(state: Progress, number: int | None, result: Result | None) -> None:
        if number is not None and result is not None:
            weights.add(number, result)
        if progress is not None:
            progress(state)

    Loop(
        study=study,
        space=plan.space,
        evaluation=judge.evaluation,
        trials=plan.trials,
        lag=plan.lag,
        ordered=plan.ordered,
        on_told=on_told,
        spent=sum(result["image_equivalents"] for result in beside),
        halving=plan.halving,
    ).run()


def _standard_set(plan: Plan, study: optuna.Study, judge: Judge) -> list[Result]:
    """The measured reference set, as far as possible from the store."""
    architectures = reference_set(plan.space, STANDARD_SET, plan.seed)
    missing = [i for i in range(STANDARD_SET) if f"{STANDARD}{i}" not in study.user_attrs]
    # each thread only waits for the executor
    with ThreadPoolExecutor(plan.lag) as waiting:
        evaluated = waiting.map(lambda i: evaluate_once(judge.evaluation, plan.space, architectures[i]), missing)
        for i, result in zip(missing, evaluated, strict=True):
            study.set_user_attr(f"{STANDARD}{i}", result)
    stored = study.user_attrs
    return [stored[f"{STANDARD}{i}"] for i in range(STANDARD_SET)]


@dataclass(frozen=True)
class Judge:
    """Specs of candidates, and what their outcomes are worth.

    Attributes
    ----------
    plan : Plan
    folder : RunFolder
    executor : Executor
    spec : mapping
        The guide's, as it saved itself into the run's inputs.
    worth : callable
        The guide's value of what was measured.
    """

    plan: Plan
    folder: RunFolder
    executor: Executor
    spec: Mapping[str, Any]
    worth: Callable[[Mapping[str, Any]], float]

    @property
    def evaluation(self) -> Evaluation:
        """For the loop."""
        return Evaluation(
            submit=lambda spec: self.executor.submit(self.plan.evaluate, spec),
            specify=self.specify,
            complete=self.complete,
            retries=self.plan.retries,
        )

    def specify(self, arch: Any, key: str, number: int | None) -> dict[str, Any]:
        """The spec of a candidate; without a trial number, it is trained in full and its weights are not kept."""
        plan = self.plan
        space, arch, fidelity = plan.at_trial(arch, number)
        weights = None if number is None or plan.keep == 0 else str(self.folder.weights(number).resolve())
        folder = str(self.folder.inputs.resolve())
        if plan.data is not None:
            return make_spec(
                space,
                arch,
                data=plan.data,
                fidelity=fidelity,
                guide_spec=self.spec,
                guide_folder=folder,
                seed=plan.seed,
                device=plan.device,
                weights=weights,
            )
        return {
            "space": space.origin,
            "architecture": space.to_json(arch),
            "hash": key if space is plan.space else space.hash(arch),
            "fidelity": fidelity.to_json(),
            "guide": dict(self.spec),
            "guide_folder": folder,
            "seed": plan.seed,
            "device": plan.device,
            "weights": weights,
        }

    def complete(
        self, arch: Any, outcome: dict[str, Any] | None, reason: str | None, number: int | None = None
    ) -> Result:
        """What is stored of a candidate; one that could not be evaluated counts as trained in full.

        Raises
        ------
        InputError
            If the outcome is not one, or lacks what the guide needs.
        """
        if outcome is None:
            measures: dict[str, Any] = {}
            found: dict[str, Any] = {
                "value": self.worth({"P": WORST_ACCURACY, "reason": str(reason)}),
                **dict.fromkeys((*_COSTS, *_SPENT)),
                "image_equivalents": float(self.plan.at_trial(arch, number)[2].images),
                "seconds": None,
            }
        else:
            if not isinstance(outcome, dict) or not isinstance(outcome.get("measures"), dict):
                raise InputError(f"{self.plan.evaluate} returned {outcome!r:.80}, a dict with 'measures' was expected")
            measures = outcome["measures"]
            reason = outcome.get("reason") or measures.get("reason")
            found = {"value": self.worth(measures), **{name: outcome.get(name) for name in (*_COSTS, *_SPENT)}}
            found["image_equivalents"] = float(found["image_equivalents"] or 0.0)
        values = self.plan.values(found["value"], {**found, **measures, "reason": reason})
        rung = {} if self.plan.halving is None or number is None else {"rung": self.plan.halving.rung(number)}
        return {**found, **rung, "values": values, "measures": measures, "reason": reason}


def _measuring(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a guide that measures similarities and does not wait for its reference set."""
    plain = {name: _measuring(value) if isinstance(value, Mapping) else value for name, value in spec.items()}
    return {**plain, "needs_reference": False} if "needs_reference" in plain else plain
