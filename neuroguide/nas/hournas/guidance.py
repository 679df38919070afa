"""Similarity to a teacher as a loss: gradients through the RDMs of a network's stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neuroguide._core.errors import OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.engine.dissimilarity import rdm, square_form
from neuroguide.engine.normalising import normalise_features
from neuroguide.engine.similarity import compare
from neuroguide.nas.guides import Performance, PreparedCombined, PreparedGuide, PreparedTeacher
from neuroguide.nas.guides.base import WORST_SIMILARITY
from neuroguide.nas.guides.lesson import TeacherLayer

#: Comparisons whose gradient is not zero nearly everywhere, as that of ranks is.
SMOOTH = ("pearson", "cosine", "whitened-pearson", "whitened-cosine", "cka", "bures")


class TeacherLoss:
    """Teacher guidance TG of a network, over some of the teacher's stimuli, with gradients.

    ``TG = sum over teacher layers t of w_t * max over stages s of similarity(RDM_t, RDM_s)``, divided by ceilings where
    there are any, as :class:`~neuroguide.nas.guides.Teacher` measures it; the gradient goes through the best stage. A
    guide with the distance ``euclidean`` and the comparison ``cka`` makes it linear CKA, the default a correlation of
    correlation-distance RDMs.

    Parameters
    ----------
    teacher : PreparedTeacher
    n_stimuli : int
        How many of each stimulus set are shown at a time.
    seed : int

    Raises
    ------
    OptionError
        If a comparison has no useful gradient, or the guide standardises.
    """

    def __init__(self, teacher: PreparedTeacher, *, n_stimuli: int, seed: int) -> None:
        for layer in teacher.layers:
            if layer.comparison not in SMOOTH:
                raise OptionError(
                    f"the comparison {layer.comparison!r} has no gradient that an architecture could follow; "
                    f"guide hournas by one of {', '.join(SMOOTH)}"
                )
        if teacher.needs_reference or teacher.standard is not None:
            raise OptionError("hournas cannot be guided by standardised similarities; leave standardise out")
        self._teacher = teacher
        self._n_stimuli = n_stimuli
        self._seed = seed
        self._squares = [square_form(layer.rdm) for layer in teacher.layers]

    @property
    def images_forwarded(self) -> int:
        """Stimuli that one call shows."""
        return sum(min(self._n_stimuli, len(pixels)) for pixels in self._teacher.shown)

    def __call__(self, stages: Callable[[Tensor], Sequence[Tensor]], step: int, device: torch.device) -> Tensor:
        """TG, with gradients.

        Parameters
        ----------
        stages : callable
            Takes stimuli ``(n, channels, size, size)``, returns features ``(n, n_features)`` of every stage.
        step : int
            Chooses the stimuli, together with the seed.
        device : torch.device
        """
        total = torch.zeros((), dtype=torch.float64, device=device)
        for index, pixels in enumerate(self._teacher.shown):
            generator = torch.Generator().manual_seed(derive_seed(self._seed, "stimuli", index, step))
            chosen = torch.randperm(len(pixels), generator=generator)[: self._n_stimuli].sort().values
            shown = pixels[chosen].to(device, torch.float32) / 255
            features = [stage.double() for stage in stages(self._teacher.preprocess.normalise(shown))]
            for layer, square in zip(self._teacher.layers, self._squares, strict=True):
                if layer.stimuli == index:
                    theirs = square[chosen][:, chosen][*torch.triu_indices(len(chosen), len(chosen), 1)].to(device)
                    similarity = _best(features, layer, theirs)
                    total = total + layer.weight * similarity / (1.0 if layer.ceiling is None else layer.ceiling)
        return total


def _best(features: Sequence[Tensor], layer: TeacherLayer, theirs: Tensor) -> Tensor:
    """The similarity of the most similar stage; without a gradient if all are dead."""
    found = []
    for stage in features:
        mine = rdm(normalise_features(stage, layer.normalise), layer.distance, constant="nan")
        if bool(torch.isfinite(mine).all()):
            similarity = compare(mine, theirs, layer.comparison, constant="nan")
            if bool(torch.isfinite(similarity)):
                found.append(similarity)
    if not found:
        return torch.tensor(WORST_SIMILARITY, dtype=torch.float64, device=theirs.device)
    return torch.stack(found).max()


def teacher_loss(guide: PreparedGuide, *, n_stimuli: int, seed: int) -> tuple[float, float, TeacherLoss | None]:
    """Weights of accuracy and of TG in the architecture loss, and TG itself (None without a teacher).

    ``performance`` weighs accuracy alone, a teacher its TG alone, both together as their value does: ``P + alpha TG``.

    Raises
    ------
    OptionError
        If the guide is of another kind, which has no gradient; or see :class:`TeacherLoss`.
    """
    if isinstance(guide, PreparedCombined):
        return 1.0, guide.alpha, TeacherLoss(guide.teacher, n_stimuli=n_stimuli, seed=seed)
    if isinstance(guide, PreparedTeacher):
        return 0.0, 1.0, TeacherLoss(guide, n_stimuli=n_stimuli, seed=seed)
    if isinstance(guide, Performance):
        return 1.0, 0.0, None
    raise OptionError(f"the guide {guide.name!r} has no gradient; guide hournas by performance, teachers, or both")
