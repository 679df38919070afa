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
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.device import resolve_device
from neuroguide.engine.dissimilarity import Distance
from neuroguide.engine.similarity import resolve_comparison
from neuroguide.models.slices import iterate_slices
from neuroguide.models.zoo import Model, check_layers, open_model
from neuroguide.scoring.controls import (
    MEAN_RATE,
    PartialSimilarity,
    check_given,
    mean_rate_model,
    mean_rate_names,
    mean_rate_rdms,
    without_images,
)
from neuroguide.scoring.distances import (
    AnyDistance,
    distance_pair,
    distance_text,
    honest_noise,
    noted_distance,
    warn_if_approximate,
)
from neuroguide.scoring.inference import Inference
from neuroguide.scoring.layer_choice import check_stimuli
from neuroguide.scoring.layers import layer_features, layer_rdms
from neuroguide.scoring.methods import reporting_attrs
from neuroguide.scoring.metrics import RSA, SingleSites, SiteMetric
from neuroguide.scoring.rdms import KEPT_ATTRS, over_time
from neuroguide.scoring.responses import Responses
from neuroguide.scoring.subjects import animal_targets
from neuroguide.scoring.targets import Target, is_rdm, open_any, stimuli_of, targets_of
from neuroguide.scoring.time import bin_targets, by_bin, check_time
from neuroguide.stimuli import StimulusSet
from neuroguide.stimuli.duplicates import image_groups

METRICS = ("rsa", "cka", "ridge", "pls")


