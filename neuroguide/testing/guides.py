"""The contract of a guide: what a search, its workers and its resumption need of it.

Run it on a guide of your own from a test:

>>> from neuroguide.testing.guides import check_guide
>>> check_guide(MyGuide(), tmp_path)  # doctest: +SKIP
"""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from neuroguide.nas.guides import Guide, Measures, PreparedGuide, load


class Candidate(nn.Module):
    """A small network with two stages, as a space builds them."""

    stage_names = ("first", "second")

    def __init__(self, seed: int = 0, in_channels: int = 3) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.first = nn.Sequential(nn.Conv2d(in_channels, 6, 3, 1, 1), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
            self.second = nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU(inplace=True))
            self.readout = nn.Linear(8, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores of shape (n_images, 10)."""
        scores: Tensor = self.readout(self.second(self.first(images)).mean((2, 3)))
        return scores


def check_guide(guide: Guide, folder: Path, *, image_size: int = 16, reference: int = 6) -> None:
    """Run every check of this module.

    Parameters
    ----------
    guide : Guide
        Its settings.
    folder : Path
        An empty folder to save into.
    image_size : int
        Side of the candidates' input in pixels.
    reference : int
        How many reference candidates a guide gets that standardises.

    Raises
    ------
    AssertionError
        If the guide breaks the contract; the message says which part.
    """
    prepared = guide.prepare(image_size=image_size, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25), device="cpu")
    assert isinstance(prepared, PreparedGuide), "prepare() must return a prepared guide"
    if getattr(prepared, "needs_reference", False):
        measured = [measure(prepared, Candidate(seed)) for seed in range(reference)]
        prepared = prepared.standardised(measured)  # type: ignore[attr-defined]
    assert isinstance(prepared.name, str), "a guide's name is a string"
    assert prepared.name, "a guide has a name"
    assert prepared.images_forwarded >= 0, "images_forwarded is a number of stimuli"
    check_measures(prepared)
    check_leaves_the_candidate_alone(prepared)
    check_worst(prepared)
    check_saved(prepared, folder)


def measure(guide: PreparedGuide, network: nn.Module, accuracy: float = 0.5) -> Measures:
    """Measures of a candidate on the CPU."""
    return guide.measure(network, Candidate.stage_names, accuracy=accuracy, device="cpu")


def check_measures(guide: PreparedGuide) -> None:
    """Measures are finite numbers or words, survive JSON, are the same every time, and have a finite value."""
    found = measure(guide, Candidate())
    assert json.loads(json.dumps(found, allow_nan=False)) == found, "measures must survive JSON unchanged"
    for key, item in found.items():
        assert isinstance(item, str) or (isinstance(item, float) and math.isfinite(item)), f"{key} must be finite"
    assert "reason" not in found, f"a live candidate must not get a reason: {found.get('reason')}"
    assert measure(guide, Candidate()) == found, "the same candidate must get the same measures, bit for bit"
    value = guide.value(found)
    assert isinstance(value, float), "a value is a float"
    assert math.isfinite(value), "a value is finite"
    assert guide.value(dict(reversed(found.items()))) == value, "a value must not depend on the order of measures"


def check_leaves_the_candidate_alone(guide: PreparedGuide) -> None:
    """Weights, modes, hooks and the global random state are as before, and the candidate can train on."""
    network = Candidate()
    network.first.eval()
    before, random_state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    measure(guide, network)
    after = network.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before), "measuring must not change the candidate"
    assert network.training, "the candidate must keep its mode"
    assert not network.first.training, "each part of the candidate must keep its own mode"
    assert not any(part._forward_hooks for part in network.modules()), "hooks must be removed"
    assert torch.equal(torch.get_rng_state(), random_state), "measuring must not touch the global random state"
    network(torch.zeros(2, 3, 16, 16)).sum().backward()


def check_worst(guide: PreparedGuide) -> None:
    """A dead candidate has a finite value; a diverged one too, with a reason, and none is worth less."""
    silent, diverged = Candidate(), Candidate()
    with torch.no_grad():
        for weight in silent.parameters():
            weight.zero_()
        for weight in diverged.parameters():
            weight.fill_(float("nan"))
    found = measure(guide, silent, accuracy=0.1)
    assert math.isfinite(guide.value(found)), "a dead candidate has a finite value"
    worst = measure(guide, diverged, accuracy=float("nan"))
    assert isinstance(worst.get("reason"), str), "a diverged candidate gets the reason"
    assert worst["reason"], "the reason is not empty"
    assert json.loads(json.dumps(worst, allow_nan=False)) == worst, "its measures are finite too"
    assert math.isfinite(guide.value(worst)), "a diverged candidate has a finite value"
    assert guide.value(worst) <= guide.value(found), "nothing is worth less than a diverged candidate"
    assert guide.value(worst) < guide.value(measure(guide, Candidate())), "a live candidate is worth more"


def check_saved(guide: PreparedGuide, folder: Path) -> None:
    """A worker that loads the guide from JSON and its folder measures the same."""
    spec = guide.save(folder)
    text = json.dumps(spec, allow_nan=False)
    assert guide.save(folder) == spec, "saving twice must give the same spec"
    loaded = load(json.loads(text), folder)
    assert loaded.name == guide.name, "the name must survive"
    assert loaded.images_forwarded == guide.images_forwarded, "images_forwarded must survive"
    found = measure(guide, Candidate(1))
    assert measure(loaded, Candidate(1)) == found, "a loaded guide must measure the same, bit for bit"
    assert loaded.value(found) == guide.value(found), "a loaded guide must value the same"
