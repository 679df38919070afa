"""Guidance by a teacher: its numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.stats import spearmanr
from torch import nn

from neuroguide._core.errors import InputError, NeuroguideWarning
from neuroguide.models import Model, Preprocess
from neuroguide.models.activations import activations
from neuroguide.nas.guides import Combined, Teacher, Teachers
from neuroguide.nas.guides.prepared import live_rdm
from neuroguide.stimuli import StimulusSet
from neuroguide.testing.guides import Candidate

Make = Callable[..., xr.DataArray]
KIND = {"image_size": 16, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.25)}


def features_of(network: nn.Module, shown: StimulusSet, size: int = 16) -> dict[str, np.ndarray]:
    """A candidate's responses, without the guide: images by Pillow-free resizing are rounded to 8 bits."""
    plain = Preprocess(size, (0.0,) * 3, (1.0,) * 3)
    pixels = np.round(plain(shown.images()[:]).numpy().astype(np.float64) * 255) / 255
    mean, std = (np.array(KIND[key]).reshape(1, 3, 1, 1) for key in ("mean", "std"))
    images = torch.from_numpy((pixels - mean) / std)
    network = network.double().eval()
    with torch.no_grad():
        first = network.first(images)
        second = network.second(first.clone())
    return {"first": first.flatten(1).numpy(), "second": second.flatten(1).numpy()}


def test_tg_equals_an_independent_computation(make_recording: Make, shown: StimulusSet) -> None:
    recording = make_recording()
    weights = {"V4": 0.3, "IT": 1.2}
    guide = Teacher(recording, stimuli=shown, weights=weights, ceiling=False).prepare(**KIND, device="cpu")
    found = guide.measure(Candidate(3), Candidate.stage_names, accuracy=0.4, device="cpu")

    # independent: numpy alone, float64
    upper = np.triu_indices(12, 1)
    students = {s: (1 - np.corrcoef(f))[upper] for s, f in features_of(Candidate(3), shown).items()}
    ids, regions = recording["stimulus_id"].values, recording["region"].values
    expected = 0.0
    for region, weight in weights.items():
        sites = recording.values[:, regions == region]
        means = np.stack([sites[ids == name].mean(0) for name in sorted(set(ids))])
        teacher = (1 - np.corrcoef(means))[upper]
        similarity = {s: np.corrcoef(teacher, rdm)[0, 1] for s, rdm in students.items()}
        best = max(similarity, key=similarity.get)
        assert found[f"similarity/{region}"] == pytest.approx(similarity[best], abs=1e-6)
        assert found[f"layer/{region}"] == best
        expected += weight * similarity[best]
    assert found["TG"] == pytest.approx(expected, abs=1e-6)
    assert guide.value(found) == found["TG"]
    assert Combined(Teacher(recording, stimuli=shown, weights=weights, ceiling=False), 0.7).prepare(
        **KIND, device="cpu"
    ).value(found) == pytest.approx(0.4 + 0.7 * expected, abs=1e-6)


def test_weights_are_equal_unless_given(make_rdm: Make, shown: StimulusSet) -> None:
    guide = Teacher(make_rdm("a", "b", "c"), stimuli=shown).prepare(**KIND)
    found = guide.measure(Candidate(), Candidate.stage_names, accuracy=None, device="cpu")
    assert "P" not in found
    assert found["TG"] == pytest.approx(np.mean([found[f"similarity/{name}"] for name in "abc"]))


def test_similarity_is_divided_by_the_ceiling_where_there_is_one(
    make_recording: Make, make_rdm: Make, shown: StimulusSet
) -> None:
    both = Teachers([Teacher(make_recording(noise=1.0), ["IT"], shown), Teacher(make_rdm("V4"), stimuli=shown)])
    guide = both.prepare(**KIND)
    it, v4 = guide.layers
    assert (it.name, v4.name) == ("IT", "V4")
    assert it.ceiling is not None
    assert 0.3 < it.ceiling < 1
    assert it.about["ceiling_kind"].startswith("split halves")
    assert v4.ceiling is None
    assert "only RDMs were published" in v4.about["no_ceiling"]
    found = guide.measure(Candidate(), Candidate.stage_names, accuracy=0.1, device="cpu")
    expected = 0.5 * found["similarity/IT"] / it.ceiling + 0.5 * found["similarity/V4"]
    assert found["TG"] == pytest.approx(expected, abs=1e-12)


