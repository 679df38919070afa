"""Guidance by similarity to a teacher: a recording's regions, or a network's layers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
import xarray as xr
from torch import nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option, unknown_option
from neuroguide.engine.similarity import resolve_comparison
from neuroguide.models.factory import is_factory
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model, open_model, openers
from neuroguide.nas.guides.lesson import Lesson, TeacherLayer, pixels_of
from neuroguide.nas.guides.prepared import PreparedTeacher
from neuroguide.nas.guides.recorded import lesson_of_recording
from neuroguide.nas.guides.trained import lesson_of_network
from neuroguide.scoring.distances import AnyDistance, distance_pair, distance_text, needs_repetitions
from neuroguide.scoring.targets import open_any
from neuroguide.stimuli import StimulusSet, open_stimuli

#: What may teach: an assembly or RDMs, a network, or a name or path of one.
Source: TypeAlias = xr.DataArray | nn.Module | Model | str | os.PathLike[str]

#: Weight of each teacher layer, by name or in order.
Weights: TypeAlias = Mapping[str, float] | Sequence[float]


@dataclass(frozen=True, eq=False)
class Teacher:
    """A candidate is worth its similarity to a teacher (teacher guidance, TG).

    ``TG = sum over teacher layers t of w_t * max over the candidate's layers s of similarity(RDM_t, RDM_s)`` after
    Bashivan, Tensen & DiCarlo 2019, with ``w_t = 1 / number of teacher layers`` unless given. Where a region has
    repetitions, its similarity is divided by its noise ceiling; elsewhere it is raw. A candidate's layer without an RDM
    (a constant response to some stimulus, or the same to all) leaves the maximum; a teacher layer for which no layer is
    left counts with a similarity of -1 (our choice).

    Parameters
    ----------
    source : xarray.DataArray, torch.nn.Module, Model, str or path
        A recording (an assembly or RDMs, a name, a file), or a network (a module, ``"timm:..."``,
        ``"torchvision:..."``, ``"path/to/file.py:make"``: such a file is run).
    layers : sequence of str, optional
        Regions of the recording (by default all) or layers of the network (by default its stages).
    stimuli : StimulusSet, str or path, optional
        What candidates and a teacher network are shown; for a recording by default its own. A network needs it.
    distance : str, Distance or pair of them
        Of the RDMs; a pair for (teacher, candidate). Crossnobis and Mahalanobis alone are the recording's, and pair
        with the candidate's squared Euclidean distance; see :func:`neuroguide.rdm`.
    comparison : str
        Of the RDMs; see :func:`neuroguide.engine.similarity.compare`.
    normalise : str or pair of str
        Of sites or features over stimuli. One name is the teacher's and leaves candidates as they are; a pair is for
        (teacher, candidate).
    weights : mapping or sequence of float, optional
        ``w_t`` by name (those not named are left out) or in the order of ``layers``; used as they are, so that they
        need not sum to 1.
    standardise : bool
        Whether the similarity to each teacher layer is z-scored over a fixed reference set of candidates, which is
        given to :meth:`PreparedTeacher.standardised` before the search.
    ceiling : bool
        False guides by raw similarity everywhere.
    n_stimuli : int, optional
        How many of the stimuli to use, drawn once; by default all.
    seed : int
        Of that draw and of the half splits behind a ceiling.
    name : str, optional
        What it is called; by default the recording's or the network's name.
    per : {"region", "site"}
        ``"site"``: every recorded site is a teacher layer of its own, named by its ``neuroid_id``. Its RDM holds the
        squared differences of its responses, the one distance that a single number has; it has no ceiling.

    Raises
    ------
    OptionError
        If an option is unknown.
    """

    source: Source
    layers: Sequence[str] | None = None
    stimuli: StimulusSet | str | os.PathLike[str] | None = None
    distance: AnyDistance = "correlation"
    comparison: str = "pearson"
    normalise: str | tuple[str, str] = "none"
    weights: Weights | None = None
    standardise: bool = False
    ceiling: bool = True
    n_stimuli: int | None = None
    seed: int = 0
    name: str = ""
    per: str = "region"

    def __post_init__(self) -> None:
        for distance in distance_pair(self.distance):
            distance_text(distance)  # what has no name cannot travel to workers
        check_option("per", self.per, ("region", "site"))
        resolve_comparison(self.comparison)
        check_option("normalise", self._normalise[0], ("none", "center", "zscore", "baseline"))
        check_option("normalise (of candidates)", self._normalise[1], ("none", "center", "zscore"))
        if isinstance(self.layers, str):
            raise OptionError(f"layers is a list of names, the string {self.layers!r} arrived; write [{self.layers!r}]")
        if not self.name:
            object.__setattr__(self, "name", _name_of(self.source))

    @property
    def _normalise(self) -> tuple[str, str]:
        return (self.normalise, "none") if isinstance(self.normalise, str) else _pair(self.normalise, "normalise")

    def lesson(self, *, device: str | torch.device = "auto") -> Lesson:
        """Open the source and compute the teacher's RDMs.

        Raises
        ------
        InputError
            If a region's split halves do not agree, a network comes without stimuli, a layer has no RDM, or the source
            is not what it should be.
        """
        common: dict[str, Any] = {
            "distance": distance_pair(self.distance), "comparison": self.comparison, "normalise": self._normalise,
            "n_stimuli": self.n_stimuli, "seed": self.seed,
        }  # fmt: skip
        if isinstance(self.source, xr.DataArray) or not _is_network(self.source):
            recording = open_any(self.source)  # type: ignore[arg-type]
            return lesson_of_recording(
                recording, self.layers, self.stimuli, ceiling=self.ceiling, per=self.per, **common
            )
        if self.per != "region" or needs_repetitions(common["distance"][0]):
            raise OptionError(f"the teacher {self.name} is a network, which has neither sites nor repetitions")
        if self.stimuli is None:
            raise InputError(
                f"the teacher network {self.name} needs stimuli= to be shown; give a StimulusSet or a name"
            )
        stimuli = self.stimuli if isinstance(self.stimuli, StimulusSet) else open_stimuli(self.stimuli)
        model = open_model(self.source)  # type: ignore[arg-type]
        return lesson_of_network(model, self.layers, stimuli, device=device, **common)

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> PreparedTeacher:
        """See :class:`neuroguide.nas.guides.Guide`."""
        return Teachers([self], self.weights, self.standardise, self.name).prepare(
            image_size=image_size, mean=mean, std=std, degrees=degrees, device=device
        )


@dataclass(frozen=True, eq=False)
class Teachers:
    """Several teachers at once, each with its own stimuli: V4 from one recording, IT from another.

    Parameters
    ----------
    teachers : sequence of Teacher
        Teacher layers of the same name are told apart by their teacher's.
    weights, standardise
        As for :class:`Teacher`, over the teacher layers of all; the teachers' own may not be set.
    name : str, optional
        By default the teachers' names, joined.

    Raises
    ------
    OptionError
        If there is no teacher, or one has weights of its own.
    """

    teachers: Sequence[Teacher]
    weights: Weights | None = None
    standardise: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        if not self.teachers:
            raise OptionError("guidance by teachers needs at least one; give a Teacher")
        if len(self.teachers) > 1 and any(t.weights is not None or t.standardise for t in self.teachers):
            raise OptionError("weights and standardise of several teachers are given to Teachers, not to each Teacher")
        if not self.name:
            object.__setattr__(self, "name", " + ".join(teacher.name for teacher in self.teachers))

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> PreparedTeacher:
        """See :class:`neuroguide.nas.guides.Guide`.

        Raises
        ------
        InputError, OptionError
            If a teacher cannot teach (see :meth:`Teacher.lesson`), or the weights do not fit its layers.
        """
        preprocess = Preprocess(image_size, tuple(mean), tuple(std), degrees)
        layers: list[TeacherLayer] = []
        shown: list[torch.Tensor] = []
        for teacher in self.teachers:
            lesson = teacher.lesson(device=device)
            pixels = pixels_of(lesson.stimuli, preprocess)
            # teachers that share their stimuli share the candidates' responses
            index = next((i for i, other in enumerate(shown) if torch.equal(other, pixels)), len(shown))
            if index == len(shown):
                shown.append(pixels)
            layers.extend(
                replace(layer, stimuli=index, about={**layer.about, "teacher": teacher.name}) for layer in lesson.layers
            )
        weighted = _weighted(_distinct(layers), self.weights)
        return PreparedTeacher(self.name, weighted, tuple(shown), preprocess, needs_reference=self.standardise)


def _weighted(layers: list[TeacherLayer], weights: Weights | None) -> tuple[TeacherLayer, ...]:
    names = [layer.name for layer in layers]
    if weights is None:
        values = [1 / len(layers)] * len(layers)
    elif isinstance(weights, Mapping):
        for name in weights:
            if name not in names:
                raise unknown_option("teacher layer in weights", name, names)
        values = [float(weights.get(name, 0.0)) for name in names]
    else:
        values = [float(value) for value in weights]
        if len(values) != len(names):
            raise OptionError(f"{len(values)} weights were given for {len(names)} teacher layers: {', '.join(names)}")
    if not all(abs(value) < float("inf") for value in values) or not any(values):
        raise OptionError(f"weights of teacher layers must be finite and not all zero, {values} arrived")
    return tuple(replace(layer, weight=value) for layer, value in zip(layers, values, strict=True) if value)


def _distinct(layers: list[TeacherLayer]) -> list[TeacherLayer]:
    """Layers of the same name get their teacher's name in front, and a number if that is the same too."""
    names = [layer.name for layer in layers]
    made: list[TeacherLayer] = []
    taken: set[str] = set()
    for layer in layers:
        name = layer.name if names.count(layer.name) == 1 else f"{layer.about['teacher']} {layer.name}"
        number, base = 1, name
        while name in taken:
            number += 1
            name = f"{base} ({number})"
        taken.add(name)
        made.append(replace(layer, name=name))
    return made


def _is_network(source: object) -> bool:
    if isinstance(source, str):
        return is_factory(source) or source.partition(":")[0] in openers or source.startswith("brainscore:")
    return isinstance(source, nn.Module | Model)


def _name_of(source: object) -> str:
    if isinstance(source, xr.DataArray):
        return str(source.attrs.get("identifier") or source.name or "recording")
    if isinstance(source, Model):
        return source.name
    if isinstance(source, nn.Module):
        return type(source).__name__
    text = os.fspath(source) if isinstance(source, str | os.PathLike) else type(source).__name__
    return text.replace("\\", "/").rpartition("/")[2]


def _pair(value: str | tuple[str, str], what: str) -> tuple[str, str]:
    if isinstance(value, str):
        return value, value
    if len(value) != 2:
        raise OptionError(f"{what} is one name or a pair for (teacher, candidate), {value!r} arrived")
    return value[0], value[1]
