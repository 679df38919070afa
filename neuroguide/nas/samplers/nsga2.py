"""NSGA-II (Deb, Pratap, Agarwal & Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from neuroguide.nas.samplers.base import ArchitectureSampler, DrawnTrial, Told, at_least, share, uniform

if TYPE_CHECKING:
    from neuroguide.nas.spaces.base import Space

Array = np.ndarray[Any, np.dtype[Any]]


class NSGA2(ArchitectureSampler):
    """Several objectives at once: brain similarity, accuracy and FLOPs in a search of ours.

    Told trials are taken in blocks of ``population``: each block is a generation, and the parents of the next are the
    best ``population`` of parents and children together, by front and by crowding distance (the main loop of section
    III.C of the paper). Generations are replayed from the told trials, so nothing needs to be stored.
    A child has two parents, each the better of two drawn at random; it takes every parameter from either, and is then
    mutated in one place by the space's own mutation (the paper's operators are for numbers; these are our choice).

    Parameters
    ----------
    space : Space
        Where architectures come from.
    seed, lag, redraws
        See :class:`~neuroguide.nas.samplers.base.ArchitectureSampler`.
    population : int
        Trials in a generation.
    crossover : float
        The share of children with two parents; the others have one.
    mutation : float
        The share of children that are mutated.

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
        population: int = 16,
        crossover: float = 0.9,
        mutation: float = 0.6,
    ) -> None:
        super().__init__(space, seed=seed, lag=lag, redraws=redraws)
        self.population = at_least("population", population, 2)
        self.crossover = share("crossover", crossover)
        self.mutation = share("mutation", mutation)

    def draw(self, study: optuna.Study, trial: FrozenTrial, told: Told, rng: np.random.Generator) -> Any:
        """A random architecture in the first generation, then a child of the elite."""
        generations = len(told) // self.population
        if not generations:
            return self.space.sample(rng)
        costs = _costs(study, told)
        parents = np.arange(self.population)
        for g in range(1, generations):
            children = np.arange(g * self.population, (g + 1) * self.population)
            together = np.concatenate([parents, children])
            parents = together[survivors(costs[together], self.population)]
        fitness = _fitness(costs[parents])

        def choose() -> FrozenTrial:
            # fitness is sorted: the smaller index is the better
            a, b = rng.integers(len(parents), size=2)
            return told[int(parents[fitness[min(a, b)]])]

        first = choose()
        child = self.architecture(first)
        if rng.random() < self.crossover:
            child = self._cross(study, trial, first, choose(), rng)
        return self.space.mutate(child, rng) if rng.random() < self.mutation else child

    def _cross(
        self, study: optuna.Study, trial: FrozenTrial, a: FrozenTrial, b: FrozenTrial, rng: np.random.Generator
    ) -> Any:
        """Every parameter from either parent; one that exists in neither is drawn."""

        def ask(name: str, distribution: BaseDistribution) -> Any:
            values = [parent.params[name] for parent in (a, b) if name in parent.params]
            return values[rng.integers(len(values))] if values else uniform(study, trial, name, distribution, rng)

        return self.space.suggest(DrawnTrial(ask))


def fronts(costs: Array) -> Array:
    """The front that each point is on: 0 if nothing dominates it, 1 if only points of front 0 do, and so on.

    Parameters
    ----------
    costs : array of shape (n_points, n_objectives)
        Smaller is better.

    Returns
    -------
    array of shape (n_points,), integers
    """
    no_worse = np.all(costs[:, None] <= costs[None], axis=-1)
    dominates: Array = np.logical_and(no_worse, np.any(costs[:, None] < costs[None], axis=-1))
    front = np.full(len(costs), -1)
    level = 0
    while (front < 0).any():
        rest = front < 0
        front[rest & ~dominates[rest].any(0)] = level
        level += 1
    return front


def crowding(costs: Array) -> Array:
    """The crowding distance of each point among those given (section III.B.1): infinite at the ends of an objective.

    Parameters
    ----------
    costs : array of shape (n_points, n_objectives)
        Points of one front.

    Returns
    -------
    array of shape (n_points,)
    """
    distance = np.zeros(len(costs))
    for column in costs.T:
        order = np.argsort(column, kind="stable")
        width = column[order[-1]] - column[order[0]]
        if width > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / width
            distance[order[[0, -1]]] = np.inf
    return distance


def survivors(costs: Array, n: int) -> Array:
    """Indices of the best ``n`` points by front, then by crowding distance, then by age (the older first)."""
    return _fitness(costs)[:n]


def _fitness(costs: Array) -> Array:
    """Indices of all points, best first."""
    front = fronts(costs)
    distance = np.empty(len(costs))
    for level in range(front.max() + 1):
        distance[front == level] = crowding(costs[front == level])
    return np.lexsort((np.arange(len(costs)), -distance, front))


def _costs(study: optuna.Study, told: Told) -> Array:
    sign = [-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in study.directions]
    return np.array([t.values for t in told], dtype=float) * sign
