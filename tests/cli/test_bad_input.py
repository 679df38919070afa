"""Wrong input on the command line: one sentence that names it, exit code 2, and nothing half-written."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from neuroguide._core import catalog, download
from neuroguide._core.transfer import Patience
from neuroguide.cli import main
from neuroguide.recordings.netcdf import write_netcdf


def assembly(**changes: object) -> xr.DataArray:
    """Six stimuli, twice each, at three sites."""
    rng = np.random.default_rng(0)
    values = (np.repeat(rng.uniform(0, 90, (6, 3)), 2, axis=0) + rng.normal(size=(12, 3))).astype(np.float32)
    return xr.DataArray(
        changes.get("values", values),
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", changes.get("ids", np.repeat([f"image{i}" for i in range(6)], 2))),
            "repetition": ("presentation", changes.get("repetition", np.tile([0, 1], 6))),
            "neuroid_id": ("neuroid", ["a", "b", "c"]),
            "region": ("neuroid", ["IT"] * 3),
        },
    )


def write_raw(array: xr.DataArray, path: Path) -> Path:
    """As a stranger's script would write it, without our checks."""
    array.rename("responses").to_dataset().to_netcdf(path, engine="netcdf4")
    return path


def png(size: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return path


@pytest.fixture
def good(tmp_path: Path) -> tuple[Path, Path]:
    """A recording and the folder of its images."""
    images = tmp_path / "images"
    images.mkdir()
    for index in range(6):
        Image.fromarray(np.random.default_rng(index).integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(
            images / f"image{index}.png"
        )
    rows = ["stimulus_id,filename", *(f"image{i},image{i}.png" for i in range(6))]
    (images / "stimuli.csv").write_text("\n".join(rows) + "\n")
    return write_netcdf(assembly(), tmp_path / "recording.nc"), images


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The sentence of a command that must fail; its exit code is 2, and nothing was printed as a result."""
    assert main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    sentence = printed.err.strip()
    assert sentence.startswith("error: ")
    assert "Traceback" not in sentence
    assert "\n" not in sentence
    return sentence


def test_the_good_input_is_good(good: tuple[Path, Path], tmp_path: Path) -> None:
    recording, images = good
    out = tmp_path / "scores.nc"
    assert main(["score", "pixels", str(recording), "--stimuli", str(images), "--out", str(out), "-q"]) == 0
    assert out.is_file()


def truncated(path: Path) -> Path:
    write_netcdf(assembly(), path)
    path.write_bytes(path.read_bytes()[:-2000])
    return path


def all_nan(path: Path) -> Path:
    return write_raw(assembly(values=np.full((12, 3), np.nan, dtype=np.float32)), path)


def infinite(path: Path) -> Path:
    values = assembly().values.copy()
    values[3, 1] = np.inf
    return write_raw(assembly(values=values), path)


def constant_stimulus(path: Path) -> Path:
    values = assembly().values.copy()
    values[4:6] = 7
    return write_raw(assembly(values=values), path)


def text_file(path: Path) -> Path:
    path.write_text("these are no responses\n")
    return path


def no_stimuli(path: Path) -> Path:
    return write_raw(assembly().isel(presentation=slice(0, 0)), path)


BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda path: path, "does not exist|no such|is missing"),
    "text": (text_file, "is not a recording"),
    "truncated": (truncated, "bad.nc"),
    "wrong dims": (lambda path: write_raw(assembly().rename(neuroid="channel"), path), "neuroid"),
    "duplicate presentations": (
        lambda path: write_raw(assembly(repetition=np.zeros(12, dtype=int)), path),
        "duplicate",
    ),
    "all missing": (all_nan, "no response at all"),
    "infinite": (infinite, "infinite"),
    "empty": (no_stimuli, "empty"),
    "constant stimulus": (constant_stimulus, "constant over features (or not finite): image2"),
    "text values": (lambda path: write_raw(assembly(values=np.full((12, 3), "x")), path), "text|str|numbers"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_recording(
    kind: str, good: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, expected = BROKEN[kind]
    out = tmp_path / "out" / "scores.nc"
    bad = make(tmp_path / "bad.nc")
    sentence = run(capsys, "score", "pixels", bad, "--stimuli", good[1], "--out", out, "-q")
    assert any(word in sentence for word in expected.split("|")), sentence
    assert not out.parent.exists()


OPTIONS = {
    "distance": (["--distance", "corelation"], "did you mean 'correlation'"),
    "comparison": (["--comparison", "pearsen"], "did you mean 'pearson'"),
    "normalise": (["--normalise", "z-score"], "did you mean 'zscore'"),
    "layer choice": (["--layer-choice", "best"], "known: all, crossvalidated"),
    "layer": (["--layers", "pixel"], "did you mean 'pixels'"),
    "device": (["--device", "gpu"], "known: auto, cpu, cuda, mps"),
    "memory": (["--memory", "lots"], "not understood"),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_wrong_option(kind: str, good: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extra, expected = OPTIONS[kind]
    out = tmp_path / "scores.nc"
    assert expected in run(capsys, "score", "pixels", good[0], "--stimuli", good[1], "--out", out, "-q", *extra)
    assert not out.exists()


def test_unknown_names_suggest_close_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'virtual'" in run(capsys, "score", "pixels", "virtuall", "-q")
    assert "did you mean 'pixels'" in run(capsys, "score", "pixel", "virtual", "-q")
    assert "did you mean 'cowley2023'" in run(capsys, "fetch", "cowley2032", "-q")


def test_a_factory_that_is_missing_fails_or_returns_nothing(
    good: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = (good[0], "--stimuli", good[1], "-q")
    assert "nowhere.py" in run(capsys, "score", f"{tmp_path}/nowhere.py:make", *rest)
    (tmp_path / "broken.py").write_text(
        "def make():\n    raise RuntimeError('no weights here')\n\ndef nothing():\n    return 3\n"
    )
    assert "no weights here" in run(capsys, "score", f"{tmp_path}/broken.py:make", *rest)
    assert "int" in run(capsys, "score", f"{tmp_path}/broken.py:nothing", *rest)
    assert "nosuch" in run(capsys, "score", f"{tmp_path}/broken.py:nosuch", *rest)


def test_stimuli_that_do_not_fit(good: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording, images = good
    table = images / "stimuli.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    assert "image5" in run(capsys, "score", "pixels", recording, "--stimuli", images, "-q")
    (images / "image2.png").write_bytes(png()[:-40])
    assert "image2" in run(
        capsys,
        "score",
        "pixels",
        write_netcdf(assembly().isel(presentation=slice(0, 10)), tmp_path / "five.nc"),
        "--stimuli",
        images,
        "-q",
    )
    assert "stimuli=" in run(capsys, "score", "pixels", recording, "-q")


def test_hostile_stimuli(good: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slip = zipped(tmp_path / "slip.zip", **{"..__..__evil_DOT_png": png(), "a_DOT_png": png()})
    assert "slip.zip" in run(capsys, "score", "pixels", good[0], "--stimuli", slip, "-q")
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "objects.npy" in run(capsys, "score", "pixels", good[0], "--stimuli", objects, "-q")


def test_output_that_cannot_be_written(
    good: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    sentence = run(capsys, "score", "pixels", good[0], "--stimuli", good[1], "--out", tmp_path / "folder", "-q")
    assert "is a folder" in sentence


def test_inspect_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "none.nc" in run(capsys, "inspect", tmp_path / "none.nc")
    assert "bad.nc" in run(capsys, "inspect", truncated(tmp_path / "bad.nc"))


@pytest.mark.parametrize("fault", ["404", "stalled", "wrong content", "refused"])
def test_a_download_that_fails_leaves_nothing(
    fault: str,
    file_server,
    cache: Path,
    hasty: Patience,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = file_server.entry(one=b"some responses" * 1000)
    if fault == "404":
        file_server.files.clear()
    elif fault == "stalled":
        file_server.stall_after, file_server.ranges = 100, False
    elif fault == "wrong content":
        file_server.files["/one.bin"] = b"other responses" * 1000
    else:
        entry = dataclasses.replace(entry, base_url="http://127.0.0.1:9")
    monkeypatch.setattr(catalog, "entry", lambda _: entry)
    monkeypatch.setattr(download, "Patience", lambda: hasty)
    sentence = run(capsys, "fetch", "things", "-q")
    assert "one.bin" in sentence
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]
