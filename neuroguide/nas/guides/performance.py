"""Guidance by validation accuracy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuroguide._core.errors import InputError
from neuroguide.nas.guides.base import FORMAT, Measures, number, performance


@dataclass(frozen=True)
class Performance:
    """A candidate is worth its validation accuracy, ``P``. Needs no preparation."""

    @property
    def name(self) -> str:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        return "P"

    @property
    def images_forwarded(self) -> int:
        """None: the validation images are counted by the training."""
        return 0

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> Performance:
        """See :class:`neuroguide.nas.guides.Guide`."""
        return self

    def measure(
        self,
        network: nn.Module,
        stage_names: Sequence[str],
        *,
        accuracy: float | None,
        device: str | torch.device = "auto",
    ) -> Measures:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        if accuracy is None:
            raise InputError("the guide 'P' needs a candidate's validation accuracy, none was measured")
        return performance(accuracy)

    def value(self, measures: Mapping[str, float | str]) -> float:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        return number(measures, "P", self.name)

    def save(self, folder: Path) -> dict[str, Any]:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        return {"format": FORMAT, "guide": "performance"}
