"""What a guide is.

A guide is made from settings (which recording, which layers), then prepared once for the size of the candidates' input:
that opens recordings and images and computes teacher RDMs. A prepared guide measures candidates, and travels to workers
as a JSON spec with a safetensors file beside it, so that they need no recording.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import torch
from torch import nn

from neuroguide._core.errors import InputError

#: What was measured of one candidate: finite numbers under ``"P"``, ``"TG"``, ``"similarity/<teacher layer>"``; words
#: under ``"layer/<teacher layer>"`` (the candidate's layer that was most similar), ``"dead"`` (layers without a
#: response) and ``"reason"`` (why the candidate is worth nothing).
Measures: TypeAlias = dict[str, float | str]

#: Similarity of a candidate that has none: no live layer, or diverged. Below every real one.
WORST_SIMILARITY = -1.0

#: Validation accuracy of a candidate that diverged.
WORST_ACCURACY = 0.0

#: Version of the specs that are written.
FORMAT = 1


@runtime_checkable
class PreparedGuide(Protocol):
    """A guide that is ready to measure candidates.

    One that standardises over reference candidates has ``needs_reference`` (a bool) and ``standardised(measures)`` too.
    One that needs more than the trained network has ``with_training(measures, facts, before)``, which returns the
    measures with what it wants of the training's numbers and, if its ``looks_before`` is true, of the measures of the
    untrained network; see :class:`neuroguide.nas.guides.auto.PreparedAuto`.
    """

    @property
    def name(self) -> str:
        """What it is called in tables and figures."""
        ...

    @property
    def images_forwarded(self) -> int:
        """Stimuli that a candidate is shown when it is measured: a third of an image-equivalent each."""
        ...

    def measure(
        self,
        network: nn.Module,
        stage_names: Sequence[str],
        *,
        accuracy: float | None,
        device: str | torch.device = "auto",
    ) -> Measures:
        """Measure one candidate; see :data:`Measures`.

        Parameters
        ----------
        network : torch.nn.Module
            The candidate, trained or not. It is left as it was.
        stage_names : sequence of str
            Its layers, names as in ``network.named_modules()``.
        accuracy : float or None
            Its validation accuracy between 0 and 1; None if it was not measured; NaN if it diverged.
        device : str or torch.device
            Where it runs.
        """
        ...

    def value(self, measures: Mapping[str, float | str]) -> float:
        """The number that a search maximises; always finite."""
        ...

    def save(self, folder: Path) -> dict[str, Any]:
        """Write what is large into ``folder``; return a JSON spec that :func:`neuroguide.nas.guides.load` takes."""
        ...


@runtime_checkable
class Guide(Protocol):
    """The settings of a guide."""

    @property
    def name(self) -> str:
        """What it is called in tables and figures."""
        ...

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> PreparedGuide:
        """The guide for candidates of one kind of input.

        Parameters
        ----------
        image_size : int
            Height and width of the candidates' input in pixels.
        mean, std : sequences of 3 floats
            Normalisation of the candidates' training images, for pixels in [0, 1].
        degrees : float, optional
            Field of view that the input stands for, in degrees; stimuli of known size are shown at their size in it.
        device : str or torch.device
            Where a teacher network runs.
        """
        ...


def performance(accuracy: float | None) -> Measures:
    """``"P"`` of a candidate, the worst if it is NaN; nothing if it was not measured.

    Raises
    ------
    InputError
        If it is a number outside 0 to 1.
    """
    if accuracy is None:
        return {}
    if math.isnan(accuracy):
        return {"P": WORST_ACCURACY, "reason": "the training diverged: the accuracy is NaN"}
    if not 0 <= accuracy <= 1:
        raise InputError(f"a validation accuracy between 0 and 1 was expected, {accuracy} arrived")
    return {"P": float(accuracy)}


def number(measures: Mapping[str, float | str], key: str, guide: str) -> float:
    """The number under ``key``.

    Raises
    ------
    InputError
        If there is none, or it is not finite.
    """
    value = measures.get(key)
    if value is None or isinstance(value, str) or not math.isfinite(value):
        raise InputError(
            f"the guide {guide!r} needs the measure {key!r} as a finite number, {value!r} arrived; "
            f"measured were {', '.join(sorted(measures)) or 'none'}"
        )
    return float(value)
