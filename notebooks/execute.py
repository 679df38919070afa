"""Run every notebook in full and keep its outputs, without what depends on the machine (warnings, times, progress).

python notebooks/execute.py [name ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"  # a progress bar


def main(names: list[str]) -> None:
    """Execute the named notebooks, or all."""
    for path in sorted(HERE.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": HERE}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if cell.cell_type == "code":
                cell.outputs = [
                    output
                    for output in cell.outputs
                    if output.get("name") != "stderr" and WIDGET not in output.get("data", {})
                ]
        for kept in ("language_info", "widgets"):
            notebook.metadata.pop(kept, None)
        nbformat.write(notebook, path)
        sys.stdout.write(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
