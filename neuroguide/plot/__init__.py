"""Pictures of RDMs, scores and searches; each function takes a matplotlib Axes or makes one, and returns it.

Functions of one panel take ``ax=`` and return an Axes; functions of several (:func:`rdms`, :func:`profiles`,
:func:`comparisons`, :func:`importances`, :func:`operation_probabilities`, :func:`sites`, :func:`cells`,
:func:`architecture`, :func:`temporal_generalisation`) take ``axes=`` and return an array of them. Data whose attributes
say ``simulated`` are marked as such in the picture. :func:`save` writes a figure whose text stays text.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroguide.plot._architectures import architecture, architectures
    from neuroguide.plot._cells import cell, cells
    from neuroguide.plot._comparison import comparison, comparisons
    from neuroguide.plot._embedding import embed, embedding
    from neuroguide.plot._generalisation import temporal_generalisation
    from neuroguide.plot._hourglass import hourglass
    from neuroguide.plot._importance import importance, importances
    from neuroguide.plot._profile import profile, profiles
    from neuroguide.plot._rdm import rdm, rdms
    from neuroguide.plot._search import guides, search
    from neuroguide.plot._shepard import shepard
    from neuroguide.plot._sites import site_histogram, sites
    from neuroguide.plot._style import save, style
    from neuroguide.plot._supernet import budget, operation_probabilities
    from neuroguide.plot._time import time_course

#: Where each public name lives; matplotlib is loaded with the first one that is used.
_HOMES = {
    "architecture": "_architectures",
    "architectures": "_architectures",
    "budget": "_supernet",
    "cell": "_cells",
    "cells": "_cells",
    "comparison": "_comparison",
    "comparisons": "_comparison",
    "embed": "_embedding",
    "embedding": "_embedding",
    "guides": "_search",
    "hourglass": "_hourglass",
    "importance": "_importance",
    "importances": "_importance",
    "operation_probabilities": "_supernet",
    "profile": "_profile",
    "profiles": "_profile",
    "rdm": "_rdm",
    "rdms": "_rdm",
    "save": "_style",
    "search": "_search",
    "shepard": "_shepard",
    "site_histogram": "_sites",
    "sites": "_sites",
    "style": "_style",
    "temporal_generalisation": "_generalisation",
    "time_course": "_time",
}

__all__ = [
    "architecture",
    "architectures",
    "budget",
    "cell",
    "cells",
    "comparison",
    "comparisons",
    "embed",
    "embedding",
    "guides",
    "hourglass",
    "importance",
    "importances",
    "operation_probabilities",
    "profile",
    "profiles",
    "rdm",
    "rdms",
    "save",
    "search",
    "shepard",
    "site_histogram",
    "sites",
    "style",
    "temporal_generalisation",
    "time_course",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
