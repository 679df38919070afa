"""Trained networks of the best candidates, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroguide.nas.folder import RunFolder
from neuroguide.nas.halving import standing


class BestWeights:
    """Keeps the weights files of the best trials, by rung and value, the earlier of equal ones.

    Parameters
    ----------
    folder : RunFolder
    keep : int
        How many.
    """

    def __init__(self, folder: RunFolder, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self._best: list[tuple[int, float, int]] = []

    def add(self, trial: int, result: Mapping[str, Any]) -> None:
        """Take up a told trial, and remove the file that is no longer among the best."""
        if "duplicate_of" in result:
            return
        if result["reason"] is not None:
            self._remove(trial)
            return
        _, rung, value = standing(result)
        self._best = sorted([*self._best, (-rung, -value, trial)])
        for _, _, loser in self._best[self._keep :]:
            self._remove(loser)
        del self._best[self._keep :]

    def sweep(self) -> None:
        """Remove what a killed worker left half written."""
        # ours are .trial-….tmp…, those that safetensors writes through are .tmp…
        for path in self._folder.artifacts.glob(".*"):
            path.unlink(missing_ok=True)

    def _remove(self, trial: int) -> None:
        self._folder.weights(trial).unlink(missing_ok=True)
