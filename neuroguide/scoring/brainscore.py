"""Recordings, stimulus sets and scores as Brain-Score's, and back."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide._core.brainscore import brainscore
from neuroguide._core.errors import InputError
from neuroguide.recordings import brainscore as assemblies
from neuroguide.stimuli import StimulusSet
from neuroguide.stimuli import brainscore as stimulus_sets

#: Attributes of a Score of Brain-Score's that are variables of ours.
_VARIABLES = {"raw": "similarity", "ceiling": "ceiling"}


def to_brainscore(what: xr.DataArray | xr.Dataset | StimulusSet, **options: Any) -> Any:
    """A recording, a stimulus set or scores as Brain-Score's own.

    Parameters
    ----------
    what : DataArray, StimulusSet or Dataset
        A recording becomes a ``NeuronRecordingAssembly``, a stimulus set a ``StimulusSet`` with PNG files, and a Scores
        dataset a ``Score`` by layer and region: its values are ``normalized``, or ``similarity`` where there is no
        ceiling, with ``attrs["raw"]`` and ``attrs["ceiling"]`` as in its benchmarks.
    **options
        Of a recording, ``stimulus_set``; of a stimulus set, ``folder``.

    Raises
    ------
    MissingExtraError
        If brainscore-vision is not installed.
    InputError
        If it is none of these.
    """
    if isinstance(what, StimulusSet):
        return stimulus_sets.to_brainscore(what, **options)
    if isinstance(what, xr.Dataset):
        return _to_score(what)
    if isinstance(what, xr.DataArray):
        return assemblies.to_brainscore(what, **options)
    raise InputError(
        f"a recording, a StimulusSet or a Scores dataset can be given to Brain-Score, not a {type(what).__name__}"
    )


def from_brainscore(what: Any) -> xr.DataArray | xr.Dataset | StimulusSet:
    """An assembly, a stimulus set or a Score of Brain-Score's as ours; the inverse of :func:`to_brainscore`.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if isinstance(what, pd.DataFrame):
        return stimulus_sets.from_brainscore(what)
    if isinstance(what, xr.DataArray):
        if any(cls.__name__ == "Score" for cls in type(what).__mro__):
            return _from_score(what)
        return assemblies.from_brainscore(what)
    raise InputError(
        f"an assembly, a stimulus set or a Score of Brain-Score's was expected, {type(what).__name__} arrived"
    )


def _score_class() -> Any:
    return brainscore("brainscore_core.metrics", "making a Score of Brain-Score").Score


def _to_score(scores: xr.Dataset) -> Any:
    if "similarity" not in scores:
        raise InputError("a Scores dataset has the variable 'similarity'; give what ng.score or ng.open_scores returns")
    make = _score_class()
    value = scores["normalized"] if "normalized" in scores else scores["similarity"]
    found = make(value.values, coords=_coords(value), dims=value.dims)
    names = {ours: theirs for theirs, ours in _VARIABLES.items()}
    for name, variable in scores.data_vars.items():
        if name != "normalized":
            part = make(variable.values, coords=_coords(variable), dims=variable.dims)
            found.attrs[names.get(str(name), str(name))] = part
    found.attrs |= {str(name): value for name, value in scores.attrs.items()}
    return found


def _coords(array: xr.DataArray) -> dict[Hashable, Any]:
    return {name: (coord.dims, coord.values) for name, coord in array.coords.items()}


def _from_score(score: xr.DataArray) -> xr.Dataset:
    variables, attrs = {}, {}
    for name, value in score.attrs.items():
        if isinstance(value, xr.DataArray):
            variables[_VARIABLES.get(name, name)] = _labelled(value, score)
        elif isinstance(value, str | int | float):
            attrs[str(name)] = value
    if "ceiling" in variables:
        variables["normalized"] = _labelled(score, score)
    variables.setdefault("similarity", _labelled(score, score))
    return xr.Dataset(variables, attrs=attrs)


def _labelled(value: xr.DataArray, score: xr.DataArray) -> xr.DataArray:
    """A plain array by layer and region; a single number of Brain-Score's has one of each."""
    plain = xr.DataArray(np.asarray(value.values), coords=_coords(value), dims=value.dims)
    if score.ndim == 0 and plain.ndim == 0:
        layer = str(score.attrs.get("comment", score.attrs.get("model_identifier", "committed layer")))
        region = str(score.attrs.get("benchmark_identifier", "benchmark"))
        plain = plain.expand_dims(layer=[layer], region=[region])
    return plain
