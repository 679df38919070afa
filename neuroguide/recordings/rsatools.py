"""Recordings and RDMs as rsatoolbox's objects, and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError, missing_extra
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.rdms import RDM_DIMS, check_rdm

#: Descriptors that rsatoolbox adds by itself.
_INDEX = "index"

#: Descriptor that keeps several leading dims apart, which rsatoolbox has in one list.
_LEADING = "neuroguide_leading"


def to_rsatoolbox(rdm_or_assembly: xr.DataArray) -> Any:
    """An RDM as ``rsatoolbox.rdm.RDMs``, an assembly as ``rsatoolbox.data.Dataset`` (or TemporalDataset).

    Parameters
    ----------
    rdm_or_assembly : xarray.DataArray
        RDMs with any leading dims, or an assembly with or without time bins.

    Returns
    -------
    RDMs, Dataset or TemporalDataset
        Coordinates become descriptors of patterns, RDMs, observations, channels and times of the same name; attributes
        become descriptors. The order of the pairs is the same in both packages.

    Raises
    ------
    MissingExtraError
        If rsatoolbox is not installed.
    InputError
        If it is neither an RDM nor an assembly.
    """
    toolbox = _toolbox()
    if isinstance(rdm_or_assembly, xr.DataArray) and rdm_or_assembly.dims[-2:] == RDM_DIMS:
        return _rdms(check_rdm(rdm_or_assembly), toolbox)
    assembly = check_assembly(rdm_or_assembly)
    dims = ("presentation", "neuroid") + (("time_bin",) if "time_bin" in assembly.dims else ())
    arguments = {
        "measurements": np.asarray(assembly.transpose(*dims).values),
        "descriptors": dict(assembly.attrs),
        "obs_descriptors": _along(assembly, "presentation"),
        "channel_descriptors": _along(assembly, "neuroid"),
    }
    if "time_bin" not in assembly.dims:
        return toolbox.data.Dataset(**arguments)
    times = _along(assembly, "time_bin")
    # rsatoolbox wants one number a bin under this name
    times["time"] = np.asarray(times["time_bin_start"], dtype=np.float64)
    return toolbox.data.TemporalDataset(**arguments, time_descriptors=times)


def from_rsatoolbox(found: Any, *, stimulus: str = "stimulus_id") -> xr.DataArray:
    """RDMs or a Dataset of rsatoolbox as ours.

    Parameters
    ----------
    found : rsatoolbox.rdm.RDMs, rsatoolbox.data.Dataset or TemporalDataset
    stimulus : str
        The descriptor that names the stimuli; where there is none of this name, they are numbered from 0.

    Returns
    -------
    xarray.DataArray
        RDMs with the leading dim ``"rdm"`` (or the dims that :func:`to_rsatoolbox` put into one), dims ``stimulus_id``
        and ``stimulus_id_2``; or an assembly with dims presentation and neuroid (and time_bin). Descriptors become
        coordinates and attributes of the same name; channels without ``neuroid_id`` are numbered.

    Raises
    ------
    MissingExtraError
        If rsatoolbox is not installed.
    InputError
        If it is something else, RDMs miss pairs (NaN), or stimuli repeat within an RDM.
    """
    toolbox = _toolbox()
    if isinstance(found, toolbox.rdm.RDMs):
        return _from_rdms(found, stimulus)
    if not isinstance(found, toolbox.data.Dataset | toolbox.data.TemporalDataset):
        raise InputError(
            f"rsatoolbox RDMs, a Dataset or a TemporalDataset were expected, a {type(found).__name__} arrived"
        )
    timed = isinstance(found, toolbox.data.TemporalDataset)
    values = np.asarray(found.measurements)
    coords = _coords(found.obs_descriptors, "presentation") | _coords(found.channel_descriptors, "neuroid")
    coords.setdefault("neuroid_id", ("neuroid", np.asarray([f"channel{i}" for i in range(values.shape[1])])))
    coords["stimulus_id"] = ("presentation", _names(found.obs_descriptors, stimulus, len(values)))
    if timed:
        coords |= _times(found.time_descriptors)
    dims = ("presentation", "neuroid") + (("time_bin",) if timed else ())
    return check_assembly(xr.DataArray(values, dims=dims, coords=coords, attrs=_attributes(found.descriptors)))


def _toolbox() -> Any:
    try:
        import rsatoolbox
        import rsatoolbox.data
        import rsatoolbox.rdm
    except ImportError as error:
        raise missing_extra("rsatoolbox", "rsatoolbox", "exchanging data with rsatoolbox") from error
    return rsatoolbox


def _rdms(rdm: xr.DataArray, toolbox: Any) -> Any:
    leading = [str(dim) for dim in rdm.dims[:-2]]
    sizes = [rdm.sizes[dim] for dim in leading]
    n = rdm.sizes["stimulus_id"]
    rows, columns = np.triu_indices(n, 1)
    places = list(np.indices(sizes).reshape(len(sizes), -1)) if sizes else []
    about: dict[str, Any] = {}
    for place, dim in zip(places, leading, strict=True):
        values = _along(rdm, dim)
        values.setdefault(dim, np.arange(rdm.sizes[dim]))
        about |= {name: np.asarray(column)[place].tolist() for name, column in values.items()}
    return toolbox.rdm.RDMs(
        dissimilarities=rdm.values.reshape(-1, n, n)[:, rows, columns],
        dissimilarity_measure=str(rdm.attrs.get("distance", rdm.attrs.get("units", ""))) or None,
        descriptors=dict(rdm.attrs) | {_LEADING: json.dumps(dict(zip(leading, sizes, strict=True)))},
        rdm_descriptors=about,
        pattern_descriptors={name: values.tolist() for name, values in _along(rdm, "stimulus_id").items()},
    )


def _from_rdms(found: Any, stimulus: str) -> xr.DataArray:
    condensed = np.asarray(found.get_vectors(), dtype=np.float64)
    n = int(found.n_cond)
    values = np.zeros((len(condensed), n, n))
    rows, columns = np.triu_indices(n, 1)
    values[:, rows, columns] = values[:, columns, rows] = condensed
    descriptors = dict(found.descriptors)
    sizes: dict[str, int] = json.loads(str(descriptors.pop(_LEADING, "null"))) or {"rdm": len(condensed)}
    if found.descriptors.get(_LEADING) == "{}" and len(condensed) == 1:
        sizes = {}
    elif int(np.prod(list(sizes.values()))) != len(condensed):
        sizes = {"rdm": len(condensed)}
    coords = _coords(found.pattern_descriptors, "stimulus_id")
    names = _names(found.pattern_descriptors, stimulus, n)
    coords |= {"stimulus_id": ("stimulus_id", names), "stimulus_id_2": ("stimulus_id_2", names)}
    coords |= _leading_coords(found.rdm_descriptors, sizes)
    attrs = _attributes(descriptors)
    if found.dissimilarity_measure and not {"distance", "units"} & set(attrs):
        attrs["units"] = str(found.dissimilarity_measure)
    made = xr.DataArray(
        values.reshape(*sizes.values(), n, n), dims=(*sizes, *RDM_DIMS), coords=coords, attrs=attrs,
        name="dissimilarity",
    )  # fmt: skip
    return check_rdm(made, source="the RDMs of rsatoolbox")


def _leading_coords(descriptors: dict[str, Any], sizes: dict[str, int]) -> dict[str, tuple[str, NDArray[Any]]]:
    """Descriptors of RDMs, each along the one leading dim on which it depends."""
    coords = {}
    shape = tuple(sizes.values())
    for name, column in descriptors.items():
        if name == _INDEX:
            continue
        values = np.asarray(column).reshape(shape)
        for axis, dim in enumerate(sizes):
            first = np.moveaxis(values, axis, 0).reshape(shape[axis], -1)
            if (name == dim or name not in sizes) and (first == first[:, :1]).all():
                coords[str(name)] = (dim, first[:, 0])
                break
    return coords


def _along(array: xr.DataArray, dim: str) -> dict[str, NDArray[Any]]:
    """The coordinates of one dim."""
    return {str(name): np.asarray(c.values) for name, c in array.coords.items() if c.dims == (dim,)}


def _coords(descriptors: dict[str, Any], dim: str) -> dict[str, tuple[str, NDArray[Any]]]:
    return {str(name): (dim, np.asarray(column)) for name, column in descriptors.items() if name != _INDEX}


def _names(descriptors: dict[str, Any], stimulus: str, n: int) -> NDArray[np.str_]:
    return np.asarray([str(name) for name in descriptors.get(stimulus, range(n))])


def _times(descriptors: dict[str, Any]) -> dict[str, tuple[str, NDArray[Any]]]:
    """The edges of the bins; where only one time is known, bins reach up to the next."""
    times = _coords(descriptors, "time_bin")
    starts = np.asarray(descriptors["time"], dtype=np.float64)
    times.pop("time")
    if "time_bin_start" not in times:
        width = float(np.median(np.diff(starts))) if len(starts) > 1 else 1.0
        times["time_bin_start"] = ("time_bin", starts)
        times["time_bin_end"] = ("time_bin", np.append(starts[1:], starts[-1] + width))
    return times


def _attributes(descriptors: dict[str, Any]) -> dict[str, Any]:
    """Descriptors as attributes: text and numbers as they are, anything else as JSON, nothing for None."""
    made: dict[str, Any] = {}
    for name, value in descriptors.items():
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or (isinstance(value, float) and pd.isna(value)):
            continue
        made[str(name)] = value if isinstance(value, str | int | float) else json.dumps(value, default=str)
    return made
