"""What a space is: an ordered list of parameters, and how their values make an architecture and a network.

A subclass declares four things (parameters, compose, decompose, build_network); everything that samplers and studies
need is derived from them here. A space made from one dataclass and one function is in
:mod:`neuroguide.nas.spaces.declared`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution
from torch import nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import unknown_option
from neuroguide.nas.cost import Cost, count_cost
from neuroguide.nas.spaces.canonical import architecture_hash, from_plain, to_plain
from neuroguide.nas.spaces.parameters import Parameter, Scalar, Values, count, same, settings, walk

if TYPE_CHECKING:
    import optuna

A = TypeVar("A")

__all__ = ["Parameter", "Scalar", "Space", "Values"]


class Space(ABC, Generic[A]):
    """What can be built: a subclass gives ``name``, ``architecture`` and the four abstract methods.

    Attributes
    ----------
    name : str
        The family's name; a part of every architecture's hash.
    architecture : type
        The frozen dataclass of its architectures.
    origin : dict or None
        How a worker opens the same space again (``{"space": name, "options": {...}}``); set by
        :func:`neuroguide.nas.spaces.open_space`.
    mature_options : mapping
        Options with which :func:`neuroguide.nas.retraining.retrain` opens the space, unless told otherwise.
    """

    name: str
    architecture: type[A]
    origin: dict[str, Any] | None = None
    mature_options: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def declare(self) -> Sequence[Parameter]:
        """All parameters, in the order in which they are asked."""

    @abstractmethod
    def compose(self, values: Mapping[str, Scalar]) -> A:
        """The architecture with these parameter values (fixed ones included, absent ones left out)."""

    @abstractmethod
    def decompose(self, arch: A) -> Mapping[str, Scalar]:
        """The parameter values of an architecture: the inverse of :meth:`compose` (absent parameters may be included).

        Raises
        ------
        InputError
            If the architecture cannot come from this space.
        """

    @abstractmethod
    def build_network(self, arch: A, *, image_size: int, n_classes: int, in_channels: int) -> nn.Module:
        """The untrained network, with the attribute ``stage_names``."""

    def canonicalise(self, arch: A) -> A:
        """The one architecture that stands for all those that are equivalent to ``arch``.

        By default, parameters that do not exist take their fixed value; a space with more equivalences overrides this
        (and calls it). It must be idempotent.
        """
        return self.compose(self._values(arch))

    @cached_property
    def declared(self) -> tuple[Parameter, ...]:
        """:meth:`declare`, checked, without those that cannot exist because a subspace leaves their condition out."""
        seen: dict[str, Parameter] = {}
        possible: list[Parameter] = []
        for parameter in self.declare():
            if parameter.name in seen:
                raise OptionError(f"space {self.name!r} declares the choice {parameter.name!r} twice")
            for name in parameter.when:
                if name not in seen:
                    raise unknown_option(f"earlier choice in the condition of {parameter.name!r}", name, seen)
            seen[parameter.name] = parameter
            if all(
                seen[name] in possible and set(allowed) & set(seen[name].options)
                for name, allowed in parameter.when.items()
            ):
                possible.append(parameter)
        return tuple(possible)

    def recipe(
        self, arch: A, *, image_size: int, n_classes: int, in_channels: int
    ) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
        """What builds the network for use after its training: a function or class of a module, and its arguments.

        :func:`neuroguide.nas.export.export` writes the source of the one, and the other as a literal: arguments hold
        dataclasses, tuples, numbers, strings and None.

        Raises
        ------
        InputError
            If the space does not say.
        """
        raise InputError(
            f"the networks of space {self.name!r} cannot be written as source, since it has no method `recipe`; give "
            "it one (neuroguide.nas.spaces.Space.recipe), or declare the space by DeclaredSpace"
        )

    # -- as samplers see it ------------------------------------------------------------------------------------------

    def suggest(self, trial: optuna.trial.BaseTrial) -> A:
        """Ask a trial for an architecture, choice by choice; later choices exist or not by the earlier ones."""
        return self.canonicalise(self._walk(lambda p: trial.suggest_categorical(p.name, p.options)))

    def distributions(self) -> dict[str, BaseDistribution]:
        """Every parameter that a trial may be asked for, with its distribution."""
        return {p.name: CategoricalDistribution(p.options) for p in self.declared if len(p.options) > 1}

    def parameters(self, arch: A) -> Values:
        """Exactly what :meth:`suggest` asks for to arrive at this architecture.

        Raises
        ------
        InputError
            If the architecture is not in this space.
        """
        values = self._values(self.canonicalise(arch))
        return {p.name: values[p.name] for p in self.declared if p.name in values and len(p.options) > 1}

    def contains(self, arch: A) -> bool:
        """Whether the architecture is a point of this space."""
        try:
            self.parameters(arch)
        except InputError:
            return False
        return True

    def sample(self, rng: np.random.Generator) -> A:
        """A random architecture: every choice that is asked is uniform over its options."""
        return self.canonicalise(self._walk(lambda p: p.options[int(rng.integers(len(p.options)))]))

    def mutate(self, arch: A, rng: np.random.Generator) -> A:
        """Change one randomly chosen parameter to another option; parameters that come to exist are drawn.

        The result differs from ``arch`` (up to equivalence) unless the space holds nothing else.
        """
        start = self.canonicalise(arch)
        old = self.parameters(start)
        names = sorted(old)
        options = {p.name: p.options for p in self.declared}

        def ask(p: Parameter) -> Scalar:
            return p.options[int(rng.integers(len(p.options)))]

        # a change may be undone by an equivalence: draw again, and leave it at a fixed number of draws
        for _ in range(100 if names else 0):
            name = names[int(rng.integers(len(names)))]
            others = [option for option in options[name] if not same(option, old[name])]
            changed = {**old, name: others[int(rng.integers(len(others)))]}
            found = self.canonicalise(self._walk(ask, keep=changed))
            if found != start:
                return found
        return start

    def neighbours(self, arch: A) -> Iterator[A]:
        """Every architecture that differs in one parameter; parameters that come to exist take each of their options.

        The relation is symmetric, and nothing is listed twice.
        """
        start = self.canonicalise(arch)
        old = self.parameters(start)
        options = {p.name: p.options for p in self.declared}
        seen = {self.hash(start)}
        for name in old:
            for option in options[name]:
                if same(option, old[name]):
                    continue
                for values in settings(self.declared, {**old, name: option}):
                    found = self.canonicalise(self.compose(values))
                    key = self.hash(found)
                    if key not in seen:
                        seen.add(key)
                        yield found

    def enumerate(self) -> Iterator[A]:
        """Every architecture once, up to equivalence, in the order of the declaration.

        Raises
        ------
        OptionError
            If the space is infinite (spaces whose parameters are lists of options never are).
        """
        for values in settings(self.declared):
            found = self.compose(values)
            # an equivalence class is listed when its own representative comes by
            if self.canonicalise(found) == found:
                yield found

    def size(self) -> int | None:
        """The number of different architectures, or None when there are over a million settings to merge."""
        total = count(self.declared)
        if type(self).canonicalise is Space.canonicalise:
            return total
        return sum(1 for _ in self.enumerate()) if total <= 1_000_000 else None

    def encode(self, arch: A) -> np.ndarray[Any, np.dtype[np.float64]]:
        """An architecture as numbers: one-hot per parameter, zeros where a parameter does not exist.

        Returns
        -------
        array of shape (number of options of all parameters that are not fixed,)
        """
        values = self.parameters(arch)
        parts = [
            [float(p.name in values and same(values[p.name], option)) for option in p.options]
            for p in self.declared
            if len(p.options) > 1
        ]
        return np.array([x for part in parts for x in part], dtype=np.float64)

    # -- as files see it ---------------------------------------------------------------------------------------------

    def to_json(self, arch: A) -> dict[str, Any]:
        """The canonical form of an architecture in dicts, lists, numbers and strings."""
        plain: dict[str, Any] = to_plain(self.canonicalise(arch))
        return plain

    def from_json(self, data: Mapping[str, Any]) -> A:
        """The architecture of :meth:`to_json`.

        Raises
        ------
        InputError
            If a field is missing, unknown, of another type, or not an option of this space.
        """
        return self.canonicalise(from_plain(self.architecture, dict(data)))

    def hash(self, arch: A) -> str:
        """Sixteen hexadecimal digits, equal for equivalent architectures, the same on every machine."""
        return architecture_hash(self.name, self.to_json(arch))

    # -- as training sees it -----------------------------------------------------------------------------------------

    def build(self, arch: A, *, image_size: int = 32, n_classes: int = 10, in_channels: int = 3) -> nn.Module:
        """The untrained network of an architecture, its weights drawn from torch's global generator.

        Returns
        -------
        nn.Module
            Takes images ``(n, in_channels, image_size, image_size)``, gives logits ``(n, n_classes)``; its attribute
            ``stage_names`` names the modules whose outputs are compared with recordings.

        Raises
        ------
        InputError
            If the architecture is not in this space, or the network has no ``stage_names`` that are its modules.
        """
        arch = self.canonicalise(arch)
        network = self.build_network(arch, image_size=image_size, n_classes=n_classes, in_channels=in_channels)
        names = getattr(network, "stage_names", None)
        modules = dict(network.named_modules())
        if not isinstance(names, tuple) or not names or any(name not in modules for name in names):
            raise InputError(
                f"space {self.name!r} built a network whose stage_names are {names!r}; "
                f"they must be a tuple of names of its modules ({', '.join(list(modules)[1:6])}, ...)"
            )
        return network

    def cost(self, arch: A, *, image_size: int = 32, n_classes: int = 10, in_channels: int = 3) -> Cost:
        """Parameters, multiply-accumulates and FLOPs of one image's forward pass; draws no random numbers."""
        with torch.random.fork_rng(devices=[]):
            network = self.build(arch, image_size=image_size, n_classes=n_classes, in_channels=in_channels)
        return count_cost(network, (in_channels, image_size, image_size))

    # -- inside ------------------------------------------------------------------------------------------------------

    def _values(self, arch: A) -> Values:
        """Values of every parameter that exists for ``arch``, fixed ones included, checked against the options."""
        if not isinstance(arch, self.architecture):
            raise InputError(
                f"space {self.name!r} has architectures of type {self.architecture.__name__}, not {type(arch).__name__}"
            )
        given = self.decompose(arch)
        values: Values = {}
        for p in self.declared:
            if not p.exists(values):
                continue
            if p.name not in given or not any(same(given[p.name], option) for option in p.options):
                raise InputError(
                    f"the architecture has {p.name} = {given.get(p.name)!r}, and space {self.name!r} allows "
                    f"{list(p.options)}"
                )
            values[p.name] = given[p.name]
        return values

    def _walk(self, ask: Callable[[Parameter], Scalar], keep: Mapping[str, Scalar] | None = None) -> A:
        return self.compose(walk(self.declared, ask, keep))
