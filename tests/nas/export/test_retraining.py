"""The best of a search, trained to maturity; killed at any moment, it ends with the same weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from neuroguide._core.errors import FileError, OptionError
from neuroguide.nas import maturing
from neuroguide.nas.retraining import grown, retrain, retrained
from neuroguide.nas.trained import open_trained

LARGER = {"repeats": 2, "filters": 6}
OPTIONS = {"images": 400, "settings": LARGER, "executor": "inline"}


@pytest.fixture(scope="module")
def mature(kept_run):
    states = []
    (found,) = retrain(kept_run, 1, progress=states.append, **OPTIONS)
    return found, states


def test_the_best_is_trained_larger_validated_on_the_way_and_tested_at_the_end(kept_run, mature):
    found, states = mature
    assert found.trial == kept_run.best.trial
    result = found.result
    assert result["images_seen"] == 400
    # 64 images make batches larger than a hundredth of the training: some parts come together
    assert [point["images"] for point in result["history"]] == sorted({point["images"] for point in result["history"]})
    assert len(result["history"]) == 10
    assert result["history"][-1]["images"] == 400
    assert 0 <= result["test_accuracy"] <= 1
    assert {"P", "TG", "similarity/V4", "similarity/IT", "layer/V4"} <= set(result["measures"])
    assert result["measures"]["P"] == result["accuracy"]
    assert states[-1].images_seen == 400
    trained = open_trained(found.weights)
    assert (trained.architecture.repeats, trained.architecture.filters) == (2, 6)
    assert trained.architecture.normal == kept_run.best.architecture.normal
    assert "auxiliary.1.weight" in trained.weights
    # what was spent: validated ten times and at the end, tested, shown the 320 stimuli
    assert result["images_forwarded"] == 10 * 16 + 16 + 16 + 320
    assert sorted(path.name for path in found.path.iterdir()) == [
        "result.json", "settings.json", "training.lock", "weights.safetensors",
    ]  # fmt: skip


def test_what_is_finished_is_not_trained_again_and_other_settings_are_another_folder(kept_run, mature, monkeypatch):
    found, _ = mature

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(maturing, "_mature", refuse)
    (again,) = retrain(kept_run.path, 1, **OPTIONS)
    assert again == found
    assert retrained(kept_run) == [found]
    with pytest.raises(RuntimeError, match="trained again"):
        retrain(kept_run, 1, **{**OPTIONS, "seed": 1})


def test_drop_path_grows_and_the_recipe_leaves_out_what_is_for_training(kept_run):
    space, arch = grown(kept_run, kept_run.best.architecture, LARGER)
    network = space.build(arch)
    assert network.drop_path == 0.2
    function, arguments = space.recipe(arch, image_size=32, n_classes=10, in_channels=3)
    assert function(**arguments).auxiliary is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"best": 9}, "best = 9 is not possible; .* has . distinct candidates"),
        ({"settings": {"reapeats": 2}}, "does not take these options"),
        ({"training": {"optimiser": "sgdd"}}, "unknown optimiser 'sgdd'; did you mean 'sgd'"),
        ({"trials": [77]}, "has no finished trial 77"),
    ],
)
def test_impossible_requests_are_one_sentence(kept_run, changed, message):
    with pytest.raises(ValueError, match=message):
        retrain(kept_run, **{"best": 1, **OPTIONS, **changed})


def test_best_is_a_number(kept_run):
    with pytest.raises(OptionError, match="best = 0"):
        retrain(kept_run, 0, **OPTIONS)


#: A fresh interpreter whose forks die one after the other, the last one in the middle of a checkpoint.
DRIVER = """
import os, signal, sys
from neuroguide.nas import maturing
from neuroguide.nas.retraining import retrain

options = eval(sys.argv[2])
report, save = maturing._Training._report, maturing.save_file


def die_at(images, in_checkpoint):
    def dying(self, path):
        report(self, path)
        if self.trainer.images_seen >= images and not in_checkpoint:
            os.kill(os.getpid(), signal.SIGKILL)

    def dying_save(tensors, path, metadata):
        save(tensors, path, metadata=metadata)
        if in_checkpoint and tensors["summed_loss"] > 0 and '"batch": 9' in metadata["trainer"]:
            os.truncate(path, 1000)
            os.kill(os.getpid(), signal.SIGKILL)

    maturing._Training._report, maturing.save_file = dying, dying_save


for images, in_checkpoint in ((60, False), (200, False), (0, True)):
    child = os.fork()
    if child == 0:
        try:
            die_at(images, in_checkpoint)
            retrain(sys.argv[1], 1, checkpoint_seconds=0.0, **options)
        finally:
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
retrain(sys.argv[1], 1, checkpoint_seconds=1e9, **options)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_and_resumed_equals_undisturbed_bit_for_bit(kept_run, mature, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(kept_run.path, copy, ignore=shutil.ignore_patterns("retrained"))
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:neuroguide", "-c", DRIVER, str(copy), repr(OPTIONS)],
        capture_output=True, text=True, timeout=500, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.stdout.split() == ["-9", "-9", "-9"], done.stderr
    (killed,) = retrained(copy)
    whole, _ = mature
    assert killed.path.name == whole.path.name
    a, b = open_trained(killed.weights).weights, open_trained(whole.weights).weights
    assert all(torch.equal(a[name], b[name]) for name in b)
    timeless = [{name: value for name, value in one.result.items() if name != "seconds"} for one in (killed, whole)]
    assert timeless[0] == timeless[1]


def test_a_damaged_checkpoint_is_one_sentence(kept_run):
    options = {**OPTIONS, "seed": 5, "images": 60}
    (found,) = retrain(kept_run, 1, **options)
    (found.path / "result.json").unlink()
    (found.path / "checkpoint.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(RuntimeError, match=r"checkpoint\.safetensors is damaged .*; delete it to begin"):
        retrain(kept_run, 1, **options)
    (found.path / "result.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(FileError, match="has a newer format"):
        retrained(kept_run)
    (found.path / "result.json").unlink()
