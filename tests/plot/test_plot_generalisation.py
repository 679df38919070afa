"""Similarity of one time to another."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from neuroguide import plot
from neuroguide._core.errors import InputError


def made(regions=("V4", "IT"), **attrs):
    start = np.array([-20, 0, 20, 60])
    end = np.array([0, 20, 60, 100])
    coords = {"region": list(regions)}
    for suffix in ("", "_2"):
        coords |= {f"time_bin_start{suffix}": (f"time_bin{suffix}", start)}
        coords |= {f"time_bin_end{suffix}": (f"time_bin{suffix}", end)}
    values = np.arange(len(regions) * 16.0).reshape(-1, 4, 4) / 20
    return xr.DataArray(values, dims=("region", "time_bin", "time_bin_2"), coords=coords, attrs=attrs)


def test_regions_share_a_scale_and_bins_keep_their_widths(drawn):
    axes = plot.temporal_generalisation(made(simulated=1))
    meshes = [ax.collections[0] for ax in axes]
    assert len({mesh.get_clim() for mesh in meshes}) == 1
    assert meshes[0].get_clim() == (0, pytest.approx(31 / 20))
    np.testing.assert_array_equal(meshes[0].get_coordinates()[0, :, 0], [-20, 0, 20, 60, 100])
    np.testing.assert_allclose(meshes[1].get_array(), made().values[1])
    assert [ax.get_title(loc="left") for ax in axes] == ["V4", "IT"]
    assert all(drawn(ax, "simulated") for ax in axes)


def test_takes_axes_and_one_region():
    _, given = plt.subplots()
    (ax,) = plot.temporal_generalisation(made().isel(region=0, drop=True), axes=given, limits=(0, 1))
    assert ax is given
    assert ax.get_title(loc="left") == "all sites"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (made().isel(time_bin_2=0), "dims 'time_bin' and 'time_bin_2'"),
        (made().rename(region="layer"), "only the dim 'region'"),
        (made() * np.nan, "no finite value"),
        (made().isel(time_bin=[1, 0, 2, 3], time_bin_2=[1, 0, 2, 3]), "ascending"),
    ],
)
def test_refuses(data, says):
    with pytest.raises(InputError, match=says):
        plot.temporal_generalisation(data)
