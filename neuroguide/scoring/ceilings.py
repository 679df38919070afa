"""Ceilings from repetitions, also of distances that need repetitions themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine import dissimilarity, similarity
from neuroguide.engine.ceiling import ceiling_from_splits, split_half_similarities
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.device import resolve_device, resolve_dtype
from neuroguide.engine.dissimilarity import Distance
from neuroguide.engine.normalising import normalise_features
from neuroguide.engine.repetitions import half_means
from neuroguide.recordings.repeating import by_repetition
from neuroguide.scoring.distances import distance_text, honest_noise, needs_repetitions
from neuroguide.scoring.responses import Responses

#: Random half splits of the repetitions behind a ceiling: the least that a ceiling is computed from.
N_SPLITS = 100

#: Half splits whose ceiling is resampled for an interval (our choice: their mean varies little, their cost does not).
N_SPLITS_RESAMPLED = 20

SHOWN_ONCE = "{few} of {all} stimuli were shown once, or are stored as averages"

_TOO_FEW = "{few} of {all} stimuli have fewer than 4 repetitions, and each half needs two for the {distance} distance"


@dataclass(frozen=True)
class Ceiling:
    """The highest similarity that noise allows.

    Attributes
    ----------
    value : float
        NaN where there is none.
    reason : str
        Why there is none; empty where there is one.
    bounds : (float, float)
        Lower and upper bound, where it comes from animals or subjects.
    """

    value: float = float("nan")
    reason: str = ""
    bounds: tuple[float, float] = (float("nan"), float("nan"))


NO_CEILING = Ceiling()


def repetition_ceiling(
    region: str,
    responses: Responses,
    distance: Distance,
    comparison: str | Comparison,
    seed: int,
    device: str,
    dtype: str,
) -> Ceiling:
    """The split-half ceiling of one region, or the reason why it has none.

    Raises
    ------
    InputError
        If the halves do not agree at all.
    """
    values = by_repetition(responses.trials)
    counts = (~np.isnan(values)).sum(axis=1).min(axis=1)
    if counts.min() < 2:
        return Ceiling(reason=SHOWN_ONCE.format(few=int((counts < 2).sum()), all=len(counts)))
    where = resolve_device(device)
    if needs_repetitions(distance):
        if counts.min() < 4:
            few = int((counts < 4).sum())
            reason = _TOO_FEW.format(few=few, all=len(counts), distance=distance_text(distance))
            return Ceiling(reason=reason)
        first, second = _halves_of_repetitions(responses, distance, N_SPLITS, seed, device, dtype)
        splits = similarity.compare(first, second, comparison)
    else:
        tensor = torch.as_tensor(values).to(where, resolve_dtype(dtype, where))
        splits = split_half_similarities(
            tensor, distance, comparison, normalise=responses.normalise, n_splits=N_SPLITS, seed=seed
        )
    if not bool(splits.mean() > 0):
        raise InputError(
            f"the halves of the repetitions of {region} give RDMs that do not agree (mean similarity "
            f"{float(splits.mean()):.3f}), so there is no ceiling; use more reliable sites, or score the RDM without "
            "one: ng.rdm(recording, by='region')"
        )
    return Ceiling(float(ceiling_from_splits(splits).ceiling))


def half_rdms(responses: Responses, distance: Distance, seed: int, device: str, dtype: str) -> tuple[Tensor, Tensor]:
    """RDMs of the two halves of the repetitions, float64 of shape (n_splits, n_pairs), for a bootstrap."""
    if needs_repetitions(distance):
        return _halves_of_repetitions(responses, distance, N_SPLITS_RESAMPLED, seed, device, dtype)
    where = resolve_device(device)
    tensor = torch.as_tensor(by_repetition(responses.trials)).to(where, resolve_dtype(dtype, where))
    means = half_means(tensor, N_SPLITS_RESAMPLED, torch.Generator().manual_seed(seed))
    first, second = (
        dissimilarity.rdm(normalise_features(half, responses.normalise), distance).double().cpu() for half in means
    )
    return first, second


def _halves_of_repetitions(
    responses: Responses, distance: Distance, n_splits: int, seed: int, device: str, dtype: str
) -> tuple[Tensor, Tensor]:
    """As :func:`half_rdms` with single repetitions: each half keeps whole ones, and has its own noise estimate."""
    where = resolve_device(device)
    tensor = torch.as_tensor(responses.repeated()).to(where, resolve_dtype(dtype, where))
    honest = honest_noise(distance, responses.trials)
    there = ~torch.isnan(tensor).all(2)
    generator = torch.Generator().manual_seed(seed)
    found: tuple[list[Tensor], list[Tensor]] = ([], [])
    for _ in range(n_splits):
        keys = torch.rand(there.shape, generator=generator).to(where)
        larger = int(torch.randint(2, (), generator=generator))
        order = torch.where(there, keys, torch.inf).argsort(1).argsort(1)
        chosen = order < (there.sum(1, keepdim=True) + larger) // 2
        for half, kept in zip(found, (chosen, there & ~chosen), strict=True):
            one = torch.where(kept.unsqueeze(2), tensor, torch.nan)
            # a site that fires rarely may have no noise in one half
            noisy = (one - one.nanmean(1, keepdim=True)).nan_to_num().abs().amax((0, 1)) > 0
            half.append(dissimilarity.rdm(one[:, :, noisy], honest).double().cpu())
    return torch.stack(found[0]), torch.stack(found[1])
