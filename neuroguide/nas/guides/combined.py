"""Guidance by accuracy and a teacher together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.guides.base import FORMAT, Measures, number
from neuroguide.nas.guides.prepared import PreparedTeacher
from neuroguide.nas.guides.teacher import Teacher, Teachers


@dataclass(frozen=True, eq=False)
class Combined:
    """A candidate is worth ``P + alpha * TG`` (Bashivan, Tensen & DiCarlo 2019).

    Parameters
    ----------
    teacher : Teacher, Teachers, or sequence of Teacher
        What TG is about.
    alpha : float
        Weight of TG.

    Raises
    ------
    OptionError
        If ``alpha`` is not finite.
    """

    teacher: Teacher | Teachers | Sequence[Teacher]
    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.alpha):
            raise OptionError(f"alpha must be a finite number, {self.alpha} arrived")
        if not isinstance(self.teacher, Teacher | Teachers):
            object.__setattr__(self, "teacher", Teachers(list(self.teacher)))

    @property
    def name(self) -> str:
        """See :class:`neuroguide.nas.guides.Guide`."""
        return _name(self.teacher.name, self.alpha)  # type: ignore[union-attr]

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> PreparedCombined:
        """See :class:`neuroguide.nas.guides.Guide`."""
        prepared = self.teacher.prepare(  # type: ignore[union-attr]
            image_size=image_size, mean=mean, std=std, degrees=degrees, device=device
        )
        return PreparedCombined(prepared, self.alpha)


@dataclass(frozen=True, eq=False)
class PreparedCombined:
    """A prepared teacher beside the accuracy; see :class:`Combined`."""

    teacher: PreparedTeacher
    alpha: float

    @property
    def name(self) -> str:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        return _name(self.teacher.name, self.alpha)

    @property
    def images_forwarded(self) -> int:
        """Stimuli that each candidate is shown."""
        return self.teacher.images_forwarded

    @property
    def needs_reference(self) -> bool:
        """Whether reference candidates are still to be given (:meth:`standardised`)."""
        return self.teacher.needs_reference

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
            raise InputError(f"the guide {self.name!r} needs a candidate's validation accuracy, none was measured")
        return self.teacher.measure(network, stage_names, accuracy=accuracy, device=device)

    def value(self, measures: Mapping[str, float | str]) -> float:
        """``P + alpha * TG``; see :class:`neuroguide.nas.guides.PreparedGuide`."""
        return number(measures, "P", self.name) + self.alpha * self.teacher.value(measures)

    def standardised(self, measures: Sequence[Mapping[str, float | str]]) -> PreparedCombined:
        """See :meth:`PreparedTeacher.standardised`; the accuracy stays as it is."""
        return replace(self, teacher=self.teacher.standardised(measures))

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> PreparedCombined:
        """Itself, if it was prepared for this kind of input."""
        self.teacher.prepare(image_size=image_size, mean=mean, std=std, degrees=degrees, device=device)
        return self

    def save(self, folder: Path) -> dict[str, Any]:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        teacher = self.teacher.save(folder)
        return {"format": FORMAT, "guide": "combined", "alpha": self.alpha, "teacher": teacher}


def _name(teacher: str, alpha: float) -> str:
    return f"P + TG({teacher})" if alpha == 1 else f"P + {alpha:g} TG({teacher})"
