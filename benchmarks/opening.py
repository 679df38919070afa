"""From Brain-Score's largest public recording on disk to the averaged assembly: seconds and peak memory.

Writes a file of the structure and size of ``majajhong2015`` (256 sites x 148,480 presentations: 640 images 28 times and
2,560 images 51 times; one bin, float32, text ids; the real one cannot be had without a network), its table of stimuli
beside it, puts both where Brain-Score's own cache would have them, and in a child process opens and averages the
recording. Prints

- what importing takes, in seconds and memory, and verifying the SHA-1 of the files, by itself;
- ``ng.open_recording("majajhong2015")`` (which verifies once more), the two together with ``average_repetitions``, and
  how much of that was computing (the rest is waiting, for the disk or for a busy machine's processor);
- the highest memory of the whole process, interpreter and libraries included;
- the transfer from a local server in a child of its own: whole, broken off and gone on with, of half the file, and of
  a file with one bit altered.

    python benchmarks/opening.py              # uncompressed, and as Brain-Score writes: zlib
    python benchmarks/opening.py --missing    # one response in ten is missing
"""

from __future__ import annotations

import argparse
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

NAMES = ("assy_dicarlo_MajajHong2015_public.nc", "stimulus_hvm-public.csv")

_PEAK = """
import json, pathlib, sys, time

def peak():  # of this process, in bytes
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

def with_hashes(hashes, base_url=""):
    import dataclasses
    from neuroguide._core import catalog
    entry = catalog.entry("majajhong2015")
    files = tuple(catalog.CatalogFile(path=path, sha1=sha1) for path, sha1 in hashes.items())
    entry = dataclasses.replace(entry, files=files, base_url=base_url or entry.base_url)
    catalog._load = lambda: {"majajhong2015": entry}
    return entry
"""

_OPEN = """
start = time.perf_counter()
import h5py, pandas, pooch, xarray
from neuroguide._core import download
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.opening import open_recording
entry = with_hashes(json.loads(sys.argv[1]))
found = {"import s": time.perf_counter() - start, "import MB": peak() / 1e6}
start = time.perf_counter()
download.fetch(entry)
found["checksums s"] = time.perf_counter() - start
start, computing = time.perf_counter(), time.process_time()
assembly = open_recording("majajhong2015")
found["open s"] = time.perf_counter() - start
means = average_repetitions(assembly)
found["open and average s"] = time.perf_counter() - start
found["of it computing s"] = time.process_time() - computing
found["peak MB"] = peak() / 1e6
assert means.sizes["presentation"] == len(set(assembly["stimulus_id"].values))
assert "object_name" in means.coords and "repetition" not in means.coords
print(json.dumps(found))
"""

_TRANSFER = """
from neuroguide._core import download
from neuroguide._core.errors import DownloadError
entry = with_hashes(json.loads(sys.argv[1]), sys.argv[2])
start = time.perf_counter()
try:
    paths = download.fetch(entry)
    size = sum(path.stat().st_size for path in paths.values())
    said = f"{size / 1e6 / (time.perf_counter() - start):.0f} MB/s"
except DownloadError as error:
    said = "refused: " + " ".join(word for word in str(error).split() if ":/" not in word and "sha1" not in word)
print(json.dumps({"seconds": round(time.perf_counter() - start, 2), "peak MB": round(peak() / 1e6), "result": said}))
"""


def table_of_stimuli(n_stimuli: int) -> pd.DataFrame:
    """A table of stimuli with the columns of Brain-Score's ``hvm``: ids, files, objects, positions and sizes."""
    rng = np.random.default_rng(1)
    number = np.arange(n_stimuli)
    ids = [hashlib.sha1(str(i).encode()).hexdigest() for i in number]
    return pd.DataFrame(
        {
            "image_id": ids,
            "filename": [f"{name}.png" for name in ids],
            "object_name": [f"object_{i % 64:02d}" for i in number],
            "category_name": [f"category_{i % 8}" for i in number],
            "background_id": [f"background_{i % 97:02d}" for i in number],
            "variation": np.where(number % 5 == 0, 0, 3),
            **{name: rng.uniform(-1, 1, n_stimuli).round(4) for name in ("s", "ty", "tz", "rxy", "rxz", "ryz")},
            "size": np.full(n_stimuli, 256),
        }
    )


