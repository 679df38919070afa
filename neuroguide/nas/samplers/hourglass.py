"""Vital blocks first, then the others (the order of Yang et al. 2021, HourNAS), for candidates trained one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from neuroguide._core.errors import OptionError
from neuroguide.nas.samplers.base import ArchitectureSampler, DrawnTrial, Told, at_least, share

if TYPE_CHECKING:
    from neuroguide.nas.spaces.base import Space


class VitalFirst(ArchitectureSampler):
    """Aging evolution in two phases: first of vital blocks alone, then of what comes between them.

    In the first ``vital`` trials, networks consist of vital blocks only: every parameter of ``space.optional`` that
    counts blocks has its smallest value. After them, the vital blocks are those of the best network so far, and only
    parameters of ``space.optional`` are drawn and mutated; but for a share ``loosened`` of mutations, which may change
    any. Tournaments and aging are those of :class:`~neuroguide.nas.samplers.evolution.AgingEvolution`, in each phase
    among its own trials. HourNAS has these two phases in a supernet; as an order for candidates that are trained one by
    one it is our choice, as are its numbers.

    Parameters
    ----------
    space : Space
        ``hourglass``, ``macro`` (blocks behind the first of each stage are the optional ones), or one with an attribute
        ``optional``: the names of the parameters that decide whether blocks are there, and what these are.
    seed, lag, redraws
        See :class:`~neuroguide.nas.samplers.base.ArchitectureSampler`.
    vital : int
        Trials of the first phase. The default was the best of three on a landscape over 28,224 networks.
    loosened : float
        Share of mutations in the second phase that may change vital blocks; 0 keeps them for good, as HourNAS does.
    population, sample : int
        See :class:`~neuroguide.nas.samplers.evolution.AgingEvolution`.

    Raises
    ------
    OptionError
        If no block of the space is optional, or an option is out of its range.
    """

    def __init__(
        self,
        space: Space[Any],
        *,
        seed: int = 0,
        lag: int = 1,
        redraws: int = 20,
        vital: int = 24,
        loosened: float = 0.0,
        population: int = 8,
        sample: int = 6,
    ) -> None:
        super().__init__(space, seed=seed, lag=lag, redraws=redraws)
        self.vital = at_least("vital", vital, 1)
        self.loosened = share("loosened", loosened)
        self.population = at_least("population", population, 1)
        self.sample = at_least("sample", sample, 1)
        if sample > population:
            raise OptionError(
                f"sample = {sample} is larger than population = {population}; give a sample that the population holds"
            )
        optional = frozenset(getattr(space, "optional", ()))
        self.optional = optional.intersection(space.distributions())
        if not self.optional:
            raise OptionError(
                f"no block of space {space.name!r} is optional, so there is no order of vital blocks first; use "
                "sampler 'evolution'"
            )

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """A random network of the phase while its population fills, then a mutated tournament winner."""
        sign = -1.0 if study.directions[0] == StudyDirection.MINIMIZE else 1.0
        vital = [t for t in told if t.number < self.vital]
        first = trial.number < self.vital
        phase = vital if first else told[len(vital) :]
        if len(phase) >= self.population:
            contest = [phase[-self.population :][i] for i in rng.integers(self.population, size=self.sample)]
            values = self._values(max(contest, key=lambda t: sign * t.values[0]))
            names = [name for name in values if first != (name in self.optional)]
            if not first and rng.random() < self.loosened:
                names = list(values)
            return self._mutated(values, names, rng, smallest=first)
        held = {}
        if not first and vital:
            best = self._values(max(vital, key=lambda t: sign * t.values[0]))
            held = {name: value for name, value in best.items() if name not in self.optional}
        return self._drawn(held, rng, smallest=first)

    def _values(self, trial: FrozenTrial) -> dict[str, Any]:
        """A told trial's parameters, without those that an objective asked for beside the space."""
        return dict(self.space.parameters(self.architecture(trial)))

    def _drawn(self, held: Mapping[str, Any], rng: np.random.Generator, *, smallest: bool) -> Any:
        """An architecture with some values held; the others are random, optional ones the smallest if so asked."""
        return self.space.suggest(DrawnTrial(self._asked(held, rng, smallest=smallest)))

    def _mutated(self, values: Mapping[str, Any], names: list[str], rng: np.random.Generator, *, smallest: bool) -> Any:
        """Another option of one of these parameters; up to a fixed number of draws, since some changes make none."""
        distributions = self.space.distributions()
        start = found = self._drawn(values, rng, smallest=smallest)
        for _ in range(100 if names else 0):
            name = names[int(rng.integers(len(names)))]
            others = [option for option in _options(distributions[name]) if option != values[name]]
            held = {**values, name: others[int(rng.integers(len(others)))]}
            found = self._drawn(held, rng, smallest=smallest)
            if found != start:
                break
        return found

    def _asked(
        self, held: Mapping[str, Any], rng: np.random.Generator, *, smallest: bool
    ) -> Callable[[str, BaseDistribution], Any]:
        def ask(name: str, distribution: BaseDistribution) -> Any:
            options = _options(distribution)
            if name in held:
                return held[name]
            if smallest and name in self.optional:
                return min(options, key=lambda option: (isinstance(option, str), option))
            return options[int(rng.integers(len(options)))]

        return ask


def _options(distribution: BaseDistribution) -> tuple[Any, ...]:
    """Of a space's parameter: they are all lists of options."""
    if not isinstance(distribution, CategoricalDistribution):
        raise OptionError("sampler 'hourglass' takes spaces whose parameters are lists of options")
    return distribution.choices
