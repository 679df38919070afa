"""One checker for named options, with suggestions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from neuroguide._core.errors import OptionError


def closest(value: str, known: Iterable[str], n: int = 3) -> list[str]:
    """The known names nearest to ``value``, best first (possibly none)."""
    return difflib.get_close_matches(value, list(known), n=n, cutoff=0.6)


def unknown_option(name: str, value: object, known: Iterable[str], *, how_to_add: str = "") -> OptionError:
    """The error for a value that is not among the known ones: what arrived, the closest names, all names."""
    names = sorted(known)
    near = closest(value, names) if isinstance(value, str) else []
    hint = f"did you mean {' or '.join(repr(n) for n in near)}? " if near else ""
    listing = ", ".join(names) if names else "none"
    tail = f" ({how_to_add})" if how_to_add else ""
    return OptionError(f"unknown {name} {value!r}; {hint}known: {listing}{tail}")


def check_option(name: str, value: str, known: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``known``.

    Raises
    ------
    OptionError
        If it is not; the message suggests close names and lists all of them.
    """
    names = list(known)
    if value not in names:
        raise unknown_option(name, value, names)
    return value
