"""A lab's own file on the command line: inspect proposes, --option says which axis is what."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.io import savemat

import neuroguide as ng
from neuroguide._core.errors import OptionError
from neuroguide.cli import main
from neuroguide.cli._arguments import parse_options


def test_options_are_numbers_lists_and_text():
    found = parse_options(["array=data.resp", "dims=neuroid, presentation", "window=-50,200.5", "simultaneous=True"])
    assert found == {
        "array": "data.resp", "dims": ("neuroid", "presentation"), "window": (-50, 200.5), "simultaneous": True,
    }  # fmt: skip
    for wrong in (["array"], ["=x"], ["a=1", "a=2"]):
        with pytest.raises(OptionError, match=r"write e\.g\. --option array=resp"):
            parse_options(wrong)


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(0)
    tuning = rng.uniform(1, 50, (5, 12, 1)) + rng.normal(size=(5, 12, 3))
    savemat(tmp_path / "mine.mat", {"resp": tuning, "depth": np.arange(5.0)})
    np.save(tmp_path / "images.npy", rng.integers(0, 256, (12, 16, 16, 3), dtype=np.uint8))
    return tmp_path / "mine.mat"


OPTIONS = ["--option", "array=resp", "--option", "dims=neuroid,presentation,repetition", "--option", "region=V4"]


def test_a_matlab_file_is_scored(file, capsys):
    assert main(["inspect", str(file)]) == 0
    assert "dims=('neuroid', 'presentation', 'repetition'))" in capsys.readouterr().out
    images = ["--option", f"stimulus_set={file.with_name('images.npy')}"]
    assert main(["score", "pixels", str(file), *OPTIONS, *images, "--json", "-q"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["scores"]
    assert row["region"] == "V4"
    assert row["ceiling"] > 0.5
    assert main(["rdm", str(file), *OPTIONS]) == 0
    assert "12 stimuli, 5 sites" in capsys.readouterr().out


def test_inspect_writes_what_it_opened(file, tmp_path, capsys):
    out = tmp_path / "recording.nc"
    assert main(["inspect", str(file), *OPTIONS, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "36 presentations, 5 neuroids; 12 stimuli" in printed
    assert ng.open_recording(out).attrs["identifier"] == "mine.mat"
    assert main(["inspect", str(file), *OPTIONS, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sizes"] == {"presentation": 36, "neuroid": 5}


def test_without_options_the_sentence_has_the_call(file, capsys):
    assert main(["score", "pixels", str(file)]) == 2
    error = capsys.readouterr().err
    assert "choose one, e.g. ng.open_recording" in error
    assert "Traceback" not in error


def test_a_time_course_and_controls(file, tmp_path, capsys):
    rng = np.random.default_rng(1)
    raster = rng.random((12, 4, 6, 100)) < 0.05
    raster[..., 50:] |= rng.random((12, 1, 6, 1)) / 2 > rng.random((12, 4, 6, 50))
    np.save(tmp_path / "raster.npy", raster.astype(np.uint8))
    recording = tmp_path / "recording.nc"
    options = ["dims=presentation,repetition,neuroid,time_bin", "time_bins=-50,1", "bin_ms=50", "units=counts",
               f"stimulus_set={file.with_name('images.npy')}"]  # fmt: skip
    repeated = [part for option in options for part in ("--option", option)]
    assert main(["inspect", str(tmp_path / "raster.npy"), *repeated, "-o", str(recording)]) == 0
    pictures = tmp_path / "pictures"
    assert main(["score", "pixels", str(recording), "--time", "each", "--plot", str(pictures), "-q"]) == 0
    printed = capsys.readouterr().out
    assert "-50 to 0" in printed
    assert "0 to 50" in printed
    assert (pictures / "time_all_sites.png").read_bytes().startswith(b"\x89PNG")
    assert main(["score", "pixels", str(recording), "--time", "0,50", "--given", "mean-rate", "-q"]) == 0
    printed = capsys.readouterr().out
    assert "pixels, given controls" in printed
    assert "Controls: mean-rate" in printed
