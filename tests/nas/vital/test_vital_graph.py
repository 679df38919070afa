"""Segments of a recorded graph, against every path through it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from neuroguide.nas.vital.graph import Step, segments


@st.composite
def graphs(draw):
    """Each step takes some of those before it; carriers are drawn."""
    n = draw(st.integers(1, 9))
    steps = []
    for i in range(n):
        inputs = draw(st.lists(st.integers(max(-1, i - 4), i - 1), min_size=0, max_size=3, unique=True))
        steps.append(Step("any", inputs=tuple(sorted(inputs)), carries=draw(st.booleans())))
    return steps, sorted(draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=2)))


def paths(steps, start, end):
    """Every path from ``start`` to ``end``, as tuples of steps; ``start`` itself is not in them."""
    if end == start:
        return [()]
    return [(*path, end) for j in steps[end].inputs if j >= start for path in paths(steps, start, j)]


@given(graphs())
@settings(deadline=None, max_examples=300)
def test_segments_against_every_path(case) -> None:
    steps, outputs = case
    cut = segments(steps, outputs)
    every = [path for end in outputs for path in paths(steps, -1, end)]
    if not every:
        assert cut == []
        return
    common = sorted(set.intersection(*(set(path) for path in every)))
    ends = [segment.steps[-1] for segment in cut]
    # behind the last common point there may be one segment more, up to several outputs
    assert ends[: len(common)] == common
    assert len(cut) - len(common) in (0, 1)
    assert sorted(i for segment in cut for i in segment.steps) == sorted(set().union(*every))
    for segment in cut[: len(common)]:
        identity = any(all(steps[i].carries for i in p) for p in paths(steps, segment.start, segment.steps[-1]))
        assert segment.way_around == identity
