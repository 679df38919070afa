"""Is one model, or one layer, better than another? All pairs, from the same bootstrap samples."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option
from neuroguide._core.settings import parse_memory
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.device import resolve_device
from neuroguide.engine.dissimilarity import Distance
from neuroguide.engine.inference.paired import PairedComparison
from neuroguide.engine.inference.paired import compare_models as compare_all_pairs
from neuroguide.models.slices import iterate_slices
from neuroguide.models.zoo import Model, open_model
from neuroguide.scoring.distances import AnyDistance, warn_if_approximate
from neuroguide.scoring.inference import LEVEL, Inference, resampled
from neuroguide.scoring.layers import layer_rdms
from neuroguide.scoring.score import check_options, distance_attrs, known_distances, provenance, stimulus_ids
from neuroguide.scoring.subjects import animal_targets
from neuroguide.scoring.targets import open_any, stimuli_of, targets_of
from neuroguide.stimuli import StimulusSet

#: What p values are called, by what was done to them.
_P_VALUES = {"p_value": "p_values", "p_holm": "p_values_holm", "p_fdr": "p_values_fdr"}


def compare_models(
    models: Sequence[Any] | Mapping[str, Any],
    recording: xr.DataArray | str | os.PathLike[str],
    *,
    unit: str = "model",
    stimuli: StimulusSet | str | os.PathLike[str] | None = None,
    distance: AnyDistance = "correlation",
    comparison: str | Comparison = "pearson",
    normalise: str = "none",
    per: str = "region",
    time: str | tuple[float, float] = "mean",
    bootstrap: int = 1000,
    resample: str = "stimuli",
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
    memory: str | int = "auto",
    progress: Callable[[int, int, str], None] | None = None,
) -> xr.Dataset:
    """Compare models, or their layers, in how similar they are to each region of a recording.

    All see the same bootstrap samples. The difference of two is divided by its standard error over them and referred to
    Student's t with the smallest number of stimuli, sites or animals minus one as degrees of freedom (Schütt et al.
    2023, eLife 12:e82566); p values are two-sided, and corrected over the pairs of one region.

    Parameters
    ----------
    models : sequence of models, or mapping of name to model
        Each as for :func:`neuroguide.score`; their default layers are compared.
    recording, stimuli, distance, comparison, normalise, time, seed, device, dtype, memory, progress
        As for :func:`neuroguide.score`.
    unit : {"model", "layer"}
        ``"model"``: each model by its best layer, chosen anew in every sample. ``"layer"``: all layers of all models
        against each other, named ``"model: layer"``.
    per : {"region", "animal"}
        As for :func:`neuroguide.score`; with ``"animal"`` the mean over animals is compared.
    bootstrap : int
        Number of samples, at least 200.
    resample : {"stimuli", "sites", "animals", "both"}
        As for :func:`neuroguide.score`: what the difference should generalise to.

    Returns
    -------
    xarray.Dataset
        By model and region: ``similarity``, ``ci_low``, ``ci_high``, ``best_layer``; by region: ``n_sites``; by region,
        model and ``model_2``: ``difference`` (model minus model_2), ``standard_error``, ``p_value``, ``p_holm``
        (family-wise error rate) and ``p_fdr`` (false discovery rate). :func:`neuroguide.plot.comparisons` draws it, and
        ``plot.comparison(found, region="IT", significance=found["p_holm"].sel(region="IT"))`` marks who differs.

    Raises
    ------
    InputError, OptionError
        As for :func:`neuroguide.score`, or if there are fewer than two to compare, or two of the same name.
    """
    check_option("unit", unit, ("model", "layer"))
    check_option("per", per, ("region", "animal"))
    wanted = Inference(bootstrap, resample, 0, None, seed)
    own, theirs = check_options("rsa", "all", per, distance, comparison, wanted)
    if not bootstrap:
        raise OptionError("models are compared over bootstrap samples; give bootstrap= a number of at least 200")
    where: dict[str, Any] = {"device": str(resolve_device(device)), "dtype": dtype}
    parse_memory(memory)
    networks = _opened(models, 2 if unit == "model" else 1)
    opened = open_any(recording)
    shown = stimuli_of(opened, stimuli)
    warn_if_approximate(comparison, known_distances(opened, own, theirs))
    arguments: dict[str, Any] = {"distance": own, "comparison": comparison, "normalise": normalise, "time": time}
    if per == "animal":
        targets = animal_targets(opened, **arguments, **where)
    else:
        targets = targets_of(opened, seed=seed, ceilings=False, **arguments, **where)
    ids = stimulus_ids(opened, targets)
    wanted.check_targets(targets, len(ids))
    shown = shown.select(ids)
    stack, names, edges = _layers(networks, shown, theirs, memory, where, progress)
    if unit == "layer":
        labels, edges = [f"{model}: {layer}" for model, layer in names], list(range(len(names) + 1))
        if len(labels) < 2:
            raise InputError("there is one layer in all; at least two are compared")
    else:
        labels = list(networks)
    spans = list(itertools.pairwise(edges))
    parts = []
    for target in targets:
        drawn = resampled(stack, target, comparison, wanted)
        best = drawn.map(lambda values: torch.stack([values[..., a:b].amax(-1) for a, b in spans], -1))
        winners = [names[a + int(drawn.estimate[a:b].argmax())][1] for a, b in spans]
        low, high = best.interval(LEVEL)
        pairs = _squares(compare_all_pairs(best), len(labels))
        parts.append(
            xr.Dataset(
                {
                    "similarity": ("model", best.estimate.numpy()),
                    "ci_low": ("model", low.numpy()),
                    "ci_high": ("model", high.numpy()),
                    "best_layer": ("model", winners),
                    **{name: (("model", "model_2"), values) for name, values in pairs.items()},
                },
                coords={"model": labels, "model_2": labels},
            )
        )
    joined = xr.concat(parts, dim=xr.Variable("region", [target.region for target in targets]))
    for name in ("similarity", "ci_low", "ci_high", "best_layer"):
        joined[name] = joined[name].transpose("model", "region")
    joined["n_sites"] = ("region", [target.n_sites for target in targets])
    return joined.assign_attrs(
        provenance(opened, shown, targets)
        | distance_attrs(opened, own, theirs, per)
        | {
            "metric": "rsa", "comparison": str(comparison), "normalise": normalise, "per": per, "unit": unit,
            "bootstrap": bootstrap, "resample": resample, "seed": seed, "ci_level": LEVEL, "n_stimuli": len(ids),
            "time": time if isinstance(time, str) else json.dumps(list(time)), "device": where["device"],
            "precision": dtype, "models": json.dumps({name: each.identifier for name, each in networks.items()}),
            "no_ceiling": "models are compared with each other; ng.score gives the ceiling",
        }
        | ({"model_sources": json.dumps(sources)} if (sources := _sources(models)) else {})
    )  # fmt: skip


def _sources(models: Sequence[Any] | Mapping[str, Any]) -> list[str]:
    """What the models were opened by, where all of them can be opened again."""
    given = list(models.values() if isinstance(models, Mapping) else [models] if isinstance(models, str) else models)
    return given if all(isinstance(model, str) for model in given) else []


def _opened(models: Sequence[Any] | Mapping[str, Any], least: int) -> dict[str, Model]:
    if isinstance(models, str | torch.nn.Module | Model):
        models = [models]
    if isinstance(models, Mapping):
        found = {str(name): open_model(model) for name, model in models.items()}
    else:
        found = {}
        for model in map(open_model, models):
            if model.name in found:
                raise InputError(
                    f"two of the models are called {model.name!r}; give a mapping of names of your own to models"
                )
            found[model.name] = model
    if len(found) < least:
        raise InputError(f"at least {least} models are compared, {len(found)} arrived; unit='layer' compares layers")
    return found


def _layers(
    networks: dict[str, Model],
    shown: StimulusSet,
    distance: Distance,
    memory: str | int,
    where: dict[str, Any],
    progress: Callable[[int, int, str], None] | None,
) -> tuple[torch.Tensor, list[tuple[str, str]], list[int]]:
    """RDMs of all layers of all models, what they are called, and where each model begins and ends."""
    rdms: list[torch.Tensor] = []
    names: list[tuple[str, str]] = []
    edges = [0]
    for label, network in networks.items():
        slices = iterate_slices(network, shown, memory=memory, progress=progress, **where)
        found = dict(layer_rdms(slices, distance, stimulus_ids=shown.ids, model=label))
        rdms += [found[layer].cpu() for layer in network.layers]
        names += [(label, layer) for layer in network.layers]
        edges.append(len(names))
    return torch.stack(rdms).double(), names, edges


def _squares(found: PairedComparison, n: int) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Values of the pairs on both sides of the diagonal, which is empty for p values and zero for differences."""
    first, second = found.first.numpy(), found.second.numpy()
    made = {}
    values = {"difference": found.difference, "standard_error": found.standard_error}
    values |= {name: getattr(found, field) for name, field in _P_VALUES.items()}
    for name, column in values.items():
        square = np.full((n, n), 0.0 if name in ("difference", "standard_error") else np.nan)
        square[first, second] = column.numpy()
        square[second, first] = -column.numpy() if name == "difference" else column.numpy()
        made[name] = square
    return made