def test_without_repetitions_there_is_no_ceiling_and_it_says_why(make_recording: Make, shown: StimulusSet) -> None:
    recording = make_recording(("V4",), repetitions=1)
    (layer,) = Teacher(recording, stimuli=shown).prepare(**KIND).layers
    assert layer.ceiling is None
    assert layer.about["no_ceiling"] == "12 of 12 stimuli were shown once, or are stored as averages"
    assert layer.about["simulated"] == 1
    assert layer.about["n_sites"] == 9


def test_split_halves_that_do_not_agree_are_refused_when_the_guide_is_built(
    make_recording: Make, shown: StimulusSet
) -> None:
    noisy = next(
        recording
        for seed in range(100)
        if float((recording := make_recording(("V4",), noise=300.0, seed=seed)).mean()) < np.inf
        and _disagrees(recording, shown)
    )
    with pytest.raises(InputError, match=r"region 'V4' cannot guide with a ceiling: .*ceiling=False"):
        Teacher(noisy, stimuli=shown).prepare(**KIND)
    assert Teacher(noisy, stimuli=shown, ceiling=False).prepare(**KIND).layers[0].ceiling is None


@pytest.mark.filterwarnings("ignore::neuroguide._core.errors.NeuroguideWarning")
def _disagrees(recording: xr.DataArray, shown: StimulusSet) -> bool:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroguideWarning)
        try:
            Teacher(recording, stimuli=shown).lesson()
        except InputError:
            return True
    return False


@pytest.mark.parametrize("comparison", ["spearman", "kendall", "cosine", "rho-a"])
def test_other_comparisons(make_rdm: Make, shown: StimulusSet, comparison: str) -> None:
    rdm = make_rdm("IT")
    guide = Teacher(rdm, stimuli=shown, comparison=comparison).prepare(**KIND)
    found = guide.profile(Candidate(), Candidate.stage_names, device="cpu")["IT"]
    upper = np.triu_indices(12, 1)
    from neuroguide.engine.similarity import compare

    for stage, features in features_of(Candidate(), shown).items():
        student, teacher = (1 - np.corrcoef(features))[upper], rdm.values[0][upper]
        expected = float(compare(torch.from_numpy(student), torch.from_numpy(teacher), comparison))
        assert found[stage] == pytest.approx(expected, abs=1e-5)
        if comparison == "spearman":
            assert found[stage] == pytest.approx(spearmanr(student, teacher)[0], abs=1e-5)


def test_distances_and_normalisations_of_teacher_and_candidate(make_recording: Make, shown: StimulusSet) -> None:
    recording = make_recording(("IT",))
    guide = Teacher(
        recording, stimuli=shown, distance=("euclidean", "cosine"), normalise=("zscore", "center"), ceiling=False
    ).prepare(**KIND)
    upper = np.triu_indices(12, 1)
    ids = recording["stimulus_id"].values
    means = np.stack([recording.values[ids == name].mean(0) for name in sorted(set(ids))])
    z = (means - means.mean(0)) / means.std(0)
    teacher = ((z[:, None] - z[None]) ** 2).mean(-1)[upper]
    features = features_of(Candidate(), shown)["first"]
    features = features - features.mean(0)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    student = (1 - unit @ unit.T)[upper]
    found = guide.profile(Candidate(), Candidate.stage_names, device="cpu")["IT"]["first"]
    assert found == pytest.approx(np.corrcoef(teacher, student)[0, 1], abs=1e-5)
    (layer,) = guide.layers
    assert (layer.distance, layer.normalise) == ("cosine", "center")
    assert (layer.about["distance"], layer.about["normalise"]) == ("euclidean", "zscore")


def test_a_network_teaches_by_its_layers(shown: StimulusSet) -> None:
    teacher = Model("teacher", Candidate(7), Preprocess(20), ("first", "second"))
    guide = Teacher(teacher, ["second"], shown).prepare(**KIND, device="cpu")
    (layer,) = guide.layers
    features = activations(teacher, shown, ["second"], device="cpu")["second"].double().numpy()
    np.testing.assert_allclose(layer.rdm.numpy(), (1 - np.corrcoef(features))[np.triu_indices(12, 1)], atol=1e-5)
    assert layer.about["no_ceiling"] == "a network has no trial noise"
    assert layer.about["model_identifier"] == teacher.identifier


def test_a_candidate_is_its_own_perfect_teacher(shown: StimulusSet) -> None:
    """Also with the weights of the teacher at the teacher's own input size: pixels are rounded once."""
    same = Model("same", Candidate(5), Preprocess(20, KIND["mean"], KIND["std"]), ("first", "second"))
    guide = Teacher(same, stimuli=shown).prepare(**{**KIND, "image_size": 20}, device="cpu")
    found = guide.measure(Candidate(5), Candidate.stage_names, accuracy=None, device="cpu")
    assert found["TG"] == pytest.approx(1.0, abs=1e-6)
    assert (found["layer/first"], found["layer/second"]) == ("first", "second")


