"""Recordings as tables: tidy and wide, CSV, TSV and Parquet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neuroguide._core.errors import FileError, InputError, MissingExtraError, OptionError
from neuroguide.recordings import average_repetitions, loaders
from neuroguide.recordings._isolated import in_this_process
from neuroguide.recordings.opening import inspect, open_recording
from neuroguide.testing.loaders import check_loader


def _tidy(recording):
    """One row a response, in random order; float32 has more digits than its text."""
    rows = []
    bins = range(recording.sizes.get("time_bin", 1))
    for i, j, k in np.ndindex(recording.sizes["presentation"], recording.sizes["neuroid"], len(bins)):
        row = {name: recording[name].values[i] for name in ("stimulus_id", "repetition", "category_name")}
        row |= {name: recording[name].values[j] for name in ("neuroid_id", "region")}
        row |= {"rate": float(recording.values.reshape(*recording.shape[:2], -1)[i, j, k])}
        if "time_bin" in recording.dims:
            row |= {name: recording[name].values[k] for name in ("time_bin_start", "time_bin_end")}
        rows.append(row)
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def _write(table, path):
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow")
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, sep={".csv": ",", ".tsv": "\t"}[path.suffix])
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
@pytest.mark.parametrize("n_bins", [None, 3])
def test_tidy(tmp_path, make_recording, suffix, n_bins):
    recording = make_recording(n_bins=n_bins)
    path = _write(_tidy(recording), tmp_path / f"a{suffix}")
    check_loader(loaders["table"], path, value="rate", units="spikes/s")
    found = open_recording(path, value="rate")
    expected, means = average_repetitions(recording), average_repetitions(found)
    order = [means["stimulus_id"].values.tolist().index(name) for name in expected["stimulus_id"].values]
    sites = [means["neuroid_id"].values.tolist().index(name) for name in expected["neuroid_id"].values]
    means = means[order][:, sites]
    np.testing.assert_allclose(means.values, expected.values, rtol=1e-6)
    for name in ("category_name", "region", *(("time_bin_end",) if n_bins else ())):
        assert means[name].values.tolist() == expected[name].values.tolist()


def test_a_row_that_is_not_there_is_a_missing_response(tmp_path, recording):
    path = _write(_tidy(recording).iloc[1:].drop(columns="repetition"), tmp_path / "a.csv")
    with pytest.warns(UserWarning, match=r"1 of 60 responses \(1.7%\) are missing"):
        assert int(np.isnan(open_recording(path, value="rate").values).sum()) == 1


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_wide(tmp_path, recording, suffix):
    table = pd.DataFrame(recording.values, columns=[f"unit_{i}" for i in range(3)])
    table.insert(0, "image", [f"{int(name[-1]):03d}" for name in recording["stimulus_id"].values])
    table["category_name"] = recording["category_name"].values
    path = _write(table, tmp_path / f"a{suffix}")
    check_loader(loaders["table"], path, sites="unit_*", stimulus="image")
    found = open_recording(path, sites=["unit_0", "unit_2"], stimulus="image", identifier="mine")
    np.testing.assert_allclose(found.values, recording.values[:, [0, 2]], rtol=1e-6)
    assert found["stimulus_id"].values[0] == table["image"][0]  # with its zeros
    assert found["repetition"].values.tolist() == recording["repetition"].values.tolist()
    assert found["category_name"].values.tolist() == recording["category_name"].values.tolist()
    assert found.attrs["identifier"] == "mine"
    assert inspect(path).how_to_open == (f"ng.open_recording({str(path)!r}, sites='unit_*', stimulus='...')",)


def test_inspect_proposes(tmp_path, recording):
    path = _write(_tidy(recording), tmp_path / "a.csv")
    assert inspect(path).how_to_open == (f"ng.open_recording({str(path)!r}, value='rate')",)
    (tmp_path / "b.csv").write_text("unit,trial,spikes\n1,2,3\n")
    assert "value='spikes', stimulus='...', neuroid='...'" in inspect(tmp_path / "b.csv").how_to_open[0]


TIDY = "stimulus_id,neuroid_id,repetition,rate\n" + "".join(f"s{i % 4},u{i % 3},{i // 12},{i}.5\n" for i in range(24))
WRONG = {
    "neither": (TIDY, {}, InputError, "say which column holds the responses (value='rate'"),
    "both": (TIDY, {"value": "rate", "sites": "rate"}, InputError, "not both"),
    "no such column": (TIDY, {"value": "rates"}, OptionError, "did you mean 'rate'"),
    "no such pattern": (TIDY, {"sites": "x_*"}, InputError, "no column of mine.csv is called 'x_*'"),
    "no site": (TIDY.replace("neuroid_id", "unit"), {"value": "rate"}, OptionError, "unknown column of mine.csv 'neur"),
    "no stimulus": (TIDY.replace("stimulus_id", "image"), {"value": "rate"}, OptionError, "'stimulus_id'"),
    "text among numbers": (TIDY.replace("7.5", "seven"), {"value": "rate"}, InputError, "holds 'seven', numbers were"),
    "a response twice": (TIDY + "s0,u0,0,9\n", {"value": "rate"}, InputError, "has 1 responses twice (first: stimulus"),
    "cut off": (TIDY[:-6], {"value": "rate"}, FileError, "is cut off: its last row has 3 of 4 columns"),
    "a row too long": (TIDY + "s0,u0,9,1,2\n", {"value": "rate"}, FileError, "is not a table of text"),
    "no rows": (TIDY.partition("\n")[0] + "\n", {"value": "rate"}, FileError, "has a header but no rows"),
    "a column twice": (TIDY.replace("repetition", "rate"), {"value": "rate"}, FileError, "two columns called 'rate'"),
    "not UTF-8": (b"stimulus_id\xff\xfe,rate\n1,2\n", {"value": "rate"}, FileError, "is not a table of text"),
    "half a time bin": (TIDY.replace("repetition", "time_bin_start"), {"value": "rate"}, InputError, "time_bin_st"),
    "an unknown option": (TIDY, {"values": "rate"}, OptionError, "did you mean 'value'"),
    "too large": (TIDY, {"value": "rate", "max_bytes": 10}, FileError, "at most 10 bytes are read"),
    "binary": (bytes(500), {"value": "rate"}, FileError, "although its name says table"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_tables_get_one_sentence(tmp_path, wrong):
    content, options, kind, says = WRONG[wrong]
    path = tmp_path / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(kind) as caught:
        open_recording(path, **options)
    assert says in str(caught.value).replace(str(path), "mine.csv")
    assert "\n" not in str(caught.value)


def test_a_million_sites_out_of_few_rows_are_refused(tmp_path):
    n = 40_000
    table = pd.DataFrame({"stimulus_id": range(n), "neuroid_id": range(n), "rate": 0.0})
    with pytest.raises(FileError, match=r"claims 12\.8 GB for 'the recording'"):
        open_recording(_write(table, tmp_path / "a.csv"), value="rate", max_bytes=10**10)


@pytest.mark.parametrize("wrong", ["lists", "a claim", "cut", "text"])
def test_wrong_parquet_gets_one_sentence(tmp_path, wrong):
    pytest.importorskip("pyarrow")
    path = tmp_path / "mine.parquet"
    n = 30_000_000 if wrong == "a claim" else 10
    if wrong == "lists":
        pd.DataFrame({"rate": [[1.0], [2.0]]}).to_parquet(path)
    elif wrong == "a claim":
        _constant_column(path, n)
    else:
        pd.DataFrame({"stimulus_id": range(n), "rate": range(n)}).to_parquet(path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if wrong == "cut" else b"PAR1" + b"text " * 100)
    says = {"lists": "in the column 'rate'; numbers or text", "a claim": "for 'the table' but holds"}
    with pytest.raises(FileError) as caught:
        open_recording(path, value="rate")
    assert says.get(wrong, "is truncated or broken") in str(caught.value)
    assert "mine.parquet" in str(caught.value)


def _constant_column(path, n):
    """Thirty million equal numbers take some kilobytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    part = pa.table({"rate": pa.array(np.zeros(10_000_000, np.float32))})
    with pq.ParquetWriter(path, part.schema, compression="zstd") as writer:
        for _ in range(n // 10_000_000):
            writer.write_table(part)


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    import sys

    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(100))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with in_this_process(), pytest.raises(MissingExtraError, match=r"neuroguide\[tables\]"):
        open_recording(tmp_path / "a.parquet", value="rate")
