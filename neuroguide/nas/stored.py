"""What a run keeps, looked at before anything relies on it: it may be damaged, or anybody's work."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: Settings that every run has, and those that some have.
_SETTINGS: dict[tuple[str, str], type] = {
    ("search", "trials"): int,
    ("search", "seed"): int,
    ("search", "study"): str,
    ("sampler", "name"): str,
    ("space", "space"): str,
    ("guide", "name"): str,
}
_SOMETIMES: dict[tuple[str, str], type] = {
    ("search", "halving"): str,
    ("search", "promotion"): str,
    ("search", "storage"): str,
    ("search", "method"): str,
    ("sampler", "options"): dict,
    ("space", "options"): dict,
}

#: Whole numbers of a result, where it has them: larger ones are no count of anything.
_WHOLE = ("parameters", "macs", "flops", "rung", "duplicate_of", "attempts")
_LARGEST = 2**53


def garbled_settings(settings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of settings that are lacking, or of another type than they have."""
    lacking = [key for (table, key), kind in _SETTINGS.items() if not _is(settings[table].get(key), kind)]
    given = {(table, key): settings[table][key] for table, key in _SOMETIMES if key in settings[table]}
    return [*lacking, *(key for (table, key), value in given.items() if not _is(value, _SOMETIMES[table, key]))]


def garbled_result(result: Any, n_values: int) -> list[str]:
    """Names of what a stored result lacks, or has in another form than the search writes it.

    Parameters
    ----------
    result
        As stored.
    n_values : int
        How many objectives the search has.
    """
    if not isinstance(result, Mapping):
        return ["everything"]
    values, measures, reason = result.get("values"), result.get("measures"), result.get("reason", 0)
    checks = {
        "value": _is_number(result.get("value")),
        "values": isinstance(values, list) and len(values) == n_values and all(map(_is_number, values)),
        "measures": isinstance(measures, Mapping) and all(_is_measure(value) for value in measures.values()),
        "architecture": isinstance(result.get("architecture"), Mapping),
        "hash": isinstance(result.get("hash"), str),
        "image_equivalents": _is_number(result.get("image_equivalents")),
        "reason": reason is None or isinstance(reason, str),
        "seconds": result.get("seconds") is None or _is_number(result["seconds"]),
        **{name: result.get(name) is None or _is_whole(result[name]) for name in _WHOLE},
    }
    return [name for name, good in checks.items() if not good]


def is_cost(result: Any) -> bool:
    """Whether a stored result says what it cost."""
    return isinstance(result, Mapping) and _is_number(result.get("image_equivalents"))


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    # a whole number beyond the range of floats has no float
    return isinstance(value, int | float) and abs(value) < 1e300 and math.isfinite(value)


def _is_measure(value: Any) -> bool:
    return value is None or isinstance(value, str) or _is_number(value) or value != value


def _is_whole(value: Any) -> bool:
    return _is_number(value) and abs(value) < _LARGEST and int(value) == value
