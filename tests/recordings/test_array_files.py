"""MATLAB, HDF5 and numpy files: the user says which array and which axis is what."""

from __future__ import annotations

import struct
import zlib

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat, savemat

from neuroguide._core.errors import FileError, InputError, NeuroguideWarning, OptionError
from neuroguide.recordings import average_repetitions, loaders
from neuroguide.recordings.opening import inspect, open_recording
from neuroguide.testing.loaders import check_loader

DIMS = ("neuroid", "presentation", "repetition")
RESPONSES = np.random.default_rng(0).poisson(5, (5, 8, 3)).astype(float)
RESPONSES[:, 2, 2] = np.nan
STIMULI = [f"image {i} ü" for i in range(8)]


def _mat5(path, **options):
    shown = np.array(STIMULI, dtype=object)
    unit = {"area": np.array(list("VVIII"), object), "resp": RESPONSES.astype("f4")}
    savemat(path, {"resp": RESPONSES, "shown": shown, "unit": unit, "note": "text", "n": 3}, **options)


def _mat73(path):
    """As MATLAB writes it: axes in reverse, cells as references to characters, a block of its own in front."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file["resp"] = RESPONSES.T
        file["resp"].attrs["MATLAB_class"] = np.bytes_("double")
        cells = file.create_dataset("shown", (8, 1), dtype=h5py.ref_dtype)
        for i, text in enumerate(STIMULI):
            letters = np.frombuffer(text.encode("utf-16-le"), np.uint16)[:, None]
            cell = file.create_dataset(f"#refs#/{i}", data=letters)
            cell.attrs["MATLAB_class"] = np.bytes_("char")
            cells[i, 0] = cell.ref
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        file["unit/resp"] = RESPONSES.T.astype("f4")
        file["unit"].attrs["MATLAB_class"] = np.bytes_("struct")
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file")


def _hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("resp", data=RESPONSES, compression="gzip")
        file["shown"] = STIMULI
        file["unit/resp"] = RESPONSES.astype("f4")


def _npz(path):
    np.savez_compressed(path, resp=RESPONSES, shown=np.array(STIMULI), other=RESPONSES.astype("f4"))


KINDS = {
    "v5.mat": _mat5,
    "v7.mat": lambda path: _mat5(path, do_compression=True),
    "v73.mat": _mat73,
    "a.h5": _hdf5,
    "a.npz": _npz,
}
LOADERS = {".mat": "matlab", ".h5": "hdf5", ".npz": "numpy", ".npy": "numpy"}


@pytest.fixture(params=KINDS)
def file(request, tmp_path):
    path = tmp_path / request.param
    KINDS[request.param](path)
    return path


def test_the_contract(file):
    check_loader(loaders[LOADERS[file.suffix]], file, array="resp", dims=DIMS, stimuli="shown", region="V4")


def test_the_values_and_names(file):
    found = open_recording(file, array="resp", dims="neuroid, presentation, repetition", stimuli="shown", animal="A")
    assert found.sizes == {"presentation": 23, "neuroid": 5}  # one was never shown a third time
    assert list(dict.fromkeys(found["stimulus_id"].values)) == STIMULI
    assert set(found["animal"].values) == {"A"}
    np.testing.assert_allclose(average_repetitions(found).values, np.nanmean(RESPONSES, axis=2).T)
    assert found.attrs["identifier"] == file.name


def test_an_array_in_a_structure(file):
    name = {".mat": "unit.resp", ".h5": "unit/resp", ".npz": "other"}[file.suffix]
    found = open_recording(file, array=name, dims=DIMS)
    assert found.dtype == np.float32
    assert found["stimulus_id"].values[-1] == "7"
    np.testing.assert_array_equal(found.values[0], RESPONSES[:, 0, 0].astype("f4"))


def test_inspect_proposes_the_call_that_opens_it(file):
    *_, call = inspect(file).how_to_open
    assert "stimuli='shown'" in call
    arguments = eval(call.replace("ng.open_recording", "dict").replace(repr(str(file)) + ", ", ""), {"dict": dict})
    assert open_recording(file, **arguments).sizes["presentation"] == 23


def test_a_single_array_needs_no_name(tmp_path):
    np.save(tmp_path / "a.npy", RESPONSES[:, :, 0].astype(np.uint8))
    check_loader(loaders["numpy"], tmp_path / "a.npy", dims=DIMS[:2])
    assert open_recording(tmp_path / "a.npy", dims=DIMS[:2]).shape == (8, 5)


def test_tables_beside_the_file(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", RESPONSES[:, :, 0])
    stimuli = pd.DataFrame({"image_id": ["007", *"bcdefgh"], "category_name": ["x", None] * 4, "size": range(8)})
    stimuli.to_csv(tmp_path / "stimuli.csv", index=False)
    sites = pd.DataFrame({"neuroid_id": range(5), "region": list("VVIII"), "depth": np.arange(5) / 2})
    sites.to_csv(tmp_path / "sites.tsv", index=False, sep="\t")
    found = open_recording(tmp_path / "a.npy", dims=DIMS[:2], stimuli="stimuli.csv", sites=tmp_path / "sites.tsv")
    assert found["stimulus_id"].values[0] == "007"
    assert found["category_name"].values.tolist() == ["x", ""] * 4
    assert found["region"].values.tolist() == list("VVIII")
    assert found["depth"].values[1] == 0.5
    assert "stimulus_set_identifier" not in found.attrs


def test_single_presentations_are_counted(tmp_path):
    np.save(tmp_path / "a.npy", RESPONSES[:, :, 0])
    (tmp_path / "shown.csv").write_text("stimulus_id\n" + "b\na\nb\nb\na\nc\nc\na\n")
    found = open_recording(tmp_path / "a.npy", dims=DIMS[:2], stimuli="shown.csv", stimulus_set="cowley2023:210325")
    assert found["repetition"].values.tolist() == [0, 0, 1, 2, 1, 0, 1, 2]
    assert found.attrs["stimulus_set_identifier"] == "cowley2023:210325"


def test_a_raster_becomes_rates_in_bins(tmp_path):
    raster = np.zeros((2, 3, 100), dtype=np.uint8)
    raster[1, 2, 55:60] = 1
    raster[0, 1, 3] = 1
    savemat(tmp_path / "a.mat", {"raster": raster, "edges": np.arange(101.0) - 50})
    for bins in ((-50, 1), "edges", np.arange(-50.0, 51)):
        found = open_recording(
            tmp_path / "a.mat", array="raster", dims=("neuroid", "presentation", "time_bin"), time_bins=bins,
            bin_ms=50, units="counts",
        )  # fmt: skip
        assert found["time_bin_start"].values.tolist() == [-50, 0]
        assert found.values[2, 1].tolist() == [0, 100]  # 5 spikes in 50 ms
        assert found.attrs["units"] == "spikes/s"


WRONG = {
    "no dims": (dict(array="resp"), InputError, "has the shape 5 x 8 x 3: say which axis is which, e.g. ng.open_"),
    "an unknown axis": (dict(array="resp", dims=("neuron", *DIMS[1:])), OptionError, "did you mean 'neuroid'"),
    "too few axes": (dict(array="resp", dims=DIMS[:2]), InputError, "has 3 axes (5 x 8 x 3) but dims names 2"),
    "an axis twice": (dict(array="resp", dims=(*DIMS[:2], "neuroid")), InputError, "'neuroid' is there twice"),
    "no sites": (dict(array="resp", dims=("repetition", *DIMS[1:2], "time_bin")), InputError, "'neuroid' is missing"),
    "an unknown array": (dict(array="respp", dims=DIMS), OptionError, "did you mean 'resp'"),
    "text for responses": (dict(array="shown", dims=DIMS[:1]), FileError, "holds str in 'shown', real numbers"),
    "axes in the wrong order": (
        dict(array="resp", dims=("presentation", "neuroid", "repetition"), stimuli="shown"), InputError,
        "has 5 along 'presentation' (its axes: presentation 5, neuroid 8, repetition 3); the axis called 'neuroid' has",
    ),
    "no such table": (dict(array="resp", dims=DIMS, stimuli="nothing.csv"), FileError, "nor a table that exists"),
    "time bins that nothing says": (
        dict(array="resp", dims=(*DIMS[:2], "time_bin")), InputError, "has 3 time bins, but not when they are",
    ),
    "too many edges": (
        dict(array="resp", dims=(*DIMS[:2], "time_bin"), time_bins=range(8)), InputError, "gives 8 edges for the 3",
    ),
    "time bins without an axis": (dict(array="resp", dims=DIMS, time_bins=(0, 1)), InputError, "no axis of 'resp'"),
    "an unknown option": (dict(array="resp", dims=DIMS, stimulis="a"), OptionError, "did you mean 'stimuli'"),
    "not allowed to be so large": (dict(array="resp", dims=DIMS, max_bytes=100), FileError, "at most 100 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_options_get_one_sentence(tmp_path, wrong):
    path = tmp_path / "mine.mat"
    _mat5(path)
    if wrong == "text for responses":
        savemat(path, {"shown": np.array(STIMULI, object)})
    options, kind, says = WRONG[wrong]
    with pytest.raises(kind) as caught:
        open_recording(path, **options)
    assert says in str(caught.value).replace(str(path), "mine.mat")
    assert "\n" not in str(caught.value)


def _v5_element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def _v5_matrix(name, shape, data, kind=6):
    head = _v5_element(6, struct.pack("<II", kind, 0)) + _v5_element(5, np.array(shape, "<i4").tobytes())
    return head + _v5_element(1, name) + data


def _v5(*matrices, compressed=False):
    start = (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM")[:128]
    parts = []
    for matrix in matrices:
        element = struct.pack("<II", 14, len(matrix)) + matrix
        if compressed:
            packed = zlib.compress(element)
            element = struct.pack("<II", 15, len(packed)) + packed
        parts.append(element)
    return start + b"".join(parts)


def _nested(depth):
    matrix = _v5_matrix(b"", (1, 1), _v5_element(9, bytes(8)))
    for _ in range(depth):
        matrix = _v5_matrix(b"", (1, 1), struct.pack("<II", 14, len(matrix)) + matrix, kind=1)
    return matrix


HUGE = _v5_matrix(b"resp", (1000, 1_000_000), struct.pack("<II", 9, 4_000_000_000))
BROKEN_MAT = {
    "a claim of 8 GB": (_v5(HUGE), "claims 8 GB for 'resp' but holds"),
    "a compressed claim of 8 GB": (_v5(HUGE, compressed=True), "claims 8 GB for 'resp' but holds"),
    "a bomb": (
        _v5(_v5_matrix(b"x", (9, 9), _v5_element(9, bytes(10_000_000))), compressed=True), "10000000 bytes for the 81",
    ),
    "less than it says": (_v5(_v5_matrix(b"resp", (5, 5), _v5_element(9, bytes(80)))), "80 bytes for the 25 numbers"),
    "a negative shape": (_v5(_v5_matrix(b"resp", (-5, 5), b"")), "a matrix without a shape"),
    "no flags": (_v5(bytes(64)), "a matrix without flags"),
    "a long name": (_v5(_v5_matrix(b"x" * 3000, (5, 5), b"")), "3000 bytes where at most 1024 belong"),
    "an unknown type": (_v5(_v5_matrix(b"resp", (5, 5), _v5_element(77, bytes(200)))), "type 77 where the numbers"),
    "a variable past the end": (_v5(HUGE)[:-20] , "a variable in it ends after the file"),
    "broken compression": (_v5(HUGE, compressed=True)[:140] + bytes(300), "is truncated"),
    "cells in cells": (_v5(_nested(5000)), "holds no array of numbers"),
    "an object": (_v5(_v5_matrix(b"resp", (5, 5), b"", kind=3)), "holds no array of numbers"),
    "a sparse matrix": (_v5(_v5_matrix(b"resp", (5, 5), b"", kind=5)), "holds no array of numbers"),
    "a structure whose names have no width": (
        _v5(_v5_matrix(b"unit", (1, 1), struct.pack("<II", 2 << 16 | 5, 8) + _v5_element(1, b"resp\0\0\0\0"), kind=2)),
        "names of 0 bytes in a structure",
    ),
    "version 4": (struct.pack("<5i", 0, 5, 5, 0, 5) + b"resp\0" + bytes(200), "is not a MATLAB file of version 5"),
    "only the beginning": (_v5()[:100], "is not a MATLAB file of version 5"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", BROKEN_MAT)
def test_wrong_matlab_files_get_one_sentence(tmp_path, wrong):
    content, says = BROKEN_MAT[wrong]
    path = tmp_path / "mine.mat"
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        open_recording(path, dims=("presentation", "neuroid"))
    assert says in str(caught.value)
    assert "mine.mat" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cut_anywhere(tmp_path, file):
    content = file.read_bytes()
    # both arrays are in the first half; a MATLAB file that is cut between two variables is whole
    for part in np.linspace(1, len(content) // 2, 25).astype(int):
        path = tmp_path / f"cut at {part}{file.suffix}"
        path.write_bytes(content[:part])
        with pytest.raises(InputError) as caught:
            open_recording(path, array="resp", dims=DIMS, stimuli="shown")
        assert path.name in str(caught.value)


def test_what_is_read_is_what_scipy_reads(tmp_path):
    rng = np.random.default_rng(1)
    content = {name: rng.integers(0, 100, (3, 4)).astype(name) for name in ("i1", "u2", "i4", "u8", "f4", "f8")}
    content["logical"] = rng.random((3, 4)) < 0.5
    content["large"] = rng.random((300, 400))
    for compressed in (False, True):
        path = tmp_path / f"a{compressed}.mat"
        savemat(path, content, do_compression=compressed)
        expected = loadmat(path)
        for name in content:
            found = loaders["matlab"].open(path, array=name, dims=("presentation", "neuroid"))
            np.testing.assert_array_equal(found.values, expected[name])


@pytest.mark.parametrize("order", "<>")
def test_either_order_of_bytes_and_any_nan(tmp_path, order):
    values = np.arange(12.0).reshape(3, 4)
    # what R calls NA, and one that signals
    values.view("u8")[0, :2] = 0x7FF00000000007A2, 0xFFF4000000000001
    wide = np.where(np.isnan(values), np.nan, np.arange(12.0).reshape(3, 4))
    np.save(tmp_path / "a.npy", values.astype(f"{order}f8"))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = values.astype(f"{order}f8")
    head = struct.pack(f"{order}IIIIIIii", 6, 8, 6, 0, 5, 8, 3, 4)
    data = struct.pack(f"{order}II", 9, 96) + values.astype(f"{order}f8").tobytes(order="F")
    matrix = head + struct.pack(f"{order}I", 1 << 16 | 1) + b"x\0\0\0" + data
    mark = b"IM" if order == "<" else b"MI"
    start = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x100) + mark
    (tmp_path / "a.mat").write_bytes(start + struct.pack(f"{order}II", 14, len(matrix)) + matrix)
    for name in ("a.npy", "a.h5", "a.mat"):
        with pytest.warns(NeuroguideWarning, match=r"2 of 12 responses \(17%\) are missing"):
            found = open_recording(tmp_path / name, dims=("presentation", "neuroid"))
        assert found.dtype.isnative
        np.testing.assert_array_equal(found.values, wide)


def _hostile_hdf5(path, what):
    with h5py.File(path, "w") as file:
        if what == "a link to another file":
            file["x"] = h5py.ExternalLink("secret.h5", "/x")
        elif what == "a claim of 10 GB":
            file.create_dataset("x", shape=(256, 10_000_000), dtype="f4", chunks=(1, 1000), compression="gzip")
        elif what == "records":
            file["x"] = np.zeros((3, 4), dtype=[("a", "f4"), ("b", "i4")])
        elif what == "ragged rows":
            file.create_dataset("x", shape=(3, 4), dtype=h5py.vlen_dtype(np.float64))
        elif what == "text":
            file["x"] = [["1.5", "2"], ["3", "4"]]
        elif what == "storage in another file":
            file.create_dataset("x", (3, 4), "f8", external=[(str(path) + ".bin", 0, h5py.h5f.UNLIMITED)])
        elif what == "another file's data":
            layout = h5py.VirtualLayout(shape=(3, 4), dtype="f8")
            layout[:] = h5py.VirtualSource("secret.h5", "x", shape=(3, 4))
            file.create_virtual_dataset("x", layout)
        elif what == "two arrays":
            file["x"], file["y"] = np.zeros((3, 4)), np.zeros((3, 4))
        elif what == "infinity":
            file["x"] = np.full((3, 4), np.inf)
        elif what == "complex numbers":
            file["x"] = np.ones((3, 4)) * 1j
        elif what == "vectors":
            file["x"] = np.ones(4)


HOSTILE = {
    "a link to another file": "has a link 'x' to another file",
    "a claim of 10 GB": "claims 10.24 GB for 'x' but holds 0 bytes",
    "records": "holds no array of numbers with two axes",
    "ragged rows": "holds no array of numbers with two axes",
    "text": "holds no array of numbers with two axes",
    "storage in another file": "keeps 'x' in other files",
    "another file's data": "keeps 'x' in other files",
    "two arrays": "holds 2 arrays that could be the responses (x (3 x 4), y (3 x 4)): choose one, e.g. ng.open_rec",
    "infinity": "has infinite responses",
    "complex numbers": "holds no array of numbers with two axes",
    "vectors": "(there: x (4))",
    "nothing": "(there: nothing)",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_wrong_hdf5_files_get_one_sentence(tmp_path, what):
    path = tmp_path / "mine.h5"
    _hostile_hdf5(path, what)
    with pytest.raises(InputError) as caught:
        open_recording(path, dims=("presentation", "neuroid"))
    assert HOSTILE[what] in str(caught.value)
    assert "mine.h5" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cell_of_version_7_3_that_is_no_text(tmp_path):
    path = tmp_path / "a.mat"
    _mat73(path)
    with h5py.File(path, "r+") as file:
        number = file.create_dataset("#refs#/number", data=np.ones((1, 1)))
        file["shown"][0, 0] = number.ref
    with pytest.raises(FileError, match="holds a cell in 'shown' that is no text"):
        open_recording(path, array="resp", dims=DIMS, stimuli="shown")
