from __future__ import annotations

import pytest

from neuroguide._core.errors import FileError
from neuroguide.stimuli import tables
from neuroguide.stimuli.tables import read_table


def read(text: str, encoding: str = "utf-8") -> tables.StimulusTable:
    return read_table(text.encode(encoding), name="t.csv")


def test_ids_stay_text():
    table = read("stimulus_id,filename,size\n007,a.png,1.5\nNA,b.png,\n1e5,c.png,2\n")
    assert list(table.metadata["stimulus_id"]) == ["007", "NA", "1e5"]
    assert table.files == ["a.png", "b.png", "c.png"]
    assert table.metadata["size"].isna().sum() == 1
    assert table.metadata["size"].dtype == float


def test_image_ids_serve_as_stimulus_ids():
    table = read("image_id,image_file_name\nx,a.png\n")
    assert list(table.metadata["stimulus_id"]) == list(table.metadata["image_id"]) == ["x"]
    assert table.files == ["a.png"]
    assert list(read("image_id,stimulus_id\nx,y\n").metadata["stimulus_id"]) == ["y"]


def test_the_first_known_column_of_files_counts():
    assert read("stimulus_id,path,filename\nx,p.png,f.png\n").files == ["f.png"]
    assert read("stimulus_id,other\nx,p.png\n").files is None


def test_excels_byte_order_mark_and_quotes():
    assert read("stimulus_id,filename\nx,a.png\n", "utf-8-sig").files == ["a.png"]
    assert read('stimulus_id,filename\n"x, y","a b.png"\n').metadata["stimulus_id"][0] == "x, y"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column stimulus_id or image_id; its columns are none"),
        ("name,filename\nx,a.png\n", "its columns are name, filename"),
        ("stimulus_id,filename\n", "a header but no rows"),
        ("stimulus_id,filename\nx,a.png,extra\n", "cannot be read as a CSV table"),
        ("stimulus_id,filename\nx,a.png\ny,b.png,extra,more\n", "cannot be read as a CSV table"),
        ('stimulus_id,filename\nx,"a.png\n', "cannot be read as a CSV table"),
        ("stimulus_id,filename\nx,\n", "row 1 of t.csv holds the unsafe path ''"),
        ("stimulus_id,filename\nx,a.png\ny,../b.png\n", r"row 2 of t.csv holds the unsafe path '\.\./b\.png'"),
    ],
)
def test_what_is_no_table_is_refused(text, message):
    with pytest.raises(FileError, match=message) as caught:
        read(text)
    assert "t.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_encodings_are_named():
    with pytest.raises(FileError, match="not UTF-8 text"):
        read("stimulus_id,filename\nfüß,a.png\n", "latin-1")
    with pytest.raises(FileError):
        read_table(bytes(range(256)), name="t.csv")


def test_huge_tables_are_refused(monkeypatch):
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 10)
    with pytest.raises(FileError, match="more than the 10 accepted"):
        read("stimulus_id,filename\nx,a.png\n")
