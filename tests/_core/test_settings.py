from __future__ import annotations

from pathlib import Path

import pytest

from neuroguide._core import settings
from neuroguide._core.errors import OptionError


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path))
    assert settings.home() == tmp_path
    monkeypatch.setenv("NEUROGUIDE_HOME", "~/somewhere")
    assert settings.home() == Path.home() / "somewhere"


def test_without_it_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv("NEUROGUIDE_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert settings.home() == tmp_path / "neuroguide"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert settings.home() == Path.home() / ".cache" / "neuroguide"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("auto", 2 * 1024**3),
        ("1GB", 10**9),
        ("1.5 gb", 1_500_000_000),
        ("512MiB", 512 * 2**20),
        ("100000000", 10**8),
        (10**8, 10**8),
    ],
)
def test_memory_is_understood(given, expected):
    assert settings.parse_memory(given) == expected


@pytest.mark.parametrize("given", ["", "lots", "-1GB", "1TB", "1e9", "GB", "1 G"])
def test_memory_that_is_not_understood_is_named(given):
    with pytest.raises(OptionError, match="is not understood; give 'auto'"):
        settings.parse_memory(given)


@pytest.mark.parametrize("given", ["63MB", 0, "1kb"])
def test_too_little_memory_is_refused(given):
    with pytest.raises(OptionError, match="too small"):
        settings.parse_memory(given)
