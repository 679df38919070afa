"""The style, saving, and what is loaded when."""

from __future__ import annotations

import itertools
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroguide import plot
from neuroguide._core.errors import InputError
from neuroguide.plot._axes import shorten_all, text_width, wrap
from neuroguide.plot._significance import shared_letters
from neuroguide.plot._style import COLOURS, MARKERS, series_look


def test_importing_the_room_loads_no_matplotlib_and_no_torch():
    code = "import sys, neuroguide.plot as p; print({'matplotlib', 'torch'} & set(sys.modules)); p.rdm; "
    code += "print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == ["set()", "False"]


def test_every_public_name_is_there():
    assert all(callable(getattr(plot, name)) for name in plot.__all__)
    assert set(plot.__all__) <= set(dir(plot))
    with pytest.raises(AttributeError, match="no attribute 'profle'"):
        plot.profle  # noqa: B018


def test_global_settings_are_left_alone(make_rdm, make_scores):
    with mpl.rc_context({"font.size": 33, "axes.facecolor": "black"}):
        before = dict(mpl.rcParams)
        ax = plot.profile(make_scores())
        plot.rdm(make_rdm())
        assert dict(mpl.rcParams) == before
        # and the user's settings do not leak into the picture
        assert ax.xaxis.label.get_fontsize() == 9
        assert ax.get_facecolor() == (1, 1, 1, 1)


def test_pdf_and_svg_keep_text_as_text(tmp_path, make_rdm):
    ax = plot.rdm(make_rdm(), title="monkey IT")
    pdf = plot.save(ax, tmp_path / "a.pdf").read_bytes()
    assert b"/Type3" not in pdf
    assert b"CIDFontType2" in pdf
    svg = plot.save(ax, tmp_path / "new" / "a.svg").read_text()
    assert ">monkey IT</text>" in svg


def test_equal_figures_give_equal_files(tmp_path, make_scores):
    for suffix in ("pdf", "svg", "png"):
        one = plot.save(plot.profile(make_scores()), tmp_path / f"one.{suffix}")
        other = plot.save(plot.profile(make_scores()), tmp_path / f"other.{suffix}")
        assert one.read_bytes() == other.read_bytes()


def test_save_takes_axes_arrays_and_figures(tmp_path, make_rdm):
    axes = plot.rdms({"a": make_rdm(), "b": make_rdm(seed=1)})
    files = [plot.save(what, tmp_path / f"{i}.png", dpi=50) for i, what in enumerate((axes, axes[0], axes[0].figure))]
    # a layout settles a little more with every drawing
    heights, widths, _ = np.array([plt.imread(file).shape for file in files]).T
    assert np.ptp(heights) <= 2
    assert np.ptp(widths) <= 2
    sub = plt.figure().subfigures(1, 2)[0].subplots()
    assert plot.save(sub, tmp_path / "sub.png", dpi=50).exists()


def test_save_refuses(tmp_path, make_rdm):
    with pytest.raises(InputError, match="did you mean 'pdf'"):
        plot.save(plot.rdm(make_rdm()), tmp_path / "a.pfd")
    with pytest.raises(InputError, match="a list arrived"):
        plot.save([1], tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())


def test_plots_can_stand_in_a_subfigure_and_without_a_layout(make_scores, make_rdm, drawn):
    for layout in (None, "constrained"):
        left, right = plt.figure(layout=layout).subfigures(1, 2)
        ax = plot.profile(make_scores(simulated=1), ax=left.subplots())
        plot.rdm(make_rdm(), ax=right.subplots())
        assert drawn(ax, "simulated")


def luminance(colour):
    rgb = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_series_differ_without_colour_and_stand_out_on_white():
    assert len({(series_look(i)["marker"], str(series_look(i)["linestyle"])) for i in range(len(MARKERS))}) == len(
        MARKERS
    )
    looks = [tuple(map(str, series_look(i).values())) for i in range(72)]
    assert len(set(looks)) == 72
    # 2:1 against white is the least of Okabe and Ito's that are kept (sky blue)
    assert all(1.05 / (luminance(colour) + 0.05) > 2.0 for colour in COLOURS)


def test_colour_map_rises_evenly_in_lightness():
    light = [luminance(c) for c in mpl.colormaps["viridis"](np.linspace(0, 1, 64))]
    assert np.all(np.diff(light) > 0)


def test_wrapped_lines_fit():
    text = "no noise ceiling: every stimulus was stored as an average over its repetitions"
    lines = wrap(text, 7.0, 100.0)
    assert " ".join(lines) == text
    assert all(text_width(line, 7.0) <= 100.0 for line in lines)
    assert wrap("", 7.0, 100.0) == []


def test_names_are_shortened_but_stay_different():
    long = [f"features.denseblock{b}.denselayer{i}.conv2" for b in (1, 2) for i in (1, 12)]
    short = shorten_all(long)
    assert len(set(short)) == 4
    assert all(len(name) <= 26 for name in short)
    assert shorten_all(["conv1", "relu"]) == ["conv1", "relu"]
    middle = ["a" * 20 + str(i) + "b" * 20 for i in range(3)]
    assert shorten_all(middle) == middle


@settings(deadline=None)
@given(st.integers(1, 7), st.data())
def test_items_share_a_letter_exactly_when_they_do_not_differ(count, data):
    different = np.zeros((count, count), dtype=bool)
    for one, other in itertools.combinations(range(count), 2):
        different[one, other] = different[other, one] = data.draw(st.booleans())
    letters = shared_letters(different)
    assert all(letters)
    for one, other in itertools.combinations(range(count), 2):
        assert bool(set(letters[one]) & set(letters[other])) == (not different[one, other])
