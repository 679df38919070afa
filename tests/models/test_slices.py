"""Layers in slices: the same features whichever way they come, and no more memory than allowed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from neuroguide._core.errors import FileError
from neuroguide.models import Model, Preprocess, slices
from neuroguide.models.activations import NonFiniteError, activations
from neuroguide.models.slices import iterate_slices

N = 40


@pytest.fixture
def network() -> Model:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 90, 3, padding=1), nn.ReLU(), nn.Conv2d(90, 2, 3, stride=4), nn.ReLU())
    return Model("net", module, Preprocess(48), layers=("1", "3"))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (N, 48, 48, 3), dtype=np.uint8)


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound so small that a test may fill it: layer "1" takes 33 MB."""
    monkeypatch.setattr(slices, "parse_memory", lambda memory: 20_000_000)


@pytest.mark.parametrize("way", ["file", "passes"])
def test_slices_put_together_are_the_layer(
    network: Model, images: np.ndarray, tight: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    monkeypatch.setattr(slices, "_scratch", lambda needed: tmp_path if way == "file" else None)
    monkeypatch.setattr(slices, "_DISK_SPEED", 1e15)
    whole = activations(network, images, device="cpu")
    passes = []
    found: dict[str, list[torch.Tensor]] = {}
    for part in iterate_slices(network, images, device="cpu", progress=lambda done, total, what: passes.append(total)):
        assert part.index == len(found.setdefault(part.layer, []))
        assert part.features.numel() * 4 <= 5_000_000
        found[part.layer].append(part.features.clone())
    assert len(found["1"]) == 7
    assert len(found["3"]) == 1
    assert passes[-1] == N if way == "file" else passes[-1] > 2 * N
    for layer, parts in found.items():
        torch.testing.assert_close(torch.cat(parts, 1), whole[layer], rtol=0, atol=1e-6)
    assert not any(tmp_path.iterdir())


def test_a_slow_disk_is_not_used(
    network: Model, images: np.ndarray, tight: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_DISK_SPEED", 1.0)
    monkeypatch.setattr(slices, "_by_file", None)
    assert sum(1 for _ in iterate_slices(network, images, device="cpu")) == 8


def test_a_full_disk_is_a_sentence(
    network: Model, images: np.ndarray, tight: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(file: object, data: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(slices, "_scratch", lambda needed: tmp_path)
    monkeypatch.setattr(slices, "_DISK_SPEED", 1e15)
    monkeypatch.setattr(slices, "_write_all", full)
    with pytest.raises(FileError, match="set TMPDIR"):
        list(iterate_slices(network, images, device="cpu"))
    assert not any(tmp_path.iterdir())


def test_a_diverged_layer_is_named_in_slices_too(network: Model, images: np.ndarray, tight: None) -> None:
    nn.init.constant_(network.module[0].weight, float("nan"))
    with pytest.raises(NonFiniteError, match="answers with NaN"):
        list(iterate_slices(network, images, device="cpu"))


_CHILD = """
import json, re, sys
from pathlib import Path
import numpy as np, torch
import neuroguide as ng
from neuroguide.models import Model, Preprocess

def peak():
    # not getrusage: it goes on from the peak of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

torch.manual_seed(0)
module = torch.nn.Sequential(torch.nn.Conv2d(3, 48, 3, padding=1), torch.nn.ReLU())
model = Model("net", module, Preprocess(64), layers=("1",))
rng = np.random.default_rng(0)
ids = [f"s{i}" for i in range(500)]
images = rng.integers(0, 256, (500, 8, 8, 3), dtype=np.uint8)
stimuli = ng.StimulusSet.from_arrays(images, ids, identifier="x")
target = ng.rdm(rng.normal(size=(500, 20))).assign_coords(stimulus_id=ids, stimulus_id_2=ids)
model.module(model.preprocess(images[:8]))
before = peak()
scores = ng.score(model, target, stimuli=stimuli, memory=sys.argv[1], device="cpu")
grown = peak() - before
print(json.dumps({"mb": grown / 1024, "similarity": float(scores["similarity"].values[0, 0])}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured in kilobytes on Linux alone")
def test_the_bound_holds_for_a_layer_four_times_as_large() -> None:
    # 500 stimuli x 196,608 features: 393 MB
    found = [
        json.loads(subprocess.run([sys.executable, "-c", _CHILD, memory], capture_output=True, check=True).stdout)
        for memory in ("100MB", "2GB")
    ]
    # threads keep buffers of their own beside what is bounded
    assert found[0]["mb"] < 200
    assert found[1]["mb"] > 393
    assert found[0]["similarity"] == pytest.approx(found[1]["similarity"], abs=1e-5)
