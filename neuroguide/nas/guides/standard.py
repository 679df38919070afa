"""Putting teacher layers on one scale: each z-scored over a fixed reference set of candidates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from neuroguide._core.errors import InputError


@dataclass(frozen=True)
class Standard:
    """Mean and standard deviation of the similarity to each teacher layer over a reference set of candidates.

    Fixed once, before a search: standardised guidance is comparable over the whole search and between its workers.

    Parameters
    ----------
    mean, sd : mapping from teacher layer to float
        ``sd`` with ``n - 1`` in the denominator.
    n : mapping from teacher layer to int
        How many reference candidates had a live layer for it.
    """

    mean: Mapping[str, float]
    sd: Mapping[str, float]
    n: Mapping[str, int]

    @classmethod
    def of(cls, measures: Sequence[Mapping[str, float | str]], layers: Sequence[str]) -> Standard:
        """From the measures of the reference candidates.

        Parameters
        ----------
        measures : sequence of mappings
            As a prepared teacher measured them.
        layers : sequence of str
            The teacher layers.

        Raises
        ------
        InputError
            If fewer than 3 candidates have a live layer for some teacher layer, or all are equally similar to it.
        """
        mean, sd, n = {}, {}, {}
        for layer in layers:
            key = f"similarity/{layer}"
            values = [float(found[key]) for found in measures if key in found]
            if len(values) < 3:
                raise InputError(
                    f"standardising needs at least 3 reference candidates with a live layer, for the teacher layer "
                    f"{layer!r} there are {len(values)} of {len(measures)}; use more candidates"
                )
            n[layer] = len(values)
            mean[layer] = math.fsum(values) / len(values)
            sd[layer] = math.sqrt(math.fsum((value - mean[layer]) ** 2 for value in values) / (len(values) - 1))
            if not sd[layer] > 1e-9:
                raise InputError(
                    f"all {len(values)} reference candidates are equally similar to the teacher layer {layer!r}, "
                    "so it cannot be standardised; use more varied candidates"
                )
        return cls(mean, sd, n)

    def __call__(self, layer: str, similarity: float) -> float:
        """The z-score of a similarity to a teacher layer."""
        return (similarity - self.mean[layer]) / self.sd[layer]
