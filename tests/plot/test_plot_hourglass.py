"""Pictures of networks block by block, of what is lost with each block, and of supernet searches."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from neuroguide import plot
from neuroguide._core.errors import InputError, OptionError
from neuroguide.nas.cost import Cost
from neuroguide.nas.vital import Block
from neuroguide.plot._hourglass import OTHER, VITAL


def blocks(entangled=False):
    rows = [("stem", True, 10, (4, 8, 8)), ("stage1", False, 40, (4, 8, 8)), ("head", True, 30, (5,))]
    return [Block(n, v, Cost(2 * m, m, 3 * m), (n,), shape, entangled and not v) for n, v, m, shape in rows]


def losses(**columns):
    rows = [
        {"block": name, "vital": vital, "way": way, "seed": seed, "accuracy loss": 0.1 * vital + 0.01 * seed}
        for seed in range(3)
        for name, vital in (("a", True), ("b", False), ("c", True))
        for way in (("reset", "removed") if not vital else ("reset",))
    ]
    return pd.DataFrame(rows).assign(**columns)


def by_gid(ax, gid):
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def test_hourglass_draws_cost_kind_and_ways_around(note):
    ax = plot.hourglass(blocks(), operations={"stage1": "k3_e6"})
    bars = by_gid(ax, "block")
    assert [bar.get_height() for bar in bars] == [10, 40, 30]
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [VITAL.lower(), OTHER, VITAL.lower()]
    (way,) = by_gid(ax, "identity")
    assert way.center == (1, 40)
    assert note(ax) == "2 of 3 blocks are vital: 50% of the MACs"
    texts = [text.get_text() for text in ax.texts]
    assert "k3_e6" in texts
    assert "8²" in texts
    assert [label.get_text() for label in ax.get_xticklabels()] == ["stem", "stage1", "head"]


def test_hourglass_of_entangled_modules_has_no_ways_around():
    _, given = plt.subplots()
    ax = plot.hourglass(blocks(entangled=True), cost="parameters", ax=given)
    assert ax is given
    assert not by_gid(ax, "identity")
    assert by_gid(ax, "block")[0].get_height() == 20
    assert ax.get_ylabel() == "parameters"
    with pytest.raises(OptionError, match="unknown cost 'mac'"):
        plot.hourglass(blocks(), cost="mac")
    with pytest.raises(InputError, match="no blocks"):
        plot.hourglass([])


def test_importance_draws_seeds_means_and_kinds(note):
    ax = plot.importance(losses())
    means = {line.get_color(): line.get_ydata() for line in by_gid(ax, "mean")}
    np.testing.assert_allclose(np.concatenate(list(means.values())), [0.11, 0.11, 0.01])
    assert sum(len(line.get_xdata()) for line in by_gid(ax, "seeds")) == 9
    np.testing.assert_allclose(sorted(line.get_ydata()[0] for line in by_gid(ax, "kind")), [0.01, 0.11])
    assert "means of 3 seeds" in note(ax)
    assert ax.get_ylabel() == "loss of accuracy"


def test_importance_of_the_removed_only(note):
    ax = plot.importance(losses(), way="removed")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["b"]
    assert "replaced by the identity" in note(ax)
    with pytest.raises(InputError, match="no row of table has the way 'cut'; it has: removed, reset"):
        plot.importance(losses(), way="cut")
    with pytest.raises(InputError, match="similarity"):
        plot.importance(losses(), "similarity loss")


def test_importances_side_by_side(drawn):
    table = losses(**{"similarity to IT loss": 0.02})
    axes = plot.importances(table, ["accuracy loss", "similarity to IT loss"], simulated=True)
    assert axes.shape == (2,)
    assert [ax.get_ylabel() for ax in axes] == ["loss of accuracy", "loss of similarity to IT"]
    assert drawn(axes[1], "simulated")


def test_operation_probabilities():
    rows = [
        {"step": step, "block": block, "operation": operation, "probability": p, "vital": block == "a"}
        for step in (0, 10)
        for block, operation, p in (("a", "k3", 0.25), ("a", "k5", 0.75), ("b", "k3", 0.5), ("b", "identity", 0.5))
    ]
    axes = plot.operation_probabilities(pd.DataFrame(rows))
    assert [ax.get_title(loc="left") for ax in axes] == ["a (vital)", "b"]
    first, second = (ax.collections[0].get_array() for ax in axes)
    np.testing.assert_array_equal(first.filled(np.nan)[:2], [[0.25, 0.25], [0.75, 0.75]])
    # an operation that a block has not
    assert np.ma.getmaskarray(second)[1].all()
    with pytest.raises(InputError, match="below 0, above 1"):
        plot.operation_probabilities(pd.DataFrame(rows).assign(probability=2.0))


def test_budget():
    table = pd.DataFrame({"macs": [1e6, 2e6, 3e6], "accuracy": [0.4, 0.5, np.nan], "IT": [0.1, 0.2, 0.3]})
    ax = plot.budget(table.assign(label=["a", "b", "c"]), color="IT", target=2.5e6)
    (points,) = by_gid(ax, "networks")
    np.testing.assert_array_equal(points.get_offsets(), [[1e6, 0.4], [2e6, 0.5]])
    assert by_gid(ax, "target")[0].get_xdata()[0] == 2.5e6
    assert {"a", "b"} <= {text.get_text() for text in ax.texts}
    with pytest.raises(InputError, match="both macs and accuracy"):
        plot.budget(table.assign(accuracy=np.nan))
