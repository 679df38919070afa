"""Values of single sites: the map of the arrays and the histogram."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from neuroguide import plot
from neuroguide._core.errors import InputError


def test_map_puts_every_site_in_its_place(make_sites, drawn):
    values = make_sites(simulated=1, long_name="split-half reliability")
    axes = plot.sites(values)
    assert [ax.get_title(loc="left") for ax in axes] == ["A, array M (6\u00a0sites)", "B, array M (6\u00a0sites)"]
    grid = axes[1].images[0].get_array()
    np.testing.assert_allclose(grid, values.values[6:].reshape(2, 3))
    assert axes[1].images[0].get_extent() == [0.5, 3.5, 1.5, -0.5]
    assert axes[0].images[0].get_clim() == axes[1].images[0].get_clim() == pytest.approx((0.1, 0.9))
    assert all(drawn(ax, "simulated") for ax in axes)
    assert [len(drawn(ax, "no-value")) for ax in axes] == [1, 0]
    assert drawn(axes[0], "no-value")[0].get_xy() == (1.5, 0.5)
    assert axes[0].get_xlabel() == "electrode column"
    labels = [ax.get_ylabel().replace("\n", " ") for ax in axes[0].figure.axes]
    assert "split-half reliability" in labels


def test_map_averages_units_of_one_electrode(make_sites, note):
    values = make_sites().assign_coords(col=("neuroid", [1, 1, 3] * 4), row=("neuroid", [0] * 12))
    (first, second) = plot.sites(values)
    part = values.values[6:]
    expected = [part[[0, 1, 3, 4]].mean(), np.nan, part[[2, 5]].mean()]
    np.testing.assert_allclose(np.ma.filled(second.images[0].get_array(), np.nan)[0], expected)
    assert "mean where an electrode has several" in note(first)


def test_map_without_animal_and_array_is_one_panel(make_sites):
    values = make_sites().isel(neuroid=slice(6)).drop_vars(["animal", "arr"])
    axes = plot.sites(values, axes=plt.subplots()[1], limits=(0, 1), label="r")
    assert axes.shape == (1,)
    assert axes[0].get_title(loc="left") == "all sites (6\u00a0sites)"
    assert axes[0].images[0].get_clim() == (0, 1)


def test_map_refuses(make_sites):
    values = make_sites()
    with pytest.raises(InputError, match="site_histogram"):
        plot.sites(values.drop_vars("row"))
    with pytest.raises(InputError, match="whole numbers"):
        plot.sites(values.assign_coords(row=("neuroid", np.linspace(0, 1, 12))))
    with pytest.raises(InputError, match="places"):
        plot.sites(values.assign_coords(row=("neuroid", [0, 10**7] * 6)))
    with pytest.raises(InputError, match="'neuroid'"):
        plot.sites(values.expand_dims("time_bin"))
    with pytest.raises(InputError, match="is a list"):
        plot.sites([1, 2])
    with pytest.raises(InputError, match="no site"):
        plot.sites(values * np.nan)
    with pytest.raises(InputError, match="limits"):
        plot.sites(values, limits=(1, 1))
    with pytest.raises(InputError, match="2 matplotlib Axes"):
        plot.sites(values, axes=plt.subplots()[1])


def test_histogram_counts_sites_by_region(make_sites, drawn):
    values = make_sites(simulated=1, units="r")
    _, given = plt.subplots()
    ax = plot.site_histogram(values, ax=given, bins=4, threshold=0.3)
    assert ax is given
    data = values.values
    edges = np.histogram_bin_edges(data[np.isfinite(data)], 4)
    for patch, part in zip(ax.patches, (data[:6], data[6:]), strict=True):
        counts = np.histogram(part[np.isfinite(part)], edges)[0]
        heights = [patch.get_path().vertices[:, 1].max()]
        assert heights == [counts.max()]
    medians = [line.get_xdata()[0] for line in drawn(ax, "median")]
    assert medians == pytest.approx([np.nanmedian(data[:6]), np.median(data[6:])])
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[0].startswith("V4 (5 sites, 1 without a value)")
    assert ax.get_xlabel() == "reliability (r)"
    assert ax.get_ylabel() == "sites"
    assert drawn(ax, "threshold")
    assert drawn(ax, "simulated")


def test_histogram_of_sites_without_the_coordinate(make_sites):
    ax = plot.site_histogram(make_sites(), by="hemisphere")
    assert len(ax.patches) == 1
    with pytest.raises(InputError, match="bins"):
        plot.site_histogram(make_sites(), bins=0)


def test_scores_of_single_sites_are_drawn_for_the_layer_that_is_best_on_average(make_sites, drawn):
    sites = make_sites()
    values = (
        xr.concat([sites * 0.5, sites], dim="layer")
        .assign_coords(layer=["early", "late"])
        .drop_vars("reliability", errors="ignore")
    )
    # one site prefers the other layer
    values[0, 0] = 0.9
    scores = xr.Dataset({"similarity": values}, attrs={"metric": "rsa", "comparison": "spearman", "simulated": 1})
    ax = plot.site_histogram(scores)
    assert "layer late" in ax.get_xlabel()
    assert "Spearman" in ax.get_xlabel()
    axes = plot.sites(scores.isel(layer=[1]))
    assert all(drawn(one, "simulated") for one in axes)
    assert axes[0].images[0].get_array()[0, 0] == pytest.approx(0.1)
    with pytest.raises(InputError, match="per='site'"):
        plot.sites(scores.isel(neuroid=0, drop=True))
