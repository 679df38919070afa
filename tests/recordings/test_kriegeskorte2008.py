from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from neuroguide._core.errors import FileError, OptionError
from neuroguide.recordings import loaders, opening
from neuroguide.recordings.kriegeskorte2008 import MODEL_TITLES, describe, open_rdm
from neuroguide.recordings.rdms import check_rdm
from neuroguide.stimuli import open_stimuli
from neuroguide.testing.loaders import check_loader

UPPER = np.triu_indices(92, 1)


def test_regions(small_kriegeskorte):
    rdm = check_rdm(open_rdm())
    assert rdm.dims == ("region", "stimulus_id", "stimulus_id_2")
    assert rdm["region"].values.tolist() == ["monkey IT", "human IT"]
    assert rdm["n_sites"].values.tolist() == [674, 316]
    assert rdm["species"].values.tolist() == ["macaque", "human"]
    np.testing.assert_allclose(rdm.values[0], small_kriegeskorte["mIT_674neurons"])
    np.testing.assert_allclose(rdm.values[1], small_kriegeskorte["hITvisStim_316vx"])


def test_models(small_kriegeskorte):
    rdm = check_rdm(open_rdm("models"))
    assert rdm.dims == ("model", "stimulus_id", "stimulus_id_2")
    assert rdm["model"].values.tolist() == ["animacy", "HMAX"]
    assert rdm["model_title"].values.tolist() == [MODEL_TITLES["animacy"], MODEL_TITLES["HMAX"]]
    np.testing.assert_allclose(rdm.sel(model="HMAX").values, small_kriegeskorte["HMAX"])


def test_subjects(small_kriegeskorte):
    rdm = check_rdm(open_rdm("subjects"))
    assert rdm.dims == ("subject", "session", "stimulus_id", "stimulus_id_2")
    assert rdm["subject"].values.tolist() == ["A", "B"]
    assert rdm["session"].values.tolist() == [1, 2]
    assert rdm.dtype == np.float64
    np.testing.assert_allclose(rdm.sel(subject="B", session=1).values, small_kriegeskorte["B1"], atol=1e-6)
    assert rdm.attrs["region"] == "human IT"


@pytest.mark.parametrize("variant", ["regions", "models", "subjects"])
def test_says_what_it_is_and_names_its_stimuli(small_kriegeskorte, variant):
    rdm = open_rdm(variant)
    attrs = rdm.attrs
    assert attrs["identifier"] == f"kriegeskorte2008:{variant}"
    assert (attrs["simulated"], attrs["simultaneous"], attrs["normalise"]) == (0, 0, "none")
    assert "Neuron 60(6)" in attrs["citation"]
    stimuli = open_stimuli(attrs["stimulus_set_identifier"])
    assert rdm["stimulus_id"].values.tolist() == rdm["stimulus_id_2"].values.tolist() == stimuli.ids
    assert rdm["category_name"].values.tolist() == stimuli.metadata["category_name"].tolist()
    assert all(isinstance(value, (str, int, float)) for value in attrs.values())


def test_the_images_keep_their_order(small_kriegeskorte):
    np.testing.assert_array_equal(open_stimuli("kriegeskorte2008").images()[:][:, 0, 0, 0], np.arange(92))


def test_unknown_variants_get_suggestions(small_kriegeskorte):
    with pytest.raises(OptionError, match="unknown part of kriegeskorte2008 'model'; did you mean 'models'"):
        open_rdm("model")


@pytest.mark.parametrize("variant", [None, "regions", "models", "subjects"])
def test_keeps_the_contract(small_kriegeskorte, variant):
    check_loader(loaders["kriegeskorte2008"], variant)


def test_publishes_no_responses(small_kriegeskorte):
    loader = loaders["kriegeskorte2008"]
    with pytest.raises(OptionError, match=r"publishes RDMs but no responses; open them with ng\.open_rdm"):
        opening.open_recording("kriegeskorte2008")
    assert opening.open_rdm("kriegeskorte2008:models").sizes["model"] == 2
    assert loader.open is None
    assert loader.open_rdm is open_rdm
    assert loader.variants == ("regions", "models", "subjects")


