"""`neuroguide retrain` and `neuroguide export`."""

from __future__ import annotations

import json
import shutil

from neuroguide.cli.main import main


def test_retrain_and_export_from_the_command_line(kept_run, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(kept_run.path, run, ignore=shutil.ignore_patterns("retrained"))
    command = ["retrain", str(run), "--images", "60", "--set", "filters=5", "--training", "batch_size=30"]
    command += ["--executor", "inline", "--quiet"]
    assert main([*command, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["simulated"] == 1
    assert printed["rows"][0]["images_seen"] == 60
    # finished already: the table at once
    assert main(command) == 0
    table = capsys.readouterr().out
    assert "test" in table
    assert "SIMULATED DATA" in table

    assert main(["export", str(run), "--out", str(tmp_path / "kept")]) == 0
    assert f"neuroguide score {tmp_path / 'kept' / 'model.py'}:make" in capsys.readouterr().out.replace("\n", "")
    assert json.loads((tmp_path / "kept" / "export.json").read_text())["test_accuracy"] is not None
    assert main(["export", str(run), "--out", str(tmp_path / "kept")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["retrain", str(run), "--set", "filters"]) == 2
    assert "write NAME=VALUE" in capsys.readouterr().err
