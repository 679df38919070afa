"""RDMs of all layers and regions as small pictures, recomputed with the settings of the scores."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from neuroguide._core.errors import InputError, OptionError
from neuroguide.models.slices import iterate_slices
from neuroguide.models.zoo import Model, open_model
from neuroguide.reporting.page import MatrixImage, Viewer
from neuroguide.scoring.distances import one_distance
from neuroguide.scoring.layers import layer_rdms
from neuroguide.scoring.pairs import region_rdms
from neuroguide.scoring.rdms import over_time
from neuroguide.scoring.targets import is_rdm, open_any, stimuli_of
from neuroguide.stimuli import StimulusSet

#: Pixels of a side at most; more stimuli are averaged in groups of neighbours.
SIDE = 184


def viewer(
    scores: xr.Dataset,
    model: Any = None,
    recording: xr.DataArray | str | os.PathLike[str] | None = None,
    *,
    stimuli: StimulusSet | str | os.PathLike[str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Viewer:
    """The RDM of every layer and region of scores; no pixels of the stimuli, only their names.

    Parameters
    ----------
    scores : Dataset of shape (layer, region)
        With ``metric="rsa"``.
    model, recording, stimuli
        What they were computed from; by default what their attributes name.
    progress : callable, optional

    Raises
    ------
    OptionError
        If these scores have no such RDMs.
    InputError
        If the model or the recording is not that of the scores.
    """
    attrs = scores.attrs
    if attrs.get("metric") != "rsa" or set(scores["similarity"].dims) != {"layer", "region"} or "each" in scores:
        raise OptionError("rdms are for scores of one model with metric='rsa' and per='region'; leave rdms out")
    lacking = [
        name
        for name, given in (("model", model), ("recording", recording))
        if given is None and not _named(attrs, name)
    ]
    if lacking:
        raise InputError(f"the scores do not name their {lacking[0]}; give {lacking[0]}=, or leave rdms out")
    network = open_model(model if model is not None else _named(attrs, "model"))
    opened = open_any(recording if recording is not None else _named(attrs, "recording"))
    _check_same(network, opened, attrs)
    settings = {"device": attrs["device"], "dtype": attrs["precision"]}
    own, normalise, time = opened, attrs["normalise"], attrs.get("time", "mean")
    if time != "mean" and not is_rdm(opened):
        own, normalise = over_time(opened, normalise, tuple(json.loads(time)))
    found = region_rdms(own, distance=attrs["distance"], normalise=normalise, **settings)
    wanted = [str(name) for name in scores["region"].values]
    absent = [name for name in wanted if name not in found]
    if absent:
        raise InputError(f"the recording has no region {absent[0]!r}, which the scores have; give the one they are of")
    ids = [str(name) for name in found[wanted[0]]["stimulus_id"].values]
    shown = stimuli_of(opened, stimuli).select(ids)
    slices = iterate_slices(
        network, shown, [str(name) for name in scores["layer"].values], progress=progress, **settings
    )
    theirs = one_distance(attrs.get("model_distance", attrs["distance"]))
    similarity = scores["similarity"].transpose("layer", "region")
    layers = [
        MatrixImage(name, picture(squareform(rdm.cpu().numpy(), checks=False)), _values(similarity, name))
        for name, rdm in layer_rdms(slices, theirs, stimulus_ids=ids, model=network.name)
    ]
    regions = [MatrixImage(name, picture(found[name].values)) for name in wanted]
    best = str(scores["layer"].values[int(np.nanargmax(similarity.values.max(axis=1)))])
    return Viewer(regions, layers, ids, best)


def _named(attrs: Mapping[str, Any], what: str) -> str:
    names = {"model": ("model_source", "model"), "recording": ("recording_identifier",)}[what]
    return next((str(attrs[name]) for name in names if name in attrs), "")


def _check_same(model: Model, recording: xr.DataArray, attrs: Mapping[str, Any]) -> None:
    pairs = [("model", model.identifier, "model_identifier")]
    pairs.append(("recording", str(recording.attrs.get("identifier", "")), "recording_identifier"))
    for what, given, name in pairs:
        scored = str(attrs.get(name, given))
        if given != scored:
            raise InputError(
                f"the scores are of the {what} {scored!r}, not of {given!r}; give {what}= the one they are of"
            )


def _values(similarity: xr.DataArray, layer: str) -> list[str]:
    values = similarity.values[[str(name) for name in similarity["layer"].values].index(layer)]
    return ["–" if np.isnan(value) else f"{value:.3f}" for value in values]


def picture(rdm: NDArray[Any]) -> str:
    """A square RDM as a data URI: the rank of each dissimilarity, dark for the most similar pairs, a clear diagonal."""
    n = len(rdm)
    above = np.triu_indices(n, 1)
    ranks = np.zeros((n, n))
    ranks[above] = rankdata(rdm[above]) / len(above[0])
    ranks += ranks.T
    np.fill_diagonal(ranks, np.nan)
    group = -(-n // SIDE)
    if group > 1:
        starts = np.arange(0, n, group)
        known = np.isfinite(ranks)
        total, count = np.where(known, ranks, 0.0), known.astype(float)
        for axis in (0, 1):
            total, count = (np.add.reduceat(values, starts, axis=axis) for values in (total, count))
        ranks = total / np.maximum(count, 1)
    shades = np.where(np.isnan(ranks), 255, np.round(ranks * 254)).astype(np.uint8)
    image = Image.fromarray(shades, mode="P")
    colours = (matplotlib.colormaps["viridis"](np.linspace(0, 1, 255))[:, :3] * 255).astype(np.uint8)
    image.putpalette([*colours.ravel().tolist(), 255, 255, 255])
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True, transparency=255)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
