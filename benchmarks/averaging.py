"""Averaging over repetitions at the size of Brain-Score's largest recording: 256 sites x 148,480 presentations.

Prints the time, and the peak memory as a multiple of the recording's size, of

- ``average_repetitions`` on the array in memory, in both orders that files have, without and with missing responses;
- the whole way from a netCDF file: open, check, average (in a child process, resident memory);
- plain xarray's ``groupby("stimulus_id").mean()`` in the same run, as the peer.

    python benchmarks/averaging.py
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.netcdf import write_netcdf

_FROM_FILE = """
import pathlib, sys, time
import h5py, netCDF4, pandas, scipy.sparse
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.opening import open_recording

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

before, start = peak(), time.perf_counter()
assembly = open_recording(sys.argv[1])
opened = time.perf_counter()
average_repetitions(assembly)
averaged = time.perf_counter()
print(opened - start, averaged - opened, (peak() - before) / assembly.nbytes)
"""


def recording(n_sites: int, n_presentations: int, n_stimuli: int, seed: int = 0) -> xr.DataArray:
    """Counts in random order, laid out as on disk: (neuroid, presentation, time_bin)."""
    rng = np.random.default_rng(seed)
    shown = rng.permutation(np.arange(n_presentations) % n_stimuli)
    values = rng.standard_normal((n_sites, n_presentations, 1), dtype=np.float32)
    ids = np.array([f"stimulus_{i:040d}" for i in range(n_stimuli)], dtype=object)
    categories = np.array([f"category_{i % 8}" for i in range(n_stimuli)], dtype=object)
    return xr.DataArray(
        values,
        dims=("neuroid", "presentation", "time_bin"),
        coords={
            "stimulus_id": ("presentation", ids[shown]),
            "category_name": ("presentation", categories[shown]),
            "size": ("presentation", (shown % 7).astype(np.float64)),
            "neuroid_id": ("neuroid", np.array([f"site_{i}" for i in range(n_sites)], dtype=object)),
            "time_bin_start": ("time_bin", [70.0]),
            "time_bin_end": ("time_bin", [170.0]),
        },
        attrs={"identifier": "benchmark", "simulated": 1},
    )


def measure(function: Callable[[], object], size: int, repeats: int = 5) -> tuple[float, float, float]:
    """Best and median seconds, and the peak of what was allocated, the recording included, over its size."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return min(seconds), float(np.median(seconds)), (size + peak) / size


def main() -> None:
    """Run all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=256)
    parser.add_argument("--presentations", type=int, default=148_480)
    parser.add_argument("--stimuli", type=int, default=5_760)
    parser.add_argument("--no-peer", action="store_true", help="leave out xarray's groupby, which takes a while")
    chosen = parser.parse_args()
    on_disk = recording(chosen.sites, chosen.presentations, chosen.stimuli)
    size = on_disk.nbytes
    print(
        f"{chosen.sites} sites x {chosen.presentations} presentations of {chosen.stimuli} stimuli, {size / 1e6:.0f} MB"
    )
    print(f"{'':45}{'best s':>10}{'median s':>10}{'peak / size':>13}")

    def row(name: str, function: Callable[[], object], repeats: int = 5) -> None:
        best, median, ratio = measure(function, size, repeats)
        print(f"{name:45}{best:10.3f}{median:10.3f}{ratio:13.2f}", flush=True)

    row("average_repetitions, (neuroid, presentation)", lambda: average_repetitions(on_disk))
    in_memory = on_disk.transpose("presentation", "neuroid", "time_bin").copy()
    row("average_repetitions, (presentation, neuroid)", lambda: average_repetitions(in_memory))
    if not chosen.no_peer:
        flat = in_memory.isel(time_bin=0, drop=True)
        row("xarray groupby('stimulus_id').mean()", lambda: flat.groupby("stimulus_id").mean(), repeats=1)
    if sys.platform == "linux":  # where the peak of resident memory can be read
        with tempfile.TemporaryDirectory() as folder:
            path = write_netcdf(on_disk, Path(folder) / "recording.nc")
            command = [sys.executable, "-c", _FROM_FILE, str(path)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        opening, averaging, ratio = (float(value) for value in out)
        print(f"{f'from a file: opened in {opening:.2f} s, averaged in':45}{averaging:10.3f}{'':10}{ratio:13.2f}")
    holes = np.random.default_rng(1).random(in_memory.shape, dtype=np.float32) < 0.1
    in_memory.values[holes] = np.nan
    del holes
    row("average_repetitions, 10% missing", lambda: average_repetitions(in_memory))


if __name__ == "__main__":
    main()
