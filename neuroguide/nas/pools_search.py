"""A search whose candidates are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from neuroguide._core.errors import OptionError
from neuroguide.nas.samplers import make_sampler
from neuroguide.nas.spaces import Space


@dataclass(frozen=True)
class PoolSearch:
    """What a tabulated search proposed.

    Attributes
    ----------
    rows : int array of shape (n_trials,)
        Which member each trial proposed.
    values : float array of shape (n_trials,)
        What the guide gave it.
    mature : float array of shape (n_trials,)
        Its test accuracy after the mature training, which the search does not see.
    image_equivalents : float array of shape (n_trials,)
        Spent up to and with each trial; a member that was proposed before costs nothing more.
    """

    rows: NDArray[np.intp]
    values: NDArray[np.float64]
    mature: NDArray[np.float64]
    image_equivalents: NDArray[np.float64]

    @property
    def chosen(self) -> NDArray[np.float64]:
        """Mature accuracy of the candidate that the guide thinks best after each trial (the earliest of equals)."""
        best = np.maximum.accumulate(self.values)
        leads = np.concatenate([[True], best[1:] > best[:-1]])
        return self.mature[np.maximum.accumulate(np.where(leads, np.arange(len(best)), 0))]

    def cost_to(self, accuracy: float) -> float:
        """Image-equivalents until the candidate that the guide thinks best has at least this mature accuracy.

        Infinite if that never happens.
        """
        there = np.flatnonzero(self.chosen >= accuracy)
        return float(self.image_equivalents[there[0]]) if len(there) else float("inf")


def search_pool(
    space: Space[Any],
    rows: Mapping[str, int],
    values: NDArray[np.float64],
    mature: NDArray[np.float64],
    sampler: str,
    *,
    cost: float,
    trials: int,
    seed: int,
    options: Mapping[str, Any] | None = None,
) -> PoolSearch:
    """Let a sampler propose members.

    Parameters
    ----------
    space : Space
    rows : mapping
        From architecture hash to row.
    values, mature : arrays of shape (n_architectures,)
    sampler : str
    cost : float
        Image-equivalents of one candidate.
    trials : int
    seed : int
    options : mapping, optional
        The sampler's.

    Raises
    ------
    OptionError
        If there is nothing to try, or sampler or options are unknown.
    """
    if trials < 1:
        raise OptionError(f"trials must be at least 1, not {trials}")
    study = optuna.create_study(
        direction="maximize", sampler=make_sampler(sampler, space, seed=seed, **dict(options or {}))
    )
    proposed: list[int] = []
    for _ in range(trials):
        trial = study.ask()
        proposed.append(rows[space.hash(space.suggest(trial))])
        study.tell(trial, float(values[proposed[-1]]))
    found = np.array(proposed, dtype=np.intp)
    first = np.zeros(trials, dtype=bool)
    first[np.unique(found, return_index=True)[1]] = True
    return PoolSearch(found, values[found], mature[found], np.cumsum(first) * cost)
