"""A space of one's own from one frozen dataclass with choices and one function that builds a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from torch import nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import unknown_option
from neuroguide.nas.spaces.base import Parameter, Scalar, Space

A = TypeVar("A")

_KEY = "neuroguide.choice"


@dataclasses.dataclass(frozen=True)
class _Choice:
    options: tuple[Scalar, ...]
    repeat: str | None
    when: Mapping[str, tuple[Scalar, ...]]


def choice(*options: Scalar, repeat: str | None = None, when: Mapping[str, object] | None = None) -> Any:
    """Declare a field of an architecture as a choice.

    Parameters
    ----------
    *options : scalars
        What may be chosen; the first one is the field's default, and its value where ``when`` does not hold.
    repeat : str, optional
        Name of an earlier integer field: this one is then a tuple with as many entries as that field says, each a
        choice of its own.
    when : mapping, optional
        Name of an earlier field to the value, or tuple of values, for which this choice exists.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Net:
    ...     depth: int = choice(1, 2, 3)
    ...     kernels: tuple[int, ...] = choice(3, 5, repeat="depth")
    ...     skip: bool = choice(False, True, when={"depth": (2, 3)})
    """
    conditions = {name: value if isinstance(value, tuple) else (value,) for name, value in (when or {}).items()}
    metadata = {_KEY: _Choice(tuple(options), repeat, conditions)}
    if repeat is not None:
        # no default: its length depends on another field
        return dataclasses.field(kw_only=True, metadata=metadata)
    return dataclasses.field(default=options[0] if options else None, metadata=metadata)


class DeclaredSpace(Space[A]):
    """A space from a frozen dataclass whose fields are choices and a function that builds the network.

    Parameters
    ----------
    name : str
        The family's name, a part of every architecture's hash.
    architecture : type
        A frozen dataclass; every field is a :func:`choice`.
    build : callable
        ``build(arch, *, image_size, n_classes, in_channels) -> nn.Module`` whose attribute ``stage_names`` is a tuple
        of names of its modules, as many for every architecture.

    Raises
    ------
    InputError
        If the dataclass is not frozen, or a field is not a choice.
    OptionError
        If a choice repeats or depends on something that is not an earlier field.
    """

    def __init__(self, name: str, architecture: type[A], build: Callable[..., nn.Module]) -> None:
        if not dataclasses.is_dataclass(architecture) or not architecture.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            raise InputError(f"the architectures of space {name!r} must be a frozen dataclass: @dataclass(frozen=True)")
        self.name = name
        self.architecture = architecture
        self._build = build
        self._choices: dict[str, _Choice] = {}
        for item in dataclasses.fields(architecture):
            if _KEY not in item.metadata:
                raise InputError(
                    f"the field {item.name!r} of space {name!r} is not a choice; declare it by choice(...)"
                )
            self._choices[item.name] = item.metadata[_KEY]

    def declare(self) -> Sequence[Parameter]:
        """One parameter a field; a repeated field has one for each entry it may have."""
        parameters = []
        earlier: dict[str, _Choice] = {}
        for name, this in self._choices.items():
            if this.repeat is None:
                parameters.append(Parameter(name, this.options, this.when))
            else:
                if this.repeat not in earlier:
                    raise unknown_option(f"earlier field that {name!r} repeats", this.repeat, earlier)
                lengths = earlier[this.repeat].options
                if not all(isinstance(length, int) and length >= 0 for length in lengths):
                    raise OptionError(
                        f"{name!r} repeats {this.repeat!r}, whose options are not counts: {list(lengths)}"
                    )
                counts = [int(length) for length in lengths if length is not None]
                parameters += [
                    Parameter(
                        f"{name}.{i}",
                        this.options,
                        {**this.when, this.repeat: tuple(count for count in counts if count > i)},
                    )
                    for i in range(max(counts))
                ]
            earlier[name] = this
        return parameters

    def compose(self, values: Mapping[str, Scalar]) -> A:
        """Fields from parameter values; a field that does not exist takes its first option, a repeated one is empty."""
        fields: dict[str, object] = {}
        for name, this in self._choices.items():
            if this.repeat is None:
                fields[name] = values.get(name, this.options[0])
            else:
                entries = (values.get(f"{name}.{i}", _KEY) for i in range(len(values)))
                fields[name] = tuple(entry for entry in entries if entry != _KEY)
        return self.architecture(**fields)

    def decompose(self, arch: A) -> Mapping[str, Scalar]:
        """Parameter values from fields."""
        values: dict[str, Scalar] = {}
        for name, this in self._choices.items():
            value = getattr(arch, name)
            if this.repeat is None:
                values[name] = value
            elif isinstance(value, tuple) and len(value) == getattr(arch, this.repeat):
                values.update({f"{name}.{i}": entry for i, entry in enumerate(value)})
            else:
                raise InputError(
                    f"the field {name!r} of space {self.name!r} should be a tuple with as many entries as "
                    f"{this.repeat} = {getattr(arch, this.repeat)!r}, not {value!r}"
                )
        return values

    def build_network(self, arch: A, *, image_size: int, n_classes: int, in_channels: int) -> nn.Module:
        """Call the user's function."""
        return self._build(arch, image_size=image_size, n_classes=n_classes, in_channels=in_channels)

    def recipe(
        self, arch: A, *, image_size: int, n_classes: int, in_channels: int
    ) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
        """See :meth:`Space.recipe`."""
        return self._build, {
            "arch": arch, "image_size": image_size, "n_classes": n_classes, "in_channels": in_channels
        }  # fmt: skip
