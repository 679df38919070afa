from __future__ import annotations

import pytest

from neuroguide._core.errors import OptionError
from neuroguide._core.options import check_option, closest, unknown_option

KNOWN = ("correlation", "cosine", "euclidean")


def test_known_values_come_back():
    assert check_option("distance", "cosine", KNOWN) == "cosine"
    assert check_option("distance", "cosine", iter(KNOWN)) == "cosine"


def test_a_typo_gets_the_nearest_name_and_all_names():
    with pytest.raises(OptionError) as caught:
        check_option("distance", "corelation", KNOWN)
    assert str(caught.value) == (
        "unknown distance 'corelation'; did you mean 'correlation'? known: correlation, cosine, euclidean"
    )


def test_nothing_near_gets_no_suggestion():
    with pytest.raises(OptionError, match=r"^unknown distance 'zzz'; known: correlation"):
        check_option("distance", "zzz", KNOWN)
    assert closest("zzz", KNOWN) == []


def test_values_that_are_no_text_are_named_too():
    assert str(unknown_option("distance", 3, [])) == "unknown distance 3; known: none"
    assert str(unknown_option("x", "a", ["b"], how_to_add="add it")).endswith("known: b (add it)")