def write_archive(
    folder: Path,
    *,
    n_v4: int = 88,
    n_it: int = 168,
    n_stimuli: int = 3_200,
    missing: float = 0.0,
    compressed: bool = False,
) -> tuple[xr.DataArray, pd.DataFrame]:
    """Write a recording in the structure of ``majajhong2015`` and its table of stimuli into a folder.

    Returns
    -------
    responses : DataArray
        Dims neuroid, presentation, time_bin, with the coordinates of the file.
    table : DataFrame
        One row a stimulus.
    """
    rng = np.random.default_rng(0)
    table = table_of_stimuli(n_stimuli)
    n_sites = n_v4 + n_it
    times = np.where(table["variation"] == 0, 28, 51)
    repetition, shown = np.nonzero(np.arange(times.max())[:, np.newaxis] < times)
    values = rng.standard_normal((n_sites, len(shown), 1), dtype=np.float32)
    if missing:
        values[rng.random(values.shape, dtype=np.float32) < missing] = np.nan
    site = np.arange(n_sites)
    region = np.where(site < n_v4, "V4", "IT")
    animal = np.array(["Chabo", "Tito"])[site % 2]
    responses = xr.DataArray(
        values,
        dims=("neuroid", "presentation", "time_bin"),
        coords={
            "neuroid_id": ("neuroid", [f"{animal[i]}_L_{'MAP'[i % 3]}_{i // 10}_{i % 10}" for i in site]),
            "arr": ("neuroid", np.array(["M", "A", "P"])[site % 3]),
            "col": ("neuroid", site % 10),
            "hemisphere": ("neuroid", np.full(n_sites, "L")),
            "subregion": ("neuroid", np.where(site < n_v4, "V4", np.array(["cIT", "aIT", "pIT"])[site % 3])),
            "animal": ("neuroid", animal),
            "y": ("neuroid", site * 0.4),
            "x": ("neuroid", site * 0.2),
            "region": ("neuroid", region),
            "row": ("neuroid", site // 10),
            "image_id": ("presentation", table["image_id"].to_numpy()[shown]),
            "repetition": ("presentation", repetition),
            "time_bin_start": ("time_bin", [70]),
            "time_bin_end": ("time_bin", [170]),
        },
    )
    folder.mkdir(parents=True, exist_ok=True)
    dataset = responses.to_dataset(name="data")
    encoding = {"data": {"zlib": True, "complevel": 9}} if compressed else {}
    dataset.to_netcdf(folder / NAMES[0], engine="netcdf4", encoding=encoding)
    table.to_csv(folder / NAMES[1], index=False)
    return responses, table


def into_brainio(folder: Path, home: Path) -> dict[str, str]:
    """Move the files to where Brain-Score keeps them, ``home/<sha1>/<name>``; returns their SHA-1 by name."""
    hashes = {}
    for name in NAMES:
        with (folder / name).open("rb") as handle:
            hashes[name] = hashlib.file_digest(handle, "sha1").hexdigest()
        place = home / hashes[name]
        place.mkdir(parents=True)
        (folder / name).rename(place / name)
    return hashes


def child(code: str, environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """Run code in a process of its own and return what it measured."""
    command = [sys.executable, "-c", _PEAK + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


class _Server(http.server.BaseHTTPRequestHandler):
    """Serves files with byte ranges, and misbehaves as asked."""

    files: ClassVar[dict[str, Path]] = {}
    cut: ClassVar[list[int]] = []  # bytes after which the connection is closed, one request each
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        content = np.memmap(self.files[self.path.strip("/")], mode="r")
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.asked.append(wanted)
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        stop = start + self.cut.pop(0) if self.cut else len(content)
        for first in range(start, stop, 2**20):
            self.wfile.write(content[first : min(first + 2**20, stop)])

    def log_message(self, *_arguments: object) -> None:
        pass


def transfers(home: Path, hashes: dict[str, str], folder: Path) -> None:
    """Download the files from a server on this machine, whole, in pieces, cut short and altered; print each."""
    whole = {name: home / sha1 / name for name, sha1 in hashes.items()}
    first = NAMES[0]
    size = whole[first].stat().st_size
    short, other = folder / "short.nc", folder / "other.nc"
    with whole[first].open("rb") as handle:
        short.write_bytes(handle.read(size // 2))
    shutil.copyfile(whole[first], other)
    with other.open("r+b") as handle:
        handle.seek(size // 2)
        byte = handle.read(1)[0]
        handle.seek(size // 2)
        handle.write(bytes([byte ^ 1]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    cases = {
        "whole": (whole, []),
        "broken off at 60%, gone on with": (whole, [int(0.6 * size)]),
        "half of the file": (whole | {first: short}, []),
        "one bit altered": (whole | {first: other}, []),
    }
    for number, (case, (files, cut)) in enumerate(cases.items()):
        _Server.files, _Server.cut, _Server.asked = files, list(cut), []
        environment = {"NEUROGUIDE_HOME": str(folder / f"home{number}"), "BRAINIO_HOME": str(folder / "none")}
        found = child(_TRANSFER, environment, json.dumps(hashes), url)
        asked = [wanted for wanted in _Server.asked if wanted]
        print(f"  {case}: " + ", ".join(f"{key} {value}" for key, value in found.items()), *asked, flush=True)
    server.shutdown()


def main() -> None:
    """Run all of it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stimuli", type=int, default=3_200)
    parser.add_argument("--missing", action="store_true", help="one response in ten is missing")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    for compressed in (False, True):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_archive(
                folder / "new", n_stimuli=chosen.stimuli, missing=0.1 * chosen.missing,
                compressed=compressed,
            )  # fmt: skip
            size = (folder / "new" / NAMES[0]).stat().st_size / 1e6
            hashes = into_brainio(folder / "new", folder / "brainio")
            print(f"{'zlib' if compressed else 'uncompressed'}, {size:.0f} MB on disk", flush=True)
            environment = {"NEUROGUIDE_HOME": str(folder / "empty"), "BRAINIO_HOME": str(folder / "brainio")}
            runs = [child(_OPEN, environment, json.dumps(hashes)) for _ in range(chosen.repeats)]
            for name in runs[0]:
                values = [run[name] for run in runs]
                print(f"  {name:22}{min(values):9.2f} best{np.median(values):9.2f} median{max(values):9.2f} worst")
            if not compressed:
                (folder / "transfer").mkdir()
                transfers(folder / "brainio", hashes, folder / "transfer")


if __name__ == "__main__":
    main()
