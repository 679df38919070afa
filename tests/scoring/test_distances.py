"""Distances by name, with settings, in pairs; and RDMs of repetitions through ng.rdm, against numpy and rsatoolbox."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import neuroguide as ng
from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.dissimilarity import Crossnobis, Mahalanobis, PoissonKL, resolve_distance
from neuroguide.models.zoo import Model
from neuroguide.scoring.distances import distance_pair, distance_text, one_distance
from neuroguide.stimuli import StimulusSet


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        ("correlation", "correlation"),
        (Crossnobis(), "crossnobis"),
        (Crossnobis(noise="diagonal", center=False), "crossnobis(noise=diagonal, center=False)"),
        (Mahalanobis(noise="full"), "mahalanobis(noise=full)"),
        (PoissonKL(prior_rate=2.5), "poisson-kl(prior_rate=2.5)"),
    ],
)
def test_a_distance_is_written_as_text_and_read_again(distance, text: str) -> None:
    assert distance_text(distance) == text
    assert one_distance(text) == one_distance(distance)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("crossnobi", "did you mean 'crossnobis'"),
        ("crossnobis(nose=diagonal)", "did you mean 'noise'"),
        ("crossnobis(noise=diag)", "diagonal"),
        ("crossnobis(center=maybe)", "true or false"),
        ("poisson-kl(prior_rate=x)", "a number"),
        ("correlation(x=1)", "distance with settings"),
        ("a/b/c", "one or a pair"),
        ("euclidean/crossnobis", "needs repetitions, which a model has not"),
    ],
)
def test_what_is_no_distance_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        distance_pair(text)


def test_distances_of_repetitions_pair_with_the_squared_euclidean_one() -> None:
    assert distance_pair("crossnobis") == (Crossnobis(), resolve_distance("euclidean"))
    assert distance_pair("mahalanobis(noise=diagonal)/cosine")[1] is resolve_distance("cosine")
    assert distance_pair("cosine") == (resolve_distance("cosine"),) * 2


def crossvalidated(recording: xr.DataArray, ids: list[str]) -> np.ndarray:
    """Squared distances, each repetition against the mean of the others, without a covariance."""
    values = np.stack(
        [recording.sel(presentation=recording["stimulus_id"] == name).sortby("repetition").values for name in ids]
    ).astype(np.float64)
    n, repetitions, sites = values.shape
    total = np.zeros((n, n))
    for fold in range(repetitions):
        one, rest = values[:, fold], np.delete(values, fold, axis=1).mean(axis=1)
        total += np.einsum("ijp,ijp->ij", one[:, None] - one[None, :], rest[:, None] - rest[None, :])
    return total / repetitions / sites


def test_crossnobis_is_the_leave_one_out_mean(recording: xr.DataArray) -> None:
    found = ng.rdm(recording, "crossnobis(noise=none)", dtype="float64")
    ids = found["stimulus_id"].values.tolist()
    np.testing.assert_allclose(found.values, crossvalidated(recording, ids), atol=1e-9)
    assert found.attrs["distance"] == "crossnobis(noise=none)"
    by_region = ng.rdm(recording, Crossnobis(noise="none"), by="region", dtype="float64")
    part = crossvalidated(recording.isel(neuroid=slice(0, 4)), ids)
    np.testing.assert_allclose(by_region.sel(region="V4").values, part, atol=1e-9)


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")  # its own
def test_crossnobis_equals_rsatoolbox(recording: xr.DataArray) -> None:
    toolbox = pytest.importorskip("rsatoolbox")
    dataset = ng.to_rsatoolbox(recording.astype(np.float64))
    theirs = toolbox.rdm.calc_rdm(dataset, "crossnobis", descriptor="stimulus_id", cv_descriptor="repetition")
    expected = ng.from_rsatoolbox(theirs).isel(rdm=0)
    found = ng.rdm(recording, "crossnobis(noise=none)", dtype="float64")
    order = [found["stimulus_id"].values.tolist().index(name) for name in expected["stimulus_id"].values]
    np.testing.assert_allclose(found.values[np.ix_(order, order)], expected.values, atol=1e-9)


def test_unequal_repetitions_and_gaps_are_averaged_over(recording: xr.DataArray) -> None:
    fewer = recording.isel(presentation=slice(0, -3)).copy()
    fewer.values[3, :] = np.nan
    found = ng.rdm(fewer, "crossnobis", dtype="float64")
    assert np.isfinite(found.values).all()
    # with diagonal noise sites may miss repetitions of their own
    fewer.values[10, 2] = np.nan
    assert np.isfinite(ng.rdm(fewer, "crossnobis(noise=diagonal)").values).all()
    with pytest.raises(InputError, match="noise='diagonal'"):
        ng.rdm(fewer, "crossnobis")


def test_a_stimulus_shown_once_is_named(recording: xr.DataArray) -> None:
    shown = recording["stimulus_id"].values
    once = recording.isel(presentation=(shown != "image05") | (recording["repetition"].values == 0))
    with pytest.raises(InputError, match="too few repetitions at some site: image05"):
        ng.rdm(once, "crossnobis")
    with pytest.raises(OptionError, match="needs repetitions"):
        ng.rdm(np.ones((4, 3)), "crossnobis")


def test_sites_not_recorded_together_have_no_covariance(recording: xr.DataArray) -> None:
    apart = recording.assign_attrs(simultaneous=0)
    found = ng.rdm(apart, "mahalanobis", dtype="float64")
    assert found.attrs["distance"] == "mahalanobis(noise=diagonal)"
    expected = ng.rdm(recording, "mahalanobis(noise=diagonal)", dtype="float64")
    np.testing.assert_allclose(found.values, expected.values)
    with pytest.raises(OptionError, match="not recorded together"):
        ng.rdm(apart, Mahalanobis(noise="full"))


def test_silent_sites_do_not_stand_in_the_way(recording: xr.DataArray) -> None:
    silent = recording.copy()
    silent.values[:, 2] = 0
    without = recording.isel(neuroid=[0, 1, *range(3, 10)])
    found = ng.rdm(silent, "crossnobis", dtype="float64").values
    np.testing.assert_allclose(found, ng.rdm(without, "crossnobis", dtype="float64").values)


def test_scores_by_crossnobis_are_those_of_the_two_rdms(
    model: Model, recording: xr.DataArray, stimuli: StimulusSet
) -> None:
    found = ng.score(model, recording, stimuli=stimuli, distance="crossnobis(noise=none)", dtype="float64")
    region = ng.rdm(recording, "crossnobis(noise=none)", by="region", dtype="float64")
    from neuroguide.models.activations import activations

    ids = region["stimulus_id"].values
    features = activations(model, stimuli.select(ids), dtype="float64", device="cpu")
    for layer in ("1", "3"):
        theirs = ng.rdm(features[layer], "euclidean", dtype="float64")
        for name in ("V4", "IT"):
            ours = region.sel(region=name).assign_coords(
                stimulus_id=theirs["stimulus_id"].values, stimulus_id_2=theirs["stimulus_id"].values
            )
            expected = ng.compare(ours, theirs)
            assert float(found["similarity"].sel(layer=layer, region=name)) == pytest.approx(expected, abs=1e-6)
    assert found.attrs["distance"] == "crossnobis(noise=none)"
    assert found.attrs["model_distance"] == "euclidean"
    # four repetitions are two in each half
    assert (found["ceiling"] > found["similarity"].max("layer")).all()
    three = recording.isel(presentation=recording["repetition"].values < 3)
    assert (
        "fewer than 4 repetitions" in ng.score(model, three, stimuli=stimuli, distance="crossnobis").attrs["no_ceiling"]
    )
