"""The commands on good input: what they print and write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import neuroguide as ng
from neuroguide.cli import main
from neuroguide.recordings.netcdf import write_netcdf


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Four stimuli three times at five sites of two regions, simulated."""
    rng = np.random.default_rng(0)
    tuning = rng.uniform(0, 50, (8, 5))
    array = xr.DataArray(
        (np.repeat(tuning, 3, axis=0) + rng.normal(size=(24, 5))).astype(np.float32),
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", np.repeat([f"s{i}" for i in range(8)], 3)),
            "repetition": ("presentation", np.tile([0, 1, 2], 8)),
            "neuroid_id": ("neuroid", list("abcde")),
            "region": ("neuroid", ["V4", "V4", "IT", "IT", "IT"]),
        },
        attrs={"identifier": "made", "simulated": 1},
    )
    return write_netcdf(array, tmp_path / "recording.nc")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    values = np.random.default_rng(1).integers(0, 256, (8, 12, 12, 3), dtype=np.uint8)
    path = tmp_path / "images.npy"
    np.save(path, values)
    return path


def test_rdm_inspect_and_compare(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, picture = tmp_path / "rdm.nc", tmp_path / "rdm.png"
    assert main(["rdm", str(recording), "--by", "region", "--out", str(out), "--plot", str(picture)]) == 0
    assert "8 stimuli, 5 sites" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    saved = ng.open_rdm(out)
    assert saved["region"].values.tolist() == ["V4", "IT"]

    assert main(["inspect", str(out)]) == 0
    described = capsys.readouterr().out
    assert "ng.open_rdm" in described
    assert "simulated: 1" in described

    assert main(["compare", str(out), str(out)]) == 0
    assert "SIMULATED DATA" in capsys.readouterr().out
    assert main(["compare", str(out), str(out), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["simulated"] for row in rows} == {1}
    expected = ng.compare(saved.isel(region=0), saved.isel(region=1))
    found = {(row["first"], row["second"]): row["similarity"] for row in rows}
    assert found["V4", "IT"] == pytest.approx(expected)
    assert found["IT", "IT"] == pytest.approx(1)


def test_score_prints_what_it_writes(
    recording: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    array = ng.open_recording(recording)
    stimuli = tmp_path / "shown"
    stimuli.mkdir()
    from PIL import Image

    for name, pixels in zip(dict.fromkeys(array["stimulus_id"].values), np.load(images), strict=True):
        Image.fromarray(pixels).save(stimuli / f"{name}.png")
    rows = "\n".join(f"s{i},s{i}.png" for i in range(8))
    (stimuli / "table.csv").write_text(f"stimulus_id,filename\n{rows}\n")
    out, pictures = tmp_path / "scores.nc", tmp_path / "pictures"
    command = ["score", "pixels", str(recording), "--stimuli", str(stimuli), "--out", str(out), "-q"]
    assert main([*command, "--json", "--plot", str(pictures)]) == 0
    printed = json.loads(capsys.readouterr().out)
    saved = ng.open_scores(out)
    assert printed["attrs"]["simulated"] == 1
    assert {row["region"]: row["similarity"] for row in printed["scores"]} == pytest.approx(
        dict(zip(saved["region"].values.tolist(), saved["similarity"].values[0], strict=True))
    )
    assert sorted(path.name for path in pictures.iterdir()) == ["profile.png", "rdms_IT.png", "rdms_V4.png"]

    assert main(command) == 0
    table = capsys.readouterr().out
    assert "SIMULATED DATA" in table
    assert "noise ceiling" in table


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listing = capsys.readouterr().out
    commands = ["demo", "recordings", "fetch", "inspect", "rdm", "score", "compare", "search", "leaderboard", "doctor"]
    for command in commands:
        assert command in listing
        assert main([command, "--help"]) == 0
        assert f"Example: neuroguide {command}" in " ".join(capsys.readouterr().out.split())


def test_recordings_and_doctor_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recordings", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"virtual", "cowley2023", "kriegeskorte2008", "zhangdesimone7objects"} <= {row["name"] for row in rows}
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["neuroguide"] == ng.__version__
    assert set(found["extras"]) >= {"timm", "pynwb", "optuna_dashboard"}


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(ng.NeuroguideError):
        main(["inspect", str(tmp_path / "none.nc"), "--debug"])
