"""RDMs as labelled arrays: what one is, and how it is kept on disk (condensed)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide._core.errors import FileError, InputError
from neuroguide.recordings._attributes import decode_attributes
from neuroguide.recordings._blocks import coordinates, shorten
from neuroguide.recordings._netcdf_reader import file_attributes, open_netcdf, read_coordinate, read_values
from neuroguide.recordings._netcdf_writer import UNNAMED, write_array
from neuroguide.recordings._sizes import MAX_BYTES, check_claim
from neuroguide.recordings._stored import StoredFile, StoredVariable

#: The last two dims of an RDM.
RDM_DIMS = ("stimulus_id", "stimulus_id_2")

#: Dims on disk: pairs in the order of ``numpy.triu_indices(n, 1)``, and the stimuli that they are made of.
_PAIR, _STIMULUS = "pair", "stimulus"

#: How far, relative to the largest dissimilarity, rounding may take an RDM from symmetry and a zero diagonal.
_TOLERANCE = 1e-5


def check_rdm(rdm: xr.DataArray, *, source: str = "the RDM") -> xr.DataArray:
    """Check that this is one RDM, or several along leading dims, and return it.

    Parameters
    ----------
    rdm : DataArray
        Dims stimulus_id and stimulus_id_2, with any others (region, subject) before them, and the same stimuli
        in the same order along both.
    source : str
        What to call it in an error.

    Raises
    ------
    InputError
        If dims or stimuli are wrong, a stimulus is there twice, or the values are not finite, not symmetric or
        not zero on the diagonal.
    """
    if not isinstance(rdm, xr.DataArray):
        raise InputError(
            f"{source} is a {type(rdm).__name__}, an xarray.DataArray was expected; open or compute it first"
        )
    dims = tuple(str(dim) for dim in rdm.dims)
    if dims[-2:] != RDM_DIMS:
        raise InputError(f"{source} has dims {dims}; the last two should be {RDM_DIMS}, as ng.rdm returns them")
    if rdm.dtype.kind not in "iuf":
        raise InputError(f"{source} holds {rdm.dtype} values, real numbers were expected; convert them")
    if min(rdm.shape) == 0 or rdm.shape[-1] < 2:
        raise InputError(f"{source} is empty (shape {rdm.shape}); an RDM needs at least two stimuli")
    _check_stimuli(rdm, source)
    _check_square(rdm, source)
    return rdm


def write_rdm(rdm: xr.DataArray, path: str | os.PathLike[str], *, overwrite: bool = True) -> Path:
    """Write an RDM, or several along leading dims, as netCDF with each pair of stimuli once.

    Parameters
    ----------
    rdm : DataArray
        See :func:`check_rdm`.
    path : path
        The file to write; it is whole or absent.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        If it is not an RDM, or has a coordinate or attribute that netCDF cannot hold.
    FileError
        If the file cannot be written.
    """
    checked = check_rdm(rdm)
    rows, columns = np.triu_indices(checked.shape[-1], 1)
    coords: dict[str, xr.Variable] = {}
    for name, coord in coordinates(checked).items():
        if "stimulus_id_2" in coord.dims:
            continue
        dims = tuple(_STIMULUS if dim == "stimulus_id" else dim for dim in coord.dims)
        coords[name] = xr.Variable(dims, np.asarray(coord.values), dict(coord.attrs))
    condensed = xr.DataArray(
        checked.values[..., rows, columns],
        dims=(*checked.dims[:-2], _PAIR),
        coords={name: coord for name, coord in coords.items() if _STIMULUS not in coord.dims},
        attrs=dict(checked.attrs),
        name=checked.name,
    )
    beside = {name: coord for name, coord in coords.items() if _STIMULUS in coord.dims}
    return write_array(condensed, path, beside=beside, overwrite=overwrite)


def read_rdm(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> xr.DataArray:
    """Read what :func:`write_rdm` wrote.

    Parameters
    ----------
    path : path
        The file.
    max_bytes : int
        Refuse a file whose RDMs take more than this.

    Returns
    -------
    DataArray
        Dims stimulus_id and stimulus_id_2, leading dims first; symmetric with a zero diagonal.

    Raises
    ------
    FileError
        If the file is missing, broken, written by a newer neuroguide, or holds no RDM.
    InputError
        If what it holds is not an RDM.
    """
    path = Path(path)
    with open_netcdf(path, limit=max_bytes) as file:
        stored, ids = _pairs(path, file)
        leading = stored.dims[:-1]
        shape = (*stored.shape[:-1], ids.size, ids.size)
        square = int(np.prod(shape, dtype=object)) * 8
        check_claim(path, stored.name, square, square, limit=max_bytes)
        condensed = read_values(path, stored)
        coords = _coordinates(path, file, ids, (*leading, _STIMULUS), stored.name)
        attrs = decode_attributes(file_attributes(file), str(path)) | decode_attributes(stored.attrs, str(path))
        name = None if stored.name == UNNAMED else stored.name
    values = np.zeros(shape, dtype=condensed.dtype)
    rows, columns = np.triu_indices(ids.size, 1)
    values[..., rows, columns] = condensed
    values[..., columns, rows] = condensed
    rdm = xr.DataArray(values, dims=(*leading, *RDM_DIMS), coords=coords, attrs=attrs, name=name)
    return check_rdm(rdm, source=str(path))


def holds_rdms(path: str | os.PathLike[str]) -> bool:
    """Whether a netCDF file holds RDMs of :func:`write_rdm`; raises FileError if it cannot be read."""
    with open_netcdf(Path(path)) as file:
        return file.has_dim(_PAIR)


def _pairs(path: Path, file: StoredFile) -> tuple[StoredVariable, xr.Variable]:
    """The variable that holds the condensed RDMs, and the stimuli that they are made of."""
    found = [variable for variable in file.variables.values() if _PAIR in variable.dims]
    if len(found) != 1 or found[0].dims[-1] != _PAIR or "stimulus_id" not in file.variables:
        responses = file.has_dim("neuroid")
        hint = "it holds responses: open it with open_recording" if responses else "write one with write_rdm"
        raise FileError(f"{path} holds no RDM (one variable over {_PAIR!r} and 'stimulus_id' were expected); {hint}")
    ids = read_coordinate(path, file.variables["stimulus_id"], (_STIMULUS,))
    n_stimuli, n_pairs = 0 if ids is None else ids.size, found[0].shape[-1]
    if ids is None or n_stimuli * (n_stimuli - 1) // 2 != n_pairs:
        raise FileError(f"{path} has {n_pairs} pairs for {n_stimuli} stimuli; write the file again")
    return found[0], ids


def _coordinates(
    path: Path, file: StoredFile, ids: xr.Variable, dims: tuple[str, ...], but: str
) -> dict[str, xr.Variable]:
    """Coordinates of the square form; those of stimuli go with its rows."""
    coords = {
        "stimulus_id": xr.Variable(("stimulus_id",), ids.values, ids.attrs),
        "stimulus_id_2": xr.Variable(("stimulus_id_2",), ids.values),
    }
    for name, variable in file.variables.items():
        coord = None if name in (but, "stimulus_id") else read_coordinate(path, variable, dims)
        if coord is not None:
            along = tuple("stimulus_id" if dim == _STIMULUS else dim for dim in coord.dims)
            coords[name] = xr.Variable(along, coord.values, coord.attrs)
    return coords


def _check_stimuli(rdm: xr.DataArray, source: str) -> None:
    for dim in RDM_DIMS:
        if dim not in rdm.coords:
            raise InputError(f"{source} has no coordinate {dim!r}; name its stimuli with assign_coords")
    first, second = (np.asarray(rdm[dim].values, dtype=object) for dim in RDM_DIMS)
    if first.shape != second.shape or not (first == second).all():
        raise InputError(f"{source} has other stimuli, or another order of them, along its columns than along its rows")
    twice = pd.Index(first)[pd.Index(first).duplicated()]
    if len(twice):
        raise InputError(
            f"{source} has duplicate stimuli ({shorten([str(s) for s in twice])}); each should be there once"
        )


def _check_square(rdm: xr.DataArray, source: str) -> None:
    values = rdm.values
    absent = int((~np.isfinite(values)).sum())
    if absent:
        raise InputError(
            f"{source} has {absent} entries that are not finite; leave out the stimuli that they belong to"
        )
    allowed = _TOLERANCE * float(np.abs(values).max())
    if float(np.abs(np.diagonal(values, axis1=-2, axis2=-1)).max()) > allowed:
        raise InputError(f"{source} is not zero on the diagonal; dissimilarities (not similarities) were expected")
    if float(np.abs(values - np.swapaxes(values, -1, -2)).max()) > allowed:
        raise InputError(f"{source} is not symmetric; the dissimilarity of a pair must not depend on its order")
