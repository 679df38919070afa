"""Models to Brain-Score and back; in the environment that has brainscore-vision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from neuroguide._core.errors import DownloadError, InputError, OptionError
from neuroguide.models import Model, Preprocess, open_model, to_model_commitment
from neuroguide.models.activations import activations
from neuroguide.models.brainscore import BrainScorePreprocess, cache_identifier, from_brain_model

TIME_BINS = [(70, 170)]


@pytest.fixture
def brainscore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips where Brain-Score is not installed; its store of results is switched off."""
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    pytest.importorskip("brainscore_vision", exc_type=Exception)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    # the ReLU in place would change what a hook without a copy sees of "0"
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 64, 5))


def model(seed: int = 0) -> Model:
    return Model("small", network(seed), Preprocess(8, degrees=8.0), ("0", "1", "3"))


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)


def on_disk(pictures: np.ndarray, folder: Path):
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    ids = [f"picture_{index}" for index in range(len(pictures))]
    for name, pixels in zip(ids, pictures, strict=True):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    stimuli = StimulusSet({"stimulus_id": ids})
    stimuli.stimulus_paths = {name: str(folder / f"{name}.png") for name in ids}
    stimuli.identifier = "pictures"
    return stimuli


@pytest.mark.full
def test_a_commitment_sees_the_features_that_we_see(brainscore, pictures, tmp_path):
    commitment = to_model_commitment(model(), region_layer_map={"V4": "0", "IT": ["1", "3"]}, device="cpu")
    assert commitment.identifier == cache_identifier(model())
    assert commitment.visual_degrees() == 8
    ours = activations(model(), pictures, device="cpu")
    for region, layers in {"V4": ["0"], "IT": ["1", "3"]}.items():
        commitment.start_recording(region, time_bins=TIME_BINS)
        found = commitment.look_at(on_disk(pictures, tmp_path))
        assert list(found["stimulus_id"].values) == [f"picture_{index}" for index in range(6)]
        assert set(found["region"].values) == {region}
        expected = np.concatenate([ours[layer].numpy() for layer in layers], axis=1)
        np.testing.assert_array_equal(found.transpose("presentation", "neuroid").values, expected)


@pytest.mark.full
def test_stored_features_are_never_those_of_other_weights(brainscore, pictures, tmp_path, monkeypatch):
    from brainscore_vision.model_helpers.activations.core import ActivationsExtractorHelper

    monkeypatch.setenv("RESULTCACHING_DISABLE", "0")
    cells = ActivationsExtractorHelper._from_paths_stored.__closure__
    (store,) = [cell.cell_contents for cell in cells if hasattr(cell.cell_contents, "_storage_directory")]
    monkeypatch.setattr(store, "_storage_directory", str(tmp_path / "results"))
    stimuli = on_disk(pictures, tmp_path)
    for seed in (0, 1, 0):
        commitment = to_model_commitment(model(seed), region_layer_map={"IT": "3"}, device="cpu")
        commitment.start_recording("IT", time_bins=TIME_BINS)
        found = commitment.look_at(stimuli).transpose("presentation", "neuroid").values
        np.testing.assert_array_equal(found, activations(model(seed), pictures, ["3"], device="cpu")["3"].numpy())
    assert len(list((tmp_path / "results").rglob("*.pkl"))) == 2


@pytest.mark.full
def test_logits_are_the_output(brainscore, pictures, tmp_path):
    commitment = to_model_commitment(model(), region_layer_map={"IT": "3"}, device="cpu")
    found = commitment.layer_model.activations_model(on_disk(pictures, tmp_path), layers=["logits"])
    assert found.sizes["neuroid"] == 5


@pytest.mark.full
def test_a_commitment_comes_back_as_the_model_that_it_was(brainscore):
    own = model()
    assert from_brain_model(to_model_commitment(own, region_layer_map={"IT": "3"}), "own") is own


