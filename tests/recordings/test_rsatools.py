"""rsatoolbox's objects from ours and back."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist

import neuroguide as ng
from neuroguide._core.errors import InputError, MissingExtraError

VALUES = np.random.default_rng(0).normal(size=(12, 5, 3))


@pytest.fixture
def assembly() -> xr.DataArray:
    return xr.DataArray(
        VALUES,
        dims=("presentation", "neuroid", "time_bin"),
        coords={
            "stimulus_id": ("presentation", [f"s{i // 2}" for i in range(12)]),
            "repetition": ("presentation", [i % 2 for i in range(12)]),
            "neuroid_id": ("neuroid", list("abcde")),
            "region": ("neuroid", ["V4", "V4", "IT", "IT", "IT"]),
            "time_bin_start": ("time_bin", [0.0, 50.0, 100.0]),
            "time_bin_end": ("time_bin", [50.0, 100.0, 150.0]),
        },
        attrs={"identifier": "test", "simulated": 1},
    )


@pytest.fixture
def toolbox():
    return pytest.importorskip("rsatoolbox")


def test_rdms_there_and_back(toolbox, assembly: xr.DataArray) -> None:
    rdm = ng.rdm(assembly, by="region").assign_coords(colour=("stimulus_id", list("rgbrgb")))
    theirs = ng.to_rsatoolbox(rdm)
    assert isinstance(theirs, toolbox.rdm.RDMs)
    assert theirs.dissimilarity_measure == "correlation"
    assert list(theirs.rdm_descriptors["region"]) == ["V4", "IT"]
    means = VALUES.mean(axis=2).reshape(6, 2, 5).mean(axis=1)
    np.testing.assert_allclose(theirs.get_vectors()[1], pdist(means[:, 2:], "correlation"), atol=1e-6)
    xr.testing.assert_identical(ng.from_rsatoolbox(theirs), rdm.astype(np.float64))


def test_one_rdm_and_several_leading_dims(toolbox, assembly: xr.DataArray) -> None:
    one = ng.rdm(assembly, dtype="float64")
    xr.testing.assert_identical(ng.from_rsatoolbox(ng.to_rsatoolbox(one)), one)
    both = xr.concat([one, one * 2], dim=xr.Variable("session", [1, 2])).assign_attrs(one.attrs)
    both = xr.concat([both, both + 0], dim=xr.Variable("subject", ["x", "y"])).assign_attrs(one.attrs)
    xr.testing.assert_identical(ng.from_rsatoolbox(ng.to_rsatoolbox(both)), both)
    # a part of them no longer fills the grid
    assert ng.from_rsatoolbox(ng.to_rsatoolbox(both).subset("session", 2)).dims[0] == "rdm"


def test_an_assembly_there_and_back(toolbox, assembly: xr.DataArray) -> None:
    timed = ng.to_rsatoolbox(assembly)
    assert isinstance(timed, toolbox.data.TemporalDataset)
    xr.testing.assert_identical(ng.from_rsatoolbox(timed), assembly)
    flat = assembly.isel(time_bin=0, drop=True).drop_vars(["time_bin_start", "time_bin_end"], errors="ignore")
    dataset = ng.to_rsatoolbox(flat)
    assert list(dataset.obs_descriptors["stimulus_id"]) == flat["stimulus_id"].values.tolist()
    xr.testing.assert_identical(ng.from_rsatoolbox(dataset), flat)


def test_what_rsatoolbox_made_itself_is_taken(toolbox) -> None:
    dataset = toolbox.data.Dataset(VALUES[:, :, 0], obs_descriptors={"conds": [f"c{i % 6}" for i in range(12)]})
    found = ng.from_rsatoolbox(dataset, stimulus="conds")
    assert found["neuroid_id"].values.tolist()[0] == "channel0"
    rdms = toolbox.rdm.calc_rdm(dataset, "euclidean", descriptor="conds")
    ours = ng.from_rsatoolbox(rdms, stimulus="conds")
    assert ours.dims == ("rdm", "stimulus_id", "stimulus_id_2")
    expected = ng.rdm(found, "euclidean", dtype="float64")
    assert ng.compare(ours.isel(rdm=0), expected) == pytest.approx(1)
    np.testing.assert_allclose(ours.isel(rdm=0).values, expected.values, atol=1e-9)


def test_anything_else_is_a_sentence(toolbox, monkeypatch: pytest.MonkeyPatch, assembly: xr.DataArray) -> None:
    with pytest.raises(InputError, match="a str arrived"):
        ng.from_rsatoolbox("rdms")
    monkeypatch.setitem(sys.modules, "rsatoolbox", None)
    with pytest.raises(MissingExtraError, match=r"neuroguide\[rsatoolbox\]"):
        ng.to_rsatoolbox(assembly)
