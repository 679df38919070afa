"""Exported networks: they answer as the original does, without neuroguide, and load back into it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import neuroguide as ng
from neuroguide._core.errors import FileError, InputError
from neuroguide.nas.export import export, exporting
from neuroguide.nas.spaces import open_space
from neuroguide.nas.trained import open_trained

REPOSITORY = Path(__file__).parents[3]
OWN = f"{REPOSITORY / 'docs' / 'examples' / 'own_space.py'}:make"

#: An interpreter in which neuroguide and its other dependencies cannot be imported.
ELSEWHERE = """
import sys
for name in ("neuroguide", "xarray", "pandas", "optuna", "scipy"):
    sys.modules[name] = None
import torch
from safetensors.torch import load_file, save_file
from importlib.util import module_from_spec, spec_from_file_location

for folder in sys.argv[1:]:
    spec = spec_from_file_location("exported", folder + "/model.py")
    module = sys.modules["exported"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    pixels = load_file(folder + "/pixels.safetensors")["pixels"]
    with torch.no_grad():
        images = module.preprocess(pixels)
        save_file({"images": images, "logits": module.make()(images)}, folder + "/answers.safetensors")
"""


def test_every_space_exports_to_a_module_that_answers_the_same_without_neuroguide(weights_of, tmp_path):
    cells = open_space("cells", filters=4, drop_path=0.3, auxiliary=True)
    spaces = [open_space("macro"), cells, open_space(OWN), open_space("hourglass")]
    folders, sources = [], []
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (3, 20, 30, 3), dtype=np.uint8))
    for seed, space in enumerate(spaces):
        source = open_trained(weights_of(space, seed), space=space)
        done = export(source.path, tmp_path / space.name, space=space)
        assert set(done.about["differences"]["model.py"].values()) == {0.0}
        for name, digest in done.about["sha256"].items():
            assert hashlib.sha256((done.folder / name).read_bytes()).hexdigest() == digest
        assert json.loads((done.folder / "export.json").read_text())["architecture"] == done.about["architecture"]
        assert "= choice(" not in (done.folder / "model.py").read_text()
        save_file({"pixels": pixels}, done.folder / "pixels.safetensors")
        folders.append(done.folder)
        sources.append(source)
    assert all(
        name.startswith("auxiliary.")
        for name in exporting.json.loads((folders[1] / "export.json").read_text())["left_out"]
    )
    command = [sys.executable, "-c", ELSEWHERE, *map(str, folders)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())})
    for folder, source in zip(folders, sources, strict=True):
        answers = load_file(folder / "answers.safetensors")
        images = source.preprocess(pixels.numpy())
        torch.testing.assert_close(answers["images"], images, rtol=0, atol=1e-6)
        with torch.no_grad():
            torch.testing.assert_close(answers["logits"], source.network(images), rtol=1e-5, atol=1e-5)


def test_the_best_of_a_run_scores_the_same_from_its_export(kept_run, tmp_path):
    done = ng.export(kept_run, tmp_path / "kept")
    teacher = ng.rdm(ng.open_recording("virtual"), by="region")
    original = ng.score(open_trained(kept_run.best.weights).model(), teacher)
    again = ng.score(done.model, teacher)
    np.testing.assert_array_equal(again["similarity"], original["similarity"])
    layers = kept_run.best.measures
    assert done.about["region_layer_map"] == {"IT": layers["layer/IT"], "V4": layers["layer/V4"]}
    assert done.about["simulated"] == 1
    assert done.about["measures"] == layers
    with pytest.raises(FileError, match="exists already"):
        ng.export(kept_run, tmp_path / "kept")
    worst = next(trial for trial in kept_run.results if kept_run.candidate(trial).weights is None)
    with pytest.raises(FileError, match=rf"keeps no weights of trial {worst}; train it first: neuroguide retrain"):
        ng.export(kept_run, tmp_path / "other", trial=worst)


def test_onnx_answers_the_same_and_is_scored_by_name(weights_of, tmp_path):
    pytest.importorskip("onnxruntime")
    space = open_space("macro", stages=2, depth=1, width=8, operation="conv", skip="add", activation="gelu")
    done = export(weights_of(space), tmp_path / "kept", onnx=True)
    assert set(done.about["differences"]["model.onnx"]) == {"logits", "stage1", "stage2"}
    assert max(done.about["differences"]["model.onnx"].values()) < 1e-5
    teacher = ng.rdm(ng.open_recording("virtual"), by="region")
    pair = [ng.score(name, teacher)["similarity"] for name in (done.model, str(done.folder / "model.onnx"))]
    np.testing.assert_allclose(pair[1], pair[0], atol=1e-5)
    (done.folder / "model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"model\.onnx cannot be loaded"):
        ng.open_model(str(done.folder / "model.onnx"))


def test_nothing_is_left_when_the_export_answers_differently(kept_run, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "TOLERANCE", -1.0)
    with pytest.raises(InputError, match=r"the exported model\.py answers differently .* nothing was exported"):
        export(kept_run, tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []


def test_weights_do_not_choose_the_code_that_is_run(weights_of, tmp_path):
    path = weights_of(open_space(OWN))
    with pytest.raises(InputError, match="is code and is not run because a file says so; give space="):
        export(path, tmp_path / "kept")
    (tmp_path / "other.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(FileError, match="is not a safetensors file"):
        export(tmp_path / "other.safetensors", tmp_path / "kept")
    save_file({"a": torch.zeros(1)}, tmp_path / "bare.safetensors")
    with pytest.raises(FileError, match="is no file of weights"):
        export(tmp_path / "bare.safetensors", tmp_path / "kept")
    with pytest.raises(FileError, match="there is no file"):
        export(tmp_path / "absent.safetensors", tmp_path / "kept")


SPACE = """
from dataclasses import dataclass
{imports}
from torch import nn
from neuroguide.nas.spaces import DeclaredSpace, choice

@dataclass(frozen=True)
class Architecture:
    width: int = choice(2, 3)  # channels

{code}

def make():
    return DeclaredSpace("own", Architecture, {build})
"""

NETWORK = """
class Network(nn.Module):
    stage_names = ("a",)
    def __init__(self, width, n_classes):
        super().__init__()
        self.a = nn.Conv2d(3, width, 3)
        self.b = nn.Linear(width, n_classes)
        {inside}
    def forward(self, x):
        return self.b(self.a(x).mean((2, 3)))

def build(arch, *, image_size, n_classes, in_channels):
    return Network(arch.width, n_classes)
"""

LAMBDA = "lambda arch, **sizes: Network(arch.width, sizes['n_classes'])"


TRIED = "try:\n    import math as m\nexcept ImportError:\n    m = 1"


@pytest.mark.parametrize(
    ("imports", "inside", "build", "message"),
    [
        ("import numpy", "numpy.zeros(1)", "build", r"space\.py needs numpy, and an exported module needs torch only"),
        ("", "import numpy", "build", "imports numpy in the middle of its code"),
        ("", "", LAMBDA, "cannot be written as source, since it is no function or class at the top"),
        ("def Path(): pass", "Path", "build", r"both .* and the exported module itself define 'Path'"),
        (TRIED, "m", "build", "uses 'm', which it defines in a way"),
    ],
)
def test_what_cannot_be_written_as_source_is_one_sentence(weights_of, tmp_path, imports, inside, build, message):
    code = NETWORK.format(inside=inside or "pass")
    (tmp_path / "space.py").write_text(SPACE.format(imports=imports, code=code, build=build))
    space = open_space(f"{tmp_path / 'space.py'}:make")
    with pytest.raises(InputError, match=message):
        export(weights_of(space), tmp_path / "kept", space=space)


def test_helpers_beside_the_file_are_copied_and_comments_stay(weights_of, tmp_path):
    helper = "import torch.nn as layers\n\n#: Our width.\nFACTOR = 1\n\n"
    helper += "def wide(n):\n    return layers.Conv2d(3, FACTOR * n, 3)\n"
    (tmp_path / "parts_of_mine.py").write_text(helper)
    code = NETWORK.format(inside="self.a = wider(width)")
    (tmp_path / "space.py").write_text(
        SPACE.format(imports="from parts_of_mine import wide as wider", code=code, build="build")
    )
    space = open_space(f"{tmp_path / 'space.py'}:make")
    done = export(weights_of(space), tmp_path / "kept", space=space)
    text = (done.folder / "model.py").read_text()
    assert "#: Our width.\nFACTOR = 1" in text
    assert "wider = wide" in text
    assert "    width: int  # channels" in text
    assert "import torch.nn as layers" in text
    assert "neuroguide" not in text.partition('"""\n\n')[2]
