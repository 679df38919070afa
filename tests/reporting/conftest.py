"""Scores, a run and their pages, with names that would be scripts if anything forgot to escape them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import neuroguide as ng
from neuroguide.nas.spaces import open_space
from neuroguide.testing.candidates import STAND_IN, StandInGuide

#: Ends a script, an attribute and a comment, and would be a formula to matplotlib.
HOSTILE = "</script><script>window.hacked=1</script>\"'--><img src=x onerror=window.hacked=1> $\\frac{"


@pytest.fixture(scope="session")
def hostile() -> str:
    """A name that would run as a script where it is not escaped."""
    return HOSTILE


@pytest.fixture
def scores() -> xr.Dataset:
    """Five layers and two regions of a simulated recording; the names are hostile."""
    rng = np.random.default_rng(0)
    layers = [*(f"stage{i}" for i in range(4)), f"layer {HOSTILE}$"]
    similarity = rng.uniform(0.1, 0.6, (5, 2))
    return xr.Dataset(
        {
            "similarity": (("layer", "region"), similarity),
            "ci_low": (("layer", "region"), similarity - 0.05),
            "ci_high": (("layer", "region"), similarity + 0.05),
            "ceiling": ("region", [0.8, 0.7]),
            "normalized": (("layer", "region"), similarity / [0.8, 0.7]),
            "n_sites": ("region", [30, 40]),
        },
        {"layer": np.array(layers, dtype=object), "region": np.array(["V4", f"IT {HOSTILE}"], dtype=object)},
        {
            "metric": "rsa", "distance": "correlation", "comparison": "pearson", "normalise": "none", "per": "region",
            "layer_choice": "all", "time": "mean", "n_stimuli": 20, "seed": 3, "bootstrap": 200, "resample": "stimuli",
            "ci_level": 0.95, "device": "cpu", "precision": "float32", "model": f"model {HOSTILE}",
            "model_identifier": "model-1", "recording_identifier": "kriegeskorte2008:regions", "simulated": 1,
            "citation": f"Nobody & Noone (2001). On {HOSTILE}. Journal 1. doi:10.1000/182", "licence": HOSTILE,
            "versions": json.dumps({"neuroguide": "0.1"}), "degrees": "unknown", "no_ceiling": f"{HOSTILE} $x",
        },
    )  # fmt: skip


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve candidates that are not trained, one in three of which fails."""
    folder = tmp_path_factory.mktemp("reports") / "run"
    space = open_space("macro", stages=1, activation=("relu", "elu", "gelu"), normalisation=("batch",))
    guide = StandInGuide(failing=0.3)
    ng.search(space, guide, trials=12, executor="inline", evaluate=STAND_IN, run=folder)
    return folder


@pytest.fixture(scope="session")
def run_page(run_folder: Path) -> Path:
    """The report of the run."""
    return ng.report(run_folder, run_folder.parent / "run.html")


@pytest.fixture
def scores_page(scores: xr.Dataset, tmp_path: Path) -> Path:
    """The report of the scores."""
    return ng.report(scores, tmp_path / "scores.html")
