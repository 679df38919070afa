"""What a teacher teaches: RDMs over stimuli, before any candidate is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.similarity import resolve_comparison
from neuroguide.models.preprocess import Preprocess
from neuroguide.scoring.distances import one_distance
from neuroguide.stimuli import StimulusSet


@dataclass(frozen=True)
class TeacherLayer:
    """One RDM that candidates are compared with.

    Attributes
    ----------
    name : str
        A region, or a layer of a network.
    rdm : float64 tensor of shape (n_pairs,)
        In the order of ``numpy.triu_indices``.
    stimuli : int
        Which of the guide's stimulus sets it is about.
    ceiling : float or None
        Highest similarity that its trial noise allows; similarities are divided by it.
    weight : float
    distance : str
        Of the candidate's RDM: a name, or one with settings (``"poisson-kl(prior_rate=2.0)"``).
    comparison : str
        Of the two RDMs.
    normalise : str
        Of the candidate's features, over stimuli.
    about : dict of str to str, int or float
        Where it comes from: recording, sites, distance, licence, why there is no ceiling, ...
    """

    name: str
    rdm: Tensor
    stimuli: int = 0
    ceiling: float | None = None
    weight: float = 1.0
    distance: str = "correlation"
    comparison: str = "pearson"
    normalise: str = "none"
    about: dict[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one_distance(self.distance)
        resolve_comparison(self.comparison)
        if not bool(torch.isfinite(self.rdm).all()) or not float(self.rdm.std()) > 0:
            raise InputError(
                f"the RDM of the teacher layer {self.name!r} has entries that are not finite, or all the same; "
                "nothing can be similar to it: choose another layer or other stimuli"
            )


@dataclass(frozen=True)
class Lesson:
    """Teacher layers that share their stimuli.

    Attributes
    ----------
    layers : tuple of TeacherLayer
    stimuli : StimulusSet
        In the order of the RDMs.
    """

    layers: tuple[TeacherLayer, ...]
    stimuli: StimulusSet


def pixels_of(stimuli: StimulusSet, preprocess: Preprocess) -> Tensor:
    """The stimuli at the candidates' size, uint8 of shape (n_stimuli, channels, size, size), like training images.

    Raises
    ------
    InputError
        If the images were not published.
    """
    resized = [preprocess.resize(image[None], degrees=stimuli.degrees) for image in stimuli.images()]
    return (torch.cat(resized) * 255).round().to(torch.uint8)
