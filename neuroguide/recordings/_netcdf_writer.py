"""One array with its coordinates and attributes as a netCDF file of ours."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide._core.atomic import atomic_path
from neuroguide._core.errors import FileError, InputError
from neuroguide.recordings._attributes import encode_attributes
from neuroguide.recordings._blocks import coordinates
from neuroguide.recordings._netcdf_reader import FORMAT

#: The name xarray gives to an array without one; Brain-Score's files have it too.
UNNAMED = "__xarray_dataarray_variable__"


def write_array(
    array: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    beside: Mapping[str, xr.Variable] | None = None,
    overwrite: bool = True,
) -> Path:
    """Write one array with its coordinates and attributes, compressed, as a file of ours.

    ``beside`` holds coordinates over dims that the array itself does not have.

    Raises
    ------
    InputError
        If a coordinate or attribute cannot be held by netCDF.
    FileError
        If the file cannot be written.
    """
    name = (
        array.name
        if isinstance(array.name, str) and _is_name(array.name) and array.name not in array.coords
        else UNNAMED
    )
    what = "the array"
    variables = {name: xr.Variable(array.dims, array.variable.data, encode_attributes(array.attrs, what))}
    coords = {}
    for coord_name, coord in (coordinates(array) | dict(beside or {})).items():
        if not _is_name(coord_name):
            raise InputError(f"{what} has a coordinate named {coord_name!r}, which netCDF cannot hold; rename it")
        attrs = encode_attributes(coord.attrs, f"the coordinate {coord_name!r}")
        coords[coord_name] = xr.Variable(coord.dims, _storable(coord_name, coord.values), attrs)
    dataset = xr.Dataset(variables, coords=coords, attrs={"format": np.int32(FORMAT)})
    encoding = {name: {"zlib": True, "complevel": 4, "shuffle": True}} if array.ndim else {}
    with atomic_path(path, overwrite=overwrite) as temporary:
        try:
            dataset.to_netcdf(temporary, engine="netcdf4", format="NETCDF4", encoding=encoding)
        except RuntimeError as error:
            # what the netCDF library makes of a full disk
            raise FileError(f"{path} cannot be written ({error}); is the disk full?") from error
    return Path(path)


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[^\x00-\x1f\x7f/ ]([^\x00-\x1f\x7f/]*[^\x00-\x1f\x7f/ ])?", name) is not None


def _storable(name: str, values: Any) -> Any:
    """Coordinate values of a type that netCDF has: numbers, truth values, dates, text."""
    values = np.asarray(values)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind not in "OUT":
        return values.astype(np.float32) if values.dtype == np.float16 else values
    flat = values.ravel().astype(object)
    absent = pd.isna(flat)
    present = flat[~absent]
    if all(isinstance(value, str) for value in present):
        if any("\0" in value for value in set(present)):
            raise InputError(
                f"the coordinate {name!r} has text with a null character, which netCDF cannot hold; remove it"
            )
        texts = np.where(absent, "", flat).astype(object)
        return texts.reshape(values.shape)
    if all(isinstance(value, bool | np.bool_) for value in flat):
        return values.astype(bool)
    if all(isinstance(value, int | np.integer) for value in flat):
        return values.astype(np.int64)
    if all(isinstance(value, int | float | np.integer | np.floating) for value in present):
        return np.where(absent, np.nan, flat).astype(np.float64).reshape(values.shape)
    kinds = sorted({type(value).__name__ for value in present})
    raise InputError(
        f"the coordinate {name!r} holds {', '.join(kinds)} values; only text, only numbers or only truth values can be "
        "written: convert it, e.g. to text"
    )
