from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from neuroguide._core.seeds import derive_seed


def test_is_the_first_63_bits_of_the_sha256_of_the_json():
    digest = hashlib.sha256(b'[1,"trial",17]').digest()
    assert derive_seed(1, "trial", 17) == int.from_bytes(digest[:8], "big") // 2


def test_parts_matter_and_dictionary_order_does_not():
    assert derive_seed("a", "b") != derive_seed("ab")
    assert derive_seed("a", "b") != derive_seed("b", "a")
    assert derive_seed(1) != derive_seed("1")
    assert derive_seed({"x": 1, "y": 2}) == derive_seed({"y": 2, "x": 1})


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(), st.integers(), st.booleans(), st.none())))
def test_fits_every_generator(parts):
    assert 0 <= derive_seed(*parts) < 2**63
