from __future__ import annotations

import json
import tracemalloc

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.netcdf import describe_netcdf, read_netcdf, recognises_netcdf, write_netcdf
from neuroguide.recordings.opening import open_recording
from neuroguide.testing.loaders import check_loader


@pytest.mark.parametrize("n_bins", [None, 1, 4])
def test_what_is_written_is_read(make_recording, tmp_path, n_bins):
    recording = make_recording(n_bins=n_bins)
    path = write_netcdf(recording, tmp_path / "sub" / "responses.nc")
    assert read_netcdf(path).identical(recording)
    assert open_recording(path).identical(recording)
    assert read_netcdf(path).dtype == np.float32


def test_the_contract_of_loaders(timed, tmp_path):
    from neuroguide.recordings import loaders

    check_loader(loaders["netcdf"], write_netcdf(timed, tmp_path / "responses.nc"))


@pytest.mark.filterwarnings("ignore:SelectableGroups:DeprecationWarning")  # xarray 2022.3 looking for its engines
def test_the_layout_on_disk_is_brain_scores(timed, tmp_path):
    path = write_netcdf(timed, tmp_path / "responses.nc")
    with netCDF4.Dataset(path) as file:
        (name,) = (n for n, v in file.variables.items() if v.ndim == 3)
        variable = file.variables[name]
        assert variable.dimensions == ("neuroid", "presentation", "time_bin")
        assert variable.dtype == np.float32
        assert variable.filters()["zlib"]
        assert file.variables["stimulus_id"].dtype is str
        assert file.variables["stimulus_id"].dimensions == ("presentation",)
        assert file.getncattr("format") == 1
    plain = xr.load_dataarray(path, engine="netcdf4")
    assert plain.transpose(*timed.dims).identical(timed)


@settings(deadline=None, max_examples=25)
@given(
    values=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int16, np.uint8, np.int64]),
        hnp.array_shapes(min_dims=2, max_dims=2),
    ),
    data=st.data(),
)
def test_any_recording_survives(tmp_path_factory, values, data):
    text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
    n_presentations, n_sites = values.shape
    columns = {
        "stimulus_id": text,
        "size": st.floats(width=32),
        "number": st.integers(-(2**62), 2**62),
        "flag": st.booleans(),
    }
    coords = {
        name: ("presentation", data.draw(st.lists(column, min_size=n_presentations, max_size=n_presentations)))
        for name, column in columns.items()
    }
    attrs = data.draw(
        st.dictionaries(
            st.text("abc_XYZ1", min_size=1).filter(lambda name: name[0].isalpha()),
            st.recursive(
                st.one_of(text, st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.booleans(), st.none()),
                lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
                max_leaves=5,
            ),
            max_size=4,
        )
    )
    recording = xr.DataArray(
        values,
        dims=("presentation", "neuroid"),
        coords={**coords, "neuroid_id": ("neuroid", np.arange(n_sites))},
        attrs=attrs,
        name=data.draw(st.sampled_from([None, "responses", "data"])),
    )
    path = write_netcdf(recording, tmp_path_factory.mktemp("any") / "a.nc")
    again = read_netcdf(path)
    assert again.identical(recording)
    assert again.dtype == recording.dtype


def test_the_name_survives(recording, tmp_path):
    recording.name = "my responses"
    assert read_netcdf(write_netcdf(recording, tmp_path / "a.nc")).name == "my responses"


def test_nested_attributes_are_json_on_disk(recording, tmp_path):
    recording.attrs |= {"blocks": {"first": [1, 2.5, None]}, "flag": True, "text": "[1, 2]", "empty": ""}
    path = write_netcdf(recording, tmp_path / "a.nc")
    with netCDF4.Dataset(path) as file:
        variable = next(v for v in file.variables.values() if v.ndim == 2)
        assert json.loads(variable.getncattr("blocks")) == {"first": [1, 2.5, None]}
        assert variable.getncattr("text") == "[1, 2]"
        assert variable.getncattr("flag") == 1
    assert read_netcdf(path).attrs == recording.attrs


def test_attributes_of_coordinates_survive(recording, tmp_path):
    recording["trial"].attrs = {"unit": "count", "range": [0, 19]}
    assert read_netcdf(write_netcdf(recording, tmp_path / "a.nc"))["trial"].attrs == {"unit": "count", "range": [0, 19]}


