"""Two thousand broken and hostile files, with a fixed seed: a sentence each, or the file, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

#: Inputs of a target; each NWB file takes as long as ten others.
EACH, OF_NWB = 96, 12


def test_no_file_does_any_harm(tmp_path):
    pytest.importorskip("pynwb")
    pytest.importorskip("pyarrow")
    import fuzz
    from fuzz_targets import TARGETS

    others = [name for name in TARGETS if name != "nwb"]
    log = tmp_path / "log.jsonl"
    done = [*fuzz.shards(others, EACH, seed=9, log=log), *fuzz.shards(["nwb"], OF_NWB, seed=9, log=log)]
    assert sum(shard["inputs"] for shard in done) >= 2000
    harm = [one for shard in done for one in shard["found"] if one[0] in ("crashed", "hung")]
    assert not harm
    assert all(shard["opened"] for shard in done), "the valid files open"
    assert sum(shard["refused"] for shard in done) > 1000
