"""Distances, intervals, tests and comparisons of models on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import neuroguide as ng
from neuroguide.cli import main
from neuroguide.recordings.netcdf import write_netcdf

N = 20


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A recording of 20 stimuli, and their images."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "images"
    folder.mkdir()
    pixels = rng.integers(0, 256, (N, 8, 8, 3), dtype=np.uint8)
    for index in range(N):
        Image.fromarray(pixels[index]).save(folder / f"i{index:02d}.png")
    clean = pixels.reshape(N, -1).astype(float) @ rng.normal(size=(192, 12)) / 192
    assembly = xr.DataArray(
        np.repeat(clean, 4, axis=0) + rng.normal(size=(4 * N, 12)),
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", np.repeat([f"i{index:02d}" for index in range(N)], 4)),
            "repetition": ("presentation", np.tile(np.arange(4), N)),
            "neuroid_id": ("neuroid", [f"n{k}" for k in range(12)]),
            "row": ("neuroid", np.arange(12) // 4),
            "col": ("neuroid", np.arange(12) % 4),
        },
        attrs={"identifier": "cli", "simulated": 1, "simultaneous": 0},
    )
    write_netcdf(assembly, tmp_path / "recording.nc")
    return str(tmp_path / "recording.nc"), str(folder)


def test_score_with_everything(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["score", "pixels", files[0], "--stimuli", files[1], "-q", "--distance", "crossnobis/correlation"]
    options = ["--bootstrap", "200", "--permutations", "100"]
    assert main([*command, *options, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["attrs"]["distance"] == "crossnobis(noise=diagonal)"
    assert row["attrs"]["model_distance"] == "correlation"
    assert {"ci_low", "ci_high", "p_value", "p_value_max"} <= set(row["scores"][0])
    assert main([*command, *options]) == 0
    printed = capsys.readouterr().out
    assert "[" in printed
    assert "p=" in printed
    assert "100 permutations" in printed
    assert main([*command[:6], "--bootstrap", "200", "--resample", "both", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["attrs"]["resample"] == "both"


def test_sites_are_printed_and_drawn(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["score", "pixels", files[0], "--stimuli", files[1], "-q", "--per", "site"]
    assert main([*command, "--plot", str(tmp_path / "pictures")]) == 0
    assert "median of sites" in capsys.readouterr().out
    assert (tmp_path / "pictures" / "sites.png").stat().st_size > 1000
    assert main([*command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["scores"]) == 12


def test_models_are_compared(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    factory = tmp_path / "nets.py"
    factory.write_text(
        "import torch\n"
        "def make():\n"
        "    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 7, 4), torch.nn.ReLU())\n"
    )
    command = ["compare", "pixels", f"{factory}:make", "--recording", files[0], "--stimuli", files[1], "-q"]
    picture, kept = tmp_path / "models.png", tmp_path / "models.nc"
    assert main([*command, "--bootstrap", "200", "--plot", str(picture), "--out", str(kept)]) == 0
    printed = capsys.readouterr().out
    assert "p (Holm)" in printed
    assert "SIMULATED DATA" in printed
    assert picture.stat().st_size > 1000
    assert ng.open_scores(kept)["p_fdr"].dims == ("region", "model", "model_2")
    assert main([*command, "--bootstrap", "200", "--json"]) == 0
    pair = json.loads(capsys.readouterr().out)["pairs"][0]
    assert pair["difference"] > 0
    assert pair["p_value"] <= pair["p_holm"]


def test_wrong_numbers_are_one_sentence(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for command, sentence in (
        (["compare", files[0]], "two RDMs or recordings are compared, 1 arrived"),
        (["compare", "pixels", "--recording", files[0], "--stimuli", files[1]], "at least 2 models"),
        (["score", "pixels", files[0], "--stimuli", files[1], "--distance", "crossnobi"], "did you mean 'crossnobis'"),
        (["rdm", files[0], "--distance", "mahalanobis(noise=full)"], "not recorded together"),
    ):
        assert main(command) == 2
        assert sentence in " ".join(capsys.readouterr().err.split())
