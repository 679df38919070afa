"""Scores on disk through a kill and a full disk: the old file whole, or the new one."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import FileError
from neuroguide.scoring.files import open_scores, write_scores


def _scores(value):
    values = xr.DataArray([[value]], {"layer": ["a"], "region": ["IT"]}, ("layer", "region"))
    return xr.Dataset({"similarity": values})


def test_a_kill_in_the_middle_leaves_the_old_scores(tmp_path):
    path = write_scores(_scores(0.25), tmp_path / "scores.nc")
    code = f"""
    import os, signal, xarray as xr
    from neuroguide.scoring import files
    whole = xr.Dataset.to_netcdf
    def half(self, target, **options):
        whole(self, target, **options)
        with open(target, "r+b") as handle:
            handle.truncate(target.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    xr.Dataset.to_netcdf = half
    files.write_scores(files.open_scores({str(path)!r}) * 2, {str(path)!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    assert open_scores(path)["similarity"].item() == 0.25
    # what was half written lies beside it, and is in nobody's way
    left = [p for p in tmp_path.iterdir() if p != path]
    assert len(left) == 1
    with pytest.raises(FileError, match="truncated or broken"):
        open_scores(left[0])
    write_scores(_scores(0.5), path)
    assert open_scores(path)["similarity"].item() == 0.5


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("NetCDF: HDF error")])
def test_a_full_disk_leaves_the_old_scores(tmp_path, monkeypatch, error):
    path = write_scores(_scores(0.25), tmp_path / "scores.nc")

    def full(self, target, **options):
        target.write_bytes(b"half")
        raise error

    monkeypatch.setattr(xr.Dataset, "to_netcdf", full)
    with pytest.raises(FileError, match=r"scores\.nc"):
        write_scores(_scores(0.5), path)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["scores.nc"]
    assert np.isclose(open_scores(path)["similarity"].item(), 0.25)
