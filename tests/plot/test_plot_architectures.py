"""Drawn cells, drawn architectures, and the choices of many."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from neuroguide import plot
from neuroguide._core.errors import InputError
from neuroguide.nas.spaces import open_space
from neuroguide.nas.spaces.cells.published import NASNET_A_REDUCTION, PNASNET_5


def words(ax):
    return [text.get_text().replace("-\n", "").replace("\n", " ") for text in ax.texts]


def test_a_cell_has_a_box_for_every_operation_input_and_the_output(drawn):
    _, given = plt.subplots()
    ax = plot.cell(PNASNET_5, ax=given, title="PNASNet-5")
    assert ax is given
    assert len(drawn(ax, "box")) == 10 + 2 + 1
    said = words(ax)
    assert said.count("max 3×3") == 3
    assert said.count("identity") == 1
    assert said.count("+") == 5
    assert "output (concatenated)" in said


def boxes_of(ax, drawn):
    return [patch.get_window_extent().shrunk(0.98, 0.98) for patch in drawn(ax, "box")]


@pytest.mark.parametrize("seed", range(8))
def test_no_box_covers_another_and_no_wire_runs_through_one(seed, drawn):
    space = open_space("cells", blocks=(3, 4, 5))
    one = space.sample(np.random.default_rng(seed)).normal
    ax = plot.cell(one)
    ax.figure.canvas.draw()
    boxes = boxes_of(ax, drawn)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    for wire in drawn(ax, "wire"):
        points = ax.transData.transform(np.column_stack(wire.get_data()))
        for start, end in itertools.pairwise(points):
            middle = start + np.linspace(0.02, 0.98, 200)[:, None] * (end - start)
            # a wire may begin in the box that it leaves
            touched = [box for box in boxes if not box.contains(*start) and box.count_contains(middle)]
            assert not touched


def test_wires_of_two_sources_never_lie_on_each_other(drawn):
    space = open_space("cells", blocks=(5,))
    for seed in range(8):
        ax = plot.cell(space.sample(np.random.default_rng(seed)).normal)
        levels = [w.get_ydata()[0] for w in drawn(ax, "wire") if len(w.get_ydata()) == 2 and np.ptp(w.get_ydata()) == 0]
        assert len({round(float(level), 6) for level in levels}) == len(levels)
        plt.close("all")


def test_equal_cells_are_one_panel_and_others_two():
    same = open_space("cells", reduction=("same",)).sample(np.random.default_rng(0))
    assert [ax.get_title(loc="left") for ax in plot.cells(same)] == ["normal and reduction cell"]
    space = open_space("cells", reduction=("own",))
    other = next(a for a in map(space.sample, map(np.random.default_rng, range(9))) if a.normal != a.reduction)
    axes = plot.architecture(other, space)
    assert [ax.get_title(loc="left") for ax in axes] == ["normal cell", "reduction cell"]
    assert np.ptp(axes[0].get_xlim()) == pytest.approx(np.ptp(axes[1].get_xlim()))
    with pytest.raises(InputError, match="must hold 2"):
        plot.cells(other, axes=plt.subplots()[1])


def test_cells_refuse():
    with pytest.raises(InputError, match="of the space 'cells'; a int arrived"):
        plot.cells(3)
    with pytest.raises(InputError, match="a str arrived"):
        plot.cell("conv")
    assert plot.cell(NASNET_A_REDUCTION)


def test_an_architecture_of_another_space_is_drawn_block_by_block(drawn):
    space = open_space("macro", stages=1)
    _, given = plt.subplots()
    (ax,) = plot.architecture(space.sample(np.random.default_rng(0)), space, axes=given)
    assert ax is given
    assert drawn(ax, "block")


def choices():
    return pd.DataFrame(
        {
            "params_width": [8, 16, 8, 12], "params_kernel": [3.0, np.nan, 5.0, 3.0], "params_skip": ["add"] * 4,
            "params_squeeze": [True, False, True, True], "value": [0.1, 0.5, np.nan, 0.3],
        }
    )  # fmt: skip


def test_choices_are_lines_ordered_by_value(drawn, note):
    ax = plot.architectures(choices(), title="macro", simulated=True)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["width", "kernel", "squeeze"]
    assert len(drawn(ax, "candidate")) == 3
    (best,) = drawn(ax, "best")
    # the best has the widest layers, the highest of three levels, and no kernel, the lowest
    width, kernel, squeeze = best.get_ydata()
    assert width > 2 / 3
    assert kernel < 1 / 2
    assert squeeze < 1 / 2
    said = words(ax)
    assert {"8", "12", "16", "3", "—", "True", "False"} <= set(said)
    assert "3 candidates · 1 choices in which all agree are left out · not drawn: 1 without a value" in note(ax)
    assert drawn(ax, "simulated")


def test_choices_are_named_or_found():
    ax = plot.architectures(choices(), ["params_skip", "params_width"], label="guide")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["skip", "width"]
    with pytest.raises(InputError, match="lacks the column 'depth'"):
        plot.architectures(choices(), ["depth"])
    with pytest.raises(InputError, match="no column of choices"):
        plot.architectures(choices()[["value"]])
    with pytest.raises(InputError, match="no candidate has a finite"):
        plot.architectures(choices().assign(value=np.nan))
