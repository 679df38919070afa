"""Files that earlier versions wrote are read for as long as there is neuroguide: one fixture for each format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuroguide.recordings.opening import open_rdm, open_recording

FILES = Path(__file__).parent / "files"


def test_a_recording_of_format_1(make_recording):
    expected = make_recording(n_bins=2).assign_attrs(blocks={"first": [1, 2]})
    assert open_recording(FILES / "format_1_recording.nc").identical(expected)


def test_rdms_of_format_1():
    found = open_rdm(FILES / "format_1_rdm.nc")
    distance = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    np.testing.assert_array_equal(found.values, [distance, 2 * distance])
    assert found["region"].values.tolist() == ["V4", "IT"]
    assert found["stimulus_id"].values.tolist() == list("abcd")
    assert found.attrs == {"distance": "made"}
