"""Recordings to Brain-Score and back, and those that are registered with it."""

from __future__ import annotations

import os
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuroguide._core.errors import DownloadError, InputError, MissingExtraError, NeuroguideError, OptionError
from neuroguide.recordings import loaders
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.brainscore import describe, from_brainscore, to_brainscore
from neuroguide.recordings.netcdf import read_netcdf, write_netcdf
from neuroguide.recordings.opening import open_recording
from neuroguide.testing.loaders import check_loader


@pytest.fixture
def vision(monkeypatch):
    """brainscore_vision; skips where it is not installed."""
    return pytest.importorskip("brainscore_vision", exc_type=Exception)


@pytest.fixture
def assemblies(vision):
    from brainscore_core.supported_data_standards.brainio import assemblies

    return assemblies


def test_without_brain_score_the_extra_is_named(monkeypatch, recording):
    for name in [name for name in sys.modules if name.partition(".")[0] in ("brainscore_vision", "brainscore_core")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("brainscore_vision", "brainscore_core"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"neuroguide\[brainscore\]"):
        to_brainscore(recording)
    with pytest.raises(MissingExtraError, match=r"'MajajHong2015.public' needs brainscore-vision"):
        open_recording("brainscore:MajajHong2015.public")


def test_a_name_is_needed():
    with pytest.raises(OptionError, match="'brainscore:' names no recording; write 'brainscore:NAME'"):
        open_recording("brainscore:")
    assert "brainscore:NAME" in str(describe())


def test_a_multi_index_becomes_plain_coordinates(recording):
    grouped = recording.set_index(presentation=["stimulus_id", "repetition", "category_name", "trial"])
    grouped = grouped.set_index(neuroid=["neuroid_id", "region", "animal"]).transpose("neuroid", "presentation")
    grouped.attrs |= {"stimulus_set": pd.DataFrame(), "nothing": None, "days": np.array([1, 2]), "object": object()}
    found = from_brainscore(grouped)
    assert found.attrs == {**recording.attrs, "days": "[1, 2]"}
    xr.testing.assert_equal(found, recording)


@pytest.mark.full
@pytest.mark.parametrize("n_bins", [None, 1, 3])
def test_there_and_back_is_identical(assemblies, make_recording, n_bins):
    recording = make_recording(n_bins=n_bins)
    there = to_brainscore(recording)
    assert type(there) is assemblies.NeuronRecordingAssembly
    assert isinstance(there.indexes["presentation"], pd.MultiIndex)
    assert from_brainscore(there).identical(recording)


@pytest.mark.full
def test_single_coordinates_keep_their_names(assemblies, recording):
    bare = recording.drop_vars(["repetition", "category_name", "trial", "region", "animal"])
    bare = bare.isel(presentation=np.unique(bare["stimulus_id"].values, return_index=True)[1])
    there = to_brainscore(bare)
    assert there["stimulus_id"].values.tolist() == bare["stimulus_id"].values.tolist()
    assert from_brainscore(there).identical(bare)


@pytest.mark.full
@pytest.mark.parametrize("n_bins", [None, 4])
def test_a_file_of_ours_goes_through_brain_scores_own_class(assemblies, make_recording, tmp_path, n_bins):
    recording = make_recording(n_bins=n_bins).assign_attrs(stimulus_set_identifier="made")
    path = write_netcdf(recording, tmp_path / "recording.nc")
    theirs = assemblies.NeuronRecordingAssembly.from_files(path, stimulus_set_identifier="made")
    assert type(theirs) is assemblies.NeuronRecordingAssembly
    assert from_brainscore(theirs).identical(check_assembly(recording))
    # and a file of theirs through ours
    from brainscore_core.supported_data_standards.brainio.packaging import write_netcdf as theirs_write

    theirs_write(theirs, tmp_path / "theirs.nc")
    again = read_netcdf(tmp_path / "theirs.nc")
    assert again.rename(None).identical(check_assembly(recording))


@pytest.mark.full
def test_stimulus_columns_are_merged_by_brain_score_too(assemblies, recording, tmp_path):
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    path = write_netcdf(recording.drop_vars("category_name"), tmp_path / "recording.nc")
    ids = sorted(set(recording["stimulus_id"].values))
    stimuli = StimulusSet({"stimulus_id": ids, "colour": [f"colour_{name}" for name in ids]})
    stimuli.identifier = "made"
    theirs = assemblies.NeuronRecordingAssembly.from_files(path, stimulus_set_identifier="made", stimulus_set=stimuli)
    found = from_brainscore(theirs)
    assert found["colour"].values.tolist() == [f"colour_{name}" for name in recording["stimulus_id"].values]
    assert found.attrs == {**recording.attrs, "stimulus_set_identifier": "made"}
    assert "colour" in average_repetitions(found).coords


@pytest.fixture
def offer(vision, monkeypatch):
    """Let Brain-Score return (or raise) this for any dataset; what its environment said is kept."""
    said = []

    def _offer(what):
        def make():
            said.append(os.environ.get("BS_INSTALL_DEPENDENCIES"))
            if isinstance(what, Exception):
                raise what
            return what

        monkeypatch.setitem(vision.data_registry, "MajajHong2015.public", make)
        return said

    return _offer


@pytest.mark.full
def test_a_registered_recording_keeps_the_contract(offer, make_recording, monkeypatch):
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "yes")
    recording = make_recording(n_bins=1).assign_attrs(stimulus_set_identifier="hvm-public")
    said = offer(to_brainscore(recording))
    check_loader(loaders["brainscore"], "MajajHong2015.public")
    assert set(said) == {"no"}
    assert os.environ["BS_INSTALL_DEPENDENCIES"] == "yes"
    found = open_recording("brainscore:MajajHong2015.public")
    assert found.attrs["identifier"] == "brainscore:MajajHong2015.public"
    assert found.attrs["stimulus_set_identifier"] == "brainscore:hvm-public"
    np.testing.assert_array_equal(found.values, recording.values)


