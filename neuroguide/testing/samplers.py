"""The contract of a sampler: what a search needs of it in order to resume, to run in parallel and to stay in the space.

Run all of it on a sampler of your own from a test:

>>> from neuroguide.testing.samplers import check_sampler
>>> check_sampler(MySampler, open_space("macro"))  # doctest: +SKIP
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import Trial, TrialState

from neuroguide._core.seeds import derive_seed
from neuroguide.nas.spaces.base import Space
from neuroguide.nas.storage import adopt

#: ``make(space, seed=..., lag=...)``: a sampler class with its defaults, or a ``functools.partial`` of one.
Factory = Callable[..., BaseSampler]


def check_sampler(make: Factory, space: Space[Any], *, objectives: int = 1, trials: int = 30) -> None:
    """Run every check of this module.

    Parameters
    ----------
    make : callable
        ``make(space, seed=..., lag=...)`` returns the sampler.
    space : Space
        A space of at least a few hundred architectures, preferably one with choices that exist for some only.
    objectives : int
        How many values its trials are told.
    trials : int
        Trials of each study: enough to leave the sampler's random start.

    Raises
    ------
    AssertionError
        If the sampler breaks the contract; the message says which part.
    """
    check_stays_in_space(make, space, objectives=objectives, trials=trials)
    check_seeded(make, space, objectives=objectives, trials=trials)
    check_rebuilt(make, space, objectives=objectives, trials=trials)
    check_adopts(make, space, objectives=objectives, trials=trials)
    check_extends(make, space, objectives=objectives, trials=trials)
    check_failures(make, space, objectives=objectives, trials=trials)
    check_beside_other_parameters(make, space, objectives=objectives)


def landscape(space: Space[Any], arch: Any, objectives: int = 1, *, seed: int = 0) -> list[float]:
    """Values of an architecture that mean nothing and are always the same: a random weighting of its encoding."""
    code = space.encode(arch)
    return [float(np.random.default_rng(derive_seed(seed, i)).normal(size=len(code)) @ code) for i in range(objectives)]


def run_study(
    make: Factory,
    space: Space[Any],
    *,
    trials: int,
    seed: int = 0,
    lag: int = 1,
    objectives: int = 1,
    rebuild: bool = False,
    study: optuna.Study | None = None,
) -> optuna.Study:
    """Ask at a lag and tell in order, as an ordered search does; goes on with ``study`` if one is given.

    Parameters
    ----------
    make : callable
        ``make(space, seed=..., lag=...)``.
    space : Space
    trials : int
        Trials of the study in the end.
    seed, lag : int
        Of the sampler.
    objectives : int
        How many values each trial is told.
    rebuild : bool
        Whether every ask gets a new sampler.
    study : optuna.Study, optional
        A study to go on with; its running trials are adopted.
    """
    if study is None:
        study = optuna.create_study(directions=["maximize"] * objectives)
    study.sampler = make(space, seed=seed, lag=lag)
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    pending = deque(adopt(study, trial) for trial in running)
    architectures = {trial.number: space.suggest(trial) for trial in pending}
    while len(study.trials) < trials or pending:
        while len(pending) < lag and len(study.trials) < trials:
            if rebuild:
                study.sampler = make(space, seed=seed, lag=lag)
            trial = study.ask()
            architectures[trial.number] = space.suggest(trial)
            pending.append(trial)
        first = pending.popleft()
        study.tell(first, landscape(space, architectures[first.number], objectives))
    return study


def check_stays_in_space(make: Factory, space: Space[Any], *, objectives: int = 1, trials: int = 30) -> None:
    """Every proposal is one canonical architecture: its parameters are exactly those that the space asks for."""
    study = run_study(make, space, trials=trials, objectives=objectives)
    for trial in study.trials:
        arch = space.suggest(optuna.trial.FixedTrial(trial.params))
        assert dict(space.parameters(arch)) == trial.params, (
            f"trial {trial.number} is not a canonical point of the space"
        )


def check_seeded(make: Factory, space: Space[Any], *, objectives: int = 1, trials: int = 30) -> None:
    """The same seed gives the same proposals, another seed others; numpy's global generator is left alone."""
    np.random.seed(0)  # noqa: NPY002
    first = _proposals(run_study(make, space, trials=trials, objectives=objectives))
    untouched = np.random.random() == np.random.RandomState(0).random_sample()  # noqa: NPY002
    assert untouched, "the sampler draws from numpy's global generator"
    np.random.seed(1)  # noqa: NPY002
    again = _proposals(run_study(make, space, trials=trials, objectives=objectives))
    assert first == again, f"the same seed gave other proposals from trial {_first_difference(first, again)}"
    other = _proposals(run_study(make, space, trials=trials, objectives=objectives, seed=1))
    assert first != other, "another seed gave the same proposals"


