"""The fitted guide: its weights, the contract, and what it asks of an evaluation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from neuroguide._core.errors import FileError, OptionError
from neuroguide.nas.guides import Auto, AutoWeights, PreparedAuto, Teacher, load, open_guide
from neuroguide.stimuli import StimulusSet
from neuroguide.testing.guides import Candidate, check_guide

WEIGHTS = AutoWeights(
    features=("P", "similarity/V4", "initial similarity/V4", "log flops"),
    images=(0, 1000, 4000),
    mean=((0.1, 0.0, 0.2, 3.0), (0.3, 0.1, 0.2, 3.0), (0.4, 0.1, 0.2, 3.0)),
    sd=((0.1, 0.1, 0.1, 1.0), (0.1, 0.2, 0.1, 1.0), (0.1, 0.2, 0.1, 1.0)),
    weights=((0.1, 1.0, 0.0, 0.0), (1.0, 0.5, 0.25, 0.1), (2.0, 0.5, 0.0, 0.0)),
)
KIND: dict[str, Any] = {"image_size": 16, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.25)}


@dataclass(frozen=True)
class Small:
    """The fitted guide with a teacher that needs no download."""

    teacher: Teacher
    name: str = "auto"

    def prepare(self, *, image_size: int, mean: Sequence[float], std: Sequence[float], **options: Any) -> PreparedAuto:
        return PreparedAuto(self.teacher.prepare(image_size=image_size, mean=mean, std=std, **options), WEIGHTS)


@pytest.fixture
def small(make_recording: Callable[..., xr.DataArray], shown: StimulusSet) -> Small:
    return Small(Teacher(make_recording(("V4",)), stimuli=shown))


def test_the_contract(small: Small, tmp_path: Path) -> None:
    check_guide(small, tmp_path)


def test_a_value_by_hand() -> None:
    measures = {"P": 0.35, "similarity/V4": 0.3, "initial similarity/V4": 0.1, "flops": math.exp(4.0), "layer/V4": "a"}
    at_1000 = (0.35 - 0.3) / 0.1 + 0.5 * (0.3 - 0.1) / 0.2 + 0.25 * (0.1 - 0.2) / 0.1 + 0.1 * 1.0
    at_4000 = 2 * (0.35 - 0.4) / 0.1 + 0.5 * (0.3 - 0.1) / 0.2
    assert WEIGHTS.value(measures, 1000) == pytest.approx(at_1000)
    assert WEIGHTS.value(measures, 4000) == WEIGHTS.value(measures, 60_000) == pytest.approx(at_4000)
    share = (math.log(2001) - math.log(1001)) / (math.log(4001) - math.log(1001))
    assert WEIGHTS.value(measures, 2000) == pytest.approx((1 - share) * at_1000 + share * at_4000)


def test_what_is_missing_counts_as_average() -> None:
    assert WEIGHTS.value({"P": 0.35}, 1000) == pytest.approx(0.5)
    assert WEIGHTS.value({}, 1000) == 0


def test_it_looks_before_and_after(small: Small) -> None:
    guide = small.prepare(**KIND)
    before = guide.measure(Candidate(1), Candidate.stage_names, accuracy=None, device="cpu")
    after = guide.measure(Candidate(2), Candidate.stage_names, accuracy=0.4, device="cpu")
    found = guide.with_training(after, {"images": 1000, "loss": 2.0, "flops": 100}, before)
    assert found["initial similarity/V4"] == before["similarity/V4"]
    assert found["images"] == 1000.0
    assert "loss" not in found  # no weight asks for it
    assert guide.value(found) == pytest.approx(WEIGHTS.value(found, 1000))
    assert guide.looks_before
    assert guide.images_forwarded == guide.teacher.images_forwarded
    late = PreparedAuto(guide.teacher, replace(WEIGHTS, features=("P", "similarity/V4", "loss", "log flops")))
    assert not late.looks_before


def test_a_candidate_with_a_reason_is_worth_least(small: Small) -> None:
    assert small.prepare(**KIND).value({"P": 0.9, "similarity/V4": 1.0, "reason": "dead"}) == -1000


def test_its_weights_travel_with_it(small: Small, tmp_path: Path) -> None:
    spec = json.loads(json.dumps(small.prepare(**KIND).save(tmp_path)))
    loaded = load(spec, tmp_path)
    assert isinstance(loaded, PreparedAuto)
    assert loaded.weights == WEIGHTS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sd": [[0.0] * 4] * 3}, "do not fit together"),
        ({"images": [0, 4000, 1000]}, "do not fit together"),
        ({"weights": [[1.0] * 3] * 3}, "do not fit together"),
        ({"mean": [[math.nan] * 4] * 3}, "do not fit together"),
        ({"mean": "text"}, "lack a part"),
        ({"features": None}, "lack a part"),
    ],
)
def test_broken_weights_are_refused(small: Small, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    spec = small.prepare(**KIND).save(tmp_path)
    with pytest.raises(FileError, match=message):
        load({**spec, "weights": {**spec["weights"], **change}}, tmp_path)
    with pytest.raises(FileError, match="lacks its teacher"):
        load({**spec, "teacher": None}, tmp_path)


def test_by_name() -> None:
    assert open_guide("auto") == Auto()
    with pytest.raises(OptionError, match="give it alone"):
        open_guide(["auto", "performance"])
    with pytest.raises(OptionError, match="without other options"):
        open_guide("auto", alpha=0.5)


@pytest.mark.real
def test_what_is_shipped_measures_with_real_recordings(neuroguide_home: Path) -> None:
    guide = open_guide("auto").prepare(image_size=16, mean=(0.5,) * 3, std=(0.25,) * 3, device="cpu")
    assert isinstance(guide, PreparedAuto)
    found = guide.measure(Candidate(), Candidate.stage_names, accuracy=0.4, device="cpu")
    known = {"images": 1000.0, "loss": 2.0, "summed_training_loss": 9.0, "parameters": 9.0, "flops": 99.0}
    found = guide.with_training(found, known, found)
    assert set(guide.weights.features) <= {*found, *(f"log {name}" for name in found)}
    assert math.isfinite(guide.value(found))
