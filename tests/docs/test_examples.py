"""Every example of the documentation is run, or says why it is not; every command line in it is one that exists."""

from __future__ import annotations

import gc
import re
import runpy
import shlex
import shutil
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import typer
from PIL import Image

import neuroguide.engine.dissimilarity
import neuroguide.nas.study  # with all samplers, spaces and guides, before an example adds to them
import neuroguide.recordings.opening  # noqa: F401
from neuroguide._core.registry import Registry
from neuroguide.cli import main
from neuroguide.cli.commands import app

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: Examples that go on from another's run, after it; the others are in alphabetical order.
ORDER = ["search.py", "keep.py", "score.py", "draw.py"]

FENCE = re.compile(r"^```(python|sh|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"# docs/examples/\w+\.py\n")
NOT_RUN = re.compile(r"<!-- not run: (.{10,}?) -->\s*\Z", re.DOTALL)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with made-up responses, the images they are to, and a network."""
    folder = tmp_path_factory.mktemp("examples")
    rng = np.random.default_rng(0)
    names = [f"image_{i:02d}" for i in range(24)]
    (folder / "images").mkdir()
    for name in names:
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / "images" / f"{name}.png")
    tuning = rng.uniform(0, 40, (24, 1, 20))
    responses = rng.poisson(np.broadcast_to(tuning, (24, 6, 20))).astype(np.float32)
    np.savez(folder / "responses.npz", responses=responses, image_names=np.array(names))
    shutil.copy(EXAMPLES / "small_network.py", folder)
    return folder


def names() -> list[str]:
    """The examples, in the order in which they run."""
    return ORDER + sorted(path.name for path in EXAMPLES.glob("*.py") if path.name not in ORDER)


@pytest.fixture
def own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an example registers is gone after it."""
    # not isinstance, which wakes lazy modules
    for registry in [found for found in gc.get_objects() if issubclass(type(found), Registry)]:
        for name in ("_items", "_modules"):
            if hasattr(registry, name):
                monkeypatch.setattr(registry, name, dict(getattr(registry, name)))


@pytest.mark.usefixtures("own_registries")
@pytest.mark.filterwarnings("ignore::neuroguide._core.errors.NeuroguideWarning")
@pytest.mark.parametrize("name", names())
def test_the_example_runs(
    name: str, workplace: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace / "cache"))
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    plt.close("all")


def test_the_newcomers_script_is_short() -> None:
    assert len((EXAMPLES / "own_data.py").read_text().strip().splitlines()) <= 10


def test_the_newcomers_commands_run(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace)
    blocks = [block for kind, block, _ in fenced(ROOT / "docs" / "newcomer.md") if kind == "sh"]
    lines = command_lines(blocks[0])
    assert 2 <= len(lines) <= 3
    for line in lines:
        assert main(line) == 0, capsys.readouterr().err
    assert (workplace / "scores.nc").is_file()
    assert (workplace / "report.html").is_file()
    assert list((workplace / "pictures").glob("*.png"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_is_not_run_says_why(page: Path) -> None:
    sources = [path.read_text() for path in EXAMPLES.glob("*.py")]
    for kind, block, before in fenced(page):
        if kind != "python":
            continue
        if EXAMPLE.fullmatch(block):
            assert (ROOT / block[2:].strip()).is_file()
            continue
        compile(block, str(page), "exec")
        run = any(block.strip() in source for source in sources)
        assert run or NOT_RUN.search(before), f"{page.name}: say why this is not run, or run it:\n{block}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_command_lines_are_ones_that_exist(page: Path) -> None:
    for kind, block, _ in fenced(page):
        for line in command_lines(block) if kind != "python" else []:
            check_command(line)


def fenced(page: Path) -> list[tuple[str, str, str]]:
    """The kind and content of each fenced block of code, and what stands before it."""
    text = page.read_text(encoding="utf-8")
    return [(match[1], match[2], text[: match.start()]) for match in FENCE.finditer(text)]


def command_lines(block: str) -> list[list[str]]:
    """The arguments of each `neuroguide` command in a block of shell."""
    lines = [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").splitlines()]
    found = []
    for words in lines:
        if "neuroguide" in words:
            words = words[words.index("neuroguide") + 1 :]
            found.append(words[: words.index("&&")] if "&&" in words else words)
    return found


def check_command(words: list[str]) -> None:
    """The command exists, and so does every option."""
    group: Any = typer.main.get_command(app)
    known = {"--help", "--debug", "--version"}
    if not words or words[0] in known:
        return
    assert words[0] in group.commands, f"there is no command neuroguide {words[0]}"
    options = {name for p in group.commands[words[0]].params for name in [*p.opts, *p.secondary_opts]}
    for word in words[1:]:
        if word.startswith("-") and not word.lstrip("-")[:1].isdigit():
            assert word.partition("=")[0] in options | known, f"neuroguide {words[0]} has no option {word}"
