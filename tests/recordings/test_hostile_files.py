"""Files that are broken or lie: one sentence each, nothing large allocated, nothing outside the file read."""

from __future__ import annotations

import tracemalloc

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import FileError, InputError, NeuroguideError
from neuroguide.recordings._sizes import MAX_BYTES, check_claim
from neuroguide.recordings.netcdf import read_netcdf, write_netcdf
from neuroguide.recordings.opening import inspect, open_recording


def _ids(file, n_presentations=4, n_sites=3):
    text = h5py.string_dtype()
    for name, n in (("presentation", n_presentations), ("neuroid", n_sites)):
        file[name] = np.arange(n)
        file[name].make_scale(name)
    file.create_dataset("stimulus_id", data=[f"s{i}" for i in range(n_presentations)], dtype=text)
    file.create_dataset("neuroid_id", data=[f"n{i}" for i in range(n_sites)], dtype=text)
    file["stimulus_id"].dims[0].attach_scale(file["presentation"])
    file["neuroid_id"].dims[0].attach_scale(file["neuroid"])


def _attach(dataset, file):
    dataset.dims[0].attach_scale(file["neuroid"])
    dataset.dims[1].attach_scale(file["presentation"])


def _good(path):
    with h5py.File(path, "w") as file:
        _ids(file)
        file["x"] = np.arange(12.0).reshape(3, 4)
        _attach(file["x"], file)


