"""`inspect --architecture`: blocks, picture and JSON of networks by name, from files, from spaces."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neuroguide.cli import main
from neuroguide.nas.spaces import open_space


def shown(capsys, *arguments):
    assert main(["inspect", "--architecture", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_hournas_f_as_table_picture_and_json(tmp_path, capsys):
    picture = tmp_path / "hourglass.png"
    assert main(["inspect", "--architecture", "hournas-f", "--plot", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "10 of 25 blocks are vital" in printed
    assert "5.35 M parameters, 383.0 million MACs" in printed
    assert "k5_e6_se" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = shown(capsys, "hournas-f")
    stages = [row for row in found["blocks"] if row["block"].startswith("stage")]
    assert sum(row["vital"] for row in stages) == 7
    assert stages[0]["output"] == "16x112x112"
    assert found["note"] is None


def test_a_space_says_where_vital_first_means_nothing(capsys):
    found = shown(capsys, "cells", "--size", 16)
    assert "paths pass by almost every one" in found["note"]


def test_an_architecture_from_json_and_from_a_factory(tmp_path, capsys):
    space = open_space("hourglass", layout="small")
    arch = space.sample(np.random.default_rng(0))
    expected = [p.name for p, b in zip(space.positions, arch.blocks, strict=True) if b is not None]
    plain, whole, factory = tmp_path / "arch.json", tmp_path / "whole.json", tmp_path / "nets.py"
    plain.write_text(json.dumps(space.to_json(arch)))
    macro = open_space("macro", stages=2)
    other = macro.to_json(macro.sample(np.random.default_rng(0)))
    whole.write_text(json.dumps({"space": "macro", "options": {"stages": 2}, "architecture": other}))
    factory.write_text("from torch import nn\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())\n")
    names = [row["block"] for row in shown(capsys, plain)["blocks"]]
    assert names == ["stem", *expected, "head", "classifier"]
    assert shown(capsys, whole)["image_size"] == 32
    found = shown(capsys, f"{factory}:make", "--size", 8)
    assert [(row["block"], row["macs"]) for row in found["blocks"]] == [("0", 6 * 6 * 27 * 4)]
    assert found["note"].startswith("no identity path goes around any block")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--architecture", "hournas-g"], "hournas-g"),
        (["--architecture", "missing.json"], "cannot read missing.json"),
        (["--architecture", "hourglass", "--size", "0"], "a size of 0 pixels is not possible"),
        (["file.nc", "--architecture", "hourglass"], "--architecture looks at a network"),
        ([], "inspect needs a file or the name of a recording"),
        (["file.nc", "--size", "3"], "inspect needs a file"),
    ],
)
def test_bad_input(arguments, message, capsys):
    assert main(["inspect", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]", '{"space": "macro"}', '{"space": 3, "architecture": {}}'])
def test_bad_json(text, tmp_path, capsys):
    path = tmp_path / "arch.json"
    path.write_text(text)
    assert main(["inspect", "--architecture", str(path)]) == 2
    assert "arch.json" in capsys.readouterr().err
