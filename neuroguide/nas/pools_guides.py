"""Guides over tabulated measures, by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import unknown_option

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_PATTERN = re.compile(rf"(?:(?P<p>P)\s*\+\s*)?(?:(?P<alpha>{_NUMBER})\s*\*?\s*)?TG\((?P<teachers>.+)\)", re.DOTALL)


@dataclass(frozen=True)
class TableGuide:
    """``P + alpha * TG`` over tabulated measures, or one measure alone.

    Parameters
    ----------
    performance : bool
        Whether P takes part.
    teachers : tuple of str
        Teacher layers of the pool.
    weights : tuple of float, optional
        ``w_t``; by default equal, of sum 1.
    alpha : float
        Weight of TG beside P.
    standardise : bool
        Whether P and each similarity are z-scored over the members first.
    ceiling : bool
        Whether a similarity is divided by its teacher's noise ceiling, where there is one, as
        :class:`neuroguide.nas.guides.Teacher` does.
    measure : str, optional
        Another measure in place of P and TG, such as ``"synflow"``; then nothing else is used.

    Raises
    ------
    OptionError
        If it uses nothing, or weights and teachers differ in number.
    """

    performance: bool = False
    teachers: tuple[str, ...] = ()
    weights: tuple[float, ...] | None = None
    alpha: float = 1.0
    standardise: bool = False
    ceiling: bool = True
    measure: str | None = None

    def __post_init__(self) -> None:
        if not (self.performance or self.teachers or self.measure):
            raise OptionError("a guide over a pool uses P, teachers or a measure; give at least one")
        if self.weights is not None and len(self.weights) != len(self.teachers):
            raise OptionError(f"{len(self.weights)} weights were given for {len(self.teachers)} teachers")
        if not math.isfinite(self.alpha):
            raise OptionError(f"alpha must be a finite number, {self.alpha} arrived")

    @property
    def trains(self) -> bool:
        """Whether candidates are trained before they are measured: proxies look at them untrained."""
        return self.measure is None or self.measure in ("loss", "summed_training_loss")

    def values(self, measures: Mapping[str, NDArray[np.float64]], ceilings: Mapping[str, float]) -> NDArray[np.float64]:
        """The guide's value of every member.

        Raises
        ------
        InputError
            If a measure is not there.
        """
        if self.measure is not None:
            if self.measure not in measures:
                raise InputError(f"the pool has no measure {self.measure!r}; it has {', '.join(sorted(measures))}")
            sign = -1.0 if self.measure in ("loss", "summed_training_loss") else 1.0
            return sign * measures[self.measure]
        total = np.zeros(len(measures["P"]))
        weights = self.weights or tuple(1 / len(self.teachers) for _ in self.teachers)
        for name, weight in zip(self.teachers, weights, strict=True):
            values = measures[f"similarity/{name}"] / (ceilings.get(name, 1.0) if self.ceiling else 1.0)
            total = total + weight * (zscored(values) if self.standardise else values)
        if not self.performance:
            return total
        accuracy = zscored(measures["P"]) if self.standardise else measures["P"]
        return accuracy + self.alpha * total


def zscored(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Zero mean and unit standard deviation over the members that were trained; zeros if they do not differ."""
    sd = float(np.nanstd(values))
    centred = values - np.nanmean(values)
    return centred / sd if sd > 1e-12 else centred


def parse_guide(text: str, teachers: Sequence[str]) -> TableGuide:
    """A guide from its name.

    Raises
    ------
    OptionError
        If the name is not understood, or a teacher is not in the pool.

    Examples
    --------
    >>> parse_guide("P + 0.5 TG(V4, monkey IT)", ["V4", "monkey IT"]).alpha
    0.5
    """
    plain = text.strip()
    if plain == "P":
        return TableGuide(performance=True)
    found = _PATTERN.fullmatch(plain)
    if found is None:
        if "TG" in plain or "+" in plain:
            raise OptionError(
                f"the guide {text!r} is not understood; write 'P', 'TG(V4)' or 'P + 0.5 TG(V4, monkey IT)'"
            )
        return TableGuide(measure=plain)
    names = [name.strip() for name in found["teachers"].split(",")]
    for name in names:
        if name not in teachers:
            raise unknown_option("teacher of the pool", name, teachers)
    return TableGuide(bool(found["p"]), tuple(names), alpha=float(found["alpha"] or 1.0))