def _ten_gigabytes(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", shape=(256, 10_000_000), dtype="f4", chunks=(1, 1000), compression="gzip")


def _ten_gigabytes_in_classic_netcdf(path):
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_OFFSET") as file:
        file.set_fill_off()
        file.createDimension("neuroid", 3)
        file.createDimension("presentation", 4)
        file.createVariable("x", "f4", ("neuroid", "presentation"))
    content = path.read_bytes()
    place = content.index(b"presentation") + len(b"presentation")
    path.write_bytes(content[:place] + (900_000_000).to_bytes(4, "big") + content[place + 4 :])


def _external_link(path):
    (path.parent / "secret.h5").touch()
    with h5py.File(path, "w") as file:
        _ids(file)
        file["x"] = h5py.ExternalLink("secret.h5", "/x")


def _external_storage(path):
    secret = path.parent / "secret.bin"
    secret.write_bytes(bytes(96))
    with h5py.File(path, "w") as file:
        _ids(file)
        file.create_dataset("x", shape=(3, 4), dtype="f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        _attach(file["x"], file)


def _virtual_dataset(path):
    layout = h5py.VirtualLayout(shape=(3, 4), dtype="f8")
    layout[:] = h5py.VirtualSource(str(path.parent / "secret.h5"), "x", shape=(3, 4))
    with h5py.File(path, "w") as file:
        _ids(file)
        file.create_virtual_dataset("x", layout)
        _attach(file["x"], file)


def _objects(path):
    with h5py.File(path, "w") as file:
        _ids(file)
        dataset = file.create_dataset("x", shape=(3, 4), dtype=h5py.vlen_dtype(np.float64))
        _attach(dataset, file)


def _records(path):
    with h5py.File(path, "w") as file:
        _ids(file)
        file["x"] = np.zeros((3, 4), dtype=[("a", "f4"), ("b", "i4")])
        _attach(file["x"], file)


def _text(path):
    with h5py.File(path, "w") as file:
        _ids(file)
        file.create_dataset("x", data=np.full((3, 4), "1.5", dtype=object), dtype=h5py.string_dtype())
        _attach(file["x"], file)


def _not_utf8(path):
    _good(path)
    with h5py.File(path, "r+") as file:
        del file["stimulus_id"]
        file.create_dataset("stimulus_id", data=[b"\xff\xfe"] * 4, dtype=h5py.string_dtype("ascii"))
        file["stimulus_id"].dims[0].attach_scale(file["presentation"])


def _broken_attributes(path):
    _good(path)
    with h5py.File(path, "r+") as file:
        file["x"].attrs["neuroguide_json"] = '["a", "b"]'


def _broken_dates(path):
    _good(path)
    with h5py.File(path, "r+") as file:
        file["day"] = np.full(4, 1e300)
        file["day"].dims[0].attach_scale(file["presentation"])
        file["day"].attrs["units"] = "days since the beginning"


def _plain_hdf5(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros((3, 4))


def _netcdf_of_something_else(path):
    xr.Dataset({"temperature": (("lat", "lon"), np.zeros((2, 3)))}).to_netcdf(path)


def _a_picture(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


def _text_file(path):
    path.write_text("stimulus_id,site_1\n")


def _nothing(path):
    path.touch()


def _no_file(path):
    pass


def _a_folder(path):
    path.mkdir()


BROKEN = [
    (_ten_gigabytes, "claims 10.24 GB for 'x' but holds 0 bytes of it"),
    (_ten_gigabytes_in_classic_netcdf, "is truncated or broken"),
    (_external_link, "has a link 'x' to another file, which is not followed"),
    (_external_storage, "keeps 'x' in other files, which are not read"),
    (_virtual_dataset, "keeps 'x' in other files, which are not read"),
    (_objects, "holds objects of a type of its own in 'x', real numbers were expected"),
    (_records, "holds objects of a type of its own in 'x', real numbers were expected"),
    (_text, "holds text in 'x', real numbers were expected"),
    (_not_utf8, "is truncated or broken"),
    (_broken_attributes, "has broken attributes"),
    (_broken_dates, "has 'day' in a form that cannot be decoded"),
    (_plain_hdf5, "holds no responses: a variable with the dims 'presentation' and 'neuroid' was expected"),
    (_netcdf_of_something_else, "there are temperature (lat, lon)"),
    (_a_picture, "is not a recording that can be opened (it starts with b'\\x89PNG"),
    (_text_file, "although its name says netCDF in Brain-Score's layout"),
    (_nothing, "is empty (0 bytes)"),
    (_no_file, "does not exist"),
    (_a_folder, "is a folder, a file was expected"),
]


@pytest.mark.parametrize(("make", "says"), BROKEN, ids=[make.__name__[1:] for make, _ in BROKEN])
def test_one_sentence_and_no_memory(tmp_path, make, says):
    path = tmp_path / "mine.nc"
    make(path)
    tracemalloc.start()
    with pytest.raises(FileError) as caught:
        open_recording(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    message = str(caught.value)
    assert says in message
    assert "mine.nc" in message
    assert "\n" not in message
    assert peak < 20e6


def test_what_the_tests_build_is_read_when_nothing_is_wrong(tmp_path):
    path = tmp_path / "a.nc"
    _good(path)
    assert open_recording(path).values.tolist() == np.arange(12.0).reshape(3, 4).T.tolist()


def test_a_link_is_refused_by_inspect_too(tmp_path):
    path = tmp_path / "a.h5"
    _external_link(path)
    with pytest.raises(FileError, match="has a link 'x' to another file"):
        inspect(path)


def test_one_may_allow_less_or_more(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    with pytest.raises(FileError, match=r"at most 100 bytes are read; if that is right, .* max_bytes"):
        open_recording(path, max_bytes=100)
    assert open_recording(path, max_bytes=10 * MAX_BYTES).identical(recording)


def test_what_compresses_well_is_not_suspected(tmp_path):
    # zeros shrink by about a thousand: the most that deflate can do
    path = tmp_path / "a.nc"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros((3000, 10_000), dtype="f4"), compression="gzip", compression_opts=9)
        stored, claimed = file["x"].id.get_storage_size(), file["x"].nbytes
    assert claimed / stored > 700
    check_claim(path, "x", claimed, stored)


def test_truncated_anywhere(recording, tmp_path):
    content = write_netcdf(recording, tmp_path / "a.nc").read_bytes()
    for part in np.linspace(1, len(content) - 1, 40).astype(int):
        path = tmp_path / f"cut_at_{part}.nc"
        path.write_bytes(content[:part])
        with pytest.raises(NeuroguideError) as caught:
            open_recording(path)
        assert path.name in str(caught.value)


def test_damaged_data_are_noticed(make_recording, tmp_path):
    path = write_netcdf(make_recording(n_stimuli=50, n_sites=50), tmp_path / "a.nc")
    with h5py.File(path) as file:
        chunk = file["__xarray_dataarray_variable__"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + 100 : chunk.byte_offset + 140] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(FileError, match="is truncated or broken"):
        read_netcdf(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: a * np.nan, "has no response at all"),
        (lambda a: a.where(a != a.max(), np.inf), "has infinite responses (1 from site"),
        (lambda a: a.drop_vars("stimulus_id"), "has no coordinate 'stimulus_id'"),
        (lambda a: a.isel(presentation=[0, 0, 1]), "has 1 duplicate presentations"),
        (lambda a: a.isel(presentation=[]), "is empty: it has no presentation"),
    ],
)
def test_what_is_wrong_with_the_recording_names_the_file(recording, tmp_path, change, says):
    path = tmp_path / "mine.nc"
    change(recording).to_netcdf(path)
    with pytest.raises(InputError) as caught:
        open_recording(path)
    assert says in str(caught.value)
    assert "mine.nc" in str(caught.value)
