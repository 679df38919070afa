"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")


@pytest.fixture(scope="session")
def neuroguide_home() -> Path:
    """The download cache that holds the real recordings; skips, with the reason, where there is none."""
    value = os.environ.get("NEUROGUIDE_HOME")
    if not value or not (Path(value) / "kriegeskorte2008").is_dir():
        pytest.skip("the catalogued recordings are not here: run `neuroguide fetch --all` and set NEUROGUIDE_HOME")
    return Path(value)
