"""A guide and an evaluation that stand in for the real ones: searches without training, for tests of everything else.

>>> search("macro", StandInGuide(), evaluate=STAND_IN, trials=200, run="runs/stand-in")  # doctest: +SKIP

A candidate's measures are made from its encoding alone, so they are the same wherever and how often it is evaluated.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.guides import guide_loaders
from neuroguide.nas.guides.base import FORMAT, Measures, number
from neuroguide.nas.spaces import open_space

#: The evaluation, as ``search(evaluate=...)`` takes it.
STAND_IN = "neuroguide.testing.candidates:evaluate"


@dataclass(frozen=True)
class StandInGuide:
    """A guide whose candidates are not trained; a candidate is worth ``P + TG``.

    Parameters
    ----------
    seconds : float
        How long an evaluation takes: lognormal with this mean and a standard deviation of the log of 0.5.
    failing : float
        The share of architectures whose evaluation raises.
    """

    seconds: float = 0.0
    failing: float = 0.0

    @property
    def name(self) -> str:
        """See :class:`neuroguide.nas.guides.PreparedGuide`."""
        return "stand-in"

    @property
    def images_forwarded(self) -> int:
        """None."""
        return 0

    def measure(
        self,
        network: nn.Module,
        stage_names: Sequence[str],
        *,
        accuracy: float | None,
        device: str | torch.device = "auto",
    ) -> Measures:
        """Never called: :func:`evaluate` measures."""
        raise InputError(f"the stand-in guide measures nothing itself; search with evaluate={STAND_IN!r}")

    def value(self, measures: Mapping[str, float | str]) -> float:
        """``P + TG``, and -1 for a candidate that failed."""
        return -1.0 if "reason" in measures else number(measures, "P", self.name) + number(measures, "TG", self.name)

    def save(self, folder: Path) -> dict[str, Any]:
        """Its two settings."""
        return {"format": FORMAT, "guide": "stand-in", **asdict(self)}


@guide_loaders.register("stand-in")
def _load(spec: Mapping[str, Any], folder: Path) -> StandInGuide:
    return StandInGuide(seconds=spec["seconds"], failing=spec["failing"])


def evaluate(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Measures from the architecture's encoding; see :func:`neuroguide.nas.evaluation.evaluate` for the outcome.

    Raises
    ------
    RuntimeError
        For the share of architectures that the guide says.
    """
    started = time.perf_counter()
    space = open_space(spec["space"]["space"], **spec["space"].get("options", {}))
    arch = space.from_json(spec["architecture"])
    code = space.encode(arch)
    chance = np.random.default_rng(derive_seed(spec["seed"], "stand-in", spec["hash"]))
    time.sleep(spec["guide"]["seconds"] * float(chance.lognormal(-0.125, 0.5)))
    if chance.random() < spec["guide"]["failing"]:
        raise RuntimeError(f"the stand-in for {spec['hash']} fails")
    accuracy, v4, it = (
        1 / (1 + np.exp(-np.random.default_rng(derive_seed("stand-in", name)).normal(size=len(code)) @ code / 3))
        for name in ("P", "V4", "IT")
    )
    if spec["weights"] is not None:
        with atomic_path(spec["weights"]) as temporary:
            save_file({"code": torch.from_numpy(code)}, temporary)
    parameters = int(1000 * (1 + code @ np.arange(len(code))))
    return {
        "hash": spec["hash"],
        "measures": {
            "P": float(accuracy),
            "TG": float(v4 + it) / 2,
            "similarity/V4": float(v4),
            "similarity/IT": float(it),
        },
        "reason": None,
        "parameters": parameters,
        "macs": 10 * parameters,
        "flops": 20 * parameters,
        "images_seen": spec["fidelity"]["images"],
        "images_forwarded": 0,
        "image_equivalents": float(spec["fidelity"]["images"]),
        "seconds": time.perf_counter() - started,
        "weights": spec["weights"],
    }