def test_text_that_is_missing_becomes_empty(recording, tmp_path):
    names = recording["category_name"].values.copy()
    names[0] = np.nan
    recording = recording.assign_coords(category_name=("presentation", names))
    assert read_netcdf(write_netcdf(recording, tmp_path / "a.nc"))["category_name"].values[0] == ""


def test_dates_and_objects_that_are_numbers_survive(recording, tmp_path):
    dates = np.datetime64("2021-03-25") + np.arange(20)
    numbers = np.array([None, *range(19)], dtype=object)
    recording = recording.assign_coords(
        day=("presentation", dates.astype("datetime64[ns]")), n=("presentation", numbers)
    )
    again = read_netcdf(write_netcdf(recording, tmp_path / "a.nc"))
    np.testing.assert_array_equal(again["day"].values, recording["day"].values)
    np.testing.assert_array_equal(again["n"].values, [np.nan, *range(19)])


@pytest.mark.parametrize(("dtype", "stored"), [(np.float16, np.float32), (bool, bool)])
def test_types_that_netcdf_lacks(recording, tmp_path, dtype, stored):
    path = write_netcdf((recording > 4).astype(dtype), tmp_path / "a.nc")
    again = read_netcdf(path)
    assert again.dtype == stored
    np.testing.assert_array_equal(again.values, recording.values > 4)


def _save(recording, path, **options):
    """A file that others wrote: plain xarray, not our writer."""
    recording.transpose("neuroid", "presentation", ...).to_netcdf(path, **options)
    return path


def test_older_files_have_image_id(recording, tmp_path):
    path = _save(recording.rename(stimulus_id="image_id"), tmp_path / "a.nc")
    assert read_netcdf(path).drop_vars("image_id").identical(recording)


def test_a_dim_with_one_coordinate_has_an_underscore(recording, tmp_path):
    single = recording.drop_vars(["repetition", "category_name", "trial", "region", "animal"])
    path = _save(single.rename(stimulus_id="presentation_", neuroid_id="neuroid_"), tmp_path / "a.nc")
    assert read_netcdf(path).identical(single)
    ids = {"presentation": single["stimulus_id"].values, "neuroid": single["neuroid_id"].values}
    newer = single.drop_vars(["stimulus_id", "neuroid_id"]).assign_coords(ids)
    assert check_assembly(read_netcdf(_save(newer, tmp_path / "b.nc"))).identical(single)


def test_attributes_of_the_file_count_too(recording, tmp_path):
    path = tmp_path / "a.nc"
    dataset = recording.to_dataset(name="data")
    dataset.attrs = {"identifier": "of the file", "lab": "DiCarlo"}
    dataset["data"].attrs = {"identifier": "of the variable"}
    dataset.to_netcdf(path)
    assert read_netcdf(path).attrs == {"identifier": "of the variable", "lab": "DiCarlo"}


@pytest.mark.parametrize("file_format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT", "NETCDF4_CLASSIC"])
def test_classic_formats(recording, tmp_path, file_format):
    path = _save(recording, tmp_path / "a.nc", format=file_format)
    assert open_recording(path).identical(recording)


def test_fill_values_scales_and_byte_order(recording, tmp_path):
    path = tmp_path / "a.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("neuroid", 2)
        file.createDimension("presentation", 3)
        ids = file.createVariable("stimulus_id", str, ("presentation",))
        sites = file.createVariable("neuroid_id", "i4", ("neuroid",))
        for i in range(3):
            ids[i] = f"s{i}"
        sites[:] = [7, 8]
        big = file.createVariable("big", ">f4", ("neuroid", "presentation"), fill_value=-1, endian="big")
        packed = file.createVariable("packed", "i2", ("neuroid", "presentation"), fill_value=-9)
        packed.scale_factor = 0.5
        counts = file.createVariable("counts", "i2", ("neuroid", "presentation"), fill_value=-9)
        unwritten = file.createVariable("unwritten", "f8", ("neuroid", "presentation"))
        for variable in (big, packed, counts):
            variable.set_auto_maskandscale(False)
        big[:] = [[1, -1, 2], [3, 4, 5]]
        packed[:] = [[2, -9, 4], [6, 8, 10]]
        counts[:] = [[1, -9, 2], [3, 4, 5]]
        unwritten[0, 0] = 1
    expected = np.array([[1, np.nan, 2], [3, 4, 5]]).T
    for name in ("big", "packed", "counts"):
        values = read_netcdf(path, variable=name).values
        assert values.dtype.isnative
        assert values.dtype.kind == "f"
        np.testing.assert_array_equal(values, expected)
    assert np.isnan(read_netcdf(path, variable="unwritten").values).sum() == 5


