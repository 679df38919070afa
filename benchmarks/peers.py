"""Environments of their own for the packages that we compare with, and measurements inside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = {"rsatoolbox": ["rsatoolbox"], "brainscore": ["brainscore-vision>=2.2"]}


def peer_python(name: str, folder: Path) -> str:
    """The interpreter of a fresh environment with one peer in it; PIP_CONSTRAINT and PIP_INDEX_URL are honoured."""
    place = folder / name
    python = place / "bin" / "python"
    if not python.exists():
        print(f"making an environment with {' '.join(REQUIREMENTS[name])} in {place}", file=sys.stderr)
        venv.create(place, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *REQUIREMENTS[name]], check=True)
    return str(python)


def measure(python: str, script: str, arguments: dict[str, object], threads: int) -> dict[str, float]:
    """Run ``script`` of this folder in a process of its own; it prints one JSON object last."""
    limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")}
    command = [python, str(Path(__file__).with_name(script)), json.dumps(arguments)]
    done = subprocess.run(command, env={**os.environ, **limits}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def table(rows: list[dict[str, object]]) -> str:
    """Rows as aligned text."""
    names = list(rows[0])
    cells = [names, *[[f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]]
    widths = [max(len(line[k]) for line in cells) for k in range(len(names))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