def _without(assembly, name):
    return assembly.reset_index("neuroid").drop_vars(name)


@pytest.mark.full
def test_ten_wrong_datasets_are_one_sentence_each(offer, recording, assemblies):
    pytest.importorskip("botocore")
    from botocore.exceptions import EndpointConnectionError, NoCredentialsError

    good = to_brainscore(recording)
    infinite = recording.copy(deep=True)
    infinite.values[0, 0] = np.inf
    twice = recording.assign_coords(repetition=("presentation", np.zeros(20, int)))
    offline = Exception([NoCredentialsError(), EndpointConnectionError(endpoint_url="https://somewhere")])
    wrong = {
        "is a dict, no assembly": {},
        "has the dims event": xr.DataArray(np.zeros(3), dims="event"),
        "has the dims presentation; responses": xr.DataArray(np.zeros(3), dims="presentation"),
        "no coordinate 'neuroid_id'": xr.DataArray(good.reset_index(["presentation", "neuroid"])).drop_vars(
            "neuroid_id"
        ),
        "no coordinate 'stimulus_id'": xr.DataArray(good.reset_index(["presentation", "neuroid"])).drop_vars(
            "stimulus_id"
        ),
        "infinite responses": to_brainscore(infinite),
        "duplicate presentations": xr.DataArray(twice),
        "holds complex values": recording.astype(complex),
        "cannot be downloaded .*somewhere": offline,
        "is damaged in Brain-Score's cache": ValueError("SHA1 mismatch. Expected: a, Actual: b"),
        "needs the package 'tensorflow'": ModuleNotFoundError("No module named 'tensorflow'", name="tensorflow"),
        "cannot be opened: KeyError: 'x'": KeyError("x"),
    }
    for sentence, what in wrong.items():
        offer(what)
        with pytest.raises(NeuroguideError, match=sentence) as caught:
            open_recording("brainscore:MajajHong2015.public")
        assert "\n" not in str(caught.value)
        assert isinstance(
            caught.value, DownloadError if "download" in sentence or "damaged" in sentence else InputError
        )


@pytest.mark.full
def test_an_unknown_name_gets_suggestions(vision):
    with pytest.raises(OptionError, match=r"did you mean 'MajajHong2015.*'"):
        open_recording("brainscore:MajajHong2015.publik")
    with pytest.raises(OptionError, match="unknown Brain-Score dataset"):
        describe("MajajHong")
    assert "brainscore:MajajHong2015.public" in str(describe("MajajHong2015.public"))


@pytest.mark.full
def test_offline_is_one_sentence(vision, tmp_path, monkeypatch):
    from brainscore_core.supported_data_standards.brainio import fetch

    monkeypatch.delitem(vision.data_registry, "MajajHong2015.public", raising=False)
    monkeypatch.setattr(fetch, "_local_data_path", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(DownloadError, match=r"dataset 'MajajHong2015\.public' cannot be downloaded") as caught:
        open_recording("brainscore:MajajHong2015.public")
    assert "\n" not in str(caught.value)