def test_is_described_without_a_download(monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path))
    found = describe(None)
    assert found.source == "kriegeskorte2008:regions"
    assert 'ng.open_rdm("kriegeskorte2008")' in found.how_to_open
    assert any("Only RDMs were published" in note for note in found.notes)
    assert any("four subjects" in note for note in describe("subjects").notes)
    assert list(tmp_path.iterdir()) == []


def _files(**changed: object) -> dict[str, bytes]:
    import io

    from scipy.io import savemat

    contents = {}
    for name, variable in (
        ("Kriegeskorte_Neuron2008_supplementalData", "RDMs_mIT_hIT_fig1"),
        ("92_modelRDMs", "Models"),
        ("92_brainRDMs", "RDMs"),
    ):
        buffer = io.BytesIO()
        savemat(buffer, {variable: changed.get(variable, np.zeros((1, 1)))})
        contents[f"{name}.mat"] = buffer.getvalue()
    return contents


def _models(name: str, rdm: np.ndarray) -> np.ndarray:
    array = np.empty((1, 1), dtype=[("name", object), ("RDM", object)])
    array[0, 0] = (name, rdm)
    return array


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (_models("HMAX", np.zeros((91, 91))), r"shape \(91, 91\); one of 92 stimuli"),
        (_models("HMAX", np.triu(np.ones((92, 92)), 1)), "not symmetric"),
        (_models("HMAX", np.ones((92, 92))), "zero diagonal"),
        (_models("AlexNet", np.zeros((92, 92))), "unexpected model 'AlexNet'"),
    ],
)
def test_another_content_is_named(put_archive, models, message):
    put_archive("kriegeskorte2008", _files(Models=models))
    with pytest.raises(FileError, match=message) as caught:
        open_rdm("models")
    assert "92_modelRDMs.mat" in str(caught.value)


def test_other_regions_are_named(put_archive):
    put_archive("kriegeskorte2008", _files(RDMs_mIT_hIT_fig1=_models("V1", np.zeros((1, 4186)))))
    with pytest.raises(FileError, match="holds the RDMs V1; mIT_674neurons, hITvisStim_316vx were expected"):
        open_rdm()


@pytest.mark.real
def test_the_real_rdms(neuroguide_home):
    for variant in (None, "regions", "models", "subjects"):
        check_loader(loaders["kriegeskorte2008"], variant)
    regions, models, subjects = (check_rdm(open_rdm(v)) for v in ("regions", "models", "subjects"))
    monkey, human = (regions.sel(region=name).values[UPPER] for name in ("monkey IT", "human IT"))
    # the file of models holds monkey IT as a full matrix: the condensed order of the supplement is ours
    np.testing.assert_allclose(models.sel(model="monkeyIT").values[UPPER], monkey, atol=1e-6)
    # and human IT is the mean over the subjects and sessions of the third file
    assert pearsonr(subjects.mean(("subject", "session")).values[UPPER], human)[0] > 0.9999
    assert subjects.shape == (4, 2, 92, 92)
    assert subjects["subject"].values.tolist() == ["BE", "KO", "SN", "TI"]
    # what an independent analysis of these files found
    for model, expected in (("animacy", 0.45), ("HMAX", 0.25), ("V1", 0.07)):
        found = spearmanr(models.sel(model=model).values[UPPER], monkey)[0]
        assert found == pytest.approx(expected, abs=0.01)


@pytest.mark.real
def test_animate_objects_are_apart_from_inanimate_ones(neuroguide_home):
    animate = open_stimuli("kriegeskorte2008").metadata["animate"].to_numpy() == 1
    for rdm in open_rdm().values:
        within = np.concatenate(
            [rdm[np.ix_(group, group)][np.triu_indices(group.sum(), 1)] for group in (animate, ~animate)]
        )
        assert rdm[np.ix_(animate, ~animate)].mean() > within.mean() + 0.05
