"""The contract of loaders accepts good ones and notices each fault."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import FileError, OptionError
from neuroguide.recordings import ArchiveLoader, Description, FileLoader
from neuroguide.testing.loaders import check_loader


def _recording():
    return xr.DataArray(
        np.arange(12.0).reshape(4, 3),
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", ["a", "b", "a", "b"]),
            "object_name": ("presentation", ["car", "face", "car", "face"]),
            "neuroid_id": ("neuroid", [1, 2, 3]),
        },
        attrs={"identifier": "made", "simulated": 1},
    )


def _open(path, *, factor=1.0):
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}); check the path") from error
    if content[:4] != b"MINE" or len(content) != 4 + 12 * 8:
        raise FileError(f"{path} is not one of my files; check where it comes from")
    return _recording().copy(data=factor * np.frombuffer(content[4:]).reshape(4, 3))


MINE = FileLoader(
    name="mine",
    title="My own format",
    suffixes=(".mine",),
    recognises=lambda path: path.read_bytes()[:4] == b"MINE",
    open=_open,
    describe=lambda path: Description(str(path), "mine", how_to_open=(f"ng.open_recording({str(path)!r})",)),
)


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "a.mine"
    found.write_bytes(b"MINE" + np.arange(12.0).tobytes())
    return found


def test_a_good_loader_of_files_passes(path):
    check_loader(MINE, path)
    check_loader(MINE, path, factor=2.0)


_count = itertools.count()


def _with(change):
    return lambda path, **options: change(_open(path, **options))


FAULTS = {
    "a loader needs a name": {"name": ""},
    "a loader needs a title": {"title": ""},
    "a name must not hold ':'": {"name": "mine:own"},
    "another loader is registered by that name": {"name": "netcdf"},
    "describe must return a Description": {"describe": lambda path: "mine"},
    "must say how to open it": {"describe": lambda path: Description(str(path), "mine")},
    "open must return a DataArray": {"open": _with(lambda a: a.values)},
    "has no coordinate 'stimulus_id'": {"open": _with(lambda a: a.drop_vars("stimulus_id"))},
    "attribute 'nested' should be text or a number": {"open": _with(lambda a: a.assign_attrs(nested=[1]))},
    "'simulated' should be 0 or 1": {"open": _with(lambda a: a.assign_attrs(simulated="yes"))},
    "opening twice should give the same": {"open": _with(lambda a: a + next(_count))},
    "needs suffixes": {"suffixes": ()},
    "should be like '.nc'": {"suffixes": ("MINE",)},
    "should recognise a.mine": {"recognises": lambda path: False},
    "should not recognise a picture": {"recognises": lambda path: True},
    "a file that is missing should raise a NeuroguideError": {
        "open": lambda path: _recording().copy(data=np.frombuffer(path.read_bytes()[4:]).reshape(4, 3))
    },
    "a file that is missing should be refused": {"open": lambda path: _recording()},
    "should not depend on the name of the file": {"open": _with(lambda a: a)},
}


@pytest.mark.parametrize("says", FAULTS)
def test_each_fault_is_noticed(path, says):
    change = dict(FAULTS[says])
    if says.startswith("should not depend"):
        change["open"] = lambda path: _open(path).assign_attrs(source=path.name)
    with pytest.raises((AssertionError, ValueError)) as caught:
        check_loader(dataclasses.replace(MINE, **change), path)
    assert says in str(caught.value)


def test_an_error_must_name_the_file(path):
    def silent(path):
        try:
            return _open(path)
        except FileError:
            raise FileError("it did not work; try another") from None

    with pytest.raises(AssertionError, match="should be named in the error"):
        check_loader(dataclasses.replace(MINE, open=silent), path)


def _part(variant):
    if variant not in (None, "x"):
        raise OptionError(f"unknown part {variant!r}; known: x")
    return _recording()


def _rdm(variant):
    ids = ["a", "b", "c"]
    values = np.ones((3, 3)) - np.eye(3)
    return xr.DataArray(
        values, dims=("stimulus_id", "stimulus_id_2"), coords={"stimulus_id": ids, "stimulus_id_2": ids}
    )


ARCHIVE = ArchiveLoader(
    name="lab2024",
    title="A lab's recording",
    describe=lambda variant: Description("lab2024", "an archive", how_to_open=("ng.open_recording('lab2024')",)),
    open=_part,
    open_rdm=_rdm,
    variants=("x",),
)


def test_a_good_loader_of_an_archive_passes():
    check_loader(ARCHIVE)
    check_loader(ARCHIVE, "x")
    check_loader(dataclasses.replace(ARCHIVE, open=None, variants=()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"open": None, "open_rdm": None}, "should open responses or RDMs"),
        ({"open": lambda variant: _recording()}, "an unknown part should be refused"),
        ({"open_rdm": lambda variant: _rdm(variant) + 1}, "is not zero on the diagonal"),
    ],
)
def test_faults_of_archives_are_noticed(change, says):
    with pytest.raises((AssertionError, ValueError)) as caught:
        check_loader(dataclasses.replace(ARCHIVE, **change))
    assert says in str(caught.value)
