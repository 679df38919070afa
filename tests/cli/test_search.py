"""Search on the command line: a run, its leaderboard, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from neuroguide.cli import main
from neuroguide.nas.run import open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three untrained candidates guided by the virtual primate."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    command = ["search", "--data", "objects:64", "--guide", "performance", "--guide", "recording:virtual"]
    command += ["--n-stimuli", "40", "--trials", "3", "--images", "0", "--sampler", "random", "--run", str(folder)]
    assert main([*command, "--quiet"]) == 0
    return folder


def test_the_leaderboard_says_where_its_numbers_come_from(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", str(run)]) == 0
    printed = capsys.readouterr().out
    assert "SIMULATED DATA" in printed
    assert "reference" in printed
    assert "3 of 3 trials" in printed


def test_json_and_csv_hold_what_the_run_holds(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "leaderboard.csv"
    assert main(["leaderboard", str(run), "--json", "--out", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["format"], printed["simulated"]) == (1, 1)
    rows = printed["rows"]
    table = open_run(run).leaderboard()
    assert len(rows) == len(table)
    assert main(["leaderboard", str(run), "--json", "--top", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == rows[:2]
    assert [row["trial"] for row in rows[:3]] == table["trial"].tolist()[:3]
    assert rows[0]["value"] == pytest.approx(rows[0]["P"] + rows[0]["TG"])
    assert pd.read_csv(out)["value"].tolist() == pytest.approx(table["value"].tolist())


def test_a_run_is_never_overwritten_and_goes_on_with_more_trials(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--data", "objects:64", "--guide", "performance", "--run", str(run), "-q"]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert main(["search", "--resume", "--run", str(run), "--trials", "4", "--quiet", "--json"]) == 0
    assert len([row for row in json.loads(capsys.readouterr().out)["rows"] if row["kind"] != "reference"]) == 4


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--guide", "performance"], "give data="),
        (["--data", "objects:64"], "needs a guide"),
        (["--data", "objects:64", "--guide", "accuracy"], "known: auto, network, performance, recording"),
        (["--data", "objects:64", "--guide", "performance", "--sampler", "evolutoin"], "did you mean 'evolution'"),
        (["--data", "objects:64", "--guide", "performance", "--space", "makro"], "did you mean 'macro'"),
        (["--data", "nosuch", "--guide", "performance"], "nosuch"),
        (["--data", "objects:64", "--guide", "recording:virtuel"], "did you mean 'virtual'"),
        (["--resume"], "which run?"),
        (["--data", "objects:64", "--guide", "performance", "--storage", "nosuch://place"], "cannot open the storage"),
        (["--data", "objects:64", "--guide", "performance", "--memory-limit", "much"], "not understood"),
        (["--data", "objects:64", "--guide", "performance", "--executor", "slurn"], "slurn"),
    ],
)
def test_wrong_input_is_a_sentence(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = [] if "--resume" in arguments else ["--run", str(tmp_path / "run")]
    assert main(["search", *arguments, *run, "-q"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert expected in printed.err
    assert "Traceback" not in printed.err
    assert not (tmp_path / "run").exists()


def test_a_dry_run_says_what_would_be_done_and_shows_the_script_of_a_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("dask_jobqueue")
    command = ["search", "--guide", "performance", "--trials", "6", "--images", "500", "--run", str(tmp_path / "run")]
    batch = ["--executor", "slurm", "--cluster", "queue=gpu", "--cluster", "walltime=02:00:00"]
    assert main([*command, *batch, "--cluster", "job_extra_directives=--gres=gpu:1", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "would evaluate 6 candidates" in printed
    assert "3,000 images trained on" in printed
    for line in ("#SBATCH -p gpu", "#SBATCH -t 02:00:00", "#SBATCH --gres=gpu:1"):
        assert line in printed.splitlines()
    assert main([*command, *batch, "--cluster", "jobs=many", "--dry-run"]) == 2
    assert "--cluster 'jobs=many' is not of the form KEY=NUMBER" in capsys.readouterr().err
    assert main([*command, "--cluster", "queue=gpu"]) == 2
    assert "--cluster is for batch jobs" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
