"""Progressive neural architecture search (Liu et al. 2018, "Progressive Neural Architecture Search", Algorithm 1)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from neuroguide._core.seeds import derive_seed
from neuroguide.nas.samplers.base import ArchitectureSampler, Told, at_least
from neuroguide.nas.samplers.progressive_growth import growth_of
from neuroguide.nas.samplers.progressive_surrogate import Ensemble

if TYPE_CHECKING:
    from neuroguide.nas.spaces.base import Space


class Progressive(ArchitectureSampler):
    """Grows architectures block by block; a surrogate says which of all expansions are worth training.

    First come architectures of one block. Then, level by level: everything that was told of the level before is
    expanded by one block in every way, an ensemble trained on all told trials predicts the values, and the best
    ``beam`` are proposed. A level's beam is chosen when its first trial is asked, from what is told by then.

    Levels are counted in trials, so nothing needs to be stored: trials 0 to ``first`` - 1 are the first level, and each
    further ``beam`` trials one more. Where the paper ends, at full size, the growing begins again at the second level,
    with the surrogate that has learned from all levels, and without what was told (our choice).

    `cells` grows by blocks of the cell, the reduction cell the same as the normal one, as in the paper. In every
    other space with declared parameters, groups of parameters leave their first options one after the other:
    :class:`~neuroguide.nas.samplers.progressive_growth.GroupGrowth`. A space of one's own may say otherwise by the four
    methods of :class:`~neuroguide.nas.samplers.progressive_growth.Growing`.

    Parameters
    ----------
    space : Space
        Where architectures come from.
    seed, lag, redraws
        See :class:`~neuroguide.nas.samplers.base.ArchitectureSampler`; only random proposals are drawn again.
    first : int
        At most so many architectures of the first level, drawn at random without repetition. The paper takes all of
        them (136 in its space); the default is our choice for budgets of tens to hundreds.
    beam : int
        K of the paper (256 there).
    candidates : int
        At most so many expansions are ranked, those of the best architectures if there are more (the paper ranks all).

    Raises
    ------
    OptionError
        If an option is out of its range, or nothing can grow in the space.
    """

    def __init__(
        self,
        space: Space[Any],
        *,
        seed: int = 0,
        lag: int = 1,
        redraws: int = 20,
        first: int = 32,
        beam: int = 8,
        candidates: int = 5000,
    ) -> None:
        super().__init__(space, seed=seed, lag=lag, redraws=redraws)
        self.first = at_least("first", first, 1)
        self.beam = at_least("beam", beam, 1)
        self.candidates = at_least("candidates", candidates, 1)
        self.growth = growth_of(space)
        rng = np.random.default_rng(derive_seed(seed, "first level"))
        seedlings = list(self.growth.seedlings())
        self._seedlings = [seedlings[i] for i in rng.permutation(len(seedlings))[:first]]
        self._lock = threading.Lock()
        # the last beam and what it was chosen from: only saves the time of choosing it again for its other trials
        self._beam: tuple[Any, list[Any]] = (None, [])

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """The trial's place in its level's beam; a random architecture where the level has no more."""
        n = trial.number
        if n < len(self._seedlings):
            return self._seedlings[n]
        level, place = divmod(n - len(self._seedlings), self.beam)
        start = n - place
        known = [t for t in told if t.number <= start - self.lag]
        sign = -1.0 if study.directions[0] == StudyDirection.MINIMIZE else 1.0
        with self._lock:
            beam = self._choose(level, known, sign)
        return beam[place] if place < len(beam) else self.space.sample(rng)

    def _choose(self, level: int, known: Told, sign: float) -> list[Any]:
        key = (level, [(t.number, sign * t.values[0], tuple(sorted(t.params.items()))) for t in known])
        if self._beam[0] != key:
            told = [(self.architecture(t), sign * t.values[0]) for t in known]
            # what did not come by growing teaches nothing about what grows
            grown = [(arch, value) for arch, value in told if self.growth.stature(arch) is not None]
            self._beam = (key, self.choose(level, [arch for arch, _ in grown], [value for _, value in grown]))
        return self._beam[1]

    def choose(self, level: int, architectures: list[Any], values: Sequence[float]) -> list[Any]:
        """The beam of a level (lines 6 to 12 of Algorithm 1).

        Parameters
        ----------
        level : int
            From 0, for the first after the seedlings.
        architectures : list
            All that grew and are told.
        values : sequence of float
            Theirs; larger is better.

        Returns
        -------
        list
            At most ``beam`` architectures, best predicted first.
        """
        worth = np.asarray(values, dtype=float)
        best_first = [architectures[i] for i in np.argsort(-worth, kind="stable")]
        expansions = self.expansions(level, best_first)
        if not expansions:
            return []
        described = np.array([self.growth.describe(arch) for arch in architectures])
        surrogate = Ensemble(described, worth, seed=derive_seed(self.seed, "surrogate", level))
        predicted = surrogate.predict(np.array([self.growth.describe(arch) for arch in expansions]))
        return [expansions[i] for i in np.argsort(-predicted, kind="stable")[: self.beam]]

    def expansions(self, level: int, architectures: list[Any]) -> list[Any]:
        """What grows from architectures of the level's stature and was not told, each once, at most ``candidates``.

        Where nothing grows from that stature, the next lower one that has something to offer is taken.

        Parameters
        ----------
        level : int
            From 0; levels beyond full size begin again.
        architectures : list
            All that are told, in the order in which they are expanded.
        """
        known = set(architectures)
        for stature in range(1 + level % max(1, self.growth.levels), 0, -1):
            parents = (arch for arch in architectures if self.growth.stature(arch) == stature)
            grown = (new for arch in parents for new in self.growth.expand(arch))
            found: dict[Any, None] = {}
            for new in grown:
                if new not in known:
                    found[new] = None
                if len(found) == self.candidates:
                    break
            if found:
                return list(found)
        return []
