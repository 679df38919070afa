"""Embeddings, what they compute, and Shepard plots."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.offsetbox import AnnotationBbox
from scipy.optimize import brentq
from scipy.spatial.distance import pdist, squareform
from scipy.stats import entropy

from neuroguide import plot
from neuroguide._core.errors import InputError, MissingExtraError
from neuroguide.plot._axes import monotone, spread
from neuroguide.plot._coordinates import _neighbours, classical, smacof, stress_1, tsne


def planar(n: int = 15, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2))


@pytest.mark.parametrize("method", ["classical", "mds"])
def test_scaling_recovers_points_of_the_plane(method):
    distances = squareform(pdist(planar()))
    found = plot.embed(distances, method)
    np.testing.assert_allclose(squareform(pdist(found.values)), distances, atol=1e-5)
    assert found.attrs["stress"] < 1e-5
    assert found.dims == ("stimulus_id", "axis")


def test_majorisation_never_raises_the_stress_and_beats_classical_scaling(make_rdm):
    distances = make_rdm(30).values
    start = classical(distances, 2)
    raw = [
        ((distances - squareform(pdist(smacof(distances, start, iterations=i, tolerance=0)))) ** 2).sum()
        for i in range(1, 12)
    ]
    assert np.all(np.diff(raw) <= 1e-9)
    best = smacof(distances, start)
    assert stress_1(distances, squareform(pdist(best))) < stress_1(distances, squareform(pdist(start)))


def test_equal_dissimilarities_do_not_collapse():
    found = plot.embed(1 - np.eye(5))
    assert pdist(found.values).min() > 0.3


def test_tsne_keeps_separate_groups_apart():
    rng = np.random.default_rng(0)
    features = np.repeat(np.eye(3) * 8, 15, axis=0) + rng.normal(size=(45, 3))
    found = plot.embed(squareform(pdist(features)), "tsne", perplexity=10).values
    group = np.repeat(np.arange(3), 15)
    nearest = np.argsort(squareform(pdist(found)) + np.eye(45) * 1e9, axis=1)[:, :5]
    assert (group[nearest] == group[:, None]).mean() > 0.95


def test_neighbour_probabilities_have_the_perplexity_asked_for():
    squared = squareform(pdist(planar(40))) ** 2
    joint = _neighbours(squared, 12.0)
    assert joint.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(joint, joint.T)
    conditional = np.zeros((40, 40))
    for i in range(40):
        others = np.delete(squared[i], i)

        def excess(precision, others=others):
            p = np.exp(-precision * others)
            return entropy(p) - np.log(12.0)

        p = np.exp(-brentq(excess, 1e-3, 50, xtol=1e-14) * others)
        conditional[i] = np.insert(p / p.sum(), i, 0.0)
    np.testing.assert_allclose(joint, (conditional + conditional.T) / 80, rtol=1e-6, atol=1e-12)


def test_embedding_is_the_same_every_time_and_for_every_order_of_axes(make_rdm):
    rdm = make_rdm(20)
    for method in ("mds", "classical", "tsne"):
        xr.testing.assert_identical(plot.embed(rdm, method), plot.embed(rdm, method))


def test_tsne_of_points_without_spread_is_refused():
    with pytest.raises(InputError, match="zero"):
        tsne(np.zeros((5, 5)), np.zeros((5, 2)), 2.0)


def test_embedding_draws_the_positions(make_rdm, drawn, note):
    rdm = make_rdm(simulated=1)
    ax = plot.embedding(rdm, categories="category")
    points = plot.embed(rdm)
    for line, name in zip(ax.lines, ("face", "hand", "house"), strict=False):
        expected = points.values[rdm.category.values == name]
        np.testing.assert_allclose(np.stack([line.get_xdata(), line.get_ydata()], axis=1), expected)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["face", "hand", "house"]
    assert drawn(ax, "simulated")
    assert f"stress-1 = {points.attrs['stress']:.2f}" in note(ax)
    (unit,) = drawn(ax, "unit")
    length = float(np.ptp(unit.get_xdata()))
    assert any(t.get_text().replace("\u00a0", " ") == f"{length:g} dissimilarity (1 − Pearson r)" for t in ax.texts)


def test_embedding_with_pictures_and_names(make_rdm, drawn):
    rdm = make_rdm()
    pictures = {str(s): np.full((5, 5, 3), i, dtype=np.uint8) for i, s in enumerate(rdm.stimulus_id.values)}
    ax = plot.embedding(rdm, "tsne", thumbnails=pictures, names=True)
    boxes = [artist for artist in ax.artists if isinstance(artist, AnnotationBbox)]
    assert len(boxes) == 12
    points = plot.embed(rdm, "tsne").values
    np.testing.assert_allclose([box.xy for box in boxes], points)
    assert [text.get_text() for text in ax.texts if text.get_text().startswith("s0")][:2] == ["s00", "s01"]
    assert not drawn(ax, "unit")


def test_negative_dissimilarities_are_said(make_rdm, note):
    rdm = make_rdm()
    rdm.values[0, 1] = rdm.values[1, 0] = -0.1
    assert "1 negative" in note(plot.embedding(rdm))


def test_embedding_refuses(make_rdm):
    rdm = make_rdm()
    with pytest.raises(InputError, match="did you mean 'mds'"):
        plot.embedding(rdm, "mdss")
    with pytest.raises(InputError, match="at least 4"):
        plot.embedding(rdm[:3, :3], "tsne")
    with pytest.raises(InputError, match="at least 3"):
        plot.embedding(rdm[:2, :2])
    with pytest.raises(InputError, match="perplexity"):
        plot.embedding(rdm, "tsne", perplexity=0)
    with pytest.raises(InputError, match="nothing to embed"):
        plot.embedding(rdm * 0)
    rdm.values[2, 3] = rdm.values[3, 2] = np.nan
    with pytest.raises(InputError, match="1 pairs"):
        plot.embedding(rdm)


def test_shepard_draws_every_pair(make_rdm, drawn):
    rdm = make_rdm()
    points = plot.embed(rdm)
    ax = plot.shepard(rdm, points.isel(stimulus_id=slice(None, None, -1)))
    dots = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_xdata(), rdm.values[np.triu_indices(12, 1)])
    np.testing.assert_allclose(dots.get_ydata(), pdist(points.values))
    fitted = drawn(ax, "monotone")[0]
    assert np.all(np.diff(fitted.get_ydata()) >= 0)
    assert ax.get_xlabel().replace("\u00a0", " ") == "dissimilarity (1 − Pearson r)"
    assert drawn(ax, "equal")
    assert not drawn(plot.shepard(rdm, method="tsne"), "equal")


def test_shepard_of_many_pairs_is_a_density(make_rdm, drawn):
    ax = plot.shepard(make_rdm(90, simulated=1), method="classical")
    assert ax.collections[0].get_array().sum() == 90 * 89 / 2
    assert drawn(ax, "simulated")


def test_shepard_refuses_other_points(make_rdm):
    points = plot.embed(make_rdm())
    with pytest.raises(InputError, match="not of the stimuli"):
        plot.shepard(make_rdm(10), points)
    with pytest.raises(InputError, match="DataArray"):
        plot.shepard(make_rdm(), points.values)
    with pytest.raises(InputError, match="NaN"):
        plot.shepard(make_rdm(), points * np.nan)


values = st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=12)


@settings(deadline=None)
@given(values)
def test_monotone_regression_is_the_max_min_formula(numbers):
    y = np.array(numbers)
    n = len(y)
    # Barlow et al. 1972: max over starts up to i of the min over ends from i of the mean between
    expected = [max(min(y[j : k + 1].mean() for k in range(i, n)) for j in range(i + 1)) for i in range(n)]
    np.testing.assert_allclose(monotone(y), expected, atol=1e-6)


@settings(deadline=None)
@given(values, st.floats(0.01, 3))
def test_spread_keeps_the_gap_and_moves_nothing_without_need(numbers, gap):
    positions = np.sort(np.array(numbers))
    found = spread(positions, gap)
    assert np.all(np.diff(found) >= gap - 1e-6)
    assert found.mean() == pytest.approx(positions.mean(), abs=1e-6)
    if np.all(np.diff(positions) >= gap):
        np.testing.assert_allclose(found, positions, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its own dependencies
def test_umap_keeps_neighbours_together():
    pytest.importorskip("umap", reason="umap-learn is not installed (extra umap)")
    groups = np.repeat([0, 1], 12)
    distances = np.where(groups[:, None] == groups, 0.1, 1.0) * (1 - np.eye(24))
    found = plot.embed(distances, "umap", perplexity=8)
    between = squareform(pdist(found.values))
    nearest = np.argsort(between + 99 * np.eye(24), axis=1)[:, :3]
    assert (groups[nearest] == groups[:, None]).all()
    np.testing.assert_array_equal(plot.embed(distances, "umap", perplexity=8).values, found.values)
    assert found.attrs["perplexity"] == 8


def test_umap_says_how_to_install_it(make_rdm, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r'pip install "neuroguide\[umap\]"'):
        plot.embedding(make_rdm(), "umap")
