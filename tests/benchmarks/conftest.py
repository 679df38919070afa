"""Benchmarks are scripts that import each other by name: their folder comes first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
