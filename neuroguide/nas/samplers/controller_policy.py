"""The controller's network and how it learns: an LSTM that makes one choice after the other, taught by REINFORCE."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from neuroguide.nas.samplers.adam import Adam
from neuroguide.nas.spaces.parameters import Parameter, Scalar, Values, same, walk

#: Zoph & Le 2017, section 4.1: two layers of 35 units, weights uniform in [-0.08, 0.08].
_LAYERS, _UNITS, _SCALE = 2, 35, 0.08


class Policy(nn.Module):
    """Makes a space's choices in the order of its declaration (Zoph & Le 2017, Fig. 2 and section 3.1).

    Each step's input is an embedding of the choice made before; each parameter has a softmax of its own. Parameters
    that do not exist for the choices made are passed over.

    Parameters
    ----------
    parameters : sequence of Parameter
        A space's ``declared``.
    seed : int
        Of the weights.
    """

    def __init__(self, parameters: Sequence[Parameter], *, seed: int) -> None:
        super().__init__()
        self.parameters_declared = tuple(parameters)
        self._count = {p.name: len(p.options) for p in parameters if len(p.options) > 1}
        self._first = dict(zip(self._count, np.cumsum([0, *self._count.values()]).tolist(), strict=False))
        total = sum(self._count.values())
        # weights are drawn below: torch's own drawing would move its global generator
        with torch.random.fork_rng(devices=[]):
            # the last embedding is the input of the first step
            self.embedding = nn.Embedding(total + 1, _UNITS, dtype=torch.float64)
            self.lstm = nn.LSTM(_UNITS, _UNITS, _LAYERS, dtype=torch.float64)
            self.head = nn.Linear(_UNITS, total, dtype=torch.float64)
        # which options belong to each parameter
        self._own = torch.zeros((len(self._first), total), dtype=torch.bool)
        for row, (name, first) in enumerate(self._first.items()):
            self._own[row, first : first + self._count[name]] = True
        self._row = {name: row for row, name in enumerate(self._first)}
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in self.parameters():
                weight.uniform_(-_SCALE, _SCALE, generator=generator)

    def choose(self, rng: np.random.Generator, temperature: float = 1.0) -> Values:
        """Draw every choice, fixed ones included; logits are divided by the temperature."""
        state: tuple[Tensor, Tensor] | None = None
        token = self.embedding.num_embeddings - 1

        def ask(p: Parameter) -> Scalar:
            nonlocal state, token
            with torch.no_grad():
                out, state = self.lstm(self.embedding(torch.tensor([[token]]))[0], state)
                first = self._first[p.name]
                rows = slice(first, first + len(p.options))
                logits = self.head.weight[rows] @ out[0] + self.head.bias[rows]
                chances = (logits / temperature).softmax(0).numpy()
            # rounding may leave the sum of all chances a little below 1
            passed = int((np.cumsum(chances) <= rng.random()).sum())
            chosen = min(passed, len(p.options) - 1)
            token = first + chosen
            return p.options[chosen]

        return walk(self.parameters_declared, ask)

    def score(self, values: Mapping[str, Scalar]) -> tuple[Tensor, Tensor]:
        """Log-probability of choices that were made, and the sum of the entropies of the softmaxes on the way.

        Parameters
        ----------
        values : mapping
            Those parameters that exist and are not fixed, with their values.

        Returns
        -------
        two tensors without dimensions
        """
        asked = [p for p in self.parameters_declared if p.name in self._first and p.name in values]
        chosen = [next(i for i, option in enumerate(p.options) if same(option, values[p.name])) for p in asked]
        tokens = [self._first[p.name] + i for p, i in zip(asked, chosen, strict=True)]
        inputs = torch.tensor([self.embedding.num_embeddings - 1, *tokens[:-1]])
        out, _ = self.lstm(self.embedding(inputs))
        own = self._own[[self._row[p.name] for p in asked]]
        # a softmax over each step's own options: the others get no probability, and no gradient
        log_p = self.head(out).masked_fill(~own, -math.inf).log_softmax(1)
        log_probability = log_p[torch.arange(len(tokens)), torch.tensor(tokens)].sum()
        entropy = -(log_p.exp() * log_p.masked_fill(~own, 0.0)).sum()
        return log_probability, entropy


class Reinforce:
    """Teaches a policy from rewards, one at a time (Williams 1992; Zoph & Le 2017, section 3.2).

    The gradient is that of ``-(1 / m) sum_k [ (R_k - b_k) log p(a_k) + entropy * H_k ]`` over ``m`` rewards, where
    ``b_k`` is an exponential moving average of the rewards before ``R_k`` (the first reward is its own baseline). Each
    ``m`` rewards make one step of Adam.

    Parameters
    ----------
    policy : Policy
    learning_rate : float
    entropy : float
        Weight of the entropy bonus.
    decay : float
        Of the moving average.
    batch : int
        m.
    scaled : bool
        Divide each advantage by the root of the moving average of squared advantages up to and with it, so that the
        settings do not depend on the unit of the rewards (our choice).
    """

    def __init__(
        self, policy: Policy, *, learning_rate: float, entropy: float, decay: float, batch: int, scaled: bool
    ) -> None:
        self.policy = policy
        self.baseline: float | None = None
        self._entropy = entropy
        self._decay = decay
        self._batch = batch
        self._scaled = scaled
        self._squares = 0.0
        self._weight = 0.0
        self._waiting: list[tuple[dict[str, Scalar], float]] = []
        self._optimiser = Adam(policy.parameters(), learning_rate=learning_rate)

    def learn(self, values: Mapping[str, Scalar], reward: float) -> None:
        """Take one reward into account."""
        advantage = self.advantage(reward)
        self._waiting.append((dict(values), advantage))
        if len(self._waiting) == self._batch:
            self._optimiser.step(self.loss(self._waiting))
            self._waiting = []

    def advantage(self, reward: float) -> float:
        """How much better a reward is than expected; moves the averages."""
        if self.baseline is None:
            self.baseline = reward
        difference = reward - self.baseline
        self.baseline = self._decay * self.baseline + (1 - self._decay) * reward
        self._squares = self._decay * self._squares + (1 - self._decay) * difference**2
        self._weight = self._decay * self._weight + (1 - self._decay)
        if not self._scaled or difference == 0:
            return difference
        return difference / math.sqrt(self._squares / self._weight)

    def loss(self, batch: Sequence[tuple[Mapping[str, Scalar], float]]) -> Tensor:
        """What a step makes smaller, for pairs of choices and advantages."""
        terms = []
        for values, advantage in batch:
            log_probability, entropy = self.policy.score(values)
            terms.append(advantage * log_probability + self._entropy * entropy)
        return -torch.stack(terms).mean()