def test_the_pixels_can_teach_as_a_control(shown: StimulusSet) -> None:
    guide = Teacher("pixels", stimuli=shown).prepare(**KIND, device="cpu")
    assert [layer.name for layer in guide.layers] == ["pixels"]


def test_teachers_that_share_stimuli_share_the_forward_pass(make_rdm: Make, shown: StimulusSet) -> None:
    other = StimulusSet.from_arrays(255 - shown.images()[:], shown.ids)
    first, second = make_rdm("IT"), make_rdm("IT", seed=5)
    together = Teachers([Teacher(first, stimuli=shown), Teacher(second, stimuli=shown, name="second")]).prepare(**KIND)
    assert together.images_forwarded == 12
    assert [layer.name for layer in together.layers] == ["published IT", "second IT"]
    apart = Teachers([Teacher(first, stimuli=shown), Teacher(second, stimuli=other, name="second")]).prepare(**KIND)
    assert apart.images_forwarded == 24
    for guide in (together, apart):
        single = Teacher(first, stimuli=shown).prepare(**KIND).profile(Candidate(), Candidate.stage_names, device="cpu")
        profile = guide.profile(Candidate(), Candidate.stage_names, device="cpu")
        assert profile["published IT"] == single["IT"]


def test_a_part_of_the_stimuli_is_drawn_once(make_recording: Make, make_rdm: Make, shown: StimulusSet) -> None:
    for source in (make_recording(("IT",), noise=0.1), make_rdm("IT")):
        first, again, other = (
            Teacher(source, stimuli=shown, n_stimuli=7, seed=seed, ceiling=False).lesson() for seed in (0, 0, 1)
        )
        assert first.stimuli.ids == again.stimuli.ids
        assert first.stimuli.ids != other.stimuli.ids
        assert torch.equal(first.layers[0].rdm, again.layers[0].rdm)
        assert len(first.layers[0].rdm) == 21
        whole = Teacher(source, stimuli=shown, ceiling=False).lesson()
        square = np.zeros((12, 12))
        square[np.triu_indices(12, 1)] = whole.layers[0].rdm.numpy()
        assert [name for name in whole.stimuli.ids if name in first.stimuli.ids] == first.stimuli.ids
        rows = [whole.stimuli.ids.index(name) for name in first.stimuli.ids]
        np.testing.assert_allclose(first.layers[0].rdm, square[np.ix_(rows, rows)][np.triu_indices(7, 1)], atol=1e-12)
    with pytest.raises(InputError, match="n_stimuli=13, but the teacher has only 12"):
        Teacher(make_rdm("IT"), stimuli=shown, n_stimuli=13).lesson()
    with pytest.raises(InputError, match="at least 3 stimuli"):
        Teacher(make_rdm("IT"), stimuli=shown, n_stimuli=2).lesson()


# candidates that are worth nothing


def test_a_dead_layer_leaves_the_maximum(make_rdm: Make, shown: StimulusSet) -> None:
    network = Candidate()
    with torch.no_grad():
        network.second[0].weight.zero_()
        network.second[0].bias.fill_(0.3)
    found = Teacher(make_rdm("IT"), stimuli=shown).prepare(**KIND).measure(
        network, Candidate.stage_names, accuracy=0.2, device="cpu"
    )  # fmt: skip
    assert found["dead"] == "second"
    assert found["layer/IT"] == "first"
    assert "reason" not in found


@pytest.mark.parametrize("weight", [1.0, -2.0])
def test_a_candidate_without_a_live_layer_gets_the_worst_value(
    make_rdm: Make, shown: StimulusSet, weight: float
) -> None:
    network = Candidate()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    guide = Teacher(make_rdm("IT"), stimuli=shown, weights=[weight]).prepare(**KIND)
    found = guide.measure(network, Candidate.stage_names, accuracy=0.2, device="cpu")
    assert found["TG"] == -abs(weight)
    assert found["dead"] == "first, second"
    assert found["reason"] == "no layer of the candidate has an RDM to compare with IT: all are dead"
    assert "similarity/IT" not in found
    assert guide.value(found) == found["TG"]


