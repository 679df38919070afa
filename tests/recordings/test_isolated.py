"""Files are read in a child process: results are the same, faults are sentences, and the next file is read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import FileError, InputError, MissingExtraError, NeuroguideWarning
from neuroguide.recordings import _isolated
from neuroguide.recordings._isolated import in_this_process, read_isolated
from neuroguide.recordings.netcdf import write_netcdf
from neuroguide.recordings.opening import inspect, open_recording

READERS = """
import os, time, warnings
import numpy as np
import xarray as xr
from neuroguide._core.errors import InputError, MissingExtraError, NeuroguideWarning

def everything(path, *, scale=1.0):
    warnings.warn("something to know", NeuroguideWarning)
    array = xr.DataArray(
        np.arange(6, dtype=np.int16).reshape(2, 3) * np.int16(scale), dims=("a", "b"), name="responses",
        attrs={"units": "Hz", "number": np.float32(2.5)},
        coords={"names": ("a", np.array(["x", "ü"], dtype=object)), "b": [1.5, np.nan, 3.0]},
    )
    array["names"].attrs["of"] = "people"
    return array

def many(path):
    return xr.Dataset({"one": ("a", np.zeros(2, np.float32)), "two": ((), 3)}, {"a": [1, 2]}, {"kind": "scores"})

def process(path):
    return {"pid": os.getpid(), "cwd": os.getcwd()}

def fails(path):
    raise MissingExtraError("reading needs nothing that exists")

def breaks(path):
    raise KeyError("a bug")

def dies(path):
    os.kill(os.getpid(), 11)

def spins(path):
    while True:
        pass

def fills(path):
    return {"sum": int(np.ones(int(5e9), np.uint8).sum())}
"""


@pytest.fixture
def readers(tmp_path, monkeypatch):
    """Name of a module of readers that a new child can import, and a file to read."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "odd_readers.py").write_text(textwrap.dedent(READERS))
    monkeypatch.setattr(_isolated, "_child", None)
    path = tmp_path / "file.dat"
    path.write_bytes(b"x" * 100)
    yield path
    if _isolated._child is not None:
        _isolated._child[1].close()
    sys.modules.pop("odd_readers", None)


def test_arrays_come_back_as_they_were(readers):
    with pytest.warns(NeuroguideWarning, match="something to know"):
        found = read_isolated("odd_readers:everything", readers, {"scale": 2.0})
    with in_this_process(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here = read_isolated("odd_readers:everything", readers, {"scale": 2.0})
    xr.testing.assert_identical(found, here)
    assert found.name == "responses"
    assert found.dtype == np.int16
    xr.testing.assert_identical(
        read_isolated("odd_readers:many", readers),
        xr.Dataset({"one": ("a", np.zeros(2, np.float32)), "two": ((), 3)}, {"a": [1, 2]}, {"kind": "scores"}),
    )


def test_one_child_reads_one_file_after_the_other_where_the_caller_is(readers, monkeypatch):
    first = read_isolated("odd_readers:process", readers)
    monkeypatch.chdir(readers.parent)
    second = read_isolated("odd_readers:process", Path(readers.name))
    assert first["pid"] == second["pid"] != os.getpid()
    assert Path(second["cwd"]) == readers.parent.resolve()


@pytest.mark.parametrize(
    ("reader", "error", "message"),
    [
        ("fails", MissingExtraError, "^reading needs nothing that exists$"),
        ("breaks", FileError, r"file\.dat cannot be read: the library that reads it failed \(KeyError: 'a bug'\)"),
        ("dies", FileError, r"was killed by SIGSEGV\); it is broken, or not what it says it is"),
        ("spins", FileError, "reading it took too long and was stopped"),
        ("fills", FileError, "too much memory|MemoryError|allocate"),
    ],
)
def test_every_fault_is_one_sentence_and_the_next_file_is_read(readers, monkeypatch, reader, error, message):
    if reader == "fills" and not sys.platform.startswith("linux"):
        pytest.skip("memory is limited on Linux alone")
    monkeypatch.setattr(_isolated, "_SECONDS", 1.0 if reader == "spins" else 60.0)
    monkeypatch.setattr(_isolated, "_LEAST_MEMORY", 2**30)
    with pytest.raises(error, match=message) as caught:
        read_isolated(f"odd_readers:{reader}", readers)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(_isolated, "_SECONDS", 60.0)
    assert read_isolated("odd_readers:process", readers)["pid"] > 0


def test_recordings_are_read_and_described_in_the_child(recording, tmp_path, monkeypatch):
    path = write_netcdf(recording, tmp_path / "a.nc")
    # whatever happens inside does not happen here
    monkeypatch.setattr("neuroguide.recordings.netcdf.open_netcdf", lambda *_, **__: pytest.fail("read here"))
    assert open_recording(path).identical(recording)
    assert "presentation" in str(inspect(path))


def test_what_cannot_be_sent_is_read_here(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    with pytest.raises(InputError, match="variable"):
        open_recording(path, variable=object())


def test_an_interpreter_that_ends_leaves_no_child(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    code = f"""
import neuroguide as ng
from neuroguide.recordings import _isolated
ng.open_recording({str(path)!r})
print(_isolated._child[1]._child.process.pid)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    for _ in range(100):
        try:
            os.kill(int(done.stdout), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(int(done.stdout), signal.SIGKILL)
    pytest.fail("the child outlived its parent")
