"""The controller of neural architecture search.

Zoph & Le 2017, "Neural Architecture Search with Reinforcement Learning"; the generator of architectures in TG-SAGE
(Bashivan, Tensen & DiCarlo 2019).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from neuroguide._core.errors import OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.samplers.base import ArchitectureSampler, Told, at_least, share
from neuroguide.nas.samplers.controller_policy import Policy, Reinforce

if TYPE_CHECKING:
    from neuroguide.nas.spaces.base import Space


class Controller(ArchitectureSampler):
    """An LSTM that makes a space's choices one after the other and learns from their values by REINFORCE.

    Works on every space with declared parameters. The policy is replayed from the told trials in their order, so
    nothing needs to be stored: what is kept between proposals only saves the time of replaying.

    Where it departs from the paper: the gradient is taken at the canonical writing of an architecture; with a lag
    above 1, a trial's gradient is taken at the policy as it is by then (as with the paper's parallel workers);
    architectures told before are drawn again (``redraws``) at a rising temperature, so that a policy that has made up
    its mind looks around where it stands; there is one controller, without parameter servers.

    Parameters
    ----------
    space : Space
        Where architectures come from.
    seed, lag, redraws
        See :class:`~neuroguide.nas.samplers.base.ArchitectureSampler`.
    learning_rate : float
        Of Adam. The paper takes 0.0006 for 12,800 networks; the default is our choice for hundreds of candidates.
    entropy : float
        Weight of the entropy bonus (none in the paper).
    decay : float
        Of the moving average that is the baseline.
    batch : int
        Rewards averaged in a step of the optimiser (m of the paper).
    scaled : bool
        Measure advantages in units of their own spread; see
        :class:`~neuroguide.nas.samplers.controller_policy.Reinforce`.
    warming : float
        How much the temperature of the policy's choices rises with each draw that was told before (our choice).

    Raises
    ------
    OptionError
        If an option is out of its range.
    """

    def __init__(
        self,
        space: Space[Any],
        *,
        seed: int = 0,
        lag: int = 1,
        redraws: int = 20,
        learning_rate: float = 0.01,
        entropy: float = 0.02,
        decay: float = 0.9,
        batch: int = 1,
        scaled: bool = True,
        warming: float = 0.1,
    ) -> None:
        super().__init__(space, seed=seed, lag=lag, redraws=redraws)
        self.learning_rate = _positive("learning_rate", learning_rate)
        self.entropy = share("entropy", entropy)
        self.decay = share("decay", decay)
        self.batch = at_least("batch", batch, 1)
        if not isinstance(scaled, bool):
            raise OptionError(f"scaled = {scaled!r} is not possible; give true or false")
        self.scaled = scaled
        self.warming = share("warming", warming)
        self._lock = threading.Lock()
        self._replayed: list[tuple[Any, ...]] = []
        self._teacher = self._fresh()

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """One architecture from the policy that has learned from the told trials."""
        sign = -1.0 if study.directions[0] == StudyDirection.MINIMIZE else 1.0
        seen = [t.params for t in told]
        with self._lock:
            policy = self._learned(told, sign).policy
            for attempt in range(self.redraws + 1):
                values = policy.choose(rng, 1 + self.warming * attempt)
                arch = self.space.canonicalise(self.space.compose(values))
                if self.space.parameters(arch) not in seen:
                    break
        return arch

    def _learned(self, told: Told, sign: float) -> Reinforce:
        """The policy after all told trials: goes on from the last replay if that is how these begin."""
        keys = [(t.number, sign * t.values[0], tuple(sorted(t.params.items()))) for t in told]
        done = len(self._replayed)
        if keys[:done] != self._replayed:
            self._teacher = self._fresh()
            done = 0
        for key, trial in zip(keys[done:], told[done:], strict=True):
            self._teacher.learn(self.space.parameters(self.architecture(trial)), key[1])
        self._replayed = keys
        return self._teacher

    def _fresh(self) -> Reinforce:
        self._replayed = []
        return Reinforce(
            Policy(self.space.declared, seed=derive_seed(self.seed, "controller")),
            learning_rate=self.learning_rate,
            entropy=self.entropy,
            decay=self.decay,
            batch=self.batch,
            scaled=self.scaled,
        )


def _positive(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise OptionError(f"{name} = {value!r} is not possible; give a number above 0")
    return float(value)
