"""An exported network in Brain-Score; in the environment that has brainscore-vision."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import neuroguide as ng
from neuroguide.models import to_model_commitment
from neuroguide.models.activations import activations


@pytest.mark.full
def test_the_export_is_a_commitment_whose_regions_are_those_of_the_guide(kept_run, tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    pytest.importorskip("brainscore_vision", exc_type=Exception)
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    done = ng.export(kept_run, tmp_path / "kept")
    pictures = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), dtype=np.uint8)
    ids = [f"picture_{index}" for index in range(len(pictures))]
    for name, pixels in zip(ids, pictures, strict=True):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    stimuli = StimulusSet({"stimulus_id": ids})
    stimuli.stimulus_paths = {name: str(tmp_path / f"{name}.png") for name in ids}
    stimuli.identifier = "pictures"

    commitment = to_model_commitment(done.model, device="cpu")
    for region in ("V4", "IT"):
        layer = kept_run.best.measures[f"layer/{region}"]
        commitment.start_recording(region, time_bins=[(70, 170)])
        found = commitment.look_at(stimuli).transpose("presentation", "neuroid")
        assert set(found["layer"].values) == {layer}
        ours = activations(ng.open_model(done.model), pictures, [layer], device="cpu")[layer]
        np.testing.assert_allclose(found.values, ours.numpy(), atol=1e-5, rtol=0)
