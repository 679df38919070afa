"""What a paper has to say about a score: gathered when it is computed, and written as a Methods paragraph."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neuroguide._core.errors import InputError
from neuroguide.scoring.targets import Target

#: Attributes of a recording that its scores keep for the paragraph, where it has them.
_REPORTED = ("inclusion", "dropped", "time_window", "units", "simultaneous", "repetitions")

_COMPARISONS = {
    "pearson": "Pearson's correlation", "spearman": "Spearman's rank correlation", "kendall": "Kendall's tau-a",
    "rho-a": "rho-a (Schütt et al. 2023)", "cosine": "their cosine", "bures": "the Bures similarity",
    "whitened-pearson": "whitened Pearson correlation (Diedrichsen et al. 2021)",
    "whitened-cosine": "whitened cosine (Diedrichsen et al. 2021)",
}  # fmt: skip

_DISTANCES = {
    "correlation": "one minus Pearson's correlation", "euclidean": "the squared Euclidean distance per feature",
    "cosine": "one minus the cosine",
}  # fmt: skip

_NORMALISED = {
    "none": "Responses were not normalised.",
    "center": "Each site's mean over stimuli was subtracted.",
    "zscore": "Each site was z-scored across stimuli.",
    "baseline": "Each site's mean response before stimulus onset was subtracted.",
}

_METRICS = {
    "cka": "Features and sites were compared by linear centred kernel alignment.",
    "ridge": "Features of each layer predicted each site by ridge regression, cross-validated in 5 folds of the images "
    "(copies of an image in one fold; penalty chosen inside the training images); the score is the median over sites "
    "of the correlation of predicted and measured responses.",
    "pls": "Features of each layer predicted each site by partial least squares with 25 components, cross-validated in "
    "5 folds of the images (copies of an image in one fold); the score is the median over sites of the correlation of "
    "predicted and measured responses.",
}


def reporting_attrs(recording: xr.DataArray, targets: Sequence[Target]) -> dict[str, str | int | float]:
    """What the paragraph needs of the recording: inclusion rule, time window, units, repetitions averaged."""
    source: Mapping[Any, Any] = recording.attrs
    responses = targets[0].responses
    if responses is not None:
        source = {**recording.attrs, **responses.means.attrs}
    found = {name: source[name] for name in _REPORTED if name in source}
    if responses is not None:
        counts = np.unique(responses.trials["stimulus_id"].values, return_counts=True)[1]
        if counts.max() > 1:
            low, high = int(counts.min()), int(counts.max())
            found["repetitions"] = str(low) if low == high else f"{low} to {high}"
    if "time_bin" in recording.dims and len(targets) and "time_window" in found:
        starts, ends = recording["time_bin_start"].values, recording["time_bin_end"].values
        found["time_bins"] = f"{len(starts)} bins from {starts.min():g} to {ends.max():g} ms"
    return found


def methods_paragraph(scores: xr.Dataset) -> str:
    """A Methods paragraph that says how scores were obtained.

    Parameters
    ----------
    scores : Dataset
        As :func:`neuroguide.score`, :func:`neuroguide.compare_models` or :func:`neuroguide.open_scores` returns it.

    Returns
    -------
    str
        Plain sentences. What is not known is said to be unknown.

    Raises
    ------
    InputError
        If these are no scores of :func:`neuroguide.score`.
    """
    attrs = scores.attrs if isinstance(scores, xr.Dataset) else {}
    lacking = [name for name in ("metric", "n_stimuli", "normalise") if name not in attrs]
    if lacking:
        raise InputError(f"scores have no attribute {lacking[0]!r}; give scores as ng.score returns them")
    sentences = [_recorded(scores), *_responses(attrs), *_compared(attrs), *_noise(scores)]
    sentences += [*_inference(attrs), *_pairs(attrs), _software(attrs)]
    return " ".join(sentence for sentence in sentences if sentence)


def _recorded(scores: xr.Dataset) -> str:
    attrs = scores.attrs
    model = f"the model {attrs['model']}" if "model" in attrs else _models(attrs)
    name = attrs.get("recording_identifier", "a recording")
    simulated = " (simulated data: no animal was recorded)" if attrs.get("simulated") else ""
    sites = _sites(scores)
    cite = f" [{attrs['citation']}]" if attrs.get("citation") else ""
    return f"Layers of {model} were compared with {name}{simulated}{cite}: {attrs['n_stimuli']} stimuli, {sites}."


def _models(attrs: Mapping[str, Any]) -> str:
    *others, last = list(json.loads(str(attrs.get("models", "{}")))) or ["several models"]
    if others:
        return f"the models {', '.join(others)} and {last}"
    return f"the model {last}" if "models" in attrs else last


def _sites(scores: xr.Dataset) -> str:
    parts = []
    if "n_sites" in scores and "region" in scores["n_sites"].dims:
        counts = zip(scores["region"].values, scores["n_sites"].values, strict=True)
        parts = [f"{int(n)} sites in {region}" if n else f"{region} (number of sites unknown)" for region, n in counts]
    elif "neuroid" in scores.dims:
        parts = [f"{scores.sizes['neuroid']} sites"]
    animals = str(scores.attrs.get("sites_per_animal", "unknown"))
    if animals == "unknown":
        return ", ".join(parts) + " (sites per animal unknown)"
    of = ", ".join(f"{n} in animal {name}" for name, n in json.loads(animals).items())
    return f"{', '.join(parts)} ({of})"


def _responses(attrs: Mapping[str, Any]) -> list[str]:
    degrees = attrs.get("degrees", "unknown")
    size = "The size of the stimuli in degrees of visual angle is unknown."
    if degrees != "unknown":
        size = f"Stimuli were {float(degrees):g} degrees of visual angle wide."
    if attrs.get("recording_kind") == "RDM":
        return [size, "Only the dissimilarity matrices of the recording were available."]
    found = [f"Sites were included by this rule: {attrs['inclusion']}." if "inclusion" in attrs else
             "All sites of the recording were included."]  # fmt: skip
    if "dropped" in attrs:
        found.append(f"For missing responses, these were left out: {attrs['dropped']}.")
    what = f"Responses ({attrs['units']})" if "units" in attrs else "Responses (unit not stated)"
    window = (
        f"in the window {attrs['time_window']}" if "time_window" in attrs else "in a time window that is not stated"
    )
    if attrs.get("time") == "each":
        window = f"in {attrs.get('time_bins', 'time bins')}, each scored by itself"
    repetitions = str(attrs.get("repetitions", "an unknown number of"))
    averaged = f"were averaged over {repetitions} repetitions"
    if repetitions == "averaged by the source":
        averaged = "had been averaged over repetitions by the source"
    elif repetitions == "single presentations":
        averaged = "were of single presentations"
    found.append(f"{what} {averaged}, {window}.")
    if attrs.get("simultaneous") in (0, 1):
        found.append(
            "Sites were recorded simultaneously."
            if attrs["simultaneous"]
            else "Sites were not recorded simultaneously."
        )
    return [*found, _NORMALISED.get(str(attrs["normalise"]), f"Normalisation: {attrs['normalise']}."), size]


def _compared(attrs: Mapping[str, Any]) -> list[str]:
    if attrs["metric"] != "rsa":
        return [_METRICS[str(attrs["metric"])]]
    own = str(attrs.get("recording_distance", attrs.get("distance")))
    model = str(attrs.get("model_distance", attrs.get("distance")))
    first, second = (_DISTANCES.get(name, f"the {name} distance") for name in (own, model))
    distance = first if own == model else f"{first} for the recording and {second} for the model"
    if own == "as published":
        distance = f"{second} for the model; that of the recording is as published"
    comparison = _COMPARISONS.get(str(attrs["comparison"]), str(attrs["comparison"]))
    found = [
        f"Representational dissimilarity matrices (dissimilarity: {distance}) were compared by {comparison} over all "
        "pairs of stimuli."
    ]
    if attrs.get("per") == "animal":
        found.append("Each animal had a matrix of its own; the similarity is their mean.")
    if "given" in attrs:
        found.append(
            f"Partial similarity was computed given the matrices of {', '.join(json.loads(str(attrs['given'])))}."
        )
    return found


def _noise(scores: xr.Dataset) -> list[str]:
    kind, why = scores.attrs.get("ceiling_kind"), scores.attrs.get("no_ceiling")
    found = [f"Noise ceiling: {kind}."] if kind else []
    if why:
        found.append(f"{'Without a ceiling' if kind else 'There is no noise ceiling'}: {why}.")
    return found


def _inference(attrs: Mapping[str, Any]) -> list[str]:
    found = []
    if attrs.get("bootstrap"):
        what = {"both": "stimuli and sites (or animals)"}.get(
            str(attrs.get("resample")), attrs.get("resample", "stimuli")
        )
        level = f"{float(attrs.get('ci_level', 0.95)):.0%}"
        found.append(f"Intervals are {level} bootstrap intervals from {attrs['bootstrap']:,} samples of the {what}.")
    if attrs.get("permutations"):
        inside = f" within {attrs['within']}" if "within" in attrs else ""
        found.append(f"P values come from {attrs['permutations']:,} permutations of the stimuli{inside}.")
    if not found:
        found.append("Nothing was resampled.")
    if attrs.get("layer_choice") == "crossvalidated":
        found.append("Layers were chosen on one half of the stimuli and reported on the other (50 random halves).")
    return found


def _pairs(attrs: Mapping[str, Any]) -> list[str]:
    """Of scores of :func:`neuroguide.compare_models`: what was tested, and against what."""
    if "unit" not in attrs:
        return []
    best = "its most similar layer, chosen anew in every sample; "
    each = f"Each model was represented by {best}" if attrs["unit"] == "model" else "Every layer stood for itself; "
    return [
        f"{each}all saw the same samples. The difference of two, divided by its standard error over the samples, was "
        "referred to Student's t with the smallest number of what was resampled minus one as degrees of freedom "
        "(Schütt et al. 2023); p values are two-sided and corrected over the pairs of a region by Holm's method."
    ]


def _software(attrs: Mapping[str, Any]) -> str:
    versions = json.loads(str(attrs.get("versions", "{}")))
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    seed = f", seed {attrs['seed']}" if "seed" in attrs else ""
    return f"Computed with {named or 'neuroguide'}{seed}."
