"""Profiles, time courses and comparisons of models."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuroguide import plot
from neuroguide._core.errors import InputError


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def data_lines(ax):
    return [line for line in ax.lines if line.get_gid() is None]


def test_profile_draws_the_similarities(make_scores):
    scores = make_scores()
    _, given = plt.subplots()
    ax = plot.profile(scores, ax=given, title="net")
    assert ax is given
    for line, region in zip(data_lines(ax), ("V4", "IT"), strict=True):
        np.testing.assert_allclose(line.get_ydata(), scores.similarity.sel(region=region))
    assert [label.get_text() for label in ax.get_xticklabels()] == list(scores.layer.values)
    assert ax.get_ylabel() == "RDM similarity (Pearson r)"
    assert ax.get_xlabel() == "layer"
    assert legend_texts(ax) == ["V4 (100 sites)", "IT (101 sites)", "noise ceiling", "chance"]
    looks = {(line.get_marker(), line.get_linestyle(), line.get_color()) for line in data_lines(ax)}
    assert len(looks) == 2


def test_ceiling_of_one_region_is_shaded_above(make_scores, drawn):
    ax = plot.profile(make_scores(regions=("IT",)))
    (band,) = drawn(ax, "noise-ceiling")
    assert band.get_paths()[0].get_extents().y0 == pytest.approx(0.7)
    (line,) = drawn(ax, "noise-ceiling-line")
    np.testing.assert_allclose(line.get_ydata(), 0.7)


def test_ceiling_with_bounds_is_a_band_between_them(make_scores, drawn):
    ax = plot.profile(make_scores(regions=("IT",), ceiling="bounds"))
    box = drawn(ax, "noise-ceiling")[0].get_paths()[0].get_extents()
    assert (box.y0, box.y1) == pytest.approx((0.65, 0.73))


def test_ceilings_of_several_regions_carry_their_markers(make_scores, drawn):
    ax = plot.profile(make_scores())
    assert not drawn(ax, "noise-ceiling")
    assert [line.get_ydata()[0] for line in drawn(ax, "noise-ceiling-line")] == pytest.approx([0.7, 0.75])
    markers = [line.get_marker() for line in drawn(ax, "noise-ceiling-marker")]
    assert markers == [line.get_marker() for line in data_lines(ax)]


def test_without_a_ceiling_no_band_but_the_reason(make_scores, drawn, note):
    ax = plot.profile(make_scores(ceiling="none"))
    assert not drawn(ax, "noise-ceiling")
    assert not drawn(ax, "noise-ceiling-line")
    assert note(ax) == "no noise ceiling: every stimulus was shown once"
    assert "noise ceiling" not in legend_texts(ax)


def test_a_region_without_a_ceiling_is_named(make_scores, drawn, note):
    scores = make_scores(no_ceiling="IT: shown once")
    scores["ceiling"] = scores["ceiling"].where(scores["region"] == "V4")
    ax = plot.profile(scores)
    assert len(drawn(ax, "noise-ceiling-line")) == 1
    assert note(ax) == "no noise ceiling for IT: IT: shown once"


def test_intervals(make_scores, drawn):
    scores = make_scores(intervals=True, bootstrap=1000)
    ax = plot.profile(scores)
    ends = np.array([path.vertices[:, 1] for path in drawn(ax, "interval")[1].get_paths()])
    np.testing.assert_allclose(
        ends, np.stack([scores.ci_low.sel(region="IT"), scores.ci_high.sel(region="IT")], axis=1)
    )
    assert "95% interval\n(1,000 bootstrap samples)" in legend_texts(ax)
    assert not drawn(plot.profile(make_scores()), "interval")


def test_intervals_from_samples(make_scores, drawn):
    samples = xr.DataArray(np.random.default_rng(0).normal(size=500), dims="sample")
    scores = make_scores(regions=("IT",))
    scores["similarity"] = scores["similarity"] + 0.01 * samples
    ax = plot.profile(scores)
    np.testing.assert_allclose(data_lines(ax)[0].get_ydata(), scores.similarity.mean("sample").values[:, 0])
    low, high = drawn(ax, "interval")[0].get_paths()[0].vertices[:, 1]
    assert (low, high) == pytest.approx(tuple(np.quantile(scores.similarity.values[0, 0], (0.025, 0.975))))


def test_normalised_profile(make_scores, drawn):
    scores = make_scores(intervals=True)
    ax = plot.profile(scores, normalized=True)
    np.testing.assert_allclose(data_lines(ax)[1].get_ydata(), scores.similarity.sel(region="IT") / 0.75)
    assert ax.get_ylabel() == "RDM similarity / noise ceiling"
    np.testing.assert_allclose(drawn(ax, "noise-ceiling-line")[0].get_ydata(), 1.0)
    with pytest.raises(InputError, match="shown once"):
        plot.profile(make_scores(ceiling="none"), normalized=True)


def test_chance_is_drawn_only_where_it_is_known(make_scores, drawn):
    assert drawn(plot.profile(make_scores()), "chance")[0].get_ydata()[0] == 0
    assert not drawn(plot.profile(make_scores(metric="cka")), "chance")
    assert not drawn(plot.profile(make_scores(comparison="cosine")), "chance")
    assert not drawn(plot.profile(make_scores(), chance=None), "chance")
    assert drawn(plot.profile(make_scores(), chance=0.1), "chance")[0].get_ydata()[0] == 0.1
    assert drawn(plot.profile(make_scores(chance=0.05)), "chance")[0].get_ydata()[0] == 0.05
    with pytest.raises(InputError, match="chance"):
        plot.profile(make_scores(), chance="random")


def test_marks_simulated_scores(make_scores, drawn):
    assert not drawn(plot.profile(make_scores()), "simulated")
    assert drawn(plot.profile(make_scores(simulated=1)), "simulated")
    assert all(drawn(ax, "simulated") for ax in plot.profiles(make_scores(simulated=1)))
    assert drawn(plot.comparison(make_scores(models=3, simulated=1), region="IT"), "simulated")
    assert all(drawn(ax, "simulated") for ax in plot.comparisons(make_scores(models=3, simulated=1)))


def test_layers_without_a_value_are_gaps_or_left_out(make_scores):
    scores = make_scores()
    scores["similarity"] = scores.similarity.where((scores.layer != "layer1") | (scores.region != "V4"))
    scores["similarity"] = scores.similarity.where(scores.layer != "layer2")
    ax = plot.profile(scores)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["layer0", "layer1", "layer3"]
    assert np.isnan(data_lines(ax)[0].get_ydata()).tolist() == [False, True, False]


@pytest.mark.parametrize("count", [3, 6, 20, 80])
def test_layer_names_never_overlap(make_scores, count):
    names = [f"features.denseblock{i}.conv" for i in range(count)]
    ax = plot.profile(make_scores(names, ("IT",)))
    ax.figure.draw_without_rendering()
    labels = ax.get_xticklabels()
    places = np.array([ax.transData.transform((tick, 0))[0] for tick in ax.get_xticks()])
    height = labels[0].get_fontsize() * ax.figure.dpi / 72
    angle = labels[0].get_rotation()
    if angle == 0:
        boxes = [label.get_window_extent() for label in labels]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    else:
        assert np.diff(places).min() * np.sin(np.radians(angle)) >= height
    assert len({label.get_text() for label in labels}) == len(labels)


def _one_line(artist):
    return getattr(artist, "get_text", str)().replace("\n", " ")


def test_title_note_and_mark_never_overlap(make_scores):
    for title in (None, "short", "a title that is much too long to stand beside anything else on one line of a figure"):
        ax = plot.profile(make_scores(ceiling="none", simulated=1), title=title)
        ax.figure.draw_without_rendering()
        texts = [artist for artist in ax.texts if artist.get_gid() in ("note", "simulated")]
        texts += [artist for artist in ax.findobj() if title and _one_line(artist) == title]
        boxes = [text.get_window_extent() for text in texts]
        assert len(boxes) == (2 if title is None else 3)
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_profile_refuses_several_dims_and_what_is_no_scores(make_scores):
    with pytest.raises(InputError, match=r"'model' and 'region'.*profiles"):
        plot.profile(make_scores(models=3))
    with pytest.raises(InputError, match="Scores dataset"):
        plot.profile(make_scores().similarity)
    with pytest.raises(InputError, match="no variable 'similarity'"):
        plot.profile(make_scores().rename(similarity="r"))
    with pytest.raises(InputError, match="unknown dim 'unit'"):
        plot.profile(make_scores().rename(layer="unit"))
    with pytest.raises(InputError, match="no finite"):
        plot.profile(make_scores() * np.nan)
    assert not plt.get_fignums()


def test_a_model_dim_gives_lines_too(make_scores):
    ax = plot.profile(make_scores(regions=("IT",), models=3))
    assert [text for text in legend_texts(ax) if text.startswith("model")] == [
        f"model{i} (100 sites)" for i in range(3)
    ]


def test_profiles_have_a_panel_each_and_one_scale(make_scores, drawn):
    scores = make_scores(regions=("V4", "pIT", "aIT"))
    axes = plot.profiles(scores)
    assert axes.shape == (3,)
    assert [ax.get_title(loc="left") for ax in axes] == ["V4 (100 sites)", "pIT (101 sites)", "aIT (102 sites)"]
    assert len({ax.get_ylim() for ax in axes}) == 1
    assert all(len(drawn(ax, "noise-ceiling")) == 1 for ax in axes)
    for ax, region in zip(axes, scores.region.values, strict=True):
        np.testing.assert_allclose(data_lines(ax)[0].get_ydata(), scores.similarity.sel(region=region))
    by_model = plot.profiles(make_scores(models=2), by="model", axes=plt.subplots(1, 2)[1])
    assert [len(data_lines(ax)) for ax in by_model] == [2, 2]


def test_profiles_refuse_an_absent_dim(make_scores):
    with pytest.raises(InputError, match="by='animal'"):
        plot.profiles(make_scores(), by="animal")
    with pytest.raises(InputError, match="columns"):
        plot.profiles(make_scores(), columns=0)


def p_values(different):
    names = ["model0", "model1", "model2"]
    p = pd.DataFrame(0.5, index=names, columns=names)
    for one, other in different:
        p.loc[one, other] = p.loc[other, one] = 0.01
    return p


def test_comparison_draws_the_best_layer_best_model_first(make_scores, note):
    scores = make_scores(models=3)
    ax = plot.comparison(scores, region="IT")
    best = scores.similarity.sel(region="IT").max("layer")
    order = np.argsort(-best.values)
    np.testing.assert_allclose(data_lines(ax)[-1].get_xdata(), best.values[order])
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"model{i}" for i in order]
    assert ax.get_ylim() == (2.5, -0.5)
    assert ax.get_xlabel() == "RDM similarity (Pearson r)"
    assert ax.get_title(loc="left") == "IT (101 sites)"
    assert "best of 4 layers (biased upwards)" in note(ax)
    unsorted = plot.comparison(scores, region="IT", sort=False)
    np.testing.assert_allclose(data_lines(unsorted)[-1].get_xdata(), best.values)


def test_the_note_counts_the_layers_of_each_model(make_scores, note):
    scores = make_scores(models=3, layers=6)
    own = (scores.model != "model0") | (scores.layer == "layer0")
    scores["similarity"] = scores.similarity.where(own)
    assert "best of 1 to 6 layers" in note(plot.comparison(scores, region="IT"))
    assert note(plot.comparison(scores.isel(layer=[0]), region="IT")) == ""


def test_comparison_takes_the_crossvalidated_value(make_scores, note):
    scores = make_scores(models=3, intervals=True)
    scores["crossvalidated"] = (("model", "region"), np.arange(6.0).reshape(3, 2) / 10)
    ax = plot.comparison(scores, region="IT", sort=False)
    np.testing.assert_allclose(data_lines(ax)[-1].get_xdata(), [0.1, 0.3, 0.5])
    assert "layer chosen on other stimuli" in note(ax)


def test_comparison_ceiling_bars_and_missing_models(make_scores, drawn):
    scores = make_scores(models=3, ceiling="bounds", intervals=True)
    scores["similarity"] = scores.similarity.where(scores.model != "model1")
    ax = plot.comparison(scores, region="IT", kind="bars", sort=False)
    box = drawn(ax, "noise-ceiling")[0].get_paths()[0].get_extents()
    assert (box.x0, box.x1) == pytest.approx((0.70, 0.78))
    widths = [bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(widths, scores.similarity.sel(region="IT").max("layer"))
    assert "no score" in [text.get_text() for text in ax.texts]
    assert not drawn(plot.comparison(make_scores(models=2, ceiling="none"), region="IT"), "noise-ceiling")


@pytest.mark.parametrize("marks", ["letters", "arrows"])
def test_significance_stands_right_of_the_data(make_scores, drawn, marks):
    scores = make_scores(models=3, intervals=True)
    ax = plot.comparison(
        scores, region="IT", significance=p_values([("model0", "model1"), ("model1", "model2")]), marks=marks
    )
    ax.figure.draw_without_rendering()
    artists = drawn(ax, "significance")
    assert artists
    assert all(artist.get_window_extent().x0 >= ax.bbox.x1 for artist in artists)


def test_letters_say_who_differs(make_scores, drawn):
    scores = make_scores(models=3)
    scores["similarity"] = 0 * scores.similarity + xr.DataArray([0.5, 0.4, 0.3], dims="model")
    table = p_values([("model0", "model2")])
    for significance in (
        table,
        xr.DataArray(
            table.values, dims=("model", "model_2"), coords={"model": table.index, "model_2": list(table.index)}
        ),
    ):
        ax = plot.comparison(scores, region="IT", significance=significance)
        letters = {row: "" for row in range(3)}
        for text in drawn(ax, "significance"):
            letters[text.xy[1]] += text.get_text()
        assert letters == {0: "a", 1: "ab", 2: "b"}
    given = plot.comparison(scores, region="IT", significance={"model0": "x", "model1": "xy", "model2": "y"})
    assert [text.get_text() for text in drawn(given, "significance")] == ["x", "x", "y", "y"]


def test_comparison_refuses(make_scores):
    scores = make_scores(models=3)
    with pytest.raises(InputError, match=r"region=….*V4, IT.*comparisons"):
        plot.comparison(scores)
    with pytest.raises(InputError, match="no region 'V1'"):
        plot.comparison(scores, region="V1")
    with pytest.raises(InputError, match="no dim 'model'"):
        plot.comparison(make_scores(regions=("IT",)))
    with pytest.raises(InputError, match="did you mean 'dots'"):
        plot.comparison(scores, region="IT", kind="dot")
    with pytest.raises(InputError, match="alpha"):
        plot.comparison(scores, region="IT", alpha=5)
    table, lopsided = p_values([]), p_values([])
    lopsided.loc["model1", "model0"] = 0.001
    for wrong, says in (
        (table.drop(columns="model1"), "'model1'"),
        (table * 3, "outside 0 to 1"),
        (lopsided, "not symmetric"),
        (table * np.nan, "lacks the p value"),
        ({"model0": "a"}, "no letters"),
        (0.05, "square table"),
    ):
        with pytest.raises(InputError, match=says):
            plot.comparison(scores, region="IT", significance=wrong)
    assert not plt.get_fignums()


def test_comparisons_have_one_order(make_scores):
    scores = make_scores(models=4)
    axes = plot.comparisons(scores)
    best = scores.similarity.max("layer")
    order = np.argsort(-best.mean("region").values)
    for ax, region in zip(axes, ("V4", "IT"), strict=True):
        np.testing.assert_allclose(data_lines(ax)[-1].get_xdata(), best.sel(region=region).values[order])
    assert axes[0].get_xlim() == axes[1].get_xlim()


def with_time(scores):
    start = np.arange(-20, 60, 20)
    growth = xr.DataArray([0.0, 0.2, 1.0, 0.5], dims="time_bin")
    scaled = scores.assign(similarity=scores.similarity * growth)
    return scaled.assign_coords(time_bin_start=("time_bin", start), time_bin_end=("time_bin", start + 20))


def test_time_course_of_scores(make_scores, drawn):
    scores = with_time(make_scores(simulated=1))
    ax = plot.time_course(scores, layer="layer2", stimulus=(0, 30))
    for line, region in zip(data_lines(ax), ("V4", "IT"), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [-10, 10, 30, 50])
        np.testing.assert_allclose(line.get_ydata(), scores.similarity.sel(region=region, layer="layer2"))
    assert ax.get_xlabel() == "time after stimulus onset (ms)"
    assert drawn(ax, "simulated")
    box = drawn(ax, "stimulus")[0].get_paths()[0].get_extents()
    assert (box.x0, box.x1) == (0, 30)
    assert box.y1 < min(0.0, *(line.get_ydata().min() for line in data_lines(ax)))
    with pytest.raises(InputError, match="layer=…"):
        plot.time_course(scores)


def test_time_course_of_sites(make_sites, drawn):
    values = with_time(make_sites(simulated=1).to_dataset(name="similarity")).similarity
    ax = plot.time_course(values.assign_attrs(simulated=1), label="reliability")
    median = values.isel(neuroid=slice(6)).median("neuroid")
    np.testing.assert_allclose(data_lines(ax)[0].get_ydata(), median)
    assert ax.get_ylabel() == "reliability"
    assert len(drawn(ax, "interval")) == 2
    assert drawn(ax, "simulated")
    single = plot.time_course(values.isel(neuroid=0, drop=True))
    np.testing.assert_allclose(data_lines(single)[0].get_ydata(), values[0])


def test_time_course_refuses(make_scores):
    with pytest.raises(InputError, match="time_bin_start"):
        plot.time_course(make_scores())
    scores = with_time(make_scores(regions=("IT",), layers=1))
    with pytest.raises(InputError, match="ascending"):
        plot.time_course(scores.isel(time_bin=[1, 0]))
    with pytest.raises(InputError, match="on, off"):
        plot.time_course(scores, stimulus=(10, 0))
    with pytest.raises(InputError, match="DataArray arrived"):
        plot.time_course(scores.similarity, layer="layer0")
    with pytest.raises(InputError, match="time_bin"):
        plot.time_course([1, 2])
