"""Searches with stand-ins for the candidates."""

from __future__ import annotations

import pytest

from neuroguide.nas.spaces import open_space
from neuroguide.nas.study import search
from neuroguide.testing.candidates import STAND_IN, StandInGuide


@pytest.fixture
def stand_in(tmp_path, middle_space):
    """``stand_in("name", **options)`` searches in ``tmp_path/name``, in this process unless told otherwise."""

    def start(name="run", *, space=middle_space, guide=None, **options):
        given = {"trials": 12, "executor": "inline", "evaluate": STAND_IN, **options}
        return search(space, guide or StandInGuide(), run=tmp_path / name, **given)

    return start


@pytest.fixture(scope="session")
def middle_space():
    """Some thousand architectures of few choices, one of which exists for some only."""
    return open_space("macro", stages=1, activation=("relu", "elu", "gelu"), normalisation=("batch",))


@pytest.fixture(scope="session")
def small_space():
    """Sixteen architectures."""
    return open_space(
        "macro", stages=1, depth=(1, 2), width=(8, 16), operation=("conv",), kernel=(3, 5), skip=("none", "add"),
        activation=("relu",), normalisation=("batch",),
    )  # fmt: skip
