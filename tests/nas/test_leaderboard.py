"""The table of a search, and what becomes of it in a file."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pytest

from neuroguide._core.errors import OptionError
from neuroguide.nas.leaderboard import export, leaderboard, to_csv, to_json


def _result(value, *, depth=1, reason=None, values=None, **more):
    measures = {} if reason else {"P": value / 2, "TG": value / 2, "similarity/IT": value}
    return {
        "architecture": {"depth": depth}, "value": value, "values": values or [value], "measures": measures,
        "parameters": 100, "macs": 200, "flops": 400, "image_equivalents": 4000.5, "seconds": 1.5, "reason": reason,
        "attempts": 1, **more,
    }  # fmt: skip


RESULTS = {
    0: _result(0.5),
    1: _result(0.9, depth=2),
    2: _result(-1.0, depth=3, reason="=cmd|' /C calc'!A0"),
    3: _result(0.5, duplicate_of=0, image_equivalents=0.0, seconds=0.0),
    4: _result(0.5, depth=4),
    5: _result(0.1, depth=5),
}


def test_best_first_equal_values_share_the_better_rank_and_duplicates_take_none():
    table = leaderboard(RESULTS, reference=_result(0.7, depth=9))
    assert table["rank"].tolist()[:-1] == [1, 2, 2, 2, 4, 5]
    assert table["trial"].tolist()[:-1] == [1, 0, 3, 4, 5, 2]
    assert table["kind"].tolist() == ["candidate", "candidate", "duplicate", *["candidate"] * 3, "reference"]
    assert table["duplicate_of"].dropna().tolist() == [0]
    assert pd.isna(table["rank"].iloc[-1])
    assert pd.isna(table["trial"].iloc[-1])
    assert table["value"].iloc[-1] == 0.7


def test_columns_are_named_as_documented_and_failures_have_a_reason():
    table = leaderboard(RESULTS)
    assert list(table.columns) == [
        "rank", "trial", "kind", "architecture", "value", "P", "TG", "similarity/IT", "parameters", "macs", "flops",
        "image_equivalents", "seconds", "duplicate_of", "reason",
    ]  # fmt: skip
    failed = table[table["reason"] != ""]
    assert failed["trial"].tolist() == [2]
    assert failed[["P", "TG", "similarity/IT"]].isna().all().all()
    assert str(table["parameters"].dtype) == "Int64"


def test_several_objectives_have_fronts():
    results = {i: _result(v[0], values=list(v)) for i, v in enumerate([(1, 5), (2, 4), (2, 5), (0, 1)])}
    table = leaderboard(results, directions=("maximize", "minimize")).set_index("trial")
    # (2, 4) dominates (2, 5), which dominates (1, 5); nothing costs as little as (0, 1)
    assert table["front"].to_dict() == {0: 2, 1: 0, 2: 1, 3: 0}


def test_csv_reads_back_and_runs_no_formula():
    table = leaderboard(RESULTS)
    rows = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert [float(row["value"]) for row in rows] == table["value"].tolist()
    assert rows[0]["trial"] == "1"
    assert json.loads(rows[0]["architecture"]) == {"depth": 2}
    assert [row["reason"] for row in rows if row["reason"]] == ["'=cmd|' /C calc'!A0"]
    for row in rows:
        assert not any(str(cell).startswith(("=", "+", "@")) for cell in row.values())


def test_json_has_architectures_as_objects_and_null_for_what_is_missing():
    table = leaderboard(RESULTS)
    table.attrs["simulated"] = 1
    data = json.loads(to_json(table))
    assert (data["format"], data["simulated"]) == (1, 1)
    assert data["rows"][0]["architecture"] == {"depth": 2}
    assert data["rows"][0]["duplicate_of"] is None
    assert data["rows"][-1]["P"] is None
    assert data["rows"][-1]["reason"].startswith("=cmd")


def test_files_are_chosen_by_their_ending(tmp_path):
    table = leaderboard(RESULTS)
    assert json.loads(export(table, tmp_path / "a.json").read_text())["format"] == 1
    assert export(table, tmp_path / "a.csv").read_text().startswith("rank,trial,kind")
    with pytest.raises(OptionError, match=r"did you mean '\.csv'"):
        export(table, tmp_path / "a.csvv")


def test_an_empty_search_has_an_empty_table():
    table = leaderboard({})
    assert len(table) == 0
    assert "value" in table.columns
