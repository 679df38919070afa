"""A teacher that is ready to measure candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError
from neuroguide.engine.device import resolve_device
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.normalising import normalise_features
from neuroguide.engine.similarity import InnerProduct, compare, resolve_comparison, unit_vectors
from neuroguide.models.activations import NonFiniteError, iterate_activations
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model
from neuroguide.nas.guides.base import WORST_SIMILARITY, Measures, performance
from neuroguide.nas.guides.files import save_teacher
from neuroguide.nas.guides.lesson import TeacherLayer
from neuroguide.nas.guides.standard import Standard
from neuroguide.nas.trainer import deterministic
from neuroguide.scoring.distances import one_distance

#: Stimuli that pass at a time: a fixed number, so that results never depend on the machine's memory.
_BATCH = 128

#: RDMs of up to so many stimuli are computed in float64: over few pairs the rounding of float32 does not average out.
_FEW = 128


@dataclass(frozen=True, eq=False)
class PreparedTeacher:
    """Teacher RDMs and the stimuli at the candidates' size; see :class:`neuroguide.nas.guides.Teacher`.

    Attributes
    ----------
    name : str
        The teacher's.
    layers : tuple of TeacherLayer
        Those with a weight.
    shown : tuple of uint8 tensors of shape (n_stimuli, channels, size, size)
        The stimulus sets.
    preprocess : Preprocess
        Of the candidates: size and normalisation.
    standard : Standard or None
        The reference set that similarities are z-scored over.
    needs_reference : bool
        Whether that is still to be given (:meth:`standardised`).
    """

    name: str
    layers: tuple[TeacherLayer, ...]
    shown: tuple[Tensor, ...]
    preprocess: Preprocess
    standard: Standard | None = None
    needs_reference: bool = field(default=False, kw_only=True)

    @property
    def images_forwarded(self) -> int:
        """Stimuli that each candidate is shown."""
        return sum(len(pixels) for pixels in self.shown)

    def measure(
        self,
        network: nn.Module,
        stage_names: Sequence[str],
        *,
        accuracy: float | None,
        device: str | torch.device = "auto",
    ) -> Measures:
        """See :class:`neuroguide.nas.guides.PreparedGuide`.

        Similarities are raw (not divided by ceilings); ``"TG"`` is weighted, and divided by ceilings or standardised.
        """
        measures = performance(accuracy)
        reasons = [str(measures.pop("reason"))] if "reason" in measures else []
        try:
            profile = self.profile(network, stage_names, device=device)
        except NonFiniteError as error:
            profile = {layer.name: {} for layer in self.layers}
            reasons.append(str(error))
        for layer, found in profile.items():
            if found:
                best = max(found, key=lambda stage, found=found: found[stage])  # type: ignore[misc]
                measures |= {f"similarity/{layer}": found[best], f"layer/{layer}": best}
        silent = [layer for layer, found in profile.items() if not found]
        if silent and not reasons:
            reasons.append(f"no layer of the candidate has an RDM to compare with {', '.join(silent)}: all are dead")
        dead = [stage for stage in stage_names if any(stage not in found for found in profile.values())]
        if dead:
            measures["dead"] = ", ".join(dead)
        if reasons:
            measures["reason"] = "; ".join(reasons)
        if not self.needs_reference:
            measures["TG"] = self._guidance(measures)
        return measures

    def profile(
        self, network: nn.Module, stage_names: Sequence[str], *, device: str | torch.device = "auto"
    ) -> dict[str, dict[str, float]]:
        """Similarity of every live layer of a candidate to every teacher layer, raw.

        Parameters
        ----------
        network, stage_names, device
            As for :meth:`measure`.

        Returns
        -------
        dict of str to dict of str to float
            By teacher layer, then by the candidate's layer; dead ones are not in it.

        Raises
        ------
        NonFiniteError
            If a layer answers with NaN or infinite values.
        InputError
            If the network fails, or a name is no layer of it.
        """
        candidate = Model("the candidate", network, self.preprocess, tuple(stage_names), identifier="candidate")
        where = resolve_device(device)
        found: dict[str, dict[str, float]] = {layer.name: {} for layer in self.layers}
        with deterministic():
            for index, pixels in enumerate(self.shown):
                images = self.preprocess.normalise(pixels.to(where, torch.float32) / 255)
                for stage, features in iterate_activations(candidate, images, device=where, batch_size=_BATCH):
                    for layer, similarity in self._similarities(features, index).items():
                        found[layer][stage] = similarity
        return found

    def _similarities(self, features: Tensor, index: int) -> dict[str, float]:
        """Similarity of one layer's features over stimulus set ``index`` to the teacher layers about it."""
        rdms: dict[tuple[str, str], Tensor | None] = {}
        vectors: dict[tuple[str, str, str], Tensor] = {}
        found: dict[str, float] = {}
        for layer, theirs in zip(self.layers, self._vectors, strict=True):
            if layer.stimuli != index:
                continue
            kind = (layer.distance, layer.normalise)
            if kind not in rdms:
                rdms[kind] = live_rdm(features, *kind)
            mine = rdms[kind]
            if mine is None:
                continue
            if theirs is None:
                similarity = compare(mine, layer.rdm, layer.comparison, constant="nan")
            else:
                key = (*kind, layer.comparison)
                if key not in vectors:
                    vectors[key] = unit_vectors(mine, layer.comparison)
                similarity = (vectors[key] * theirs).sum(-1)
            if not bool(torch.isnan(similarity)):  # it is where all stimuli are at the same distance
                found[layer.name] = float(similarity)
        return found

    @cached_property
    def _vectors(self) -> tuple[Tensor | None, ...]:
        """What depends on a teacher's RDM alone, such as its ranks, computed once."""
        return tuple(
            unit_vectors(layer.rdm, layer.comparison)
            if isinstance(resolve_comparison(layer.comparison), InnerProduct)
            else None
            for layer in self.layers
        )

    def standardised(self, measures: Sequence[Mapping[str, float | str]]) -> PreparedTeacher:
        """The same teacher with similarities z-scored over a fixed reference set of candidates.

        Parameters
        ----------
        measures : sequence of mappings
            What :meth:`measure` gave for the reference candidates, e.g. 20 random ones, trained as the search trains.

        Raises
        ------
        InputError
            If there are too few live ones, or they do not differ.
        """
        standard = Standard.of(measures, [layer.name for layer in self.layers])
        return replace(self, standard=standard, needs_reference=False)

    def value(self, measures: Mapping[str, float | str]) -> float:
        """``TG`` of a candidate from its similarities; see :class:`neuroguide.nas.guides.PreparedGuide`."""
        if self.needs_reference:
            raise InputError(
                f"the guide {self.name!r} standardises over reference candidates: measure some and continue with "
                "guide.standardised(measures)"
            )
        if "reason" not in measures:
            for layer in self.layers:
                if f"similarity/{layer.name}" not in measures:
                    raise InputError(
                        f"the guide {self.name!r} needs the measure 'similarity/{layer.name}'; "
                        f"measured were {', '.join(sorted(measures)) or 'none'}"
                    )
        return self._guidance(measures)

    def _guidance(self, measures: Mapping[str, float | str]) -> float:
        total = 0.0
        for layer in self.layers:
            # the worst pulls the sum down whatever the weight's sign
            worst = WORST_SIMILARITY if layer.weight > 0 else -WORST_SIMILARITY
            similarity = float(measures.get(f"similarity/{layer.name}", worst))
            if self.standard is not None:
                total += layer.weight * self.standard(layer.name, similarity)
            else:
                total += layer.weight * similarity / (1.0 if layer.ceiling is None else layer.ceiling)
        return total

    def prepare(
        self,
        *,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        degrees: float | None = None,
        device: str | torch.device = "auto",
    ) -> PreparedTeacher:
        """Itself, if it was prepared for this kind of input."""
        if Preprocess(image_size, tuple(mean), tuple(std), degrees) != self.preprocess:
            raise InputError(
                f"the guide {self.name!r} was prepared for candidates of {self.preprocess.size} pixels, mean "
                f"{self.preprocess.mean} and std {self.preprocess.std}; prepare its settings anew for others"
            )
        return self

    def save(self, folder: Path) -> dict[str, Any]:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        return save_teacher(
            folder, self.name, self.layers, self.shown, self.preprocess, self.standard, self.needs_reference
        )


def live_rdm(features: Tensor, distance: str, normalise: str) -> Tensor | None:
    """RDM of a candidate's layer as float64 on the CPU; None for a dead layer.

    A layer is dead (our choice) if its response to some stimulus has no distance: it is constant over features, or not
    finite; or if it has too few features for the distance.
    """
    if len(features) <= _FEW and features.device.type != "mps":
        features = features.double()
    try:
        condensed = rdm(normalise_features(features, normalise), one_distance(distance), constant="nan")
    except InputError:
        # fewer features than the distance needs: no RDM, as for a constant response
        return None
    condensed = condensed.cpu().double()
    return None if bool(torch.isnan(condensed).any()) else condensed
