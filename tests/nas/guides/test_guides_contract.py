"""The contract of guides, and guides on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import xarray as xr
from safetensors.torch import load_file, save_file
from torch import nn

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.nas.guides import (
    Combined,
    Guide,
    Measures,
    Performance,
    Teacher,
    Teachers,
    guide_loaders,
    load,
    open_guide,
)
from neuroguide.stimuli import StimulusSet
from neuroguide.testing.guides import Candidate, check_guide

Make = Callable[..., xr.DataArray]
KIND = {"image_size": 16, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.25)}


def test_performance(tmp_path: Path) -> None:
    check_guide(Performance(), tmp_path)


@pytest.mark.parametrize("comparison", ["pearson", "spearman", "whitened-cosine"])
def test_a_recording(make_recording: Make, shown: StimulusSet, tmp_path: Path, comparison: str) -> None:
    check_guide(Teacher(make_recording(), stimuli=shown, comparison=comparison), tmp_path)


def test_several_teachers_with_accuracy(
    make_recording: Make, make_rdm: Make, shown: StimulusSet, tmp_path: Path
) -> None:
    teachers = [Teacher(make_recording(), stimuli=shown), Teacher(Candidate(5), stimuli=shown, n_stimuli=8)]
    check_guide(Combined(teachers, 0.3), tmp_path)
    check_guide(Combined(Teachers(teachers, standardise=True)), tmp_path)


def test_standardised_with_weights_of_either_sign(make_rdm: Make, shown: StimulusSet, tmp_path: Path) -> None:
    check_guide(Teacher(make_rdm("a", "b"), stimuli=shown, weights={"a": 1.0, "b": -0.4}, standardise=True), tmp_path)


class Length:
    """A guide of one's own: the number of parameters, fewer is better."""

    name = "small"
    images_forwarded = 0

    def prepare(self, **_: object) -> Length:
        return self

    def measure(
        self, network: nn.Module, stage_names: Sequence[str], *, accuracy: float | None, device: object = "auto"
    ) -> Measures:
        found: Measures = {"size": float(sum(p.numel() for p in network.parameters()))}
        return found if accuracy is None or accuracy == accuracy else {"reason": "diverged"}

    def value(self, measures: Mapping[str, float | str]) -> float:
        return -float(measures.get("size", 1e12))

    def save(self, folder: Path) -> dict[str, Any]:
        return {"format": 1, "guide": "test-length"}


def test_a_guide_of_ones_own(tmp_path: Path) -> None:
    guide_loaders.add("test-length", lambda spec, folder: Length())
    assert isinstance(Length(), Guide)
    check_guide(Length(), tmp_path)


def test_a_guide_of_ones_own_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from neuroguide.nas.guides import Performance\ndef load(spec, folder):\n    return Performance()\n"
    )
    assert load({"format": 1, "guide": f"{file}:load"}, tmp_path) == Performance()
    file.write_text("def load(spec, folder):\n    return 3\n")
    with pytest.raises(InputError, match="returned int, a prepared guide was expected"):
        load({"format": 1, "guide": f"{file}:load"}, tmp_path)


# on disk


@pytest.fixture
def saved(make_rdm: Make, shown: StimulusSet, tmp_path: Path) -> dict[str, Any]:
    return Combined(Teacher(make_rdm("IT"), stimuli=shown)).prepare(**KIND).save(tmp_path)


def test_rdms_and_stimuli_are_kept_once(
    saved: dict[str, Any], tmp_path: Path, make_rdm: Make, shown: StimulusSet
) -> None:
    (file,) = tmp_path.iterdir()
    assert file.name == saved["teacher"]["file"]
    tensors = load_file(file)
    assert tensors["stimuli.0"].shape == (12, 3, 16, 16)
    assert tensors["stimuli.0"].dtype == torch.uint8
    assert tensors["rdm.0"].dtype == torch.float64
    Combined(Teacher(make_rdm("IT"), stimuli=shown), 0.2).prepare(**KIND).save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_file_is_replaced_when_saved_again(
    saved: dict[str, Any], tmp_path: Path, make_rdm: Make, shown: StimulusSet
) -> None:
    file = tmp_path / saved["teacher"]["file"]
    file.write_bytes(file.read_bytes()[:-5])
    assert Combined(Teacher(make_rdm("IT"), stimuli=shown)).prepare(**KIND).save(tmp_path) == saved
    assert load(saved, tmp_path).name == "P + TG(published)"