def test_truth_values_of_hdf5(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    with h5py.File(path, "r+") as file:
        file["animate"] = np.arange(20) % 2 == 0  # an enumeration, as h5py and h5netcdf write them
        file["animate"].dims[0].attach_scale(file["presentation"])
    assert read_netcdf(path)["animate"].values.tolist() == [1, 0] * 10


def test_which_variable_if_there_are_several(recording, tmp_path):
    path = tmp_path / "a.nc"
    xr.Dataset({"rate": recording, "count": recording * 2}).to_netcdf(path)
    with pytest.raises(FileError, match=r"has 2 variables that could be the responses \(rate, count\)"):
        read_netcdf(path)
    np.testing.assert_array_equal(open_recording(path, variable="count").values, recording.values * 2)
    with pytest.raises(OptionError, match="unknown variable 'counts'; did you mean 'count'"):
        read_netcdf(path, variable="counts")


def test_an_interrupted_write_leaves_the_old_file(recording, tmp_path, monkeypatch):
    path = write_netcdf(recording, tmp_path / "a.nc")
    before = path.read_bytes()

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(xr.Dataset, "to_netcdf", fail)
    with pytest.raises(KeyboardInterrupt):
        write_netcdf(recording * 2, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]
    with pytest.raises(FileError, match="exists already"):
        write_netcdf(recording, path, overwrite=False)


def test_a_newer_format_is_refused(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    with netCDF4.Dataset(path, "a") as file:
        file.setncattr("format", 2)
    with pytest.raises(FileError, match=r"was written by a newer neuroguide \(format 2, this one reads up to 1\)"):
        read_netcdf(path)


def _with_attr(recording, name, value):
    recording.attrs[name] = value
    return recording


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: _with_attr(a, "_FillValue", 1), "has an attribute named '_FillValue'"),
        (lambda a: _with_attr(a, "of/path", 1), "has an attribute named 'of/path'"),
        (lambda a: _with_attr(a, "set", {1, 2}), "has an attribute 'set' of type set"),
        (lambda a: a.assign_coords({"a/b": 1}), "has a coordinate named 'a/b'"),
        (lambda a: a.assign_coords(x=("neuroid", np.array(["a", 1, None], object))), "'x' holds int, str values"),
        (lambda a: a.assign_coords(x=("neuroid", ["a\0b", "c", "d"])), "'x' has text with a null character"),
        (lambda a: a.rename(neuroid="site"), "has dims ('presentation', 'site')"),
    ],
)
def test_what_netcdf_cannot_hold_is_named(recording, tmp_path, change, says):
    with pytest.raises(InputError) as caught:
        write_netcdf(change(recording), tmp_path / "a.nc")
    assert says in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_is_in_it_and_how_to_open_it(timed, tmp_path):
    path = write_netcdf(timed, tmp_path / "a.nc")
    description = describe_netcdf(path)
    assert description.how_to_open == (f"ng.open_recording({str(path)!r})",)
    text = str(description)
    assert "(neuroid: 3, presentation: 20, time_bin: 4) float32" in text
    assert "stimulus_id (presentation: 20) str" in text
    assert "simulated: 1" in text


def test_what_it_recognises(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    for name in ("a.h5", "a", "a.dat"):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert recognises_netcdf(tmp_path / name)
    (tmp_path / "b.nc").write_bytes(b"no netCDF at all")
    assert not recognises_netcdf(tmp_path / "b.nc")


def test_reading_makes_no_second_copy(make_recording, tmp_path):
    recording = make_recording(n_stimuli=100, n_repetitions=100, n_sites=1).isel(neuroid=np.zeros(400, dtype=int))
    path = write_netcdf(recording.drop_vars(["category_name", "trial"]), tmp_path / "a.nc")
    tracemalloc.start()
    read = read_netcdf(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * read.nbytes
