"""``ng.score``: every layer of a model against every region of a recording."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import torch
import xarray as xr

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option
from neuroguide._core.settings import parse_memory
from neuroguide._version import __version__
from neuroguide.engine.device import resolve_device
from neuroguide.engine.inference.bootstrap import LEAST
from neuroguide.models.activations import iterate_activations
from neuroguide.models.zoo import Model, check_layers, open_model
from neuroguide.scoring.mappings import image_groups
from neuroguide.scoring.metrics import RSA, SiteMetric
from neuroguide.scoring.rdms import KEPT_ATTRS
from neuroguide.scoring.targets import Target, is_rdm, open_any, stimuli_of, targets_of
from neuroguide.stimuli import StimulusSet

#: Bootstrap samples behind a 95% interval by quantiles: five in each tail.
LEAST_SAMPLES = 200

METRICS = ("rsa", "cka", "ridge", "pls")


def score(
    model: torch.nn.Module | Model | str | Callable[[], Any],
    recording: xr.DataArray | str | os.PathLike[str],
    *,
    metric: str = "rsa",
    stimuli: StimulusSet | str | os.PathLike[str] | None = None,
    layers: Sequence[str] | None = None,
    distance: str = "correlation",
    comparison: str = "pearson",
    normalise: str = "none",
    layer_choice: str = "all",
    time: str | tuple[float, float] = "mean",
    bootstrap: int = 0,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
    memory: str | int = "auto",
    progress: Callable[[int, int, str], None] | None = None,
) -> xr.Dataset:
    """Compare every layer of a model with every region of a recording.

    The stimuli of the recording are shown to the model; each layer's response map is flattened, the RDM of the layer is
    computed, and compared with the RDM of each region over all pairs of stimuli.

    Parameters
    ----------
    model : torch.nn.Module, Model or str
        ``"timm:resnet18"``, ``"torchvision:alexnet"``, ``"path/to/file.py:factory"``, ``"pixels"``, or a module.
    recording : xarray.DataArray, str or path
        An assembly or an RDM, the name of one (``"virtual"``, ``"cowley2023:210325"``), or a file.
    metric : {"rsa", "cka", "ridge", "pls"}
        ``"rsa"``: similarity of RDMs. ``"cka"``: linear centred kernel alignment of features and sites. ``"ridge"`` and
        ``"pls"``: features predict each site on images that were not fitted (5 folds; duplicates of an image stay
        together), the median over sites of Pearson's r; ``normalized`` is the median of r / sqrt(reliability).
    stimuli : StimulusSet, str or path, optional
        The images that were shown; by default those that the recording names in ``attrs["stimulus_set_identifier"]``.
    layers : sequence of str, optional
        Names of modules; by default the outputs of the model's stages.
    distance : str
        How two stimuli are compared within a layer or region; see :func:`neuroguide.rdm`.
    comparison : str
        How two RDMs are compared; see :func:`neuroguide.compare`.
    normalise : {"none", "center", "zscore", "baseline"}
        Normalisation of each site across stimuli, before the RDM. Layers are never normalised.
    layer_choice : {"all", "crossvalidated"}
        ``"crossvalidated"`` adds, for each region, the similarity of a layer chosen on one half of the stimuli and
        reported on the other: free of the bias of a maximum over many layers.
    time : "mean" or (start, end)
        The time window in ms over which responses are averaged; ``"mean"`` takes all time bins.
    bootstrap : int
        Number of bootstrap samples of the stimuli (``metric="rsa"``): 95% intervals ``ci_low``, ``ci_high`` of every
        layer, and of the best layer of each region, chosen anew in every sample.
    seed : int
        Seed of all random splits.
    device, dtype : str
        Where and in which precision it is computed.
    memory : "auto", str or int
        Bound on the memory for activations, e.g. ``"2GB"``.
    progress : callable, optional
        Called with (done, total, what is being done).

    Returns
    -------
    xarray.Dataset
        Dims ``("layer", "region")``: ``similarity``; by region: ``n_sites``, and ``ceiling`` where one can be had (else
        ``attrs["no_ceiling"]`` says why), with ``normalized = similarity / ceiling``, never clipped.
        ``attrs`` hold everything needed to repeat it.

    Raises
    ------
    InputError, OptionError, FileError
        If an argument, the recording, a stimulus or a layer is not what was expected; one sentence that says what.

    Examples
    --------
    >>> import neuroguide as ng
    >>> scores = ng.score("pixels", "virtual")
    >>> scores.sizes["region"]
    2
    """
    check_option("metric", metric, METRICS)
    check_option("layer_choice", layer_choice, ("all", "crossvalidated"))
    if metric != "rsa" and (bootstrap or layer_choice != "all"):
        raise OptionError(f"metric={metric!r} has no bootstrap and no layer_choice='crossvalidated'; use metric='rsa'")
    # everything that is quick to refuse is checked before anything is computed
    for name, value in {"bootstrap": bootstrap, "seed": seed}.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise OptionError(f"{name} = {value!r} is not possible; give a whole number")
    if bootstrap < 0:
        raise OptionError(f"bootstrap = {bootstrap} is not possible; give a number of samples, 0 for no intervals")
    if 0 < bootstrap < LEAST_SAMPLES:
        raise OptionError(f"bootstrap={bootstrap} is too few for 95% intervals; give at least {LEAST_SAMPLES} samples")
    where = str(resolve_device(device))
    parse_memory(memory)
    network = open_model(model)
    if layers is not None:
        check_layers(network.module, tuple(layers), network.name)
    target_recording = open_any(recording)
    shown = stimuli_of(target_recording, stimuli)
    targets = targets_of(
        target_recording, distance=distance, comparison=comparison, normalise=normalise, time=time, seed=seed,
        device=where, dtype=dtype, rdms=metric == "rsa",
    )  # fmt: skip
    ids = _stimulus_ids(target_recording, targets)
    if bootstrap and len(ids) < LEAST["stimuli"]:
        raise InputError(
            f"a bootstrap over stimuli needs at least {LEAST['stimuli']} of them, the recording has {len(ids)}"
        )
    if metric == "rsa":
        compared: RSA | SiteMetric = RSA(
            targets, ids, distance, comparison, bootstrap, layer_choice, seed, where, dtype
        )
    else:
        compared = SiteMetric(metric, targets, image_groups(shown.select(ids)), seed)
    # one layer after another, so that no more than `memory` is held at once
    for name, features in iterate_activations(
        network, shown.select(ids), layers, device=where, dtype=dtype, memory=memory, progress=progress
    ):
        try:
            compared.add(name, features)
        except InputError as error:
            raise InputError(f"layer {name!r} of {network.name}: {error}") from error
    scores = compared.dataset()
    if is_rdm(target_recording):
        made = target_recording.attrs
        known = {f"recording_{name}": str(made[name]) for name in ("distance", "normalise") if name in made}
        scores = scores.assign_attrs(known or {"recording_distance": "as published"})
    return scores.assign_attrs(
        _provenance(network, target_recording, shown, targets)
        | {
            "metric": metric, "distance": str(distance), "comparison": str(comparison), "normalise": normalise,
            "layer_choice": layer_choice, "time": time if isinstance(time, str) else json.dumps(list(time)),
            "seed": seed, "bootstrap": bootstrap, "device": where, "precision": dtype, "n_stimuli": len(ids),
        }
    )  # fmt: skip


def _stimulus_ids(recording: xr.DataArray, targets: list[Target]) -> list[str]:
    means = targets[0].means
    ids = recording["stimulus_id"].values if means is None else means["stimulus_id"].values
    return [str(name) for name in ids]


def _provenance(network: Model, recording: xr.DataArray, shown: StimulusSet, targets: list[Target]) -> dict[str, Any]:
    """What was compared, in words and numbers that fit into a netCDF attribute."""
    attrs: dict[str, Any] = {"model": network.name, "model_identifier": network.identifier}
    attrs |= {
        f"recording_{name}" if name == "identifier" else name: recording.attrs[name]
        for name in KEPT_ATTRS
        if name in recording.attrs
    }
    attrs["recording_kind"] = "RDM" if is_rdm(recording) else "responses"
    attrs["degrees"] = "unknown" if shown.degrees is None else float(shown.degrees)
    animals: dict[str, int] = {}
    for target in targets:
        if target.means is not None and "animal" in target.means.coords:
            for animal in target.means["animal"].values.tolist():
                animals[str(animal)] = animals.get(str(animal), 0) + 1
    attrs["sites_per_animal"] = json.dumps(animals) if animals else "unknown"
    attrs["versions"] = json.dumps({"neuroguide": __version__, "torch": version("torch"), "numpy": version("numpy")})
    return attrs
