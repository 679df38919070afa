"""What our samplers share: whole architectures, proposed from (seed, trial number) and the trials told before."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.seeds import derive_seed

if TYPE_CHECKING:
    from neuroguide.nas.spaces.base import Space

Told = Sequence[FrozenTrial]


class ArchitectureSampler(BaseSampler):
    """Base of the samplers: a subclass says how to draw one architecture, in :meth:`draw`.

    A proposal depends on the seed, the number of the trial and the trials told up to ``lag`` before it, and on nothing
    else: no state survives from one proposal to the next. So a search that is resumed, or that evaluates up to ``lag``
    candidates at a time and tells them in order, proposes what the uninterrupted serial one would have proposed with
    the same ``lag``.

    Parameters
    ----------
    space : Space
        Where architectures come from.
    seed : int
        Two samplers with the same seed make the same proposals.
    lag : int
        Trial ``n`` learns from trials ``0 ... n - lag``: 1 if each is told before the next is asked, more when several
        are evaluated at a time.
    redraws : int
        How often an architecture that was told before is drawn again, since a network trained from the same seed
        teaches nothing new (our choice; 0 switches it off).

    Attributes
    ----------
    multi_objective : bool
        Whether it ranks by several objectives at once; the others refuse such a study.
    """

    multi_objective = False

    def __init__(self, space: Space[Any], *, seed: int = 0, lag: int = 1, redraws: int = 20) -> None:
        at_least("lag", lag, 1)
        at_least("redraws", redraws, 0)
        self.space = space
        self.seed = seed
        self.lag = lag
        self.redraws = redraws

    @abstractmethod
    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """One architecture.

        Parameters
        ----------
        study : optuna.Study
            For its directions.
        trial : FrozenTrial
            The trial to propose for.
        told : sequence of FrozenTrial
            The complete trials that it may learn from, by number.
        rng : numpy.random.Generator
            The only source of chance.
        """

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Everything that the space may ask for: architectures are proposed whole."""
        return self.space.distributions()

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The parameters of one drawn architecture.

        Raises
        ------
        OptionError
            If the study has several objectives and the sampler ranks by one.
        """
        if len(study.directions) > 1 and not self.multi_objective:
            raise OptionError(
                f"{type(self).__name__} ranks by one value, and the study has {len(study.directions)} objectives; "
                "use sampler 'nsga2'"
            )
        told = self.told(study, trial)
        seen = [t.params for t in told]
        rng = np.random.default_rng(derive_seed(self.seed, "proposal", trial.number))
        for _ in range(self.redraws + 1):
            parameters = dict(self.space.parameters(self.draw(study, trial, told, rng)))
            if parameters not in seen:
                break
        return parameters

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Uniform: reached only by parameters that an objective asks for beside the space."""
        seed = derive_seed(self.seed, "independent", trial.number, param_name)
        return uniform(study, trial, param_name, param_distribution, np.random.default_rng(seed))

    def told(self, study: optuna.Study, trial: FrozenTrial) -> list[FrozenTrial]:
        """The complete trials that a proposal may learn from, by number."""
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return sorted((t for t in complete if t.number <= trial.number - self.lag), key=lambda t: t.number)

    def architecture(self, trial: FrozenTrial) -> Any:
        """The architecture that a told trial evaluated.

        Raises
        ------
        InputError
            If the trial holds none of this space.
        """
        try:
            return self.space.suggest(FixedTrial(trial.params))
        except ValueError as error:
            raise InputError(
                f"trial {trial.number} of the study holds no architecture of space {self.space.name!r} ({error}); "
                "use one study for one space"
            ) from error


class DrawnTrial(FixedTrial):
    """Stands in for a trial: every choice that a space asks for is drawn by a function.

    Parameters
    ----------
    draw : callable
        ``draw(name, distribution) -> value``; called once for each name.
    """

    def __init__(self, draw: Callable[[str, BaseDistribution], Any]) -> None:
        super().__init__({})
        self._draw = draw
        self._drawn: dict[str, Any] = {}

    def _value(self, name: str, distribution: BaseDistribution) -> Any:
        if name not in self._drawn:
            self._drawn[name] = self._draw(name, distribution)
        return self._drawn[name]

    def suggest_categorical(  # type: ignore[override]  # optuna's overloads, one per type of choice
        self, name: str, choices: Sequence[CategoricalChoiceType]
    ) -> CategoricalChoiceType:
        """One of ``choices``."""
        return cast(CategoricalChoiceType, self._value(name, CategoricalDistribution(choices)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number in ``[low, high]``."""
        return int(self._value(name, IntDistribution(low, high, log=log, step=step)))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in ``[low, high]``."""
        return float(self._value(name, FloatDistribution(low, high, log=log, step=step)))


def uniform(
    study: optuna.Study, trial: FrozenTrial, name: str, distribution: BaseDistribution, rng: np.random.Generator
) -> Any:
    """A uniform draw from a distribution (log-uniform where it says so), by Optuna's own rules."""
    return RandomSampler(seed=int(rng.integers(2**32))).sample_independent(study, trial, name, distribution)


def at_least(name: str, value: object, smallest: int) -> int:
    """Check a whole number among a sampler's options.

    Raises
    ------
    OptionError
        If it is not one, or below ``smallest``.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < smallest:
        raise OptionError(f"{name} = {value!r} is not possible; give a whole number of at least {smallest}")
    return value


def share(name: str, value: object) -> float:
    """Check a probability among a sampler's options.

    Raises
    ------
    OptionError
        If it is not a number from 0 to 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise OptionError(f"{name} = {value!r} is not possible; give a number from 0 to 1")
    return float(value)
