"""Fixtures of the search's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuroguide.nas.data import TrainingData, open_data


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Decoded images are kept for the session, not in the user's cache; child processes find them there too."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def cifar10(neuroguide_home: Path, session_cache: Path) -> TrainingData:
    """The real training images; skips where they are not."""
    return open_data("cifar10")
