"""Every public name, command and environment variable stands in the reference."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import neuroguide

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

#: ``::: path`` and the heading that stands for it.
DIRECTIVE = re.compile(r"^::: (\S+)\n    options:\n      heading: (\S+)", re.MULTILINE)

#: Packages whose public names are all in the reference.
PACKAGES = (
    "recordings", "scoring", "stimuli", "models", "execution", "engine.dissimilarity", "engine.similarity",
    "errors", "nas.spaces", "nas.samplers", "nas.guides", "nas.hournas", "nas.vital", "nas.export",
)  # fmt: skip


def documented() -> dict[str, str]:
    """Heading to the path of what is documented under it, of all pages."""
    return {heading: path for page in REFERENCE.glob("*.md") for path, heading in DIRECTIVE.findall(page.read_text())}


def found(path: str) -> object:
    """The object at a path."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_public_names() -> None:
    made = {"__version__", "plot", "report"}  # the page of pictures and reports is made from the names that there are
    headings = documented()
    for name in set(neuroguide.__all__) - made:
        assert f"ng.{name}" in headings, f"ng.{name} is in no page of docs/reference"
        assert found(headings[f"ng.{name}"]) is getattr(neuroguide, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_names_of_packages(package: str) -> None:
    module = importlib.import_module(f"neuroguide.{package}")
    objects = [found(path) for path in documented().values()]
    missing = [name for name in module.__all__ if not any(getattr(module, name) is one for one in objects)]
    assert not missing, f"neuroguide.{package}: {', '.join(missing)} in no page of docs/reference"


def test_environment_variables() -> None:
    page = (REFERENCE / "environment.md").read_text()
    read = re.compile(
        r"environ(?:\.get\(|\.setdefault\(|\[)\s*\"((?!HTTP_|SERVER_)[A-Z_]+)\""
    )  # the dashboard's are a web server's
    sources = [path.read_text() for path in (ROOT / "neuroguide").rglob("*.py")]
    names = {name for source in sources for name in read.findall(source)}
    names |= {name for source in sources for name in re.findall(r"\"(NEUROGUIDE_[A-Z_]+)\"", source)}
    assert names >= {"NEUROGUIDE_HOME", "NEUROGUIDE_STORAGE_PASSWORD"}
    assert not [name for name in sorted(names) if f"`{name}`" not in page]