def broken(saved: dict[str, Any], **teacher: Any) -> dict[str, Any]:
    spec = json.loads(json.dumps(saved))
    spec["teacher"].update(teacher)
    return spec


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda spec: {**spec, "format": 2}, "has format 2, this version reads up to 1"),
        (lambda spec: {"guide": "combined"}, "has no format and kind"),
        (lambda spec: {**spec, "alpha": None}, "lacks its teacher or alpha"),
        (lambda spec: {**spec, "teacher": {"guide": "performance"}}, "lacks its teacher or alpha"),
        (lambda spec: broken(spec, file="../guide.safetensors"), "unsafe path"),
        (lambda spec: broken(spec, file="other.safetensors"), "cannot be read"),
        (lambda spec: broken(spec, sha256="0" * 64), "another checksum"),
        (lambda spec: broken(spec, image_size=32), "do not fit the guide"),
        (lambda spec: broken(spec, std=[0.0, 0.0, 0.0]), "std above zero"),
        (lambda spec: broken(spec, layers=[]), "not as it was written"),
        (lambda spec: broken(spec, layers=[{"name": "IT"}]), "'stimuli' is missing"),
        (lambda spec: broken(spec, layers=[{**spec["teacher"]["layers"][0], "stimuli": 7}]), "'stimuli.1' is missing"),
        (lambda spec: broken(spec, layers=[{**spec["teacher"]["layers"][0], "distance": "far"}]), "unknown distance"),
        (lambda spec: broken(spec, standard={"mean": 3}), "not as it was written"),
    ],
)
def test_broken_specs_are_one_sentence(
    saved: dict[str, Any], tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    with pytest.raises(FileError, match=message) as info:
        load(change(saved), tmp_path)
    assert "\n" not in str(info.value)


def test_a_cut_file_and_another_content(saved: dict[str, Any], tmp_path: Path) -> None:
    import hashlib

    file = tmp_path / saved["teacher"]["file"]
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    with pytest.raises(FileError, match="another checksum"):
        load(saved, tmp_path)
    with pytest.raises(FileError, match="not a safetensors file"):
        load(broken(saved, sha256=hashlib.sha256(whole[:100]).hexdigest()), tmp_path)
    save_file({"rdm.0": torch.rand(5), "stimuli.0": torch.zeros(12, 3, 16, 16, dtype=torch.uint8)}, file)
    with pytest.raises(FileError, match="RDM of 'IT' has 5 pairs for 12 stimuli"):
        load(broken(saved, sha256=hashlib.sha256(file.read_bytes()).hexdigest()), tmp_path)


def test_unknown_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown kind of guide 'performence'; did you mean 'performance'"):
        load({"format": 1, "guide": "performence"}, tmp_path)


# by name


def test_guides_by_name() -> None:
    assert open_guide("performance") == Performance()
    teacher = open_guide("recording:kriegeskorte2008@monkey IT")
    assert isinstance(teacher, Teachers)
    assert (teacher.teachers[0].source, teacher.teachers[0].layers) == ("kriegeskorte2008", ["monkey IT"])
    combined = open_guide(
        ["performance", "recording:cowley2023:210325", "network:nets.py:make@a, b"],
        alpha=0.5,
        stimuli="kriegeskorte2008",
    )
    assert isinstance(combined, Combined)
    assert combined.name == "P + 0.5 TG(cowley2023:210325 + nets.py:make)"
    recording, network = combined.teacher.teachers
    assert (recording.stimuli, network.stimuli) == (None, "kriegeskorte2008")
    assert network.layers == ["a", "b"]
    assert open_guide("recording:mine.nc", stimuli="folder").teachers[0].stimuli == "folder"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("recordng:virtual", "did you mean 'recording'"),
        ("recording:", "is not complete"),
        ("recording:virtual@", "is not complete"),
        ([], "a search needs a guide"),
    ],
)
def test_guides_that_are_not_understood(names: str | list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        open_guide(names)
