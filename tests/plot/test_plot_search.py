"""Search histories and guides."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroguide import plot
from neuroguide._core.errors import InputError
from neuroguide.plot._search import pareto_front


def history(**columns):
    base = {"trial": [0, 1, 2, 3], "value": [0.2, 0.1, 0.5, 0.4], "image_equivalents": [100, 100, 50, 100]}
    return pd.DataFrame(base | columns)


def data_lines(ax):
    return [line for line in ax.lines if line.get_gid() is None]


def test_best_so_far_against_what_was_spent(drawn):
    _, given = plt.subplots()
    ax = plot.search(history(), ax=given)
    assert ax is given
    (line,) = data_lines(ax)
    np.testing.assert_array_equal(line.get_xdata(), [100, 200, 250, 350])
    np.testing.assert_array_equal(line.get_ydata(), [0.2, 0.2, 0.5, 0.5])
    assert line.get_drawstyle() == "steps-post"
    assert ax.get_xlabel() == "images spent (image-equivalents)"
    assert not drawn(ax, "seeds")
    assert ax.get_legend() is None


def test_a_trial_without_a_value_is_paid_for_and_rows_may_come_in_any_order():
    table = history(value=[np.nan, 0.1, np.nan, 0.4]).iloc[::-1]
    (line,) = data_lines(plot.search(table))
    np.testing.assert_array_equal(line.get_xdata(), [200, 250, 350])
    np.testing.assert_array_equal(line.get_ydata(), [0.1, 0.1, 0.4])


def test_the_value_of_a_failed_trial_does_not_count():
    table = history(value=[-1.0, 0.1, 0.9, 0.4], reason=["diverged", "", "killed", ""])
    (line,) = data_lines(plot.search(table))
    np.testing.assert_array_equal(line.get_xdata(), [200, 250, 350])
    np.testing.assert_array_equal(line.get_ydata(), [0.1, 0.1, 0.4])


def test_nullable_columns_are_read():
    table = history().astype({"trial": "Int64", "image_equivalents": "Int64"})
    np.testing.assert_array_equal(data_lines(plot.search(table))[0].get_xdata(), [100, 200, 250, 350])
    counted = candidates().assign(parameters=pd.array([10, 100, None, 1, 1], dtype="Int64"))
    assert plot.guides(counted)


def test_one_line_a_sampler_and_a_band_over_seeds(drawn, note):
    runs = [
        history(value=np.array([0.2, 0.1, 0.5, 0.4]) + shift, seed=seed) for seed, shift in enumerate((0.0, 0.1, 0.4))
    ]
    table = pd.concat([pd.concat(runs).assign(sampler="evolution"), history(sampler="random", seed=0)])
    ax = plot.search(table, log=True, title="macro")
    evolution, random = data_lines(ax)
    np.testing.assert_allclose(evolution.get_ydata(), [0.3, 0.3, 0.6, 0.6])
    np.testing.assert_allclose(random.get_ydata(), [0.2, 0.2, 0.5, 0.5])
    (band,) = drawn(ax, "seeds")
    box = band.get_paths()[0].get_extents()
    assert (box.y0, box.y1) == pytest.approx((0.2, 0.9))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["evolution (3 seeds)", "random"]
    assert "median of the seeds" in note(ax)
    assert ax.get_xscale() == "log"


def test_seeds_are_compared_only_where_all_are_under_way():
    early = history(seed=0)
    late = history(seed=1, image_equivalents=[150, 10, 10, 10], value=[0.3, 0.3, 0.3, 0.6])
    (line,) = data_lines(plot.search(pd.concat([early, late])))
    np.testing.assert_array_equal(line.get_xdata(), [150, 160, 170, 180])
    np.testing.assert_allclose(line.get_ydata(), [0.25, 0.25, 0.25, 0.4])


def test_marks_searches_guided_by_simulated_data(drawn):
    assert not drawn(plot.search(history()), "simulated")
    assert drawn(plot.search(history(simulated=[0, 0, 0, 1])), "simulated")
    table = history()
    table.attrs["simulated"] = 1
    assert drawn(plot.search(table), "simulated")
    assert drawn(plot.guides(candidates(), simulated=True), "simulated")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (history().drop(columns="value"), "lacks the column 'value'"),
        (history(image_equivalents=[1, -1, 1, 1]), "negative image_equivalents"),
        (history(image_equivalents=[1, None, 1, 1]), "missing"),
        (history(value=np.nan), "no trial"),
        (history().iloc[:0], "no rows"),
        ({"trial": [1]}, "DataFrame"),
    ],
)
def test_search_refuses(table, says):
    with pytest.raises(InputError, match=says):
        plot.search(table)
    assert not plt.get_fignums()


def candidates(**columns):
    base = {"P": [0.5, 0.6, 0.4, 0.1, np.nan], "TG": [0.5, 0.3, 0.4, 0.9, 0.2], "parameters": [1e4, 1e5, 1e6, 1e4, 1e4]}
    return pd.DataFrame(base | {"reason": ["", None, np.nan, "diverged", ""]} | columns)


def test_guides_draw_candidates_and_front(drawn, note):
    ax = plot.guides(candidates())
    (scatter,) = drawn(ax, "candidates")
    np.testing.assert_allclose(scatter.get_offsets(), [[0.5, 0.5], [0.6, 0.3], [0.4, 0.4]])
    np.testing.assert_allclose(scatter.get_array(), [1e4, 1e5, 1e6])
    (front,) = drawn(ax, "front")
    np.testing.assert_allclose(np.stack(front.get_data(), axis=1), [[0.5, 0.5], [0.6, 0.3]])
    assert note(ax) == "3 candidates · not drawn: 1 failed (1 diverged) · not drawn: 1 without P or TG"
    assert "P (validation accuracy)" in ax.get_xlabel()
    assert "parameters" in [other.get_ylabel() for other in ax.figure.axes]


def test_guides_colour_is_chosen_or_left_out(drawn):
    plain = candidates().drop(columns=["parameters", "reason"])
    assert drawn(plot.guides(plain), "candidates")[0].get_array() is None
    ax = plot.guides(plain.assign(flops=1e6))
    assert "FLOPs" in [other.get_ylabel() for other in ax.figure.axes]
    assert drawn(plot.guides(candidates(), color=None), "candidates")[0].get_array() is None
    with pytest.raises(InputError, match="no column 'depth'"):
        plot.guides(candidates(), color="depth")


def test_guides_refuse():
    with pytest.raises(InputError, match="lacks the column 'TG'"):
        plot.guides(candidates().drop(columns="TG"))
    with pytest.raises(InputError, match="no candidate"):
        plot.guides(candidates(reason="diverged"))


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=15)


@settings(deadline=None)
@given(points)
def test_pareto_front_is_what_nothing_dominates(pairs):
    first, second = np.array(pairs, dtype=float).T
    found = pareto_front(first, second)
    expected = {(a, b) for a, b in pairs if not any(c >= a and d >= b and (c, d) != (a, b) for c, d in pairs)}
    assert [(int(first[i]), int(second[i])) for i in found] == sorted(expected)
