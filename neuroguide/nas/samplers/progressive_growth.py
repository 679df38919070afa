"""How architectures grow, for the sampler `progressive`: from small ones, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np

from neuroguide._core.errors import OptionError
from neuroguide.nas.spaces.base import Space
from neuroguide.nas.spaces.parameters import Values, same, settings, walk

Array = np.ndarray[Any, np.dtype[np.float64]]


@runtime_checkable
class Growing(Protocol):
    """What a space offers that says itself how its architectures grow (`cells` does)."""

    @property
    def levels(self) -> int:
        """How often a seedling can be expanded."""

    def seedlings(self) -> Iterator[Any]:
        """Every architecture of the first stature; OptionError if the space has none."""

    def expand(self, arch: Any) -> Iterator[Any]:
        """Every architecture of the next stature that grows from this one; none at full stature."""

    def stature(self, arch: Any) -> int | None:
        """1 for seedlings, one more for each expansion; None for an architecture that does not come by growing."""

    def describe(self, arch: Any) -> Array:
        """Numbers for a surrogate, of one length for all architectures."""


class GroupGrowth:
    """Growing in any space with declared parameters: a group of parameters at a time leaves its first options.

    A group are the parameters whose names agree up to the first dot (``stage2.depth``, ``stage2.kernel``, ...); one
    without a dot is its own. The smallest architecture has the first option everywhere; the stature of any other is the
    number of groups in which it differs from that. Seedlings are the smallest and all of stature 1. Our
    generalisation: in `macro`, whose first options are the cheapest, stages are worked out one after the other.

    Parameters
    ----------
    space : Space

    Raises
    ------
    OptionError
        If the space has nothing to choose.
    """

    def __init__(self, space: Space[Any]) -> None:
        self._space = space
        self._groups: dict[str, list[str]] = {}
        for p in space.declared:
            if len(p.options) > 1:
                self._groups.setdefault(p.name.split(".")[0], []).append(p.name)
        if not self._groups:
            raise OptionError(f"space {space.name!r} has nothing to choose, so nothing can grow in it")
        self._start = space.canonicalise(space.compose(walk(space.declared, lambda p: p.options[0])))
        first = {p.name: p.options[0] for p in space.declared}
        self._smallest = {**first, **self._parameters(self._start)}

    @property
    def levels(self) -> int:
        """The number of groups, less one."""
        return len(self._groups) - 1

    def seedlings(self) -> Iterator[Any]:
        """The smallest architecture and those that differ from it in one group."""
        yield self._start
        yield from self.expand(self._start)

    def expand(self, arch: Any) -> Iterator[Any]:
        """Every architecture in which one more group differs from the smallest."""
        values = self._parameters(arch)
        goal = len(self._changed(values)) + 1
        seen = set()
        for group in [group for group in self._groups if group not in self._changed(values)]:
            kept = {name: value for name, value in values.items() if name not in self._groups[group]}
            for options in settings(self._space.declared, kept):
                found = self._space.canonicalise(self._space.compose(options))
                if found not in seen and len(self._changed(self._parameters(found))) == goal:
                    seen.add(found)
                    yield found

    def stature(self, arch: Any) -> int | None:
        """The number of groups that differ from the smallest architecture; 1 for itself."""
        return max(1, len(self._changed(self._parameters(arch))))

    def describe(self, arch: Any) -> Array:
        """The space's code."""
        return self._space.encode(arch)

    def _parameters(self, arch: Any) -> Values:
        return dict(self._space.parameters(arch))

    def _changed(self, values: Values) -> set[str]:
        """Groups with a parameter that is not as in the smallest, or, where that has none, not its first option."""
        return {
            group
            for group, names in self._groups.items()
            if any(name in values and not same(values[name], self._smallest[name]) for name in names)
        }


def growth_of(space: Space[Any]) -> Growing:
    """The space itself if it says how its architectures grow, else by groups of parameters."""
    return space if isinstance(space, Growing) else GroupGrowth(space)