def check_rebuilt(make: Factory, space: Space[Any], *, objectives: int = 1, trials: int = 30) -> None:
    """A sampler that is built anew for every ask makes the same proposals, at a lag of 1 and of 3."""
    for lag in (1, 3):
        kept = _proposals(run_study(make, space, trials=trials, objectives=objectives, lag=lag))
        built = _proposals(run_study(make, space, trials=trials, objectives=objectives, lag=lag, rebuild=True))
        assert kept == built, (
            f"at lag {lag}, a sampler built anew for trial {_first_difference(kept, built)} proposes something else: "
            "it keeps a state, which a resumed search loses"
        )


def check_adopts(make: Factory, space: Space[Any], *, objectives: int = 1, trials: int = 30) -> None:
    """A trial that was left running, before or after its first parameter, is proposed again as it would have been."""
    whole = _proposals(run_study(make, space, trials=trials, objectives=objectives))
    for asked in (0, 1):
        study = run_study(make, space, trials=trials // 2, objectives=objectives)
        trial = study.ask()
        for parameter in [p for p in space.declared if len(p.options) > 1][:asked]:
            trial.suggest_categorical(parameter.name, parameter.options)
        resumed = _proposals(run_study(make, space, trials=trials, objectives=objectives, study=study))
        assert resumed == whole, (
            f"a search killed in trial {trials // 2} and resumed leaves the path at trial "
            f"{_first_difference(whole, resumed)}"
        )


def check_extends(make: Factory, space: Space[Any], *, objectives: int = 1, trials: int = 30) -> None:
    """A finished study that is continued at a lag of 3 equals the longer one: trials within the lag stay unseen."""
    whole = _proposals(run_study(make, space, trials=trials, objectives=objectives, lag=3))
    short = run_study(make, space, trials=trials // 2, objectives=objectives, lag=3)
    longer = _proposals(run_study(make, space, trials=trials, objectives=objectives, lag=3, study=short))
    assert longer == whole, f"a continued study leaves the path at trial {_first_difference(whole, longer)}"


def check_failures(make: Factory, space: Space[Any], *, objectives: int = 1, trials: int = 30) -> None:
    """Trials that failed, were pruned, or were told equal values do no harm."""
    study = optuna.create_study(directions=["maximize"] * objectives, sampler=make(space, seed=0, lag=1))
    for number in range(trials):
        trial = study.ask()
        space.suggest(trial)
        if number % 3 == 0:
            study.tell(trial, state=TrialState.FAIL if objectives > 1 or number % 2 else TrialState.PRUNED)
        else:
            study.tell(trial, [0.0] * objectives)
    assert len(study.trials) == trials


def check_beside_other_parameters(make: Factory, space: Space[Any], *, objectives: int = 1) -> None:
    """It works in anybody's study, in ``optimize`` and with parameters that the space does not know."""
    study = optuna.create_study(directions=["minimize"] * objectives, sampler=make(space, seed=0, lag=1))

    def objective(trial: Trial) -> Sequence[float]:
        rate = trial.suggest_float("learning rate of the objective", 1e-4, 1e-1, log=True)
        return [value + rate for value in landscape(space, space.suggest(trial), objectives)]

    study.optimize(objective, n_trials=25, n_jobs=2)
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials), "an objective failed"
    rates = {trial.params["learning rate of the objective"] for trial in study.trials}
    assert len(rates) == len(study.trials), "a parameter beside the space was drawn twice alike"


def _proposals(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


def _first_difference(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
