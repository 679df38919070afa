"""Networks as teachers: each of some layers is a teacher layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from neuroguide._core.errors import InputError
from neuroguide.engine.device import resolve_device
from neuroguide.engine.dissimilarity import Distance, rdm
from neuroguide.engine.normalising import normalise_features
from neuroguide.models.activations import iterate_activations
from neuroguide.models.zoo import Model
from neuroguide.nas.guides.lesson import Lesson, TeacherLayer
from neuroguide.nas.guides.recorded import chosen_stimuli
from neuroguide.scoring.distances import distance_text
from neuroguide.stimuli import StimulusSet


def lesson_of_network(
    model: Model,
    layers: Sequence[str] | None,
    stimuli: StimulusSet,
    *,
    distance: tuple[Distance, Distance],
    comparison: str,
    normalise: tuple[str, str],
    n_stimuli: int | None,
    seed: int,
    device: str | torch.device,
) -> Lesson:
    """Layers of a network, which has no trial noise and so no ceiling.

    Parameters
    ----------
    model : Model
    layers : sequence of str, optional
        By default the outputs of its stages.
    stimuli : StimulusSet
    distance, normalise : pairs
        Of the teacher and of the candidate.
    comparison : str
    n_stimuli : int, optional
        How many stimuli to draw; by default all.
    seed : int
        Of that draw.
    device : str or torch.device
        Where the teacher runs.

    Raises
    ------
    InputError
        If a layer has no RDM over these stimuli.
    OptionError
        If there is no such layer.
    """
    rows = chosen_stimuli(len(stimuli), n_stimuli, seed)
    shown = stimuli.select(stimuli.ids[row] for row in rows)
    where = resolve_device(device)
    about: dict[str, str | int | float] = {
        "model": model.name, "model_identifier": model.identifier, "stimulus_set_identifier": stimuli.identifier,
        "distance": distance_text(distance[0]), "normalise": normalise[0], "n_stimuli": len(shown),
        "degrees": "unknown" if shown.degrees is None else shown.degrees,
        "no_ceiling": "a network has no trial noise",
    }  # fmt: skip
    made = []
    for name, features in iterate_activations(model, shown, layers, device=where):
        try:
            condensed = rdm(normalise_features(features, normalise[0]), distance[0])
        except InputError as error:
            raise InputError(f"the layer {name!r} of {model.name} cannot teach: {error}") from error
        made.append(
            TeacherLayer(
                name, condensed.cpu().double(), distance=distance_text(distance[1]), comparison=comparison,
                normalise=normalise[1], about=about,
            )
        )  # fmt: skip
    return Lesson(tuple(made), shown)
