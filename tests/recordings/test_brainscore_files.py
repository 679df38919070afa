"""Files that Brain-Score's own code wrote: brainscore_core 2.5.0, ``write_netcdf``, of the recordings in conftest."""

from __future__ import annotations

from pathlib import Path

from neuroguide.recordings.opening import inspect, open_recording

FILES = Path(__file__).parent / "files"


def test_a_file_of_brain_scores_is_the_recording_it_was_made_of(make_recording):
    found = open_recording(FILES / "brainscore_core_2_5_0.nc")
    assert found.name == "data"
    assert found.rename(None).identical(make_recording(n_bins=1))


def test_a_file_with_a_single_coordinate_a_dim(recording):
    found = open_recording(FILES / "brainscore_core_2_5_0_single_coordinates.nc")
    expected = recording.drop_vars(["repetition", "category_name", "trial", "region", "animal"])
    assert found.rename(None).identical(expected.isel(presentation=slice(0, 5)))


def test_it_says_how_to_open_it():
    path = FILES / "brainscore_core_2_5_0.nc"
    description = inspect(path)
    assert description.format == "netCDF, a recording in Brain-Score's layout"
    assert description.how_to_open == (f"ng.open_recording({str(path)!r})",)
