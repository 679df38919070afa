"""Choosing a layer on some stimuli and reporting it on others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.engine import similarity
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.triangle import n_stimuli_of
from neuroguide.scoring.targets import Target

#: Random halves of the stimuli; each half chooses once and reports once.
N_HALVES = 50


def crossvalidated_choice(
    layers: torch.Tensor,
    names: Sequence[str],
    targets: list[Target],
    comparison: str | Comparison,
    *,
    seed: int,
    device: str,
    dtype: str,
    groups: NDArray[Any] | None = None,
) -> xr.Dataset:
    """For each region, the similarity of the layer chosen on the other half of the stimuli.

    Parameters
    ----------
    layers : float64 tensor of shape (n_layers, n_pairs)
        Condensed RDM of each layer, of at least 8 stimuli.
    names : sequence of str
        Of the layers.
    targets : list of Target
        The regions. Where responses are known they are normalised anew in each half.
    comparison, device, dtype
        As for :func:`neuroguide.score`.
    seed : int
        Seed of the halves.
    groups : integer array of shape (n_stimuli,), optional
        Equal for copies of one image, which are always in the same half; by default all differ.

    Returns
    -------
    xarray.Dataset
        By region: ``crossvalidated`` (mean over halves), ``crossvalidated_sd`` (standard deviation over halves) and
        ``chosen_layer`` (the one chosen most often).
    """
    n_stimuli = n_stimuli_of(layers.shape[1])
    place = _pair_places(n_stimuli)
    reported: dict[str, list[float]] = {target.region: [] for target in targets}
    chosen: dict[str, Counter[str]] = {target.region: Counter() for target in targets}
    rng = np.random.default_rng(derive_seed(seed, "layer choice"))
    for _ in range(N_HALVES):
        halves = _halves(np.arange(n_stimuli) if groups is None else groups, rng)
        # values[half] has the shape (n_layers, n_regions)
        values = [
            similarity.compare_all(
                layers[:, torch.as_tensor(_pairs_within(half, place))],
                torch.stack([_target_rdm(t, half, place, device, dtype) for t in targets]),
                comparison,
            ).numpy()
            for half in halves
        ]
        for column, target in enumerate(targets):
            for choosing, reporting in ((0, 1), (1, 0)):
                best = int(values[choosing][:, column].argmax())
                chosen[target.region][names[best]] += 1
                reported[target.region].append(float(values[reporting][best, column]))
    regions = [target.region for target in targets]
    return xr.Dataset(
        {
            "crossvalidated": ("region", [float(np.mean(reported[r])) for r in regions]),
            "crossvalidated_sd": ("region", [float(np.std(reported[r], ddof=1)) for r in regions]),
            "chosen_layer": ("region", [chosen[r].most_common(1)[0][0] for r in regions]),
        },
        coords={"region": regions},
    )


def _halves(groups: NDArray[Any], rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Two random halves of the stimuli, in ascending order; groups stay whole."""
    numbers = np.unique(groups, return_inverse=True)[1].reshape(-1)
    order = rng.permutation(numbers.max() + 1)
    filled = np.cumsum(np.bincount(numbers)[order])
    first = np.isin(numbers, order[filled <= len(groups) // 2])
    return [np.flatnonzero(first), np.flatnonzero(~first)]


def check_stimuli(n_stimuli: int) -> None:
    """Raise InputError if there are too few stimuli for two halves."""
    if n_stimuli < 8:
        raise InputError(
            f"layer_choice='crossvalidated' needs at least 8 stimuli (4 in each half), {n_stimuli} arrived"
        )


def _pair_places(n: int) -> NDArray[np.intp]:
    """Square matrix that says where a pair stands in the condensed order."""
    places = np.zeros((n, n), dtype=np.intp)
    places[np.triu_indices(n, 1)] = np.arange(n * (n - 1) // 2)
    return places


def _pairs_within(half: NDArray[Any], places: NDArray[np.intp]) -> NDArray[np.intp]:
    rows, columns = np.triu_indices(len(half), 1)
    found: NDArray[np.intp] = places[half[rows], half[columns]]
    return found


def _target_rdm(target: Target, half: NDArray[Any], places: NDArray[np.intp], device: str, dtype: str) -> torch.Tensor:
    if target.responses is None or target.distance is None or target.responses.normalise == "none":
        return torch.as_tensor(np.asarray(target.condensed)[_pairs_within(half, places)]).double()
    return torch.as_tensor(target.responses.of_stimuli(half).rdm(target.distance, device, dtype)).double()
