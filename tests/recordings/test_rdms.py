from __future__ import annotations

import netCDF4
import numpy as np
import pytest
import xarray as xr

from neuroguide._core.errors import FileError, InputError
from neuroguide.recordings.netcdf import describe_netcdf, write_netcdf
from neuroguide.recordings.rdms import check_rdm, read_rdm, write_rdm


def _rdm(n_stimuli=5, leading=(), seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    shape = tuple(size for _, size in leading)
    values = rng.random((*shape, n_stimuli, n_stimuli))
    values = ((values + np.swapaxes(values, -1, -2)) * (1 - np.eye(n_stimuli))).astype(dtype)
    ids = [f"image_{i}" for i in range(n_stimuli)]
    return xr.DataArray(
        values,
        dims=(*(name for name, _ in leading), "stimulus_id", "stimulus_id_2"),
        coords={
            "stimulus_id": ids,
            "stimulus_id_2": ids,
            "category_name": ("stimulus_id", [f"category_{i % 2}" for i in range(n_stimuli)]),
            **{name: [f"{name}_{i}" for i in range(size)] for name, size in leading},
        },
        attrs={"distance": "correlation", "simulated": 0},
        name="dissimilarity",
    )


@pytest.mark.parametrize("leading", [(), (("region", 2),), (("subject", 3), ("session", 2))])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_written_is_read(tmp_path, leading, dtype):
    rdm = _rdm(leading=leading, dtype=dtype)
    again = read_rdm(write_rdm(rdm, tmp_path / "rdm.nc"))
    assert again.identical(rdm)
    assert again.dtype == dtype


def test_coordinates_beside_the_leading_dims_survive(tmp_path):
    rdm = _rdm(leading=(("region", 2),)).assign_coords(n_sites=("region", [12, 30]), window="70 to 170 ms")
    assert read_rdm(write_rdm(rdm, tmp_path / "rdm.nc")).identical(rdm)


def test_each_pair_is_stored_once_in_the_order_of_triu(tmp_path):
    rdm = _rdm(4)
    path = write_rdm(rdm, tmp_path / "rdm.nc")
    with netCDF4.Dataset(path) as file:
        stored = file.variables["dissimilarity"]
        assert stored.dimensions == ("pair",)
        np.testing.assert_array_equal(stored[:], rdm.values[np.triu_indices(4, 1)])
        assert file.getncattr("format") == 1
    assert describe_netcdf(path).how_to_open == (f"ng.open_rdm({str(path)!r})",)


def _set(rdm, index, value):
    rdm.values[index] = value
    return rdm


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda rdm: rdm.values, "is a ndarray, an xarray.DataArray was expected"),
        (lambda rdm: rdm.rename(stimulus_id="a", stimulus_id_2="b"), "has dims ('a', 'b')"),
        (lambda rdm: rdm.drop_vars("stimulus_id_2"), "has no coordinate 'stimulus_id_2'"),
        (lambda rdm: rdm.isel(stimulus_id_2=[1, 0, 2, 3, 4]), "has other stimuli, or another order of them"),
        (lambda rdm: rdm.isel(stimulus_id=[0, 1]), "has other stimuli, or another order of them"),
        (lambda rdm: rdm.isel(stimulus_id=[0, 0, 2], stimulus_id_2=[0, 0, 2]), "has duplicate stimuli (image_0)"),
        (lambda rdm: rdm.isel(stimulus_id=[0], stimulus_id_2=[0]), "needs at least two stimuli"),
        (lambda rdm: rdm.astype(str), "values, real numbers were expected"),
        (lambda rdm: _set(rdm, (0, 1), np.nan), "has 1 entries that are not finite"),
        (lambda rdm: _set(rdm, (0, 1), 9.0), "is not symmetric"),
        (lambda rdm: _set(rdm, (2, 2), 1.0), "is not zero on the diagonal"),
    ],
)
def test_what_is_no_rdm(broken, says):
    with pytest.raises(InputError) as caught:
        check_rdm(broken(_rdm()), source="mine.nc")
    assert says in str(caught.value)
    assert str(caught.value).startswith("mine.nc ")


def test_negative_dissimilarities_are_fine():
    assert check_rdm(-_rdm()).shape == (5, 5)


def test_responses_are_no_rdm(recording, tmp_path):
    path = write_netcdf(recording, tmp_path / "a.nc")
    with pytest.raises(FileError, match=r"holds no RDM .* it holds responses: open it with open_recording"):
        read_rdm(path)


def test_pairs_that_do_not_fit_the_stimuli(tmp_path):
    path = tmp_path / "a.nc"
    xr.Dataset({"rdm": ("pair", np.zeros(7)), "stimulus_id": ("stimulus", list("abcde"))}).to_netcdf(path)
    with pytest.raises(FileError, match="has 7 pairs for 5 stimuli"):
        read_rdm(path)
