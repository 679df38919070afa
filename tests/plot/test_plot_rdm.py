"""RDMs as pictures."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text
from scipy.stats import percentileofscore

from neuroguide import plot
from neuroguide._core.errors import InputError

UPPER = np.triu_indices(12, 1)


def test_draws_the_dissimilarities_in_a_new_axes(make_rdm, drawn):
    rdm = make_rdm()
    ax = plot.rdm(rdm, title="IT")
    assert isinstance(ax, Axes)
    np.testing.assert_array_equal(ax.images[0].get_array(), rdm.values)
    assert ax.images[0].get_clim() == pytest.approx((rdm.values[UPPER].min(), rdm.values[UPPER].max()))
    assert ax.get_title(loc="left") == "IT"
    assert not drawn(ax, "simulated")


def test_uses_the_axes_given_and_no_other(make_rdm):
    _, ax = plt.subplots()
    assert plot.rdm(make_rdm(), ax=ax) is ax
    assert len(plt.get_fignums()) == 1


def test_colour_scale_names_the_distance(make_rdm):
    ax = plot.rdm(make_rdm())
    labels = [other.get_ylabel().replace("\u00a0", " ") for other in ax.child_axes]
    assert "dissimilarity (1 − Pearson r)" in labels
    assert not plot.rdm(make_rdm(), colorbar=False).child_axes
    published = make_rdm(units="1 - Pearson correlation")
    del published.attrs["distance"]
    assert plot.rdm(published).child_axes[0].get_ylabel() == "dissimilarity (1 - Pearson correlation)"
    assert plot.rdm(published.values).child_axes[0].get_ylabel() == "dissimilarity"


def test_marks_simulated_data(make_rdm, drawn):
    assert drawn(plot.rdm(make_rdm(simulated=1)), "simulated")[0].get_text() == "simulated data"
    assert drawn(plot.rdm(make_rdm(simulated="1")), "simulated")
    assert drawn(plot.rdm(make_rdm(), simulated=True), "simulated")
    # attributes that say so cannot be overruled
    assert drawn(plot.rdm(make_rdm(simulated=1), simulated=False), "simulated")


def test_groups_stimuli_by_category(make_rdm, drawn):
    rdm = make_rdm()
    ax = plot.rdm(rdm, categories="category")
    order = [*range(0, 12, 3), *range(1, 12, 3), *range(2, 12, 3)]
    np.testing.assert_array_equal(ax.images[0].get_array(), rdm.values[np.ix_(order, order)])
    assert [text.get_text() for text in ax.texts] == ["face", "hand", "house"]
    assert len(drawn(ax, "category-line")) == 4
    by_mapping = plot.rdm(
        rdm, categories={str(s): str(c) for s, c in zip(rdm.stimulus_id.values, rdm.category.values, strict=True)}
    )
    np.testing.assert_array_equal(by_mapping.images[0].get_array(), ax.images[0].get_array())


def test_category_names_keep_apart(make_rdm):
    ax = plot.rdm(make_rdm(60), categories=["a"] * 50 + [f"b{i}" for i in range(9)] + ["c"])
    ax.figure.draw_without_rendering()
    # of the words alone, without their leaders
    heights = sorted((box.y0, box.y1) for box in (Text.get_window_extent(text) for text in ax.texts))
    assert len(heights) == 11
    assert all(below[1] <= above[0] + 0.5 for below, above in itertools.pairwise(heights))


def test_rank_draws_percentiles_of_the_pairs(make_rdm):
    rdm = make_rdm()
    image = plot.rdm(rdm, rank=True).images[0]
    pairs = rdm.values[UPPER]
    # percentileofscore(kind="mean") runs from half a step to 100 - half a step
    expected = (np.array([percentileofscore(pairs, p, kind="rank") for p in pairs]) / 100 * 66 - 1) / 65 * 100
    np.testing.assert_allclose(image.get_array()[UPPER], expected)
    np.testing.assert_array_equal(image.get_array(), image.get_array().T)
    assert image.get_clim() == (0, 100)


def test_pairs_without_a_value_stay_empty_and_are_counted(make_rdm, note):
    rdm = make_rdm()
    rdm.values[2, 5] = rdm.values[5, 2] = np.nan
    ax = plot.rdm(rdm)
    assert np.ma.getmaskarray(ax.images[0].get_array()).sum() == 2
    assert ax.patch.get_hatch()
    assert "no value (1 pairs)" in note(ax)


def test_pictures_stand_in_the_order_of_the_stimuli(make_rdm, drawn):
    rdm = make_rdm()
    pictures = np.stack([np.full((6, 6, 3), 20 * i, dtype=np.uint8) for i in range(12)])
    ax = plot.rdm(rdm, thumbnails=pictures, categories="category")
    left, lower = drawn(ax, "thumbnails")
    order = [*range(0, 12, 3), *range(1, 12, 3), *range(2, 12, 3)]
    for edge in (left, lower):
        assert [int(image.get_array()[0, 0, 0]) for image in edge.images] == [20 * i for i in order]


def test_many_pictures_are_thinned_and_only_those_are_read(make_rdm, drawn):
    class Stimuli:
        ids = tuple(f"s{i:02d}" for i in range(400))

        def __init__(self):
            self.read = []

        def images(self, size=None):
            return self

        def __getitem__(self, index):
            self.read.append(index)
            return np.zeros((4, 4, 3), dtype=np.uint8)

    rdm = make_rdm(400).assign_coords(stimulus_id=list(Stimuli.ids), stimulus_id_2=list(Stimuli.ids))
    stimuli = Stimuli()
    ax = plot.rdm(rdm, thumbnails=stimuli)
    assert 20 < len(drawn(ax, "thumbnails")[0].images) == len(stimuli.read) < 200


def test_few_stimuli_are_named(make_rdm):
    names = [label.get_text() for label in plot.rdm(make_rdm()).get_yticklabels()]
    assert names == [f"s{i:02d}" for i in range(12)]
    assert "60 stimuli" in plot.rdm(make_rdm(60)).get_xlabel()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda r: r.values[:, :5], "square"),
        (lambda r: r.values + np.arange(12), "symmetric"),
        (lambda r: r.where(r != r[0, 1], np.inf), "infinite"),
        (lambda r: r.rename(stimulus_id="image_id"), "dims"),
        (lambda r: r.expand_dims(region=2), "rdms"),
        (lambda r: r.astype(str), "real numbers"),
        (lambda r: r.assign_coords(stimulus_id=["a"] * 12, stimulus_id_2=["a"] * 12), "twice"),
        (lambda r: r.assign_coords(stimulus_id_2=r.stimulus_id_2.values[::-1]), "orders"),
        (lambda r: r * np.nan, "nothing to draw"),
    ],
)
def test_refuses_what_is_no_rdm(make_rdm, spoil, says):
    with pytest.raises(InputError, match=says):
        plot.rdm(spoil(make_rdm()))
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"categories": "object"}, "it has: category"),
        ({"categories": ["a"] * 5}, "5 labels"),
        ({"categories": {"s00": "a"}}, "11 stimuli"),
        ({"thumbnails": np.zeros((3, 4, 4, 3))}, "3 images for 12"),
        ({"thumbnails": {"s00": np.zeros((4, 4, 3))}}, "no image of"),
        ({"thumbnails": np.zeros((12, 4, 4, 7))}, "shape"),
        ({"thumbnails": "folder"}, "StimulusSet"),
        ({"limits": (1, 0)}, "limits"),
        ({"ax": "left"}, "Axes"),
    ],
)
def test_refuses_options_that_do_not_fit(make_rdm, options, says):
    with pytest.raises(InputError, match=says):
        plot.rdm(make_rdm(), **options)


def test_gallery_has_one_scale_and_one_order(make_rdm, drawn):
    brain, model = make_rdm(simulated=1), make_rdm(seed=3) * 2
    shuffled = model.isel(stimulus_id=slice(None, None, -1), stimulus_id_2=slice(None, None, -1))
    axes = plot.rdms({"IT": brain, "layer4": shuffled})
    assert isinstance(axes, np.ndarray)
    assert axes.shape == (2,)
    np.testing.assert_array_equal(axes[0].images[0].get_array(), brain.values)
    np.testing.assert_array_equal(axes[1].images[0].get_array(), model.values)
    assert axes[0].images[0].get_clim() == axes[1].images[0].get_clim()
    assert [ax.get_title(loc="left") for ax in axes] == ["IT", "layer4"]
    assert [len(drawn(ax, "simulated")) for ax in axes] == [1, 0]


def test_gallery_of_regions_and_given_axes(make_rdm):
    regions = make_rdm().expand_dims(region=["V4", "IT", "AIT"])
    figure, given = plt.subplots(1, 3)
    axes = plot.rdms(regions, axes=given, rank=True)
    assert list(axes) == list(given)
    assert [ax.get_title(loc="left") for ax in axes] == ["V4", "IT", "AIT"]
    # the panels and the colour scale
    assert len(figure.axes) == 4


def test_gallery_refuses_other_stimuli_and_other_numbers_of_axes(make_rdm):
    with pytest.raises(InputError, match="different stimuli"):
        plot.rdms({"a": make_rdm(12), "b": make_rdm(11)})
    with pytest.raises(InputError, match="3 matplotlib Axes"):
        plot.rdms(make_rdm().expand_dims(region=3), axes=plt.subplots(1, 2)[1])
    with pytest.raises(InputError, match="empty"):
        plot.rdms({})
    with pytest.raises(InputError, match="leading dim"):
        plot.rdms(make_rdm())
    with pytest.raises(InputError, match="dict of name"):
        plot.rdms([make_rdm()])
