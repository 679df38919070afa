"""Standard rows, partial similarity, similarity inside categories; days of one array; the Methods paragraph."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.spatial.distance import pdist

from neuroguide._core.errors import InputError, OptionError
from neuroguide.models import open_model
from neuroguide.recordings import average_repetitions, select
from neuroguide.scoring import (
    compare,
    compare_recordings,
    join_models,
    methods_paragraph,
    partial_similarity,
    rdm,
    score,
    within_category_similarity,
)
from neuroguide.stimuli import StimulusSet


def _partial(a, b, given, ranks=False):
    """The textbook's partial correlation: that of the residuals of two regressions."""
    if ranks:
        a, b, *given = (stats.rankdata(values) for values in (a, b, *given))
    design = np.column_stack([np.ones(len(a)), *given])
    left = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (a, b)]
    return np.corrcoef(*left)[0, 1]


def _condensed(rdm):
    return rdm.values[np.triu_indices(len(rdm), 1)]


@pytest.fixture
def rdms(recording):
    """Of the two regions and of the mean rate."""
    both = rdm(recording, by="region", dtype="float64")
    rates = average_repetitions(recording).mean("neuroid")
    own = xr.zeros_like(both[0]).copy(data=np.abs(np.subtract.outer(rates.values, rates.values)))
    return both[0], both[1], own


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_partial_similarity(rdms, method):
    a, b, rate = rdms
    order = np.random.default_rng(0).permutation(len(a))
    expected = _partial(*(_condensed(each) for each in (a, b)), [_condensed(rate)], ranks=method == "spearman")
    assert partial_similarity(a, b.isel(stimulus_id=order, stimulus_id_2=order), [rate], method) == pytest.approx(
        expected
    )
    assert partial_similarity(a, b, [], method) == pytest.approx(compare(a, b, method))
    with pytest.raises(InputError, match="explained completely by the controls"):
        partial_similarity(a, b, [b])
    with pytest.raises(OptionError, match="not defined for 'kendall'"):
        partial_similarity(a, b, [rate], "kendall")
    with pytest.raises(InputError, match="others than the 12 of the first"):
        partial_similarity(a, b.isel(stimulus_id=slice(5), stimulus_id_2=slice(5)), [rate])


def test_scores_given_controls(model, recording, stimuli):
    found = score(model, recording, stimuli=stimuli, given=["pixels", "mean-rate"], dtype="float64")
    means = average_repetitions(recording)
    images = open_model("pixels").preprocess(stimuli.select(means["stimulus_id"].values).images()[:])
    pixels = pdist(images.flatten(1).double().numpy(), "correlation")
    plain = score(model, recording, stimuli=stimuli, dtype="float64")
    np.testing.assert_allclose(found["similarity"].values, plain["similarity"].values)
    for region in ("V4", "IT"):
        part = means.values[:, means["region"].values == region].astype(float)
        rate = pdist(part.mean(axis=1, keepdims=True), "cityblock")
        layer = model.module[:2](model.preprocess(stimuli.select(means["stimulus_id"].values).images()[:])).detach()
        layer_rdm = pdist(layer.flatten(1).double().numpy(), "correlation")
        expected = _partial(layer_rdm, pdist(part, "correlation"), [pixels, rate])
        assert float(found["partial"].sel(layer="1", region=region)) == pytest.approx(expected, abs=1e-5)
    assert found.attrs["given"] == '["pixels", "mean-rate"]'
    assert "given the matrices of pixels, mean-rate" in methods_paragraph(found)


def test_the_mean_rate_is_a_model(recording, stimuli):
    found = score("mean-rate", recording)  # no images are needed
    assert found["layer"].values.tolist() == ["mean rate, V4", "mean rate, IT"]
    means = average_repetitions(recording)
    v4 = means.values[:, means["region"].values == "V4"].astype(float)
    expected = np.corrcoef(pdist(v4.mean(axis=1, keepdims=True), "cityblock"), pdist(v4, "correlation"))[0, 1]
    assert float(found["similarity"][0, 0]) == pytest.approx(expected, abs=1e-5)
    for options, says in (
        ({"metric": "ridge"}, "is an RDM of each region"),
        ({"time": "each"}, "and a network"),
        ({"per": "site"}, "use metric='rsa' and per='region'"),
    ):
        with pytest.raises(OptionError, match=says):
            score("mean-rate", recording, stimuli=stimuli, **options)
    with pytest.raises(OptionError, match="the mean rate needs responses"):
        score("mean-rate", rdm(recording, by="region"), stimuli=stimuli)


def test_luminance_and_contrast(recording, stimuli):
    grey = np.zeros((12, 16, 16, 3), np.uint8) + (np.arange(12) * 20)[:, None, None, None].astype(np.uint8)
    grey[:, :8] += (np.arange(1, 13)[::-1, None, None, None] * 2).astype(np.uint8)
    shown = StimulusSet.from_arrays(grey, stimuli.ids, identifier="greys")
    found = score("luminance-contrast", recording, stimuli=shown, dtype="float64")
    assert found["layer"].values.tolist() == ["luminance", "contrast", "both"]
    ids = average_repetitions(recording)["stimulus_id"].values
    images = shown.select(ids).images()[:] / 255
    means = average_repetitions(recording)
    v4 = pdist(means.values[:, means["region"].values == "V4"].astype(float), "correlation")
    for layer, values in (
        ("luminance", np.pi * images.mean((1, 2, 3))),
        ("contrast", 2 * np.pi * images.std((1, 2, 3))),
    ):
        expected = np.corrcoef(1 - np.cos(pdist(values[:, None], "cityblock")), v4)[0, 1]
        assert float(found["similarity"].sel(layer=layer, region="V4")) == pytest.approx(expected, abs=1e-4)
    rows = [
        found,
        score("pixels", recording, stimuli=shown, dtype="float64"),
        score("mean-rate", recording, dtype="float64"),
    ]
    assert join_models(rows).sizes["model"] == 3


