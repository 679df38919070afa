"""The notebooks run from top to bottom in their short mode, and keep small outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
#: Those that make their own data, or take what comes with the package.
WITHOUT_DOWNLOADS = [path for path in NOTEBOOKS if path.stem[:2] in ("06", "07", "08")]


def executed(path: Path) -> list[nbformat.NotebookNode]:
    """The outputs of a notebook that ran without an error."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}})
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]
    return outputs


@pytest.mark.real
@pytest.mark.filterwarnings("default")  # the notebook's kernel is another process; its client's warnings are not ours
@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path not in WITHOUT_DOWNLOADS], ids=lambda path: path.stem
)
def test_it_runs(path: Path, neuroguide_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROGUIDE_SMOKE", "1")
    executed(path)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", WITHOUT_DOWNLOADS, ids=lambda path: path.stem)
def test_it_runs_without_downloads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if path.stem.startswith("06"):
        pytest.importorskip("pynwb")
    monkeypatch.setenv("NEUROGUIDE_SMOKE", "1")
    executed(path)


@pytest.mark.full
@pytest.mark.filterwarnings("default")
def test_the_one_about_brain_score_runs_fully_where_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("brainscore_vision", exc_type=Exception)
    monkeypatch.delenv("NEUROGUIDE_SMOKE", raising=False)
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith("07"))
    printed = "".join(output.text for output in executed(path) if output.get("name") == "stdout")
    assert "Brain-Score is installed: True" in printed
    assert "not here:" not in printed
    assert printed.count("back again: identical") == 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_outputs_are_kept_and_small(path: Path) -> None:
    assert path.stat().st_size < 400_000
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert any(cell.outputs for cell in code)
    assert not any(output.output_type == "error" for cell in code for output in cell.outputs)
