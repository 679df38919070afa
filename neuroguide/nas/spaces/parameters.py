"""The parameters of a space: an ordered list, of which later ones exist or not by the values of earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from neuroguide._core.errors import OptionError

Scalar = bool | int | float | str | None
Values = dict[str, Scalar]


@dataclass(frozen=True)
class Parameter:
    """One choice of a space.

    Parameters
    ----------
    name : str
        Its name in the trial, e.g. ``"stage2.kernel"``.
    options : tuple of scalars
        What may be chosen; at least one, all different. A parameter with a single option is fixed: no trial is asked.
    when : mapping from an earlier parameter's name to the values for which this one exists
        All of them must hold; empty means always.
    """

    name: str
    options: tuple[Scalar, ...]
    when: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.options:
            raise OptionError(f"the choice {self.name!r} has no options; give at least one")
        # 1 == True in Python: compare with the type
        if len({(type(option), option) for option in self.options}) < len(self.options):
            raise OptionError(f"the choice {self.name!r} lists an option twice: {list(self.options)}")

    def exists(self, values: Mapping[str, Scalar]) -> bool:
        """Whether it is asked, given the values chosen before."""
        return all(name in values and values[name] in allowed for name, allowed in self.when.items())


def walk(
    parameters: Sequence[Parameter], ask: Callable[[Parameter], Scalar], keep: Mapping[str, Scalar] | None = None
) -> Values:
    """Values of all parameters that exist: those in ``keep`` as they are, fixed ones, and the others as asked."""
    values: Values = {}
    for p in parameters:
        if p.exists(values):
            if keep is not None and p.name in keep:
                values[p.name] = keep[p.name]
            else:
                values[p.name] = p.options[0] if len(p.options) == 1 else ask(p)
    return values


def settings(parameters: Sequence[Parameter], keep: Mapping[str, Scalar] | None = None) -> Iterator[Values]:
    """Every assignment of the parameters in the order of their options, those in ``keep`` held where they exist."""
    held = keep or {}

    def extend(i: int, values: Values) -> Iterator[Values]:
        if i == len(parameters):
            yield dict(values)
            return
        p = parameters[i]
        if not p.exists(values):
            yield from extend(i + 1, values)
            return
        for option in (held[p.name],) if p.name in held else p.options:
            values[p.name] = option
            yield from extend(i + 1, values)
            del values[p.name]

    return extend(0, {})


def count(parameters: Sequence[Parameter]) -> int:
    """The number of assignments, counted without listing them: only values that later conditions name are kept."""
    named = [{name for p in parameters[i:] for name in p.when} for i in range(len(parameters) + 1)]
    states: dict[tuple[tuple[str, Scalar], ...], int] = {(): 1}
    for i, p in enumerate(parameters):
        following: dict[tuple[tuple[str, Scalar], ...], int] = {}
        for state, number in states.items():
            values = dict(state)
            for extended in [{**values, p.name: option} for option in p.options] if p.exists(values) else [values]:
                key = tuple((name, value) for name, value in extended.items() if name in named[i + 1])
                following[key] = following.get(key, 0) + number
        states = following
    return sum(states.values())


def same(a: Scalar, b: Scalar) -> bool:
    """Equality that tells True from 1."""
    return type(a) is type(b) and a == b
