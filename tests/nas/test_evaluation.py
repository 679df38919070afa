"""One candidate through the whole of it: the outcome depends on the spec and nothing else, here and in a child."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from neuroguide._core.errors import InputError
from neuroguide._core.seeds import derive_seed
from neuroguide.execution import ChildExecutor, TaskError
from neuroguide.nas import evaluation
from neuroguide.nas.cost import count_cost
from neuroguide.nas.data import TrainingData, from_arrays
from neuroguide.nas.evaluation import evaluate, make_spec, train_candidate
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.guides import AutoWeights, Combined, Performance, PreparedAuto, Teacher
from neuroguide.nas.spaces import MacroArchitecture, MacroSpace, Space, Stage, open_space
from neuroguide.nas.training import accuracy_on, training_seed
from neuroguide.stimuli import StimulusSet

FIDELITY = Fidelity(images=120, validation_images=40)
CALL = "neuroguide.nas.evaluation:evaluate"
TIMES = ("seconds", "guidance_seconds")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    images = rng.integers(0, 120, (300, 16, 16, 3), np.uint8)
    images[np.arange(300), :, :, labels] += 100
    return from_arrays(images, labels, validation=60).save(tmp_path_factory.mktemp("data") / "data.safetensors")


@pytest.fixture(scope="module")
def space() -> Space[MacroArchitecture]:
    return open_space("macro", width=(4, 6))


def arch(**stage: object) -> MacroArchitecture:
    settings = {"depth": 1, "width": 4, "operation": "conv", "kernel": 3, "skip": "add", **stage}
    return MacroArchitecture((Stage(**settings),) * 3, "relu", "batch", 2)  # type: ignore[arg-type]


def teacher() -> Teacher:
    rng = np.random.default_rng(1)
    ids = [f"image{i:02d}" for i in range(20)]
    pixels = rng.integers(0, 256, (20, 4, 4, 3), dtype=np.uint8).repeat(5, axis=1).repeat(5, axis=2)
    square = rng.uniform(0.1, 2, (20, 20))
    square = square + square.T
    np.fill_diagonal(square, 0)
    rdms = xr.DataArray(
        square[None],
        dims=("region", "stimulus_id", "stimulus_id_2"),
        coords={"region": ["IT"], "stimulus_id": ids, "stimulus_id_2": ids},
        attrs={"identifier": "made"},
    )
    return Teacher(rdms, stimuli=StimulusSet.from_arrays(pixels, ids))


@pytest.fixture
def make(data: TrainingData, space: Space[MacroArchitecture], tmp_path: Path) -> Any:
    guide = Combined(teacher()).prepare(image_size=16, mean=data.mean, std=data.std)
    saved = guide.save(tmp_path)

    def make(architecture: MacroArchitecture, **change: Any) -> dict[str, Any]:
        settings: dict[str, Any] = {"fidelity": FIDELITY, "seed": 0, "device": "cpu", **change}
        return make_spec(space, architecture, data=data, guide_spec=saved, guide_folder=tmp_path, **settings)

    return make


def without_times(outcome: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in outcome.items() if name not in TIMES}


def test_an_outcome_adds_up(make: Any, data: TrainingData, space: Space[MacroArchitecture]) -> None:
    outcome = evaluate(make(arch()))
    assert json.loads(json.dumps(outcome, allow_nan=False)) == outcome
    network, trained = train_candidate(space, arch(), data, FIDELITY, seed=0, device="cpu")
    cost = count_cost(network, (3, 16, 16))
    assert (outcome["parameters"], outcome["macs"], outcome["flops"]) == (cost.parameters, cost.macs, cost.flops)
    assert (outcome["images_seen"], outcome["images_forwarded"]) == (120, 40 + 20)
    assert outcome["image_equivalents"] == 120 + 60 / 3
    assert outcome["spent_flops"] == cost.flops * (3 * 120 + 40 + 20)
    assert outcome["measures"]["P"] == trained.accuracy
    assert (outcome["loss"], outcome["summed_training_loss"]) == (trained.loss, trained.summed_training_loss)
    assert outcome["value"] == pytest.approx(outcome["measures"]["P"] + outcome["measures"]["TG"])
    assert outcome["reason"] is None
    assert outcome["hash"] == space.hash(arch())


def test_a_guide_may_look_before_the_training(
    make: Any, data: TrainingData, space: Space[MacroArchitecture], tmp_path: Path
) -> None:
    weights = AutoWeights(("initial similarity/IT", "loss"), (0,), ((0.0, 1.0),), ((1.0, 0.5),), ((2.0, -1.0),))
    prepared = teacher().prepare(image_size=16, mean=data.mean, std=data.std)
    spec = make(arch()) | {"guide": PreparedAuto(prepared, weights).save(tmp_path / "auto")}
    outcome = evaluate(spec | {"guide_folder": str(tmp_path / "auto")})
    own = training_seed(0, space.hash(arch()), FIDELITY)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(own, "weights"))
        untrained = space.build(arch(), image_size=16, n_classes=3)
    before = prepared.measure(untrained, untrained.stage_names, accuracy=None, device="cpu")["similarity/IT"]
    measures = outcome["measures"]
    assert measures["initial similarity/IT"] == before != measures["similarity/IT"]
    assert (measures["images"], measures["loss"]) == (120.0, outcome["loss"])
    assert outcome["value"] == pytest.approx(2 * before - (outcome["loss"] - 1) / 0.5)
    assert outcome["images_forwarded"] == 40 + 2 * 20
    assert outcome["spent_flops"] == outcome["flops"] * (3 * 120 + 40 + 2 * 20)
    fidelity = replace(FIDELITY, images=0).to_json()
    once = evaluate(spec | {"guide_folder": str(tmp_path / "auto"), "fidelity": fidelity})
    assert once["measures"]["initial similarity/IT"] == once["measures"]["similarity/IT"]
    assert once["images_forwarded"] == 40 + 20


def test_nothing_depends_on_what_ran_before_or_where(make: Any) -> None:
    first, other = make(arch()), make(arch(operation="mbconv", expansion=2, width=6))
    alone = without_times(evaluate(first))
    evaluate(other)
    torch.manual_seed(12)
    torch.rand(5)
    assert without_times(evaluate(first)) == alone
    with ChildExecutor(threads=torch.get_num_threads()) as executor:
        results = [executor.submit(CALL, spec) for spec in (other, first)]
        assert without_times(results[1].result(timeout=120)) == alone
    assert without_times(evaluate({**first, "seed": 1})) != alone


def test_weights_come_back_to_the_same_network(
    make: Any, data: TrainingData, space: Space[MacroArchitecture], tmp_path: Path
) -> None:
    path = tmp_path / "kept" / "weights.safetensors"
    outcome = evaluate(make(arch(), weights=path))
    assert outcome["weights"] == str(path)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    origin = json.loads(header["space"])
    opened = open_space(origin["space"], **origin["options"])
    assert opened.hash(opened.from_json(json.loads(header["architecture"]))) == outcome["hash"]
    assert json.loads(header["mean"]) == list(data.mean)
    network = space.build(arch(), image_size=16, n_classes=3)
    network.load_state_dict(load_file(path))
    accuracy, _, _ = accuracy_on(network, data, data.validation, FIDELITY, n_images=40, device="cpu")
    assert accuracy == outcome["measures"]["P"]


def test_untrained_candidates_are_a_setting_like_any_other(make: Any) -> None:
    outcome = evaluate(make(arch(), fidelity=Fidelity(images=0, validation_images=3)))
    assert (outcome["images_seen"], outcome["image_equivalents"]) == (0, 23 / 3)
    assert math.isfinite(outcome["value"])


def test_a_diverged_candidate_has_the_worst_value_and_its_reason(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*args: Any, **settings: Any) -> nn.Module:
        network = build(*args, **settings)
        for parameter in network.parameters():
            nn.init.constant_(parameter, math.nan)
        return network

    fine = evaluate(make(arch()))
    build = Space.build
    monkeypatch.setattr(Space, "build", explode)
    outcome = evaluate(make(arch()))
    assert "loss is not finite after" in outcome["reason"]
    assert "loss is not finite after" in outcome["measures"]["reason"]
    assert outcome["measures"]["P"] == 0.0
    assert math.isfinite(outcome["value"])
    assert outcome["value"] < fine["value"]
    assert (outcome["loss"], outcome["images_forwarded"]) == (None, 20)
    json.dumps(outcome, allow_nan=False)


def test_a_worker_with_other_data_or_another_space_says_so(make: Any) -> None:
    spec = make(arch())
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"data": {**spec["data"], "identifier": "0" * 16}}, "not those of the search"),
        ({"hash": "0" * 16}, "another one here"),
        ({"architecture": {**spec["architecture"], "activation": "swish"}}, "activation = 'swish'"),
        ({"fidelity": {"image": 3}}, "Fidelity should have the fields"),
        ({"extra": 1}, r"unknown entries \['extra'\]"),
    ]
    for change, message in wrong:
        with pytest.raises(InputError, match=message):
            evaluate({**spec, **change})
    del spec["seed"]
    with pytest.raises(InputError, match=r"lacks \['seed'\]"):
        evaluate(spec)
    with ChildExecutor() as executor, pytest.raises(TaskError, match=r"InputError: .* lacks \['seed'\]"):
        executor.submit(CALL, spec).result(timeout=120)


def test_what_a_worker_could_not_open_is_refused(
    data: TrainingData, space: Space[MacroArchitecture], tmp_path: Path
) -> None:
    guide = Performance()
    settings: dict[str, Any] = {
        "fidelity": FIDELITY, "guide_spec": guide.save(tmp_path), "guide_folder": tmp_path, "seed": 0,
    }  # fmt: skip
    in_memory = from_arrays(data.train.images, data.train.labels)
    with pytest.raises(InputError, match="are in memory"):
        make_spec(space, arch(), data=in_memory, **settings)
    with pytest.raises(InputError, match="was made in memory"):
        make_spec(MacroSpace(), arch(), data=data, **settings)


def test_data_are_opened_once(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(make(arch()))
    monkeypatch.setattr(evaluation, "open_data", lambda *_, **__: pytest.fail("opened again"))
    evaluate(make(arch(width=6)))


@pytest.mark.real
def test_a_real_candidate_in_a_child(cifar10: TrainingData, tmp_path: Path) -> None:
    space = open_space("macro")
    guide = Performance()
    spec = make_spec(
        space, arch(depth=1, width=16), data=cifar10, fidelity=Fidelity(images=2000, validation_images=1000),
        guide_spec=guide.save(tmp_path), guide_folder=tmp_path, seed=0, device="cpu",
    )  # fmt: skip
    with ChildExecutor(time_limit=300) as executor:
        outcome = executor.submit(CALL, spec).result(timeout=400)
    # chance is 0.1
    assert outcome["value"] > 0.2
