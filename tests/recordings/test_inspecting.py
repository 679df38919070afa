from __future__ import annotations

import io
import pickle
import zipfile

import h5py
import numpy as np
import pytest
import xarray as xr
from scipy.io import savemat

from neuroguide._core.errors import FileError
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.inspecting import inspect_file
from neuroguide.recordings.netcdf import write_netcdf
from neuroguide.recordings.opening import inspect


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_netcdf(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    assert inspect_file(path) == inspect(path)
    assert inspect(path).how_to_open == (f"ng.open_recording({str(path)!r})",)


def test_netcdf_that_is_no_recording(tmp_path):
    path = tmp_path / "a.nc"
    xr.Dataset({"temperature": (("x", "y"), np.zeros((2, 3)))}).to_netcdf(path)
    description = inspect(path)
    assert description.how_to_open == ()
    assert "No variable has the dims 'presentation' and 'neuroid'" in description.notes[-1]


def test_hdf5(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["units/responses"] = np.zeros((4, 6), dtype=np.float32)
        file["names"] = ["a", "b"]
    description = inspect(path)
    assert description.format == "HDF5"
    assert [str(array) for array in description.arrays] == ["names (2) str", "units/responses (4 x 6) float32"]
    assert "values = file['units/responses'][...]" in description.how_to_open
    assert any("dims=('presentation', 'neuroid')" in line for line in description.how_to_open)


@pytest.mark.parametrize("n_dims", [2, 3])
def test_matlab(tmp_path, n_dims):
    path = tmp_path / "a.mat"
    savemat(path, {"raster": np.zeros((4, 6, 2)[:n_dims]), "label": "x"})
    description = inspect(path)
    assert description.format == "MATLAB (version 4 to 7)"
    assert ("raster", (4, 6, 2)[:n_dims]) in [(array.name, array.shape) for array in description.arrays]
    assert "values = file['raster']" in description.how_to_open
    assert any("'time_bin'" in line for line in description.how_to_open) == (n_dims == 3)


def test_matlab_of_version_7_3(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["raster"] = np.zeros((2, 3))
        file["raster"].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as handle:
        handle.write(b"MATLAB 7.3 MAT-file")
    description = inspect(path)
    assert description.format == "MATLAB 7.3 (HDF5)"
    assert "reverse" in description.notes[0]


def test_numpy(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((50, 640, 10), dtype=np.float64))
    description = inspect(tmp_path / "a.npy")
    assert [str(array) for array in description.arrays] == ["a (50 x 640 x 10) float64"]
    assert description.how_to_open[0].startswith("import numpy as np; values = np.load(")
    np.savez_compressed(tmp_path / "b.npz", x=np.zeros((3, 4)), y=np.array(["a"]))
    description = inspect(tmp_path / "b.npz")
    assert [str(array) for array in description.arrays] == ["x (3 x 4) float64", "y (1) <U1"]


@pytest.mark.parametrize("n_bins", [None, 2])
def test_the_recipe_for_an_array_works(tmp_path, make_recording, n_bins):
    recording = make_recording(n_bins=n_bins)
    np.save(tmp_path / "a.npy", recording.values)
    names = {"xr": xr, "ids": recording["stimulus_id"].values, "sites": recording["neuroid_id"].values}
    names |= {"starts": [0, 50], "ends": [50, 100]}
    for line in inspect(tmp_path / "a.npy").how_to_open[:-1]:
        exec(line, names)
    np.testing.assert_array_equal(check_assembly(names["assembly"]).values, recording.values)


def test_objects_are_told_and_never_unpickled(tmp_path):
    objects = np.array([Trap(), None], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "b.npz", objects=objects)
    for path in (tmp_path / "a.npy", tmp_path / "b.npz"):
        description = inspect(path)
        assert "would have to be unpickled" in description.notes[0]
        assert description.how_to_open == ()
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(Trap()))
    assert inspect(tmp_path / "c.pkl").format == "a file of an unknown kind"


def test_a_zip_of_images(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("images/1.png", b"x")
        archive.writestr("stimuli.csv", b"stimulus_id")
    description = inspect(tmp_path / "a.zip")
    assert description.how_to_open == (f"stimuli = ng.open_stimuli({str(tmp_path / 'a.zip')!r})",)
    assert "2 files, 1 of them images" in description.notes[0]


def test_tables(tmp_path):
    (tmp_path / "stimuli.csv").write_text("stimulus_id,category\na,face\nb,hand\n")
    description = inspect(tmp_path / "stimuli.csv")
    assert "Columns: stimulus_id, category; about 2 rows." in description.notes
    assert "ng.open_stimuli" in description.how_to_open[0]
    (tmp_path / "spikes.tsv").write_text("unit\trate\n1\t3.5\n")
    assert "Columns: unit, rate; about 1 rows." in inspect(tmp_path / "spikes.tsv").notes


def test_an_unknown_kind_says_how_it_starts(tmp_path):
    (tmp_path / "a.xyz").write_bytes(b"XYZ1" + bytes(20))
    description = inspect(tmp_path / "a.xyz")
    assert "b'XYZ1" in description.notes[0]
    assert description.how_to_open == ()


def test_a_description_is_plain_data(recording, tmp_path):
    import json

    description = inspect(write_netcdf(recording, tmp_path / "a.nc"))
    again = json.loads(json.dumps(description.to_json()))
    assert again["format"] == description.format
    assert again["arrays"][0]["shape"] == [3, 20]


def _npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _mat():
    buffer = io.BytesIO()
    savemat(buffer, {"x": np.zeros((30, 30)), "y": np.ones(500)})
    return buffer.getvalue()


def _npz():
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros(100))
    return buffer.getvalue()


BROKEN = {
    "missing.nc": None,
    "empty.h5": b"",
    "cut.npy": _npy(np.zeros((30, 30)))[:-8],
    "cut in its header.npy": _npy(np.zeros((30, 30)))[:40],
    "no array.npy": b"something else entirely",
    "ten gigabytes.npy": _npy(np.zeros(2)).replace(b"(2,)", b"(2000000000,)"),
    "code.npy": _npy(np.zeros(2)).replace(b"'shape': (2,)", b"'shape':exit()"),
    "negative.npy": _npy(np.zeros(2)).replace(b"(2,)", b"(-2,)"),
    "cut.mat": _mat()[:200],
    "no.mat": b"MATLAB 5.0 MAT-file" + bytes(150),
    "text.mat": b"this is not MATLAB at all, " * 20,
    "cut.zip": _npz()[:-30],
    "cut.npz": _npz()[: len(_npz()) // 2],
    "no table.csv": bytes(range(128, 256)) * 4,
    "cut.h5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "cut.nc": b"CDF\x01" + bytes(4),
    "lines.csv": b'a,b\n"1,2\n3,4,5,6\n',
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_get_one_sentence(tmp_path, name):
    path = tmp_path / name
    if BROKEN[name] is not None:
        path.write_bytes(BROKEN[name])
    with pytest.raises(FileError) as caught:
        inspect(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder(tmp_path):
    with pytest.raises(FileError, match="is a folder, a file was expected"):
        inspect(tmp_path)
