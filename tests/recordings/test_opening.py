from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import FileError, InputError, NeuroguideWarning, OptionError
from neuroguide.recordings import ArchiveLoader, Description, FileLoader, loaders
from neuroguide.recordings._loader import LoaderRegistry
from neuroguide.recordings.netcdf import write_netcdf
from neuroguide.recordings.opening import inspect, open_rdm, open_recording, open_target, write_rdm


@pytest.fixture
def registry(monkeypatch):
    """The registry as it is at the start, so that a test may add to it."""
    monkeypatch.setattr(loaders, "_items", dict(loaders._items))
    return loaders


def _rdm(recording):
    values = np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0)))
    ids = ["a", "b", "c"]
    return xr.DataArray(
        values, dims=("stimulus_id", "stimulus_id_2"), coords={"stimulus_id": ids, "stimulus_id_2": ids}
    )


def test_a_file_by_its_path_as_text_or_path(recording, tmp_path, monkeypatch):
    path = write_netcdf(recording, tmp_path / "a.nc")
    assert open_recording(path).identical(recording)
    assert open_recording(str(path)).identical(recording)
    monkeypatch.chdir(tmp_path)
    assert open_recording("a.nc").identical(recording)
    assert open_recording("netcdf:a.nc").identical(recording)
    path.rename(tmp_path / "plain")
    assert open_recording("plain").identical(recording)


def test_gaps_in_a_file_are_a_warning(recording, tmp_path):
    recording[:, 1] = 0
    path = write_netcdf(recording, tmp_path / "a.nc")
    with pytest.warns(NeuroguideWarning, match="1 of 3 sites are silent") as caught:
        assert open_recording(path).sizes["neuroid"] == 3
    assert caught[0].filename == __file__


def test_an_archive_and_its_parts(registry, recording):
    asked = []

    def open_it(variant, *, window=100):
        asked.append((variant, window))
        recording[:, 1] = 0
        return recording.transpose("neuroid", "presentation")

    registry.add(
        "lab2024",
        ArchiveLoader(
            "lab2024", "A lab's", lambda part: Description(f"lab2024 {part}", "ours"), open_it, None, ("x", "y")
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is known of an archive is not news
        assert open_recording("lab2024").dims == ("presentation", "neuroid")
    open_recording("lab2024:y", window=50)
    assert asked == [(None, 100), ("y", 50)]
    assert inspect("lab2024:x").source == "lab2024 x"
    with pytest.raises(OptionError, match="unknown part of lab2024 'z'; known: x, y"):
        open_recording("lab2024:z")
    with pytest.raises(OptionError, match="unknown option of lab2024 'windows'; did you mean 'window'"):
        open_recording("lab2024", windows=3)
    with pytest.raises(OptionError, match="publishes responses but no RDMs; compute one"):
        open_rdm("lab2024")
    assert open_target("lab2024").dims == ("presentation", "neuroid")


def test_an_archive_of_rdms(registry, recording):
    rdm = _rdm(recording)
    describe = lambda part: Description("rdms2024", "RDMs")  # noqa: E731
    registry.add("rdms2024", ArchiveLoader("rdms2024", "RDMs", describe, open_rdm=lambda variant: rdm))
    assert open_rdm("rdms2024").identical(rdm)
    assert open_target("rdms2024").identical(rdm)
    with pytest.raises(OptionError, match=r"publishes RDMs but no responses; open them with ng.open_rdm\('rdms2024'\)"):
        open_recording("rdms2024")


def test_a_loader_of_ones_own_goes_before_ours(registry, recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    mine = FileLoader(
        "mine",
        "My own",
        (".nc",),
        recognises=lambda path: path.suffix == ".nc",
        open=lambda path, scale=1: recording * scale,
        describe=lambda path: Description(str(path), "mine"),
    )
    registry.add("mine", mine)
    np.testing.assert_array_equal(open_recording(path, scale=2).values, recording.values * 2)
    assert inspect(path).format == "mine"
    assert "variable" not in inspect(path).format
    with pytest.raises(OptionError, match="'mine' is registered already"):
        registry.add("mine", mine)


def test_what_a_loader_returns_is_checked(registry):
    registry.add(
        "wrong", ArchiveLoader("wrong", "Wrong", lambda part: Description("", ""), lambda variant: np.zeros((3, 3)))
    )
    with pytest.raises(InputError, match=r"wrong is a ndarray, an xarray.DataArray was expected"):
        open_recording("wrong")


def test_rdm_files(recording, tmp_path):
    rdm = _rdm(recording)
    path = write_rdm(rdm, tmp_path / "rdm.nc")
    assert open_rdm(path).identical(rdm)
    assert open_target(str(path)).identical(rdm)
    responses = write_netcdf(recording, tmp_path / "a.nc")
    assert open_target(responses).identical(recording)
    with pytest.raises(FileError, match="holds RDMs, not responses; open it with open_rdm"):
        open_recording(path)
    with pytest.raises(FileError, match="it holds responses: open it with open_recording"):
        open_rdm(responses)


@pytest.mark.parametrize("open_it", [open_recording, open_rdm, open_target, inspect])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cowley203", "did you mean 'cowley2023'?"),
        ("nothing at all", "kriegeskorte2008, majajhong2015, virtual, zhangdesimone7objects; and there is no file"),
        ("", "known: brainscore, cowley2023"),
        ("x" * 5000, "there is no file of that name"),
        ("a\0b", "there is no file of that name"),
        (3, "given by its name or path, not by a int"),
        (None, "given by its name or path, not by a NoneType"),
    ],
)
def test_unknown_names_list_the_known_ones(open_it, name, says):
    with pytest.raises(OptionError) as caught:
        open_it(name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_of_files_are_checked(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    with pytest.raises(OptionError, match="unknown option of netcdf 'variabel'; did you mean 'variable'"):
        open_recording(path, variabel="x")


def test_a_format_is_no_recording():
    with pytest.raises(OptionError, match="'netcdf' is a file format: give a path"):
        open_recording("netcdf")


def test_the_registry_imports_when_asked():
    registry = LoaderRegistry()
    archives = ["brainscore", "cowley2023", "kriegeskorte2008", "majajhong2015", "virtual", "zhangdesimone7objects"]
    assert registry.archives() == archives
    assert registry._items == {}
    assert "netcdf" in [loader.name for loader in registry.files()]
    assert len(registry) == len(archives) + len(registry.files())
    assert registry["netcdf"] is registry["netcdf"]
    with pytest.raises(OptionError, match="'virtual' is registered already"):
        registry.add("virtual", registry["netcdf"])
    with pytest.raises(OptionError, match="unknown recording or loader 'netcd'; did you mean 'netcdf'"):
        registry["netcd"]


def test_opening_a_file_loads_no_torch(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    code = (
        "import sys\nfrom neuroguide.recordings.opening import open_recording, inspect\n"
        f"open_recording({str(path)!r}); inspect({str(path)!r})\nsys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.real
@pytest.mark.parametrize("name", ["cowley2023:210325", "cowley2023:201025", "zhangdesimone7objects"])
def test_real_recordings_survive_a_round_trip(neuroguide_home, tmp_path, name):
    recording = open_recording(name)
    path = write_netcdf(recording, tmp_path / "a.nc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroguideWarning)
        assert open_recording(path).identical(recording)