def test_inside_categories(rdms):
    a, b, _ = rdms
    categories = {str(name): "xyz"[min(int(name[-2:]) // 5, 2)] for name in a["stimulus_id"].values}
    found = within_category_similarity(a, b, categories)
    assert found["category"].values.tolist() == sorted("xy", key=list(categories.values()).index)
    assert found["n_stimuli"].values.tolist() == [5, 5]  # two stimuli make no RDM
    of = np.array([categories[name] for name in a["stimulus_id"].values])
    one = np.flatnonzero(of == "x")
    part = [_condensed(each.isel(stimulus_id=one, stimulus_id_2=one)) for each in (a, b)]
    assert float(found["similarity"].sel(category="x")) == pytest.approx(np.corrcoef(*part)[0, 1])
    assert found.attrs["mean"] == pytest.approx(found["similarity"].values.mean())
    with pytest.raises(InputError, match="1 of 12 stimuli have no category"):
        within_category_similarity(a, b, dict(list(categories.items())[1:]))
    with pytest.raises(InputError, match="no category has 4 stimuli"):
        within_category_similarity(a, b, {name: name for name in categories})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"given": "pixels"}, "give a list of controls"),
        ({"given": ["pixels"], "metric": "ridge"}, "use metric='rsa'"),
        ({"given": ["pixels"], "comparison": "kendall"}, "not defined for 'kendall'"),
        ({"given": ["pixel"]}, "did you mean 'pixels'"),
    ],
)
def test_impossible_controls(model, recording, stimuli, options, says):
    with pytest.raises(OptionError, match=says):
        score(model, recording, stimuli=stimuli, **options)


def test_two_days_of_one_array(recording):
    rng = np.random.default_rng(3)
    second = recording.copy(data=rng.poisson(np.maximum(recording.values, 0.1)).astype(np.float32))
    second = second.isel(presentation=np.flatnonzero(second["stimulus_id"].values != "image03"))
    second = second.isel(neuroid=[9, 8, 7, 2, 1, 0])
    found = compare_recordings(recording, second)
    assert found.attrs["n_stimuli"] == 11
    assert found["region"].values.tolist() == ["V4", "IT"]
    assert found["neuroid_id"].values.tolist() == ["site0", "site1", "site2", "site7", "site8", "site9"]
    ids = sorted(set(second["stimulus_id"].values.tolist()))
    means = [average_repetitions(each) for each in (recording, second)]
    tuning = []
    for each in means:
        place = [each["stimulus_id"].values.tolist().index(i) for i in ids]
        tuning.append(each.values[place, each["neuroid_id"].values.tolist().index("site7")])
    assert float(found["tuning"][3]) == pytest.approx(np.corrcoef(*tuning)[0, 1])
    product = found["reliability_first"] * found["reliability_second"]
    np.testing.assert_allclose(found["corrected"].values, (found["similarity"] / np.sqrt(product)).values)
    assert compare_recordings(recording, recording)["similarity"].values == pytest.approx(1)
    with pytest.raises(InputError, match="share 1 stimuli"):
        compare_recordings(recording, second.isel(presentation=second["stimulus_id"].values == "image04"))
    with pytest.raises(InputError, match="share no region: V4, IT and V1"):
        compare_recordings(recording, second.assign_coords(region=("neuroid", ["V1"] * 6)))


def test_the_methods_paragraph_of_a_recording(model, recording, stimuli):
    chosen = select(recording.assign_attrs(units="spikes/s", time_window="70 to 170 ms"), region="IT", reliability=0.2)
    text = methods_paragraph(score(model, chosen, stimuli=stimuli, permutations=100, normalise="zscore"))
    for part in (
        "the model small were compared with test recording (simulated data: no animal was recorded) [nobody]: 12",
        "in animal m1", "Sites were included by this rule: region: IT; reliability >= 0.2 (",
        "Responses (spikes/s) were averaged over 4 repetitions, in the window 70 to 170 ms.",
        "Each site was z-scored across stimuli.", "degrees of visual angle is unknown",
        "(dissimilarity: one minus Pearson's correlation) were compared by Pearson's correlation",
        "Noise ceiling: split halves",
        "P values come from 100 permutations", "seed 0.",
    ):  # fmt: skip
        assert part in text


def test_the_methods_paragraph_of_an_rdm_and_of_a_regression(model, recording, stimuli):
    text = methods_paragraph(score(model, rdm(recording, by="region"), stimuli=stimuli))
    assert "Only the dissimilarity matrices of the recording were available." in text
    assert "There is no noise ceiling: an RDM without its repetitions has none." in text
    assert "Nothing was resampled." in text
    resampled = score(model, recording, stimuli=stimuli).assign_attrs(bootstrap=1000, resample="both", ci_level=0.95)
    says = "Intervals are 95% bootstrap intervals from 1,000 samples of the stimuli and sites"
    assert says in methods_paragraph(resampled)
    assert "ridge regression" in methods_paragraph(score(model, recording, stimuli=stimuli, metric="ridge"))
    with pytest.raises(InputError, match="scores have no attribute 'metric'"):
        methods_paragraph(xr.Dataset())
