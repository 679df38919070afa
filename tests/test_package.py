"""The package as it is installed: where it comes from, what importing it costs, what its papers say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import neuroguide

ROOT = Path(__file__).parents[1]


def test_the_installed_wheel_is_tested_not_the_checkout() -> None:
    site_packages = Path(sysconfig.get_paths()["purelib"]).resolve()
    assert site_packages in Path(neuroguide.__file__).resolve().parents


def test_import_is_quick_and_loads_no_torch(tmp_path: Path) -> None:
    script = (
        "import sys, time, json; start = time.perf_counter(); import neuroguide; spent = time.perf_counter() - start; "
        "heavy = [m for m in ('torch', 'xarray', 'matplotlib', 'scipy', 'pandas') if m in sys.modules]; "
        "print(json.dumps([spent, heavy]))"
    )
    results = [
        json.loads(subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True).stdout)
        for _ in range(3)
    ]
    assert all(heavy == [] for _, heavy in results)
    assert min(spent for spent, _ in results) < 0.3


def test_every_public_name_is_there() -> None:
    for name in neuroguide.__all__:
        assert getattr(neuroguide, name) is not None
    assert set(neuroguide.__all__) <= set(dir(neuroguide))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = neuroguide.no_such_name


def test_files_and_stimuli_load_no_torch(tmp_path: Path) -> None:
    script = "import sys, neuroguide.recordings.opening, neuroguide.stimuli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_the_command_is_installed(tmp_path: Path) -> None:
    command = Path(sysconfig.get_paths()["scripts"]) / "neuroguide"
    done = subprocess.run([command, "--version"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == neuroguide.__version__


def test_citation_names_this_version() -> None:
    citation = ROOT / "CITATION.cff"
    assert re.search(rf"^version: {re.escape(neuroguide.__version__)}$", citation.read_text(), re.MULTILINE)


def test_the_typing_marker_is_shipped() -> None:
    assert (Path(neuroguide.__file__).parent / "py.typed").is_file()
