"""Successive halving: many candidates trained a little, the better ones trained again and longer, and so on.

Jamieson & Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from neuroguide._core.errors import OptionError
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.spaces import Space, open_space

_RUNG = re.compile(r"(\d+)\s*x\s*(\d+)((?:\s+\w+=\w+)*)")


@dataclass(frozen=True)
class Rung:
    """One step of the ladder.

    Attributes
    ----------
    candidates : int
        How many are trained on it.
    images : int
        Images that each is trained on.
    network : mapping from str to int
        Fields of the architecture that make the network smaller on this rung: ``{"filters": 4, "repeats": 1}`` in the
        space ``cells``.
    """

    candidates: int
    images: int
    network: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([f"{self.candidates}x{self.images}", *(f"{k}={v}" for k, v in self.network.items())])


@dataclass(frozen=True)
class Halving:
    """A ladder of rungs, climbed by the better candidates of each; trial numbers alone say where a trial stands.

    A candidate is trained from scratch on every rung, with the learning-rate schedule of that rung, and every image is
    counted (our choice: going on with a training would cost less, and compare schedules that were cut short). With more
    trials than one ladder has, the next ladder begins: the sampler then learns from the first rungs of those before,
    which are comparable with each other.

    Attributes
    ----------
    rungs : tuple of Rung
        From many candidates and few images to few candidates and many images.

    Raises
    ------
    OptionError
        If there are fewer than two rungs, if a rung does not have fewer candidates and at least as many images as the
        one below, or if the last one changes the network.
    """

    rungs: tuple[Rung, ...]

    def __post_init__(self) -> None:
        if len(self.rungs) < 2:
            raise OptionError(f"halving {str(self)!r} has fewer than two rungs; give e.g. '16x500, 8x1000, 4x2000'")
        for lower, upper in zip(self.rungs, self.rungs[1:], strict=False):
            if not (lower.candidates > upper.candidates >= 1 and 0 <= lower.images <= upper.images):
                raise OptionError(
                    f"halving {str(self)!r}: after {str(lower)!r} comes {str(upper)!r}; every rung needs fewer "
                    "candidates than the one before, and at least as many images"
                )
        if self.rungs[-1].network:
            raise OptionError(f"halving {str(self)!r}: the last rung trains the whole network; leave its size alone")

    @classmethod
    def parse(cls, text: str) -> Halving:
        """Rungs as ``"16x500, 8x1000, 4x2000"`` (candidates x images), each with sizes: ``"16x500 filters=4, ..."``.

        Raises
        ------
        OptionError
            If it is not written like this, or the ladder is not possible.
        """
        rungs = []
        for part in text.split(","):
            found = _RUNG.fullmatch(part.strip())
            sizes = dict(pair.split("=") for pair in found[3].split()) if found else {}
            if found is None or not all(value.isdigit() for value in sizes.values()):
                raise OptionError(
                    f"halving {text!r}: {part.strip()!r} is no rung; write candidates x images and, if wanted, sizes, "
                    "e.g. '16x500 filters=4, 8x1000, 4x2000'"
                )
            rungs.append(Rung(int(found[1]), int(found[2]), {name: int(value) for name, value in sizes.items()}))
        return cls(tuple(rungs))

    def __str__(self) -> str:
        return ", ".join(map(str, self.rungs))

    @cached_property
    def trials(self) -> int:
        """Trials of one ladder."""
        return sum(rung.candidates for rung in self.rungs)

    @property
    def images(self) -> int:
        """Images of the last rung."""
        return self.rungs[-1].images

    def check_trials(self, trials: int) -> int:
        """Refuse a number of trials that would leave a ladder unfinished."""
        if trials % self.trials:
            raise OptionError(
                f"trials = {trials} leaves a ladder of {self.trials} trials ({self}) unfinished; "
                f"give a multiple of {self.trials}"
            )
        return trials

    def rung(self, trial: int) -> int:
        """The rung of a trial, from 0."""
        return self._place(trial)[0]

    def start(self, trial: int) -> int:
        """Number of the first trial of the same rung of the same ladder; all trials before it must be told."""
        return trial - self._place(trial)[1]

    def _place(self, trial: int) -> tuple[int, int]:
        left = trial % self.trials
        for i, rung in enumerate(self.rungs):
            if left < rung.candidates:
                return i, left
            left -= rung.candidates
        raise AssertionError("a remainder lies within the ladder")

    def fidelity(self, trial: int | None, whole: Fidelity) -> Fidelity:
        """How a trial is trained; without a number, as on the last rung."""
        return whole if trial is None else replace(whole, images=self.rungs[self.rung(trial)].images)

    def network(self, trial: int | None, space: Space[Any], arch: Any) -> tuple[Space[Any], Any]:
        """The space and architecture that are built for a trial: smaller ones where its rung says so.

        Raises
        ------
        OptionError
            If the space has no such size, or not that value of it.
        """
        sizes = {} if trial is None else self.rungs[self.rung(trial)].network
        return (space, arch) if not sizes else (smaller(space, sizes), replace(arch, **sizes))

    def check_space(self, space: Space[Any]) -> None:
        """Refuse sizes that the space does not have, before anything is trained."""
        for rung in self.rungs:
            if rung.network:
                smaller(space, rung.network)


def smaller(space: Space[Any], sizes: Mapping[str, int]) -> Space[Any]:
    """The space with some of its options set to other values, for networks of another size."""
    origin = space.origin or {}
    fields = set(getattr(space.architecture, "__dataclass_fields__", {}))
    for name in sizes:
        if name not in fields or name not in {parameter.name for parameter in space.declared}:
            raise OptionError(
                f"space {space.name!r} has no size {name!r}, so a rung cannot change it; "
                "'filters' and 'repeats' of the space 'cells' are such sizes"
            )
    return open_space(str(origin.get("space", space.name)), **{**origin.get("options", {}), **sizes})


def standing(result: Mapping[str, Any]) -> tuple[bool, int, float]:
    """By what stored results are ranked, larger is better: worth anything at all, then the rung, then the value."""
    return result["reason"] is None, int(result.get("rung", 0)), float(result["value"])


def open_halving(halving: str | Halving | Sequence[Rung] | None) -> Halving | None:
    """A ladder from its text, from rungs, or as it is."""
    if halving is None or isinstance(halving, Halving):
        return halving
    return Halving.parse(halving) if isinstance(halving, str) else Halving(tuple(halving))
