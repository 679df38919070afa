"""Results and settings of runs that are damaged, or anybody's work."""

from __future__ import annotations

import math

import pytest

from neuroguide.nas.stored import garbled_result, garbled_settings, is_cost

GOOD = {
    "value": 0.5, "values": [0.5, 3], "measures": {"P": 0.2, "TG": None, "reason": "dead", "loss": math.nan},
    "hash": "a1", "architecture": {}, "image_equivalents": 100, "reason": None, "parameters": 10, "flops": 20.0,
    "seconds": None,
}  # fmt: skip


def test_what_a_search_writes_is_good():
    assert garbled_result(GOOD, 2) == []
    assert garbled_result({**GOOD, "reason": "killed", "rung": 1, "duplicate_of": 3}, 2) == []
    assert is_cost(GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("value", None), ("value", math.inf), ("value", 10**400), ("values", [0.5]), ("values", [[0.5], 1]),
        ("values", 3),
        ("measures", {"P": []}), ("measures", None), ("architecture", "[]"), ("hash", 1), ("image_equivalents", "9"),
        ("reason", []), ("seconds", {}), ("rung", "<script>"), ("rung", 0.5), ("duplicate_of", 2**70),
        ("parameters", [1]),
    ],
)  # fmt: skip
def test_what_is_garbled_is_named(name, value):
    assert garbled_result({**GOOD, name: value}, 2) == [name]


def test_what_lacks_is_named():
    assert garbled_result({}, 1) == [
        "value",
        "values",
        "measures",
        "architecture",
        "hash",
        "image_equivalents",
        "reason",
    ]
    assert garbled_result([], 1) == ["everything"]
    assert not is_cost({"image_equivalents": "many"})
    tables = {"search": {"trials": True, "seed": 0}, "sampler": {"name": "a", "options": 3}, "space": {}, "guide": {}}
    assert garbled_settings(tables) == ["trials", "study", "space", "name", "options"]
