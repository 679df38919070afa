"""Points that every path crosses, and what lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neuroguide.nas.cost import Cost

NOTHING = Cost(0, 0, 0)


@dataclass(frozen=True)
class Step:
    """One operation on a network's way from image to output.

    Attributes
    ----------
    kind : str
        The operation's name, e.g. ``convolution``.
    module : str
        The innermost module that did it; empty for the network itself.
    inputs : tuple of int
        Earlier steps whose results it takes; -1 is the image.
    carries : bool
        Whether what comes in comes out unchanged, added to, joined or moved, but not transformed.
    cost : Cost
        Without parameters.
    parameters : frozenset of str
        Names of those that it uses.
    shape : tuple of int
        Of its result, without the first dimension.
    """

    kind: str
    module: str = ""
    inputs: tuple[int, ...] = ()
    carries: bool = False
    cost: Cost = NOTHING
    parameters: frozenset[str] = frozenset()
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Segment:
    """What lies between two consecutive points that every path crosses.

    Attributes
    ----------
    start : int
        The step before it; -1 is the image.
    steps : tuple of int
        Those on a path, of which the last is the point where it ends.
    way_around : bool
        Whether an identity path leads from its start to its end.
    """

    start: int
    steps: tuple[int, ...]
    way_around: bool


def segments(steps: Sequence[Step], outputs: Sequence[int]) -> list[Segment]:
    """Cut a network at every point that each path from the image to the output crosses.

    Parameters
    ----------
    steps : sequence of Step
        In the order in which they were done.
    outputs : sequence of int
        Steps whose results the network gives; if there are several, all that follows the last common point is one
        segment.

    Returns
    -------
    list of Segment
        In the order of the forward pass; empty if the output does not depend on the image.
    """
    live = sorted(on_paths(steps, outputs))
    if not live:
        return []
    ends = sorted(set(outputs).intersection(live))
    furthest: dict[int, int] = {}
    for i in live:
        for j in steps[i].inputs:
            furthest[j] = i
    if len(ends) > 1:
        # several results meet behind the last step
        furthest |= dict.fromkeys(ends, len(steps))
    found: list[Segment] = []
    start, collected, reach = -1, list[int](), furthest[-1]
    for i in live:
        collected.append(i)
        if reach <= i:
            found.append(_segment(steps, start, collected, [i]))
            start, collected = i, []
        reach = max(reach, furthest.get(i, i))
    if collected:
        found.append(_segment(steps, start, collected, ends))
    return found


def on_paths(steps: Sequence[Step], outputs: Sequence[int]) -> set[int]:
    """Steps that depend on the image and on which the output depends."""
    from_image: set[int] = set()
    for i, step in enumerate(steps):
        if any(j == -1 or j in from_image for j in step.inputs):
            from_image.add(i)
    to_output: set[int] = set()
    waiting = [i for i in outputs if i in from_image]
    while waiting:
        i = waiting.pop()
        if i not in to_output:
            to_output.add(i)
            waiting += [j for j in steps[i].inputs if j in from_image]
    return to_output


def crossed(steps: Sequence[Step], segment: Segment, part: set[int]) -> bool:
    """Whether every path through a segment crosses a part of its steps."""
    reached = {segment.start}
    for i in segment.steps:
        if i not in part and any(j in reached for j in steps[i].inputs):
            reached.add(i)
    return segment.steps[-1] not in reached


def _segment(steps: Sequence[Step], start: int, inside: list[int], ends: Sequence[int]) -> Segment:
    carried = {start}
    for i in inside:
        if steps[i].carries and any(j in carried for j in steps[i].inputs):
            carried.add(i)
    return Segment(start, tuple(inside), all(i in carried for i in ends))
