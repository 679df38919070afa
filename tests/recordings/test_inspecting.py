from __future__ import annotations

import io
import pickle
import zipfile

import h5py
import numpy as np
import pytest
import xarray as xr
from scipy.io import savemat

import neuroguide as ng
from neuroguide._core.errors import FileError
from neuroguide.recordings.netcdf import write_netcdf
from neuroguide.recordings.opening import inspect


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_netcdf(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
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
    assert description.how_to_open[-1] == (
        f"ng.open_recording({str(path)!r}, array='units/responses', dims=('neuroid', 'presentation'))"
    )


def test_matlab(tmp_path):
    path = tmp_path / "a.mat"
    names = np.array([f"image_{i}" for i in range(6)], dtype=object)
    savemat(path, {"raster": np.zeros((4, 6, 2)), "shown": {"images": names}, "label": "x"})
    description = inspect(path)
    assert description.format == "MATLAB"
    assert ("raster", (4, 6, 2)) in [(array.name, array.shape) for array in description.arrays]
    assert description.how_to_open[-1].endswith(
        "array='raster', dims=('neuroid', 'presentation', 'repetition'), stimuli='shown.images')"
    )


def test_numpy(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((50, 640, 10), dtype=np.float64))
    description = inspect(tmp_path / "a.npy")
    assert [str(array) for array in description.arrays] == ["array (50 x 640 x 10) float64"]
    np.savez_compressed(tmp_path / "b.npz", x=np.zeros((3, 4)), y=np.array(["a"]))
    description = inspect(tmp_path / "b.npz")
    assert [str(array) for array in description.arrays] == ["x (3 x 4) float64", "y (1) <U1"]


def test_the_table_of_stimuli_beside_a_file_is_found(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((5, 92)))
    (tmp_path / "stimuli.csv").write_text("image_id,filename\n" + "".join(f"{i},{i}.png\n" for i in range(92)))
    (tmp_path / "broken.csv").write_bytes(bytes(range(128, 256)))
    (call,) = inspect(tmp_path / "a.npy").how_to_open[1:]
    assert call.endswith("dims=('neuroid', 'presentation'), stimuli='stimuli.csv')")
    opened = eval(call, {"ng": ng})
    assert opened["stimulus_id"].values[-1] == "91"
    assert opened.attrs["stimulus_set_identifier"] == str(tmp_path / "stimuli.csv")


@pytest.mark.parametrize(
    ("shape", "dims"),
    [
        ((640, 50), "('presentation', 'neuroid')"),
        ((50, 640, 10), "('neuroid', 'presentation', 'repetition')"),
        ((132, 420, 1000), "('neuroid', 'presentation', 'time_bin')"),
    ],
)
def test_the_proposal_goes_by_size(tmp_path, shape, dims):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(shape, np.uint8), numbers=np.zeros(3))
    assert f"array='x', dims={dims}" in inspect(tmp_path / "a.npz").how_to_open[-1]


def test_objects_are_told_and_never_unpickled(tmp_path):
    objects = np.array([Trap(), None], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "b.npz", objects=objects)
    for path in (tmp_path / "a.npy", tmp_path / "b.npz"):
        description = inspect(path)
        assert "hold objects, which are never read" in description.notes[0]
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
