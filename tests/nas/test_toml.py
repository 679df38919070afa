"""Settings survive being written and read."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroguide._core.errors import FileError, InputError
from neuroguide.nas.toml import read_toml, to_toml, write_toml

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
SCALAR = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXT)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, VALUE, max_size=6))
def test_comes_back_as_it_was(data):
    assert tomllib.loads(to_toml(data)) == data


def test_entries_that_are_none_are_left_out(tmp_path):
    data = {"a": None, "b": (1, 2.5), "table": {"c": None, "d": "x"}}
    write_toml(tmp_path / "run.toml", data)
    assert read_toml(tmp_path / "run.toml") == {"b": [1, 2.5], "table": {"d": "x"}}


def test_what_has_no_form_in_toml_is_refused():
    with pytest.raises(InputError, match="cannot be written as a setting"):
        to_toml({"a": object()})


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe", b"[[["])
def test_a_file_that_is_not_toml_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(FileError, match=r"run\.toml is not TOML"):
        read_toml(tmp_path / "run.toml")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"cannot read .*run\.toml"):
        read_toml(tmp_path / "run.toml")
