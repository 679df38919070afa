from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

from neuroguide._core.errors import FileError
from neuroguide._core.matfile import read_mat, text, texts


@pytest.fixture
def mat(tmp_path):
    path = tmp_path / "things.mat"
    cells = np.array(["face", "hand"], dtype=object)
    savemat(path, {"responses": np.arange(6.0).reshape(2, 3), "labels": cells, "site": {"unit": "A", "session": 7}})
    return path


def test_reads_arrays_cells_and_structures(mat):
    found = read_mat(mat, "responses", "labels", "site")
    np.testing.assert_array_equal(found["responses"], [[0, 1, 2], [3, 4, 5]])
    assert texts(found["labels"]) == ["face", "hand"]
    site = found["site"][0, 0]
    assert text(site["unit"]) == "A"
    assert int(site["session"].item()) == 7
    assert list(read_mat(mat, "responses")) == ["responses"]


def test_a_lacking_variable_is_named(mat):
    with pytest.raises(FileError, match=r"things\.mat lacks the variable 'rasters'"):
        read_mat(mat, "responses", "rasters")


@pytest.mark.parametrize("content", [b"", b"not MATLAB", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_what_is_no_matlab_file_is_named(tmp_path, content):
    path = tmp_path / "bad.mat"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"bad\.mat cannot be read as a MATLAB file") as caught:
        read_mat(path, "responses")
    assert "\n" not in str(caught.value)


def test_a_truncated_or_absent_file_is_named(mat, tmp_path):
    mat.write_bytes(mat.read_bytes()[:200])
    with pytest.raises(FileError, match=r"things\.mat (cannot be read|lacks)"):
        read_mat(mat, "responses")
    with pytest.raises(FileError, match=r"gone\.mat does not exist"):
        read_mat(tmp_path / "gone.mat", "responses")
