"""RDMs that belong side by side: a region's and that of the layer most like it."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import xarray as xr

from neuroguide.models.activations import activations
from neuroguide.models.zoo import open_model
from neuroguide.scoring.rdms import KEPT_ATTRS, label, over_time, rdm
from neuroguide.scoring.responses import condensed_rdm
from neuroguide.scoring.targets import is_rdm, open_any, stimuli_of
from neuroguide.stimuli import StimulusSet


def best_pairs(
    model: Any,
    recording: xr.DataArray | str | os.PathLike[str],
    scores: xr.Dataset,
    *,
    stimuli: StimulusSet | str | os.PathLike[str] | None = None,
) -> dict[str, dict[str, xr.DataArray]]:
    """For each region its RDM and that of the layer that scored best, with the settings of the scores.

    Parameters
    ----------
    model, recording, stimuli
        What ``scores`` were computed from; see :func:`neuroguide.score`.
    scores : xarray.Dataset
        As :func:`neuroguide.score` returned them for these.

    Returns
    -------
    dict of dicts of xarray.DataArray
        Region name -> {region name: its RDM, "model, layer": the layer's RDM}, over the same stimuli in the same order,
        with the coordinate ``category_name`` where the stimulus set has that column.
    """
    opened = open_any(recording)
    attrs = scores.attrs
    settings = {"device": attrs["device"], "dtype": attrs["precision"]}
    normalise, time = attrs["normalise"], attrs.get("time", "mean")
    if time != "mean" and not is_rdm(opened):
        opened, normalise = over_time(opened, normalise, tuple(json.loads(time)))
    regions = region_rdms(opened, distance=attrs["distance"], normalise=normalise, **settings)
    network = open_model(model)
    winners = scores["similarity"].values.argmax(axis=0)
    best = {str(r): str(scores["layer"].values[i]) for r, i in zip(scores["region"].values, winners, strict=True)}
    first = next(iter(regions.values()))
    ids = first["stimulus_id"].values
    shown = stimuli_of(opened, stimuli).select(str(i) for i in ids)
    features = activations(network, shown, list(dict.fromkeys(best.values())), device=attrs["device"])
    pairs = {}
    for region, matrix in regions.items():
        theirs = attrs.get("model_distance", attrs["distance"])
        condensed = condensed_rdm(features[best[region]], theirs, stimulus_ids=ids, **settings)
        kept = {name: matrix.attrs[name] for name in KEPT_ATTRS if name in matrix.attrs}
        layer = label(condensed, ids, kept)
        pairs[region] = {
            name: _with_categories(each, shown)
            for name, each in ((region, matrix), (f"{network.name}, {best[region]}", layer))
        }
    return pairs


def _with_categories(rdm: xr.DataArray, stimuli: StimulusSet) -> xr.DataArray:
    """The RDM with the category of each stimulus, where the stimulus set has one."""
    table = stimuli.metadata
    if "category_name" not in table.columns:
        return rdm
    return rdm.assign_coords(category_name=("stimulus_id", table["category_name"].astype(str).to_numpy()))


def region_rdms(
    recording: xr.DataArray | str | os.PathLike[str],
    *,
    distance: str = "correlation",
    normalise: str = "none",
    device: str = "auto",
    dtype: str = "float32",
) -> dict[str, xr.DataArray]:
    """The RDM of every region of a recording (or every published RDM), by name."""
    opened = open_any(recording)
    if is_rdm(opened):
        if opened.ndim == 2:
            return {str(opened.attrs.get("region", "RDM")): opened}
        dim = opened.dims[0]
        names = opened[dim].values if dim in opened.coords else np.arange(opened.sizes[dim])
        return {str(name): opened.isel({dim: index}) for index, name in enumerate(names)}
    if "region" not in opened.coords:
        found = rdm(opened, distance, normalise=normalise, device=device, dtype=dtype)
        return {"all sites": found}
    both = rdm(opened, distance, normalise=normalise, by="region", device=device, dtype=dtype)
    return {str(name): both.isel(region=index) for index, name in enumerate(both["region"].values)}
