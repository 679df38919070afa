"""How a HourNAS search goes, as one frozen and serialisable thing.

Yang et al. 2021 publish the two phases, the Gumbel-softmax relaxation with shared weights, and space proposals towards
a budget; what their abstract and tables leave open is our choice, and a setting here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuroguide._core.errors import OptionError
from neuroguide._core.options import check_option
from neuroguide.nas.augmentation import AUGMENTATIONS
from neuroguide.nas.hournas.proposal import ProposalSettings
from neuroguide.nas.spaces.canonical import from_plain, to_plain

ORDERS = ("vital-first", "together")


@dataclass(frozen=True)
class HourNASSettings:
    """Settings of a search.

    Parameters
    ----------
    images : int
        Images shown to the supernet in all, in weight steps and architecture steps together.
    order : {"vital-first", "together"}
        HourNAS's two phases, or all blocks at once, which is what it is compared with.
    vital_share : float
        Share of the images for the first phase.
    proposals : ProposalSettings or None
        How non-vital blocks are drawn: from space proposals. None: from the full product of operations, with a penalty
        on the distance of the expected cost from the budget.
    proposal_every : int
        Architecture steps after which proposals are optimised anew, around what was learned by then.
    penalty : float
        Weight of ``(expected cost / target - 1)**2`` where there are no proposals.
    batch_size : int
    weight_steps : int
        Weight steps for each architecture step.
    warmup : float
        Share of each phase in which only weights are trained.
    architecture_share : float
        Share of the training images that is set apart for architecture steps; the others train weights.
    paths : int
        Operations that a block looks at in an architecture step; weight steps run one.
    temperature : tuple of 2 floats
        Of the relaxation, at the beginning and the end of each phase, on an exponential path.
    architecture_rate : float
        Learning rate of Adam on the logits.
    architecture_decay : float
        Weight decay of the logits, towards equal probabilities.
    learning_rate, weight_decay, clip : float
        Of SGD on the weights, with a linear rise over a tenth and a cosine fall to zero in each phase.
    augmentation : tuple of str
        As of :class:`neuroguide.nas.fidelity.Fidelity`; in weight steps.
    guidance : tuple of 2 floats
        Weight of teacher guidance in the architecture loss of each phase (the second in a single phase), beside what
        the guide itself says.
    guidance_stimuli : int
        Stimuli of the teacher that are shown in an architecture step, drawn anew in each.
    candidates : int
        Networks derived in the end: the most probable affordable one, and others drawn around it.
    validation_images : int or None
        On how many validation images derived networks are compared; None for all.
    recalibration : int
        Images on which the running statistics of a derived network are taken.
    checkpoint_every : int
        Steps after which the state is written.

    Raises
    ------
    OptionError
        If a value is impossible.
    """

    images: int = 60_000
    order: str = "vital-first"
    vital_share: float = 0.3
    proposals: ProposalSettings | None = field(default_factory=ProposalSettings)
    proposal_every: int = 50
    penalty: float = 4.0
    batch_size: int = 50
    weight_steps: int = 2
    warmup: float = 0.2
    architecture_share: float = 0.3
    paths: int = 2
    temperature: tuple[float, float] = (2.0, 0.5)
    architecture_rate: float = 0.05
    architecture_decay: float = 0.0
    learning_rate: float = 0.05
    weight_decay: float = 5e-4
    clip: float = 2.0
    augmentation: tuple[str, ...] = ("flip",)
    guidance: tuple[float, float] = (1.0, 1.0)
    guidance_stimuli: int = 48
    candidates: int = 8
    validation_images: int | None = None
    recalibration: int = 500
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        check_option("order", self.order, ORDERS)
        for kind in self.augmentation:
            check_option("augmentation", kind, AUGMENTATIONS)
        whole = {"images": 2, "proposal_every": 1, "batch_size": 2, "weight_steps": 1, "paths": 2,
                 "guidance_stimuli": 3, "candidates": 1, "recalibration": 2, "checkpoint_every": 1}  # fmt: skip
        for name, least in whole.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise OptionError(f"hournas: {name} must be a whole number of at least {least}, not {value!r}")
        limits = {
            "vital_share": (0 < self.vital_share < 1, "between 0 and 1"),
            "architecture_share": (0 < self.architecture_share < 1, "between 0 and 1"),
            "warmup": (0 <= self.warmup < 1, "from 0 to below 1"),
            "temperature": (_finite(self.temperature, 2) and min(self.temperature) > 0, "two numbers above 0"),
            "guidance": (_finite(self.guidance, 2), "two numbers"),
            "penalty": (0 <= self.penalty < math.inf, "at least 0"),
            "architecture_rate": (0 < self.architecture_rate < math.inf, "above 0"),
            "architecture_decay": (0 <= self.architecture_decay < math.inf, "at least 0"),
        }
        for name, (fine, expected) in limits.items():
            if not fine:
                raise OptionError(f"hournas: {name} must be {expected}, not {getattr(self, name)!r}")

    def to_json(self) -> dict[str, Any]:
        """All settings in dicts, lists, numbers and strings; None where there are no proposals."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HourNASSettings:
        """The inverse of :meth:`to_json`; missing settings take their default.

        Raises
        ------
        InputError
            If a setting is unknown or of another type.
        OptionError
            If a value is impossible.
        """
        proposals = data.get("proposals", {})
        whole = {**cls().to_json(), **data}
        if proposals is not None:
            # on its own, so that an error names what is wrong in it
            whole["proposals"] = to_plain(from_plain(ProposalSettings, {**to_plain(ProposalSettings()), **proposals}))
        return from_plain(cls, whole)


def _finite(values: tuple[float, ...], count: int) -> bool:
    return len(values) == count and all(math.isfinite(value) for value in values)
