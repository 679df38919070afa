"""Environments of their own for the packages that we compare with, and measurements inside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

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
    command = [python, str(Path(__file__).with_name(script)), json.dumps(arguments)]
    done = subprocess.run(command, env=_environment(threads), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


class Worker:
    """A process that runs ``script`` of this folder and answers each line of JSON with one, until it is closed.

    Several of them measured in turn see the same load of the machine, which makes ratios fair.
    """

    def __init__(self, python: str, script: str, arguments: dict[str, object], threads: int) -> None:
        command = [python, str(Path(__file__).with_name(script)), json.dumps(arguments)]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it is closed with the worker
        self._process = subprocess.Popen(
            command,
            env=_environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, task: dict[str, object]) -> dict[str, Any]:
        """Its answer to one task."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        self._errors.seek(0)
        raise SystemExit(f"a contender ended early:\n{self._errors.read()[-2000:]}")

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._errors.close()


def _environment(threads: int) -> dict[str, str]:
    """Every library with the same number of threads, which wait without spinning, and its own choice of kernels."""
    limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")}
    limits["OMP_WAIT_POLICY"] = "PASSIVE"
    chosen = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    return {**{name: value for name, value in os.environ.items() if name not in chosen}, **limits}


def table(rows: list[dict[str, object]]) -> str:
    """Rows as aligned text."""
    names = list(rows[0])
    cells = [names, *[[f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]]
    widths = [max(len(line[k]) for line in cells) for k in range(len(names))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