def score(
    model: torch.nn.Module | Model | str | Callable[[], Any],
    recording: xr.DataArray | str | os.PathLike[str],
    *,
    metric: str = "rsa",
    stimuli: StimulusSet | str | os.PathLike[str] | None = None,
    layers: Sequence[str] | None = None,
    distance: AnyDistance = "correlation",
    comparison: str | Comparison = "pearson",
    normalise: str = "none",
    layer_choice: str = "all",
    per: str = "region",
    time: str | tuple[float, float] = "mean",
    bootstrap: int = 0,
    resample: str = "stimuli",
    permutations: int = 0,
    within: str | None = None,
    given: Sequence[str] = (),
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
        ``"timm:resnet18"``, ``"torchvision:alexnet"``, ``"path/to/file.py:factory"``, or a module. The standard rows
        beside any model are ``"pixels"``, ``"luminance-contrast"`` and ``"mean-rate"``, which is each region's own
        response averaged over its sites (``metric="rsa"``).
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
    distance : str, Distance, or a pair of them
        How two stimuli are compared within a layer or region; see :func:`neuroguide.rdm`. A pair is for (recording,
        model). Crossnobis and Mahalanobis need repetitions: alone they are the recording's, and pair with the model's
        squared Euclidean distance.
    comparison : str or Comparison
        How two RDMs are compared; see :func:`neuroguide.compare`.
    normalise : {"none", "center", "zscore", "baseline"}
        Normalisation of each site across stimuli, before the RDM. Layers are never normalised.
    layer_choice : {"all", "crossvalidated"}
        ``"crossvalidated"`` adds, for each region, the similarity of a layer chosen on one half of the stimuli and
        reported on the other: free of the bias of a maximum over many layers.
    per : {"region", "animal", "site"}
        ``"animal"``: each region has an RDM for each animal (of an RDM: for each entry of its leading dim ``animal`` or
        ``subject``); ``similarity`` is their mean, ``each`` the animals' own, and the ceiling the leave-one-out bounds
        ``ceiling_low`` and ``ceiling_high`` (Nili et al. 2014). ``"site"``: every neuroid has an RDM of its own, the
        squared differences of its responses; the result has the dim ``neuroid``.
    time : "mean", "each" or (start, end)
        The time window in ms over which responses are averaged; ``"mean"`` takes all time bins, ``"each"`` scores every
        time bin by itself, with a ceiling of its own, along a dim ``time_bin``.
    bootstrap : int
        Number of bootstrap samples (``metric="rsa"``, at least 200): 95% intervals ``ci_low``, ``ci_high`` of every
        layer, and of the best layer of each region, chosen anew in every sample; over stimuli also of ``normalized``,
        with the ceiling from the same samples.
    resample : {"stimuli", "sites", "animals", "both"}
        What is drawn. ``"stimuli"``: BCa intervals, pairs of copies of one stimulus left out. ``"sites"``, within the
        animals recorded, and ``"both"``, with the corrected variance of two factors: t intervals (Schütt et al. 2023).
        With ``per="animal"`` the second factor is ``"animals"``, of which there must be five.
    permutations : int
        Number of random orders of the stimuli (``metric="rsa"``, at least 100) for a test against chance: ``p_value``
        of every layer, and ``p_value_max``, adjusted for having looked at all layers.
    within : str, optional
        A column of the stimuli (``"category_name"``): stimuli only change places inside its values, so that chance
        keeps what the category explains.
    given : sequence of str
        Controls, e.g. ``["pixels", "luminance-contrast", "mean-rate"]`` (or any model by name): adds ``partial``, the
        similarity of each layer after what it shares with their RDMs is taken out (``metric="rsa"``).
    seed : int
        Seed of all random splits.
    device, dtype : str
        Where and in which precision it is computed.
    memory : "auto", str or int
        Bound on the memory for activations and the work on them, e.g. ``"2GB"``; layers that are larger are taken in
        slices, see :func:`neuroguide.models.slices.iterate_slices`.
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
    wanted = Inference(bootstrap, resample, permutations, within, seed)
    # everything that is quick to refuse is checked before anything is computed
    own, theirs = check_options(metric, layer_choice, per, distance, comparison, wanted)
    check_given(given, metric, per, comparison)
    by_rate = isinstance(model, str) and model == MEAN_RATE
    check_time(time, per, metric, by_rate)
    where = {"device": str(resolve_device(device)), "dtype": dtype}
    parse_memory(memory)
    network = mean_rate_model() if by_rate else open_model(model)
    if layers is not None:
        check_layers(network.module, tuple(layers), network.name)
    opened = open_any(recording)
    shown = without_images(opened) if by_rate and stimuli is None and not given else stimuli_of(opened, stimuli)
    if metric == "rsa":
        warn_if_approximate(comparison, known_distances(opened, own, theirs))
    arguments: dict[str, Any] = {"normalise": normalise, "time": time}
    compared: RSA | SingleSites | SiteMetric
    if per == "site":
        responses = _all_sites(opened, **arguments)
        compared = SingleSites(responses, comparison, seed, where)
        targets = [Target("all sites", responses.means.values, responses, n_sites=responses.means.sizes["neuroid"])]
    else:
        arguments |= {"distance": own, "comparison": comparison, **where}
        if per == "animal":
            targets = animal_targets(opened, **arguments)
        elif time == "each":
            del arguments["time"]
            targets = bin_targets(opened, seed=seed, rdms=metric == "rsa", time="mean", **arguments)
        else:
            targets = targets_of(opened, seed=seed, rdms=metric == "rsa", **arguments)
        wanted.check_targets(targets, len(stimulus_ids(opened, targets)))
    ids = stimulus_ids(opened, targets)
    shown = shown.select(ids)
    if layer_choice == "crossvalidated":
        check_stimuli(len(ids))
    if metric != "rsa":
        compared = SiteMetric(metric, targets, image_groups(shown), seed)
    elif per != "site":
        groups = image_groups(shown) if layer_choice == "crossvalidated" and shown.has_images else None
        compared = RSA(targets, comparison, wanted, layer_choice, wanted.categories(shown), seed, where, groups)
    partial = PartialSimilarity(given, targets, comparison, shown, theirs, where, memory) if given else None
    slices = iterate_slices(
        network, shown, layers, device=where["device"], dtype=dtype, memory=memory, progress=progress
    )
    found = (
        layer_features(slices)
        if isinstance(compared, SiteMetric)
        else mean_rate_rdms(targets)
        if by_rate
        else layer_rdms(slices, theirs, stimulus_ids=ids, model=network.name)
    )
    for name, values in found:
        try:
            compared.add(name, values)
            if partial is not None:
                partial.add(name, values)
        except InputError as error:
            raise InputError(f"layer {name!r} of {network.name}: {error}") from error
    names = tuple(mean_rate_names(targets)) if by_rate else network.layers if layers is None else tuple(layers)
    scores = compared.dataset(names)
    if partial is not None:
        scores["partial"] = (("layer", "region"), partial.values(names))
    if time == "each":
        scores = by_bin(scores, opened)
    return scores.assign_attrs(
        {"model": network.name, "model_identifier": network.identifier}
        | provenance(opened, shown, targets)
        | distance_attrs(opened, own, theirs, per)
        | {
            "metric": metric, "comparison": str(comparison), "normalise": normalise, "per": per,
            "layer_choice": layer_choice, "time": time if isinstance(time, str) else json.dumps(list(time)),
            "seed": seed, "bootstrap": bootstrap, "permutations": permutations, "device": where["device"],
            "precision": dtype, "n_stimuli": len(ids),
        }
        | ({"resample": resample} if bootstrap else {})
        | ({"within": within} if within is not None else {})
        | ({"given": json.dumps(list(given))} if given else {})
        | ({"model_source": model} if isinstance(model, str) else {})
        | ({"layers": json.dumps(list(names))} if layers is not None else {})
    )  # fmt: skip


def check_options(
    metric: str, layer_choice: str, per: str, distance: AnyDistance, comparison: str | Comparison, wanted: Inference
) -> tuple[Distance, Distance]:
    """Refuse options that are unknown or impossible together; return the distances of recording and model."""
    check_option("metric", metric, METRICS)
    check_option("layer_choice", layer_choice, ("all", "crossvalidated"))
    check_option("per", per, ("region", "animal", "site"))
    if metric != "rsa" and (wanted.wanted or layer_choice != "all" or per != "region"):
        raise OptionError(
            f"metric={metric!r} has no bootstrap, no permutations, no layer_choice='crossvalidated' and per='region' "
            "alone; use metric='rsa'"
        )
    if per != "region" and layer_choice != "all":
        raise OptionError(f"layer_choice={layer_choice!r} is not available with per={per!r}; use per='region'")
    pair = distance_pair(distance)
    for each in pair:
        distance_text(each)  # what has no name cannot be written down beside the scores
    resolve_comparison(comparison)
    wanted.check(comparison, per)
    return pair


def known_distances(recording: xr.DataArray, own: Distance, theirs: Distance) -> list[Distance]:
    """The distances of recording and model, as far as a published RDM says which it has."""
    if not is_rdm(recording):
        return [own, theirs]
    return [*noted_distance(recording), theirs]


def _all_sites(recording: xr.DataArray, normalise: str, time: str | tuple[float, float]) -> Responses:
    if is_rdm(recording):
        raise OptionError("per='site' needs responses of single sites; this recording is an RDM")
    if isinstance(time, str):
        check_option("time", time, ("mean",))
    assembly, remaining = over_time(recording, normalise, None if isinstance(time, str) else time)
    return Responses.of(assembly, remaining)


def stimulus_ids(recording: xr.DataArray, targets: list[Target]) -> list[str]:
    """The stimuli of the RDMs, in their order."""
    responses = targets[0].responses
    ids = recording["stimulus_id"].values if responses is None else responses.means["stimulus_id"].values
    return [str(name) for name in ids]


def distance_attrs(recording: xr.DataArray, own: Distance, theirs: Distance, per: str) -> dict[str, Any]:
    """The distances, and what is known of a published RDM."""
    model = {"distance": distance_text(theirs)}
    if is_rdm(recording):
        made = recording.attrs
        known = {f"recording_{name}": str(made[name]) for name in ("distance", "normalise") if name in made}
        return model | (known or {"recording_distance": "as published"})
    text = "euclidean" if per == "site" else distance_text(honest_noise(own, recording))
    if text == model["distance"]:
        return model
    return {"distance": text, "model_distance": model["distance"]}


def provenance(recording: xr.DataArray, shown: StimulusSet, targets: list[Target]) -> dict[str, Any]:
    """With what models were compared, in words and numbers that fit into a netCDF attribute."""
    attrs: dict[str, Any] = {
        f"recording_{name}" if name == "identifier" else name: recording.attrs[name]
        for name in KEPT_ATTRS
        if name in recording.attrs
    }
    attrs["recording_kind"] = "RDM" if is_rdm(recording) else "responses"
    attrs["degrees"] = "unknown" if shown.degrees is None else float(shown.degrees)
    animals: dict[str, int] = {}
    for target in targets:
        if target.responses is not None and "animal" in target.responses.means.coords:
            for animal in target.responses.means["animal"].values.tolist():
                animals[str(animal)] = animals.get(str(animal), 0) + 1
    attrs["sites_per_animal"] = json.dumps(animals) if animals else "unknown"
    attrs["versions"] = json.dumps({"neuroguide": __version__, "torch": version("torch"), "numpy": version("numpy")})
    return attrs | reporting_attrs(recording, targets)
