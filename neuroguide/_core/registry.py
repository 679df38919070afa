"""Registries of named things: loaders, distances, comparisons, spaces, samplers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from neuroguide._core.errors import OptionError
from neuroguide._core.options import unknown_option

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things; refuses duplicates, and its look-up error says what exists and how to register.

    Parameters
    ----------
    kind : str
        What is registered, in the singular, as it should read in an error: ``"distance"``.
    how_to_add : str
        How a user registers one more, for the same error.

    Examples
    --------
    >>> shapes = Registry[type]("shape", "register it with shapes.add(name, cls)")
    >>> shapes.add("square", int)
    <class 'int'>
    >>> shapes["square"]
    <class 'int'>
    """

    def __init__(self, kind: str, how_to_add: str = "") -> None:
        self.kind = kind
        self._how_to_add = how_to_add
        self._items: dict[str, T] = {}

    def add(self, name: str, item: T) -> T:
        """Register ``item``; raises OptionError if the name is taken."""
        if name in self._items:
            raise OptionError(f"{self.kind} {name!r} is registered already; choose another name")
        self._items[name] = item
        return item

    def register(self, name: str) -> Callable[[T], T]:
        """:meth:`add` as a decorator."""
        return lambda item: self.add(name, item)

    def __getitem__(self, name: str) -> T:
        try:
            return self._items[name]
        except (KeyError, TypeError):
            raise unknown_option(self.kind, name, self._items, how_to_add=self._how_to_add) from None

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def __len__(self) -> int:
        return len(self._items)
