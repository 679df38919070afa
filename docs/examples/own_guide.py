"""A guide of one's own: accuracy, less a price for each million parameters."""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from neuroguide.nas.guides import Measures
from neuroguide.testing.guides import check_guide


@dataclass(frozen=True)
class Frugal:
    """A candidate is worth ``P - price * millions of parameters``."""

    price: float = 0.05
    images_forwarded = 0  # stimuli that each candidate is shown

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"P - {self.price:g} Mparameters"

    def prepare(self, *, image_size: int, mean: Sequence[float], std: Sequence[float], **_: Any) -> "Frugal":
        """Nothing to open or compute: it is ready."""
        return self

    def measure(self, network: nn.Module, stage_names: Sequence[str], *, accuracy: float | None, **_: Any) -> Measures:
        """Finite numbers, and words under ``reason`` for a candidate that is worth nothing."""
        millions = sum(weights.numel() for weights in network.parameters()) / 1e6
        if accuracy is None or math.isnan(accuracy):
            return {"P": 0.0, "Mparameters": millions, "reason": "the candidate has no accuracy"}
        return {"P": accuracy, "Mparameters": millions}

    def value(self, measures: Mapping[str, float | str]) -> float:
        """What the search maximises: finite also for the worst."""
        return float(measures["P"]) - self.price * float(measures["Mparameters"])

    def save(self, folder: Path) -> dict[str, Any]:
        """The spec that workers load it from, as JSON; large things would go into ``folder``."""
        return {"format": 1, "guide": f"{Path(__file__).resolve()}:load", "price": self.price}


def load(spec: Mapping[str, Any], folder: Path) -> Frugal:
    """The inverse of ``save``."""
    return Frugal(spec["price"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as empty:
        check_guide(Frugal(), Path(empty))
