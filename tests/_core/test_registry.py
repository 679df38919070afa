from __future__ import annotations

import pytest

from neuroguide._core.errors import OptionError
from neuroguide._core.registry import Registry


@pytest.fixture
def shapes() -> Registry[int]:
    registry = Registry[int]("shape", "register it with shapes.add(name, sides)")
    registry.add("square", 4)
    registry.register("circle")(0)
    return registry


def test_holds_things_by_name(shapes):
    assert shapes["square"] == 4
    assert shapes["circle"] == 0
    assert list(shapes) == ["circle", "square"]
    assert len(shapes) == 2
    assert "square" in shapes
    assert "triangle" not in shapes


def test_refuses_a_name_twice_and_keeps_the_first(shapes):
    with pytest.raises(OptionError, match="shape 'square' is registered already"):
        shapes.add("square", 5)
    assert shapes["square"] == 4


@pytest.mark.parametrize("name", ["sqare", "", None, ["square"]])
def test_an_unknown_name_says_what_exists_and_how_to_register(shapes, name):
    with pytest.raises(OptionError, match=r"unknown shape .*known: circle, square \(register it with") as caught:
        shapes[name]
    assert ("did you mean 'square'" in str(caught.value)) == (name == "sqare")