def test_diverged_candidates_get_the_worst_value(make_recording: Make, shown: StimulusSet) -> None:
    network = Candidate()
    with torch.no_grad():
        network.second[0].weight[0] = float("nan")
    teacher = Teacher(make_recording(("IT",)), stimuli=shown)
    guide = Combined(teacher, 2.0).prepare(**KIND)
    found = guide.measure(network, Candidate.stage_names, accuracy=float("nan"), device="cpu")
    assert found["P"] == 0
    assert "accuracy is NaN" in found["reason"]
    assert "layer 'second' of the candidate answers with NaN" in found["reason"]
    assert guide.value(found) == pytest.approx(-2 / guide.teacher.layers[0].ceiling)


def test_layers_without_an_rdm() -> None:
    torch.manual_seed(0)
    live = torch.randn(5, 8)
    one_constant, infinite = live.clone(), live.clone()
    one_constant[2] = 0.7
    infinite[1, 1] = float("inf")
    assert live_rdm(live, "correlation", "none") is not None
    for dead in (one_constant, infinite, live[:, :1], torch.full((5, 8), 3.0)):
        assert live_rdm(dead, "correlation", "none") is None
    assert live_rdm(one_constant, "euclidean", "none") is not None


def test_the_same_distance_between_all_stimuli_is_dead_too(make_rdm: Make) -> None:
    white = StimulusSet.from_arrays(np.full((12, 8, 8, 3), 255, dtype=np.uint8), [f"image{i:02d}" for i in range(12)])
    guide = Teacher(make_rdm("IT"), stimuli=white, distance="euclidean").prepare(**KIND)
    found = guide.measure(Candidate(), Candidate.stage_names, accuracy=0.2, device="cpu")
    assert found["dead"] == "first, second"


# standardising


def test_standardised_guidance_is_the_mean_z_score(make_rdm: Make, shown: StimulusSet) -> None:
    guide = Teacher(make_rdm("V4", "IT"), stimuli=shown, standardise=True).prepare(**KIND)
    assert guide.needs_reference
    reference = [guide.measure(Candidate(s), Candidate.stage_names, accuracy=0.1, device="cpu") for s in range(8)]
    assert not any("TG" in measures for measures in reference)
    with pytest.raises(InputError, match=r"guide\.standardised\(measures\)"):
        guide.value(reference[0])
    ready = guide.standardised(reference)
    assert not ready.needs_reference
    scores = np.array([[m["similarity/V4"], m["similarity/IT"]] for m in reference])
    expected = ((scores - scores.mean(0)) / scores.std(0, ddof=1)).mean(1)
    for measures, value in zip(reference, expected, strict=True):
        assert ready.value(measures) == pytest.approx(value, abs=1e-12)
    new = ready.measure(Candidate(99), Candidate.stage_names, accuracy=0.1, device="cpu")
    assert new["TG"] == ready.value(new)
    assert ready.standard.n == {"V4": 8, "IT": 8}
    combined = Combined(Teacher(make_rdm("V4", "IT"), stimuli=shown, standardise=True), 0.5).prepare(**KIND)
    assert combined.needs_reference
    assert combined.standardised(reference).value(new) == pytest.approx(0.1 + 0.5 * new["TG"])


def test_a_reference_set_must_vary_and_be_large_enough(make_rdm: Make, shown: StimulusSet) -> None:
    guide = Teacher(make_rdm("IT"), stimuli=shown, standardise=True).prepare(**KIND)
    one = guide.measure(Candidate(), Candidate.stage_names, accuracy=0.1, device="cpu")
    with pytest.raises(InputError, match=r"at least 3 reference candidates .* there are 2 of 3"):
        guide.standardised([one, one, {"reason": "dead"}])
    with pytest.raises(InputError, match="all 3 reference candidates are equally similar"):
        guide.standardised([one, one, one])


# real recordings


@pytest.mark.real
def test_v4_and_it_from_different_recordings(neuroguide_home: Path) -> None:
    v4 = Teacher("cowley2023:210325", n_stimuli=100)
    it = Teacher("kriegeskorte2008", ["monkey IT"])
    guide = Combined(Teachers([v4, it])).prepare(image_size=32, mean=(0.49, 0.48, 0.45), std=(0.25, 0.24, 0.26))
    assert guide.name == "P + TG(cowley2023:210325 + kriegeskorte2008)"
    assert guide.images_forwarded == 192
    first, second = guide.teacher.layers
    assert (first.name, second.name) == ("V4", "monkey IT")
    assert 0.7 < first.ceiling < 0.95
    assert second.ceiling is None
    assert first.about["licence"]
    found = guide.measure(Candidate(), Candidate.stage_names, accuracy=0.1, device="cpu")
    assert all(-0.2 < found[f"similarity/{layer.name}"] < 0.6 for layer in guide.teacher.layers)
