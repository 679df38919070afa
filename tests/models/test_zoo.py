"""Models by name, from a file, from a module."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from neuroguide._core.errors import DownloadError, FileError, InputError, MissingExtraError, OptionError
from neuroguide.models import Model, Preprocess, open_model, openers
from neuroguide.models.activations import activations

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2), nn.ReLU())


def test_a_module_is_shown_imagenet_sized_input_unless_it_says_otherwise() -> None:
    assert open_model(network()).preprocess == Preprocess(224)
    small = network()
    small.image_size = 32
    assert open_model(small).preprocess == Preprocess(32)
    own = network()
    own.preprocess = Preprocess(16, degrees=4.0)
    assert open_model(own).preprocess is own.preprocess


def test_the_image_size_must_be_a_number_of_pixels() -> None:
    wrong = network()
    wrong.image_size = "large"
    with pytest.raises(InputError, match="image_size of Sequential is 'large'"):
        open_model(wrong)


def test_the_identifier_is_unique_to_weights_structure_and_preprocessing() -> None:
    same, again = (Model("net", network(), Preprocess(8)) for _ in range(2))
    assert same.identifier == again.identifier
    assert same.identifier.startswith("net-")
    weights = Model("net", network(1), Preprocess(8))
    preprocess = Model("net", network(), Preprocess(9))
    structure = network()
    structure[1] = nn.GELU()
    found = [same, weights, preprocess, Model("net", structure, Preprocess(8))]
    assert len({model.identifier for model in found}) == 4
    half = network().to(torch.bfloat16)
    assert Model("net", half, Preprocess(8)).identifier not in {model.identifier for model in found}


def test_a_model_is_returned_as_it_is_and_a_function_is_called() -> None:
    model = Model("net", network(), Preprocess(8))
    assert open_model(model) is model
    assert open_model(lambda: model) is model

    def make_small() -> nn.Module:
        return network()

    assert open_model(make_small).name == "make_small"


def test_layers_must_be_modules() -> None:
    with pytest.raises(OptionError, match="unknown layer of net '5'; known: 0, 1, 2, 3"):
        Model("net", network(), Preprocess(8), ("5",))


def test_other_objects_are_refused() -> None:
    with pytest.raises(InputError, match="a model of type int is not understood"):
        open_model(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"module is a torch\.nn\.Module, str arrived"):
        Model("net", "weights.pt")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the model function <lambda> failed: ZeroDivisionError"):
        open_model(lambda: 1 / 0)


def test_lazy_networks_are_refused() -> None:
    with pytest.raises(InputError, match="lazy parameters"):
        open_model(nn.Sequential(nn.LazyLinear(3), nn.ReLU()))


def test_an_unknown_source_gets_the_closest() -> None:
    with pytest.raises(OptionError, match=r"unknown source of models 'tim'; did you mean 'timm'.*file\.py:factory"):
        open_model("tim:resnet18")
    with pytest.raises(OptionError, match="'torchvision:' names no model"):
        open_model("torchvision:")


def test_brain_scores_models_need_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brainscore_vision", None)
    with pytest.raises(MissingExtraError, match=r"'alexnet' needs brainscore-vision.*neuroguide\[brainscore\]"):
        open_model("brainscore:alexnet")


def test_a_source_of_ones_own() -> None:
    openers.add("test-zoo", lambda name, pretrained: Model(f"{name}-{pretrained}", network(), Preprocess(8)))
    assert open_model("test-zoo:one", pretrained=False).name == "one-False"


# factory files


def write(folder: Path, text: str, name: str = "nets.py") -> str:
    (folder / name).write_text(text)
    return f"{folder / name}:make"


SMALL = "import torch\ndef make():\n    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.ReLU())\n"


def test_a_factory_file_returns_a_module_or_a_model(tmp_path: Path) -> None:
    assert open_model(write(tmp_path, SMALL)).name == "nets.py:make"
    assert open_model(str(tmp_path / "nets.py")).name == "nets.py"
    text = SMALL.replace("    return ", "    from neuroguide.models import Model\n    return Model('mine', ") + ")\n"
    assert open_model(write(tmp_path, text.replace("ReLU())\n)", "ReLU()))"))).name == "mine"


def test_a_factory_file_is_run_anew_and_hides_no_module(tmp_path: Path) -> None:
    first = open_model(write(tmp_path, SMALL, "json.py"))
    second = open_model(write(tmp_path, SMALL.replace("2, 1)", "7, 1)"), "json.py"))
    assert (first.module[0].out_channels, second.module[0].out_channels) == (2, 7)
    import json

    assert json.dumps([1]) == "[1]"
    assert str(tmp_path) not in sys.path


def test_a_factory_file_may_hold_dataclasses_and_import_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, "WIDTH = 5\n", "neighbour_of_a_factory.py")
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport torch\n"
        "from neighbour_of_a_factory import WIDTH\n"
        "@dataclass\nclass Config:\n    width: int = WIDTH\n"
        "def make():\n    return torch.nn.Sequential(torch.nn.Conv2d(3, Config().width, 1), torch.nn.ReLU())\n"
    )
    assert open_model(write(tmp_path, text)).module[0].out_channels == 5
    del sys.modules["neighbour_of_a_factory"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def make(:\n", "nets.py was run, but it failed in line 1: SyntaxError"),
        ("import torch\nimport no_such_module\n", "it failed in line 2: ModuleNotFoundError: No module named"),
        ("def make():\n    x = 1\n    return [][x]\n", "its function 'make' failed in line 3: IndexError"),
        ("raise SystemExit(3)\n", "it failed in line 1: SystemExit: 3"),
        ("def make():\n    raise ValueError('a\\n\\nb')\n", "ValueError: a b$"),
        ("def make():\n    return 'weights'\n", "nets.py:make returned str; a torch.nn.Module"),
        ("def mak():\n    pass\n", "unknown function of .*nets.py 'make'; did you mean 'mak'"),
        ("make = 3\n", "unknown function of .*nets.py 'make'"),
    ],
)
def test_a_broken_factory_file_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as info:
        open_model(write(tmp_path, text))
    assert "\n" not in str(info.value)


def test_a_missing_factory_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"there is no file .*none\.py"):
        open_model(f"{tmp_path / 'none.py'}:make")


def test_our_own_errors_pass_through_a_factory(tmp_path: Path) -> None:
    text = "from neuroguide.models import Preprocess\ndef make():\n    return Preprocess(0)\n"
    with pytest.raises(InputError, match=r"^an input of 0 pixels is not possible"):
        open_model(write(tmp_path, text))


# libraries, without having them


def fake_timm(monkeypatch: pytest.MonkeyPatch, create) -> None:  # type: ignore[no-untyped-def]
    timm, data = ModuleType("timm"), ModuleType("timm.data")
    timm.list_models = lambda: ["resnet18", "vit_tiny_patch16_224"]
    timm.create_model = create
    data.resolve_model_data_config = lambda module: {
        "input_size": (3, 48, 48), "mean": (0.5,) * 3, "std": (0.5,) * 3, "interpolation": "bicubic", "crop_pct": 0.9,
    }  # fmt: skip
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "timm.data", data)


def test_timm_brings_preprocessing_and_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(name: str, pretrained: bool) -> nn.Module:
        module = network()
        module.feature_info = [{"module": "1"}, {"module": "3"}]
        module.pretrained_cfg = {"any": 1}
        return module

    fake_timm(monkeypatch, create)
    found = open_model("timm:resnet18.a1_in1k")
    assert found.preprocess == Preprocess(48, (0.5,) * 3, (0.5,) * 3, interpolation="bicubic")
    assert found.layers == ("1", "3")
    assert found.name == "timm:resnet18.a1_in1k"
    assert open_model(create("", False)).preprocess == found.preprocess
    with pytest.raises(OptionError, match="unknown model of timm 'resnet81'; did you mean 'resnet18'"):
        open_model("timm:resnet81")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError("Name or service not known"), DownloadError, "weights of timm:resnet18 cannot be downloaded"),
        (RuntimeError("No pretrained weights exist"), InputError, "timm:resnet18 cannot be made: RuntimeError"),
    ],
)
def test_timms_failures_are_sentences(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception], message: str
) -> None:
    def create(name: str, pretrained: bool) -> nn.Module:
        raise error

    fake_timm(monkeypatch, create)
    with pytest.raises(kind, match=message):
        open_model("timm:resnet18")


def test_torchvision_brings_the_preprocessing_of_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    shown = SimpleNamespace(
        crop_size=[40], resize_size=[44], mean=[0.1, 0.2, 0.3], std=[1.0, 1.0, 2.0],
        interpolation=SimpleNamespace(value="bilinear"),
    )  # fmt: skip
    weights = SimpleNamespace(DEFAULT=SimpleNamespace(transforms=lambda: shown))
    torchvision, models = ModuleType("torchvision"), ModuleType("torchvision.models")
    torchvision.models = models
    models.list_models = lambda module: ["alexnet"]
    models.get_model_weights = lambda name: weights
    models.get_model = lambda name, weights: asked.append(weights) or network()
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    assert open_model("torchvision:alexnet").preprocess == Preprocess(40, (0.1, 0.2, 0.3), (1.0, 1.0, 2.0))
    open_model("torchvision:alexnet", pretrained=False)
    assert asked == [weights.DEFAULT, None]
    with pytest.raises(OptionError, match="unknown model of torchvision 'alexnt'; did you mean 'alexnet'"):
        open_model("torchvision:alexnt")


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        MissingExtraError, match=rf'needs {library}, which is not installed: pip install "neuroguide\[zoo\]"'
    ):
        open_model(f"{library}:resnet18")


def test_a_library_that_does_not_load_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "timm":
                raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(InputError, match="timm is installed but does not load with torch"):
        open_model("timm:resnet18")


@pytest.mark.full
def test_real_libraries_give_a_few_stages() -> None:
    pytest.importorskip("timm", exc_type=Exception)
    expected = {
        "timm:resnet18": ("act1", "layer1", "layer2", "layer3", "layer4"),
        "torchvision:resnet18": ("relu", "layer1", "layer2", "layer3", "layer4"),
        "torchvision:alexnet": ("features.1", "features.4", "features.11"),
        "torchvision:vgg11": ("features.1", "features.4", "features.9", "features.14", "features.19"),
        "torchvision:vit_b_16": tuple(f"encoder.layers.encoder_layer_{index}" for index in range(12)),
    }
    for name, layers in expected.items():
        found = open_model(name, pretrained=False)
        assert found.layers == layers
        responses = activations(found, np.zeros((1, 64, 64, 3), dtype=np.uint8), device="cpu")
        assert list(responses) == list(layers)


# real monkey IT


@pytest.fixture(scope="module")
def profiles(neuroguide_home: Path) -> dict[str, dict[str, float]]:
    """Similarity of each layer of EfficientNet-Lite0 to monkey IT, with either normalisation."""
    pytest.importorskip("efficientnet_lite_pytorch")
    import scipy.io

    from neuroguide.engine.dissimilarity import rdm
    from neuroguide.engine.similarity import compare

    archive = scipy.io.loadmat(neuroguide_home / "kriegeskorte2008" / "Kriegeskorte_Neuron2008_supplementalData.mat")
    shown = np.stack(list(archive["stimuli_92objs"]["image"][0]))
    published = archive["RDMs_mIT_hIT_fig1"][0][0]
    assert str(published["name"][0]).startswith("mIT")
    monkey = torch.as_tensor(published["RDM"].ravel().astype(float))
    found = {}
    for factory in ("make", "make_tensorflow"):
        responses = activations(f"{BENCHMARKS / 'efficientnet_lite0.py'}:{factory}", shown, device="cpu")
        found[factory] = {layer: float(compare(rdm(x.double()), monkey)) for layer, x in responses.items()}
    return found


@pytest.mark.real
@pytest.mark.network
@pytest.mark.parametrize("factory", ["make", "make_tensorflow"])
def test_efficientnet_resembles_monkey_it_late_but_not_at_the_readout(
    profiles: dict[str, dict[str, float]], factory: str
) -> None:
    profile = profiles[factory]
    assert profile["blocks.0"] < 0.25
    assert all(profile[f"blocks.{index}"] > 0.58 for index in (12, 13, 14))
    assert profile["readout"] < profile["head"] < profile["blocks.12"]


@pytest.mark.real
@pytest.mark.network
def test_efficientnets_profile_is_the_one_found_independently(profiles: dict[str, dict[str, float]]) -> None:
    """With the normalisation of the package's instructions; the numbers come from an analysis without this package."""
    expected = {0: 0.20, 5: 0.38, 8: 0.44, 11: 0.55, 12: 0.59, 13: 0.61, 14: 0.61, 15: 0.56}
    profile = profiles["make"]
    for index, value in expected.items():
        assert profile[f"blocks.{index}"] == pytest.approx(value, abs=0.01)
    assert profile["head"] == pytest.approx(0.56, abs=0.01)
    assert profile["readout"] == pytest.approx(0.44, abs=0.01)
