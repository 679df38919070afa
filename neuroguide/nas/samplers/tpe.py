"""Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), made resumable and whole."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial

from neuroguide._core.errors import OptionError
from neuroguide.nas.samplers.base import ArchitectureSampler, DrawnTrial, Told, at_least
from neuroguide.nas.storage import quiet_optuna

if TYPE_CHECKING:
    from neuroguide.nas.spaces.base import Space


class WholeTPE(ArchitectureSampler):
    """TPE over architectures: Optuna's ``TPESampler``, built anew for every proposal.

    Optuna's own keeps its random state in memory, so that a resumed search leaves the path of the uninterrupted one at
    its first trial. Here each proposal builds one from (seed, trial number), which sees the told trials only, and asks
    it for a whole architecture; parameters that exist for some architectures only are asked one by one.

    Parameters
    ----------
    space : Space
        Where architectures come from.
    seed, lag, redraws
        See :class:`~neuroguide.nas.samplers.base.ArchitectureSampler`.
    startup : int
        Random proposals before the estimator begins.
    candidates : int
        How many candidates are drawn from the density of the good ones, of which the most promising is proposed.
    multivariate : bool
        Whether parameters are modelled jointly (those that every architecture has) or each by itself.

    Raises
    ------
    OptionError
        If an option is out of its range.
    """

    multi_objective = True

    def __init__(
        self,
        space: Space[Any],
        *,
        seed: int = 0,
        lag: int = 1,
        redraws: int = 20,
        startup: int = 10,
        candidates: int = 24,
        multivariate: bool = True,
    ) -> None:
        super().__init__(space, seed=seed, lag=lag, redraws=redraws)
        self.startup = at_least("startup", startup, 1)
        self.candidates = at_least("candidates", candidates, 1)
        if not isinstance(multivariate, bool):
            raise OptionError(f"multivariate = {multivariate!r} is not possible; give true or false")
        self.multivariate = multivariate

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """A random architecture at first, then what a fresh estimator proposes."""
        if len(told) < self.startup:
            return self.space.sample(rng)
        estimator = self._estimator(int(rng.integers(2**32)))
        past = _only(study, told)
        joint = estimator.sample_relative(past, trial, estimator.infer_relative_search_space(past, trial))

        def ask(name: str, distribution: BaseDistribution) -> Any:
            if name in joint:
                return joint[name]
            return estimator.sample_independent(past, trial, name, distribution)

        return self.space.suggest(DrawnTrial(ask))

    def _estimator(self, seed: int) -> TPESampler:
        with warnings.catch_warnings():
            # multivariate is experimental in Optuna 4, and the last argument deprecated in 5
            warnings.simplefilter("ignore", ExperimentalWarning)
            warnings.simplefilter("ignore", FutureWarning)
            return TPESampler(
                seed=seed,
                n_startup_trials=self.startup,
                n_ei_candidates=self.candidates,
                multivariate=self.multivariate,
                constant_liar=False,
                warn_independent_sampling=False,
            )


def _only(study: optuna.Study, told: Told) -> optuna.Study:
    """The study itself, or a copy without the finished trials that the lag hides (after a search was extended)."""
    finished = study.get_trials(
        deepcopy=False, states=(optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    )
    if len(finished) == len(told):
        return study
    with quiet_optuna():
        copy = optuna.create_study(directions=study.directions)
    copy.add_trials(told)
    return copy
