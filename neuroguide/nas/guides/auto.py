"""Guidance by accuracy and recordings with weights that were fitted: ``guide="auto"``.

The weights come from one half of the pool ``cifar10-macro`` (``benchmarks/evidence_beyond.py --write``); which methods
were tried, and how the winner does on networks that were not used for it, is in docs/evidence.md. All of it is our
choice: Bashivan, Tensen & DiCarlo 2019 add P and TG with equal weights.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuroguide._core.errors import FileError
from neuroguide.nas.guides.base import FORMAT, Measures
from neuroguide.nas.guides.prepared import PreparedTeacher
from neuroguide.nas.guides.teacher import Teacher, Teachers

#: What a candidate is worth that has a reason to be worth nothing.
_WORST = -1000.0
#: Images of the default fidelity, for a candidate of which nobody says how many it was trained on.
_IMAGES = 4000.0
_INITIAL = "initial "
#: The recordings whose similarity takes part, and their regions.
_RECORDINGS = (("cowley2023:210325", "V4"), ("kriegeskorte2008", "monkey IT"))


@dataclass(frozen=True)
class AutoWeights:
    """A weighted sum of z-scored measures for each of some numbers of images that candidates are trained on.

    Parameters
    ----------
    features : tuple of str
        Names of measures; ``"initial ..."`` is a measure of the untrained network, ``"log ..."`` a logarithm.
    images : tuple of int
        Increasing. In between, values are interpolated linearly in ``log(1 + images)``; beyond, the nearest holds.
    mean, sd, weights : tuples of tuples of float
        One row for each number of images, one entry for each feature.
    comparison : str
        Of the RDMs behind the similarities, by correlation distance.

    Raises
    ------
    FileError
        If they do not fit together.
    """

    features: tuple[str, ...]
    images: tuple[int, ...]
    mean: tuple[tuple[float, ...], ...]
    sd: tuple[tuple[float, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    comparison: str = "pearson"

    def __post_init__(self) -> None:
        shapes = {(len(rows), len(row)) for rows in (self.mean, self.sd, self.weights) for row in rows}
        flat = [v for rows in (self.mean, self.sd, self.weights) for row in rows for v in row]
        whole = shapes == {(len(self.images), len(self.features))} and sorted(set(self.images)) == list(self.images)
        if not whole or not all(map(math.isfinite, flat)) or not all(v > 0 for row in self.sd for v in row):
            raise FileError("the weights of the guide 'auto' do not fit together; prepare it again")

    @classmethod
    def from_json(cls, plain: Any) -> AutoWeights:
        """The inverse of :meth:`to_json`."""
        try:
            rows = {name: tuple(tuple(map(float, row)) for row in plain[name]) for name in ("mean", "sd", "weights")}
            features, images = tuple(map(str, plain["features"])), tuple(map(int, plain["images"]))
            comparison = str(plain["comparison"])
        except (KeyError, TypeError, ValueError) as error:
            raise FileError("the weights of the guide 'auto' lack a part; prepare it again") from error
        return cls(features, images, **rows, comparison=comparison)

    def to_json(self) -> dict[str, Any]:
        """As lists and numbers."""
        rows = {name: [list(row) for row in getattr(self, name)] for name in ("mean", "sd", "weights")}
        return {"comparison": self.comparison, "features": list(self.features), "images": list(self.images), **rows}

    @property
    def looks_before(self) -> bool:
        """Whether the untrained network is measured too."""
        return any(name.startswith(_INITIAL) for name in self.features)

    def value(self, measures: Mapping[str, Any], images: float) -> float:
        """What a candidate is worth: about its mature accuracy in standard deviations from the pool's mean.

        A measure that is missing counts as average.

        Parameters
        ----------
        measures : mapping from measure to number
        images : float
            That the candidate was trained on.
        """
        above = next((i for i, n in enumerate(self.images) if n >= images), len(self.images) - 1)
        if above == 0 or images >= self.images[above]:
            return self._sum(measures, above)
        low, high, here = (math.log1p(n) for n in (self.images[above - 1], self.images[above], images))
        share = (here - low) / (high - low)
        return (1 - share) * self._sum(measures, above - 1) + share * self._sum(measures, above)

    def _sum(self, measures: Mapping[str, Any], row: int) -> float:
        columns = zip(self.features, self.mean[row], self.sd[row], self.weights[row], strict=True)
        found = ((_feature(measures, name), mean, sd, weight) for name, mean, sd, weight in columns)
        return math.fsum(weight * (x - mean) / sd for x, mean, sd, weight in found if x is not None)


@functools.cache
def shipped_weights() -> AutoWeights:
    """Those that come with the package."""
    text = resources.files("neuroguide").joinpath("_data", "auto_guide.json").read_text(encoding="utf-8")
    return AutoWeights.from_json(json.loads(text))


@dataclass(frozen=True)
class Auto:
    """A candidate is worth a weighted sum of its accuracy and its similarity to monkey V4 and IT, before and after.

    Which measures take part, and with which weights at how many images, was chosen and fitted on one half of the pool
    ``cifar10-macro``, so on small networks and CIFAR-10; elsewhere it is a guess. Needs the recordings
    ``cowley2023:210325`` and ``kriegeskorte2008``.
    """

    @property
    def name(self) -> str:
        """See :class:`neuroguide.nas.guides.Guide`."""
        return "auto"

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> PreparedAuto:
        """See :class:`neuroguide.nas.guides.Guide`."""
        weights = shipped_weights()
        teachers = [Teacher(name, [region], comparison=weights.comparison) for name, region in _RECORDINGS]
        prepared = Teachers(teachers).prepare(image_size=image_size, mean=mean, std=std, degrees=degrees, device=device)
        return PreparedAuto(prepared, weights)


@dataclass(frozen=True, eq=False)
class PreparedAuto:
    """Prepared teachers and the weights; see :class:`Auto`."""

    teacher: PreparedTeacher
    weights: AutoWeights

    @property
    def name(self) -> str:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        return "auto"

    @property
    def images_forwarded(self) -> int:
        """Stimuli that each candidate is shown each time that it is measured."""
        return self.teacher.images_forwarded

    @property
    def looks_before(self) -> bool:
        """Whether candidates are measured before their training too; see :meth:`with_training`."""
        return self.weights.looks_before

    def measure(
        self,
        network: nn.Module,
        stage_names: Sequence[str],
        *,
        accuracy: float | None,
        device: str | torch.device = "auto",
    ) -> Measures:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        return self.teacher.measure(network, stage_names, accuracy=accuracy, device=device)

    def with_training(
        self, measures: Measures, facts: Mapping[str, float], before: Mapping[str, float | str]
    ) -> Measures:
        """The measures with what only the evaluation knows.

        Parameters
        ----------
        measures : mapping
            Of the trained network.
        facts : mapping from str to float
            ``images`` trained on, ``loss``, ``summed_training_loss``, ``parameters``, ``flops``: what is known of them.
        before : mapping
            Measures of the untrained network.
        """
        wanted = {"images", *(name.removeprefix("log ") for name in self.weights.features)}
        known = {name: float(value) for name, value in facts.items() if name in wanted}
        early = {f"{_INITIAL}{name}": value for name, value in before.items()}
        return {**measures, **known, **{name: value for name, value in early.items() if name in wanted}}

    def value(self, measures: Mapping[str, float | str]) -> float:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        if "reason" in measures:
            return _WORST
        return self.weights.value(measures, float(measures.get("images", _IMAGES)))

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> PreparedAuto:
        """Itself, if it was prepared for this kind of input."""
        self.teacher.prepare(image_size=image_size, mean=mean, std=std, degrees=degrees, device=device)
        return self

    def save(self, folder: Path) -> dict[str, Any]:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        teacher = self.teacher.save(folder)
        return {"format": FORMAT, "guide": "auto", "teacher": teacher, "weights": self.weights.to_json()}


def _feature(measures: Mapping[str, Any], name: str) -> float | None:
    value = measures.get(name.removeprefix("log "))
    if value is None or isinstance(value, str):
        return None
    number = math.log(value) if name.startswith("log ") and value > 0 else float(value)
    return number if math.isfinite(number) else None