@pytest.mark.full
def test_a_model_of_brain_scores_keeps_its_preprocessing(brainscore, pictures, tmp_path):
    from functools import partial

    from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_preprocess_images
    from brainscore_vision.model_helpers.brain_transformation import ModelCommitment

    wrapper = PytorchWrapper(network(), partial(load_preprocess_images, image_size=8), identifier="theirs")
    theirs = ModelCommitment("theirs", wrapper, ["1", "3", "logits"], region_layer_map={"IT": "3"})
    opened = from_brain_model(theirs, "brainscore:theirs")
    assert opened.layers == ("1", "3")
    assert (opened.preprocess.size, opened.preprocess.degrees) == (8, 8.0)
    theirs.start_recording("IT", time_bins=TIME_BINS)
    expected = theirs.look_at(on_disk(pictures, tmp_path)).transpose("presentation", "neuroid").values
    np.testing.assert_allclose(activations(opened, pictures, ["3"], device="cpu")["3"].numpy(), expected, rtol=1e-6)


def test_a_stimulus_of_half_the_field_of_view_lies_on_grey_as_brain_score_lays_it():
    shown = []
    preprocess = BrainScorePreprocess(8, degrees=8.0, read=lambda paths: shown.extend(paths) or _read(paths))
    white = np.full((1, 16, 16, 3), 255, np.uint8)
    enlarged = preprocess(white, degrees=4.0)
    assert enlarged.shape == (1, 3, 32, 32)
    assert (enlarged[0, :, 8:24, 8:24] == 255).all()
    assert (enlarged[0, :, :8] == 128).all()
    assert preprocess(white, degrees=16.0).shape == (1, 3, 8, 8)
    assert not any(Path(path).exists() for path in shown)


def _read(paths: list[str]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path), dtype=np.float32).transpose(2, 0, 1) for path in paths])


@pytest.mark.full
def test_wrong_names_get_a_sentence(brainscore):
    with pytest.raises(OptionError, match="unknown Brain-Score model 'alexnt'; did you mean 'alexnet'"):
        open_model("brainscore:alexnt")
    with pytest.raises(OptionError, match="'brainscore:' names no model"):
        open_model("brainscore:")
    with pytest.raises(OptionError, match="trained weights only"):
        open_model("brainscore:alexnet", pretrained=False)
    with pytest.raises(OptionError, match="unknown layer of small '4'"):
        to_model_commitment(model(), region_layer_map={"IT": "4"})
    with pytest.raises(OptionError, match="batch_size is 0"):
        to_model_commitment(model(), region_layer_map={"IT": "3"}, batch_size=0)


@pytest.mark.full
def test_weights_that_cannot_be_downloaded_are_one_sentence(brainscore, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(DownloadError, match="Brain-Score's model 'alexnet' cannot be downloaded") as caught:
        open_model("brainscore:alexnet")
    assert "\n" not in str(caught.value)


@pytest.mark.full
def test_what_is_no_network_of_torch_is_refused():
    with pytest.raises(InputError, match="theirs is no network of torch"):
        from_brain_model(object(), "theirs")


@pytest.mark.full
def test_what_a_program_registers_is_found_by_us_and_not_by_brain_score(brainscore, monkeypatch):
    """docs/brain-score.md says so; once this fails, Brain-Score takes models from outside."""
    import brainscore_vision as vision

    own = model()
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")
    for registry in ("model", "metric", "data", "stimulus_set", "benchmark"):
        monkeypatch.setitem(
            getattr(vision, f"{registry}_registry"), "neuroguide_own", lambda: to_model_commitment(own, layers=["3"])
        )
    for name in ("model", "metric", "dataset", "stimulus_set", "benchmark"):
        with pytest.raises(AssertionError, match="No registrations found for neuroguide_own"):
            getattr(vision, f"load_{name}")("neuroguide_own")
    assert open_model("brainscore:neuroguide_own") is own
