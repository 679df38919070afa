"""Recordings of Brain-Score as ours (``"brainscore:MajajHong2015.public"``), and ours as its assemblies."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide._core.brainscore import brainscore, load, registered
from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import unknown_option
from neuroguide.recordings._description import Description
from neuroguide.recordings._loader import ArchiveLoader
from neuroguide.recordings.assembly import REQUIRED, check_structure, plain_coordinates
from neuroguide.stimuli.brainscore import PREFIX

NAME = "brainscore"

_TITLE = "Recordings registered with Brain-Score (extra: brainscore)"

#: A second coordinate for a dim that has only one: Brain-Score would otherwise give that one the dim's own name.
_COUNTERS = {"presentation": "presentation_num", "neuroid": "neuroid_num"}


def open_recording(variant: str | None = None) -> xr.DataArray:
    """A recording that is registered with Brain-Score.

    Parameters
    ----------
    variant : str
        Its name in Brain-Score's registry, ``"MajajHong2015.public"``.

    Returns
    -------
    DataArray
        With the dims and coordinates that it has there; ``attrs["stimulus_set_identifier"]`` is what ``open_stimuli``
        opens its stimuli by.

    Raises
    ------
    MissingExtraError
        If brainscore-vision is not installed.
    OptionError
        If nothing is registered by that name.
    DownloadError
        If Brain-Score cannot download it.
    InputError
        If it is no recording of sites (Brain-Score has behaviour as well).
    """
    if not variant:
        raise OptionError(
            "'brainscore:' names no recording; write 'brainscore:NAME', e.g. brainscore:MajajHong2015.public"
        )
    found = load("dataset", variant)
    if not isinstance(found, xr.DataArray):
        raise InputError(
            f"Brain-Score's dataset {variant!r} is a {type(found).__name__}, no assembly; load it with its own package"
        )
    if not {"presentation", "neuroid"} <= set(map(str, found.dims)):
        raise InputError(
            f"Brain-Score's dataset {variant!r} has the dims {', '.join(map(str, found.dims))}; responses of sites "
            "have presentation and neuroid (behaviour cannot be opened as a recording)"
        )
    assembly = from_brainscore(found)
    stimuli = assembly.attrs.get("stimulus_set_identifier")
    named = {"stimulus_set_identifier": f"{PREFIX}{stimuli}"} if stimuli else {}
    standard = {"source": f"Brain-Score's dataset {variant}", "simulated": 0, "simultaneous": 0}
    assembly.attrs = {**standard, **assembly.attrs, "identifier": f"{NAME}:{variant}", **named}
    return assembly


def from_brainscore(assembly: xr.DataArray) -> xr.DataArray:
    """One of Brain-Score's assemblies as ours.

    Parameters
    ----------
    assembly : brainscore_core DataAssembly
        Dims presentation, neuroid and optionally time_bin, in any order.

    Returns
    -------
    DataArray
        The same responses in the order presentation, neuroid, time_bin; every level of a MultiIndex a coordinate of
        its own; attributes that are text or numbers (nested ones as JSON; the stimulus set itself, which is an
        attribute there, is left out).

    Raises
    ------
    InputError
        If it is no assembly of responses.
    """
    if not isinstance(assembly, xr.DataArray):
        raise InputError(f"an assembly of Brain-Score is an xarray.DataArray, {type(assembly).__name__} arrived")
    # only what Brain-Score left on disk is computed: a copy of everything else would be one too many
    plain = plain_coordinates(assembly if assembly.chunks is None else assembly.compute())
    for dim, name in (("presentation", "stimulus_id"), ("neuroid", "neuroid_id")):
        coords = {str(other) for other, coord in plain.coords.items() if dim in coord.dims}
        if name not in coords and "image_id" in coords and dim == "presentation":
            plain = plain.assign_coords(stimulus_id=plain["image_id"].variable)
        elif name not in coords and dim in coords:
            # a dim with a single coordinate has it as its own there
            plain = plain.drop_vars(dim).assign_coords({name: (dim, plain[dim].values)})
    attrs = dict(plain.attrs)
    plain = plain.drop_vars([name for name in attrs.pop("neuroguide_added", "").split() if name in plain.coords])
    plain = _without_objects(plain)
    plain.attrs = _plain_attributes(attrs)
    return check_structure(xr.DataArray(plain), source="the assembly of Brain-Score")


def _without_objects(assembly: xr.DataArray) -> xr.DataArray:
    """Leave out scalar coordinates that are no text or number: what is left of a time bin, say."""
    gone = [
        name for name, coord in assembly.coords.items()
        if not coord.dims and not isinstance(coord.values.item(), str | int | float)
    ]  # fmt: skip
    time = next((assembly[name].values.item() for name in gone if name == "time_bin"), None)
    plain = assembly.drop_vars(gone)
    if isinstance(time, tuple) and len(time) == 2:
        plain = plain.assign_coords(time_bin_start=time[0], time_bin_end=time[1])
    return plain


def _plain_attributes(attrs: dict[Any, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, value in attrs.items():
        single = value.item() if isinstance(value, np.generic) else value
        if single is None or isinstance(single, pd.DataFrame | xr.DataArray):
            continue
        if isinstance(single, str | int | float):
            plain[str(name)] = single
            continue
        try:
            plain[str(name)] = json.dumps(single.tolist() if isinstance(single, np.ndarray) else single)
        except (TypeError, ValueError):
            continue  # objects of Brain-Score's own, which mean nothing outside of it
    return plain


def to_brainscore(assembly: xr.DataArray, *, stimulus_set: Any = None) -> Any:
    """A recording of ours as Brain-Score's ``NeuronRecordingAssembly``.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin.
    stimulus_set : brainscore_core StimulusSet, optional
        The stimuli, which Brain-Score's benchmarks expect as an attribute of the recording; see
        :func:`neuroguide.stimuli.brainscore.to_brainscore`.

    Returns
    -------
    brainscore_core NeuronRecordingAssembly
        The coordinates of each dim are the levels of a MultiIndex. :func:`from_brainscore` gives back what came in.

    Raises
    ------
    MissingExtraError
        If brainscore-vision is not installed.
    InputError
        If it is no assembly.
    """
    module = brainscore(
        "brainscore_core.supported_data_standards.brainio.assemblies", "making an assembly of Brain-Score"
    )
    plain = check_structure(assembly)
    added = []
    for dim, name in _COUNTERS.items():
        along = [str(other) for other, coord in plain.coords.items() if coord.dims == (dim,)]
        if len(along) == 1:
            plain = plain.assign_coords({name: (dim, np.arange(plain.sizes[dim]))})
            added.append(name)
    attrs = dict(plain.attrs) | ({"neuroguide_added": " ".join(added)} if added else {})
    if stimulus_set is not None:
        attrs |= {"stimulus_set": stimulus_set, "stimulus_set_identifier": stimulus_set.identifier}
    coords = {str(name): (coord.dims, coord.values) for name, coord in plain.coords.items()}
    dims = tuple(dim for dim in REQUIRED if dim in plain.dims)
    found = module.NeuronRecordingAssembly(plain.values, coords=coords, dims=dims, attrs=attrs)
    found.name = plain.name
    return found


def describe(variant: str | None = None) -> Description:
    """What can be opened; downloads nothing."""
    if variant is None:
        notes = ("Needs brainscore-vision, which downloads by itself into its own cache (BRAINIO_HOME).",)
        return Description(NAME, _TITLE, how_to_open=('ng.open_recording("brainscore:NAME")',), notes=notes)
    known = registered("dataset")
    if variant not in known:
        raise unknown_option("Brain-Score dataset", variant, known)
    return Description(
        f"{NAME}:{variant}",
        "a recording registered with Brain-Score",
        how_to_open=(f'ng.open_recording("{NAME}:{variant}")',),
    )


LOADER = ArchiveLoader(name=NAME, title=_TITLE, describe=describe, open=open_recording)
