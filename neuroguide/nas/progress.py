"""How far a search is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neuroguide.nas.halving import standing


@dataclass(frozen=True)
class Progress:
    """How far a search is; handed to ``progress`` before the reference network, before the first trial, and after each.

    Attributes
    ----------
    told, trials : int
        Finished trials, and how many there will be.
    best : float or None
        Best value so far (the guide's; on the highest rung so far, with halving), None before the first.
    best_trial : int or None
    image_equivalents : float
        Images trained on plus a third of the images only passed forward, over everything evaluated.
    failed, duplicates : int
        How many of the finished trials.
    seconds : float
        Since this client began.
    seconds_left : float or None
        At this client's pace so far; None before its first trial.
    """

    told: int
    trials: int
    best: float | None = None
    best_trial: int | None = None
    image_equivalents: float = 0.0
    failed: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    seconds_left: float | None = None


@dataclass
class Tally:
    """Sums over the told trials, kept as they come: a search may have thousands."""

    best: float | None = None
    best_trial: int | None = None
    image_equivalents: float = 0.0
    failed: int = 0
    duplicates: int = 0
    _best: tuple[bool, int, float] | None = None

    def add(self, number: int, result: dict[str, Any]) -> None:
        """Count one more."""
        self.image_equivalents += result["image_equivalents"]
        self.failed += result["reason"] is not None
        self.duplicates += "duplicate_of" in result
        if self._best is None or standing(result) > self._best:
            self._best = standing(result)
            self.best, self.best_trial = result["value"], number
