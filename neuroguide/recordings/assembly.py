"""What an assembly is: dims, coordinates, and the checks that every recording passes.

An assembly is an ``xarray.DataArray`` with dims ``("presentation", "neuroid")`` and optionally ``"time_bin"``,
Brain-Score's names, and plain coordinates: ``stimulus_id`` on presentation, ``neuroid_id`` on neuroid,
``time_bin_start`` and ``time_bin_end`` (ms) on time_bin.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide._core.errors import InputError
from neuroguide.recordings._blocks import shorten
from neuroguide.recordings.gaps import Gaps, find_gaps

#: The dims of an assembly and the coordinates that each must have.
REQUIRED = {
    "presentation": ("stimulus_id",),
    "neuroid": ("neuroid_id",),
    "time_bin": ("time_bin_start", "time_bin_end"),
}

_logger = logging.getLogger("neuroguide.recordings")


def check_assembly(assembly: xr.DataArray, *, source: str = "the recording") -> xr.DataArray:
    """Check that this is an assembly, and return it in the standard form.

    The standard form has the dims in the order presentation, neuroid, time_bin (a view, whatever the order in
    memory) and plain coordinates; presentations without any response are dropped. Silent sites and missing
    responses are kept and logged (see :func:`neuroguide.recordings.gaps.find_gaps`).

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin, in any order; one of Brain-Score's assemblies is
        accepted as it is.
    source : str
        What to call it in an error, for instance the path of its file.

    Returns
    -------
    DataArray

    Raises
    ------
    InputError
        If dims or coordinates are missing, a stimulus has two presentations of the same repetition, responses
        are infinite, complex or not numbers, or nothing is in it.
    """
    checked, gaps = examine(assembly, source=source)
    for sentence in gaps.sentences():
        _logger.info("%s: %s", source, sentence)
    return checked


def examine(assembly: xr.DataArray, *, source: str = "the recording") -> tuple[xr.DataArray, Gaps]:
    """:func:`check_assembly`, with what is missing in the recording (after dropping) as the second value."""
    plain = check_structure(assembly, source=source)
    gaps = find_gaps(plain, source=source)
    dropped, n_presentations = int(gaps.missing_presentations.sum()), plain.sizes["presentation"]
    if not dropped:
        return plain, gaps
    if dropped == n_presentations:
        raise InputError(
            f"{source} has no response at all: every value of its {dropped} presentations is missing (NaN); "
            "check how it was made"
        )
    _logger.info("%s: %d of %d presentations have no response and are dropped", source, dropped, n_presentations)
    kept = plain.isel(presentation=np.flatnonzero(~gaps.missing_presentations))
    return kept, find_gaps(kept, source=source)


def check_structure(assembly: xr.DataArray, *, source: str = "the recording") -> xr.DataArray:
    """The checks of :func:`check_assembly` that need no look at the responses themselves."""
    if not isinstance(assembly, xr.DataArray):
        raise InputError(f"{source} is a {type(assembly).__name__}, an xarray.DataArray was expected: open it first")
    _check_dims(assembly, source)
    _check_values(assembly, source)
    plain = plain_coordinates(assembly).transpose(*(dim for dim in REQUIRED if dim in assembly.dims))
    _check_coordinates(plain, source)
    _check_repetitions(plain, source)
    return plain


def plain_coordinates(assembly: xr.DataArray) -> xr.DataArray:
    """The same responses as a plain DataArray with every level of a MultiIndex as a coordinate of its own."""
    if type(assembly) is xr.DataArray and _is_plain(assembly):
        return assembly.copy(deep=False)
    coords: dict[str, xr.Variable] = {}
    grouped: set[str] = set()
    for dim in assembly.dims:
        index = assembly.indexes.get(dim)
        if isinstance(index, pd.MultiIndex):
            levels = [str(level) for level in index.names]
            grouped |= {str(dim), *levels}
            coords |= {level: xr.Variable((dim,), index.get_level_values(level).to_numpy()) for level in levels}
    for name, coord in assembly.coords.items():
        if name not in grouped:
            coords[str(name)] = xr.Variable(coord.dims, np.asarray(coord.values), dict(coord.attrs))
    dims = tuple(str(dim) for dim in assembly.dims)
    return xr.DataArray(
        assembly.variable.data, dims=dims, coords=coords, attrs=dict(assembly.attrs), name=assembly.name
    )


def _is_plain(assembly: xr.DataArray) -> bool:
    """Whether there is no MultiIndex and no coordinate of a type of pandas' own (its strings, its categories)."""
    return not any(isinstance(index, pd.MultiIndex) for index in assembly.indexes.values()) and all(
        isinstance(coord.variable.data, np.ndarray) for coord in assembly.coords.values()
    )


def _check_dims(assembly: xr.DataArray, source: str) -> None:
    dims = [str(dim) for dim in assembly.dims]
    missing = [dim for dim in ("presentation", "neuroid") if dim not in dims]
    unknown = [dim for dim in dims if dim not in REQUIRED]
    if missing or unknown:
        wrong = [f"{dim!r} is missing" for dim in missing] + [f"{dim!r} is not known" for dim in unknown]
        raise InputError(
            f"{source} has dims {tuple(dims)}; expected 'presentation', 'neuroid' and optionally 'time_bin' "
            f"({', '.join(wrong)}): rename or average the others away"
        )
    empty = [dim for dim in dims if assembly.sizes[dim] == 0]
    if empty:
        raise InputError(f"{source} is empty: it has no {' and no '.join(empty)}; check the selection")


def _check_values(assembly: xr.DataArray, source: str) -> None:
    kinds = {"c": "complex", "O": "Python object", "U": "text", "S": "text", "T": "text", "M": "date", "m": "duration"}
    kind = assembly.dtype.kind
    if kind not in "biuf":
        raise InputError(
            f"{source} holds {kinds.get(kind, assembly.dtype)} values, real numbers were expected "
            "(spikes/s, counts or normalised): convert them"
        )


def _check_coordinates(assembly: xr.DataArray, source: str) -> None:
    for dim, names in REQUIRED.items():
        if dim not in assembly.dims:
            continue
        for name in names:
            if name not in assembly.coords:
                there = [str(n) for n, coord in assembly.coords.items() if dim in coord.dims]
                raise InputError(
                    f"{source} has no coordinate {name!r} on dim {dim!r} (there: {shorten(there) or 'none'}); "
                    f"add one with assign_coords({name}=({dim!r}, ...))"
                )
            coord = assembly[name]
            if coord.dims != (dim,):
                raise InputError(
                    f"{source} has the coordinate {name!r} on dims {coord.dims}, ({dim!r},) was expected: "
                    f"one value for each {dim}"
                )
            absent = int(pd.isna(coord.values).sum())
            if absent:
                raise InputError(
                    f"{source} has {absent} missing values in {name!r}; every {dim} needs one: fill them in"
                )


def _check_repetitions(assembly: xr.DataArray, source: str) -> None:
    if "repetition" not in assembly.coords or assembly["repetition"].dims != ("presentation",):
        return
    shown = pd.DataFrame({name: assembly[name].values for name in ("stimulus_id", "repetition")})
    twice = np.flatnonzero(shown.duplicated().to_numpy())
    if twice.size:
        stimulus, repetition = shown.iloc[twice[0]]
        raise InputError(
            f"{source} has {twice.size} duplicate presentations (first: stimulus {str(stimulus)!r}, repetition "
            f"{repetition}); (stimulus_id, repetition) must be unique: renumber the repetitions or drop the copies"
        )
