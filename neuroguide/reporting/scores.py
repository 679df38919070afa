"""The page about scores: what is like what, how far from the ceiling, and how it was computed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide import plot
from neuroguide.reporting.drawing import Spot, inline
from neuroguide.reporting.page import Cell, Column, Figure, Group, Page, Table, Viewer
from neuroguide.reporting.provenance import made_now, recording_group, text
from neuroguide.reporting.references import bibtex
from neuroguide.scoring.methods import methods_paragraph
from neuroguide.scoring.tables import scores_to_pandas

#: Rows of the table at most; the rest is in the scores file.
ROWS = 1500

#: Pairs of models in a sentence at most.
PAIRS = 8

#: Characters of a name in a picture at most.
LONGEST = 40

#: Columns of the table that have a name for people.
_COLUMNS = {
    "model": "Model", "layer": "Layer", "best_layer": "Best layer", "region": "Region", "animal": "Animal",
    "neuroid_id": "Site", "time_bin_start": "From (ms)", "time_bin_end": "To (ms)", "similarity": "Similarity",
    "ci_low": "Interval, low", "ci_high": "Interval, high", "normalized": "Of the ceiling", "ceiling": "Noise ceiling",
    "ceiling_low": "Ceiling, low", "ceiling_high": "Ceiling, high", "p_value": "p", "p_value_max": "p (all layers)",
    "partial": "Given controls", "n_sites": "Sites",
}  # fmt: skip

#: Attributes of scores that are options of the command line.
_OPTIONS = (
    "metric", "distance", "comparison", "normalise", "per", "time", "layer_choice", "bootstrap", "resample",
    "permutations", "within", "seed",
)  # fmt: skip

#: Attributes of compared models that are options of ``neuroguide compare``.
_COMPARE_OPTIONS = ("unit", "distance", "comparison", "normalise", "per", "bootstrap", "resample", "seed")

#: Models that need no file and no library.
_BUILT_IN = ("pixels", "luminance-contrast", "mean-rate")

#: Attributes of scores that say how they were computed.
_SETTINGS = (
    "model", "model_identifier", "model_source", "models", "unit", "metric", "distance", "model_distance",
    "recording_distance", "comparison", "normalise", "per", "time", "layer_choice", "given", "bootstrap", "resample",
    "permutations", "within", "seed", "device", "precision", "versions",
)  # fmt: skip


def scores_page(scores: xr.Dataset, *, file: str, checksum: str, viewer: Viewer | None) -> Page:
    """The page about a Scores dataset.

    Parameters
    ----------
    scores : Dataset
        As :func:`neuroguide.score`, :func:`neuroguide.compare_models` or :func:`neuroguide.open_scores` returns it.
    file, checksum : str
        Where they were read from; empty if they were not.
    viewer : Viewer, optional
        RDMs to look at.
    """
    attrs = scores.attrs
    name = str(attrs.get("model", "Several models"))
    recording = str(attrs.get("recording_identifier", "a recording"))
    settings = [(key.replace("_", " ").capitalize(), text(_plain(attrs[key]))) for key in _SETTINGS if key in attrs]
    stored = [("Scores file", file), ("Checksum", checksum)] if file else []
    return Page(
        title=f"{name} against {recording}",
        kind="Scores",
        simulated=bool(attrs.get("simulated")),
        summary=_summary(scores, name, recording),
        board=_board(scores),
        figures=_figures(scores, chosen=viewer is not None),
        viewer=viewer,
        methods=methods_paragraph(scores) if {"metric", "n_stimuli", "normalise"} <= set(attrs) else "",
        provenance=[recording_group("Recording", attrs), Group("Scores", [*settings, *stored])],
        commands=_commands(attrs, file),
        references=bibtex(_topics(attrs), [str(attrs.get("citation", ""))]),
        made=made_now(),
    )


def _summary(scores: xr.Dataset, name: str, recording: str) -> list[str]:
    """One sentence on what was compared, one for each region, and what to bear in mind."""
    attrs = scores.attrs
    origin = "simulated" if attrs.get("simulated") else "recorded"
    n_stimuli = attrs.get("n_stimuli", "an unknown number of")
    several = f"{scores.sizes['model']} models were" if "model" in scores.dims else f"{name} was"
    sentences = [f"{several} compared with {recording} ({origin}) on {n_stimuli} stimuli."]
    parts = [scores.isel(region=i) for i in range(scores.sizes.get("region", 0))]
    sentences += [_about_region(part) for part in parts]
    sentences += [sentence for part in parts if "p_holm" in part for sentence in [_about_pairs(part)]]
    if "neuroid" in scores.dims:
        best = scores["similarity"].max("layer").values
        sentences.append(
            f"The best layer of each of {len(best)} sites: median similarity {np.nanmedian(best):.3f}, from "
            f"{np.nanmin(best):.3f} to {np.nanmax(best):.3f}."
        )
    n_layers = scores.sizes.get("layer", 0)
    if n_layers > 1 and "model" not in scores.dims and attrs.get("layer_choice") != "crossvalidated":
        sentences.append(
            f"The best of {n_layers} layers is the largest of {n_layers} noisy numbers and so biased upwards; "
            'layer_choice="crossvalidated" chooses and reports on different stimuli.'
        )
    if attrs.get("no_ceiling"):
        sentences.append(f"There is no noise ceiling: {attrs['no_ceiling']}.")
    return sentences


def _about_region(part: xr.Dataset) -> str:
    """The highest value of a region, with all that is known of it."""
    values = part["similarity"]
    if not np.isfinite(values.values).any():
        return f"{part['region'].item()}: nothing could be computed."
    order = [str(dim) for dim in values.dims]
    place = np.unravel_index(int(np.nanargmax(values.values)), values.shape)
    best = part.isel({dim: int(i) for dim, i in zip(order, place, strict=True)})
    of = [_place(best, dim) for dim in order]
    facts = [f"similarity {float(best['similarity']):.3f}"]
    if "ci_low" in best:
        facts.append(f"95% interval {float(best['ci_low']):.3f} to {float(best['ci_high']):.3f}")
    if "p_value_max" in best:
        facts.append(f"p = {float(best['p_value_max']):.2g} over all layers")
    if "ceiling" in best and np.isfinite(float(best["ceiling"])):
        facts.append(f"noise ceiling {float(best['ceiling']):.3f}")
    if "normalized" in best and np.isfinite(float(best["normalized"])):
        facts.append(f"{float(best['normalized']):.0%} of it")
    if "crossvalidated" in best:
        facts.append(f"{float(best['crossvalidated']):.3f} with the layer chosen on other stimuli")
    return f"{part['region'].item()}: most similar is {', '.join(of) or 'the only one'} ({', '.join(facts)})."


def _about_pairs(part: xr.Dataset) -> str:
    """Which models differ, corrected for the number of pairs."""
    names, p = [str(name) for name in part["model"].values], part["p_holm"].values
    found = [
        f"{names[i]} exceeds {names[j]} by {float(part['difference'].values[i, j]):.3f} (p = {p[i, j]:.2g})"
        for i, j in zip(*np.nonzero(part["difference"].values > 0), strict=True)
        if p[i, j] < 0.05
    ]
    more = f"; {len(found) - PAIRS} more pairs differ" if len(found) > PAIRS else ""
    said = "; ".join(found[:PAIRS]) or "no two models differ"
    return f"{part['region'].item()}: {said}{more} (Holm's correction, 0.05)."


def _place(best: xr.Dataset, dim: str) -> str:
    if dim == "time_bin" and "time_bin_start" in best:
        return f"{float(best['time_bin_start']):g} to {float(best['time_bin_end']):g} ms"
    name = "neuroid_id" if dim == "neuroid" and "neuroid_id" in best else dim
    return f"{dim.replace('neuroid', 'site')} {best[name].item() if name in best.coords else ''}".strip()


def _board(scores: xr.Dataset) -> Table:
    """One row for each layer, region, model, …, the most similar first."""
    one_value = [n for n, v in scores.data_vars.items() if set(v.dims) <= set(scores["similarity"].dims)]
    frame = scores_to_pandas(scores[one_value]).sort_values("similarity", ascending=False, kind="stable")
    shown = [name for name in _COLUMNS if name in frame.columns and frame[name].notna().any()]
    numeric = {name: pd.api.types.is_numeric_dtype(frame[name]) for name in shown}
    columns = [Column(_COLUMNS[name], numeric[name]) for name in shown]
    records = frame.head(ROWS).to_dict("records")
    rows = [[number(row[name]) if numeric[name] else Cell(str(row[name])) for name in shown] for row in records]
    more = f"; the {ROWS:,} highest of {len(frame):,} rows" if len(frame) > ROWS else ""
    return Table(f"Similarity, highest first{more}", columns, rows)


def number(value: Any, digits: int = 3) -> Cell:
    """A cell of a number, sorted by it; empty where there is none."""
    found = float("nan") if value is None or value is pd.NA else float(value)
    if not np.isfinite(found):
        return Cell("", float("nan"))
    return Cell(f"{int(found):,}" if found == int(found) and abs(found) > 1 else f"{found:.{digits}f}", found)


def _figures(scores: xr.Dataset, *, chosen: bool) -> list[Figure]:
    """What there is to draw of these dims."""
    safe = _drawable(scores)
    if "model" in scores.dims:
        one = scores.sizes["region"] == 1
        significance = safe["p_holm"].isel(region=0) if one and "p_holm" in safe else None
        drawn = plot.comparison(safe, significance=significance) if one else plot.comparisons(safe)
        return [inline(drawn, "comparison", "Similarity of every model to every region; the numbers are in the table.")]
    if "neuroid" in scores.dims:
        best = safe["similarity"].max("layer").assign_attrs(long_name="similarity of the best layer")
        best.attrs["simulated"] = int(safe.attrs.get("simulated", 0))
        drawn = plot.sites(best) if {"row", "col"} <= set(best.coords) else plot.site_histogram(best)
        return [inline(drawn, "sites", "Similarity of the best layer to every site; the numbers are in the table.")]
    if "time_bin" in scores.dims:
        return [_course(safe, i) for i in range(scores.sizes["region"])]
    return [_profile(scores, safe, chosen=chosen)]


def _course(safe: xr.Dataset, index: int) -> Figure:
    part = safe.isel(region=[index])
    best = str(part["layer"].values[int(part["similarity"].max(("region", "time_bin")).values.argmax())])
    alt = f"Similarity over time of {best} to {part['region'].values[0]}; the numbers are in the table."
    return inline(plot.time_course(part, layer=best, title=best), f"course{index}", alt)


def _profile(scores: xr.Dataset, safe: xr.Dataset, *, chosen: bool) -> Figure:
    """The profile of all layers; each layer can be hovered, and chosen where its RDM is in the page."""
    ax = plot.profile(safe)
    values = scores["similarity"].transpose("layer", ...)
    known = [i for i in range(len(values)) if np.isfinite(values.values[i]).any()]
    spots = []
    for x, i in enumerate(known):
        layer = str(scores["layer"].values[i])
        about = [f"{r} {v:.3f}" for r, v in zip(scores["region"].values, values.values[i].ravel(), strict=False)]
        spots.append(Spot(ax, x, f"{layer}: {', '.join(about)}", layer=layer if chosen else ""))
    highest = "; ".join(
        f"{r}: highest at {scores['layer'].values[int(np.nanargmax(c))]}, {np.nanmax(c):.3f}"
        for r, c in zip(scores["region"].values, np.moveaxis(values.values, 0, -1), strict=False)
        if c.ndim == 1 and np.isfinite(c).any()
    )
    caption = "Click a layer to see its RDM." if chosen else ""
    return inline(ax, "profile", f"Similarity of every layer to every region. {highest}.", caption=caption, spots=spots)


def _drawable(scores: xr.Dataset) -> xr.Dataset:
    """The same with names that matplotlib can draw: short, and without the dollar signs that would be formulas."""

    def plain(text: str) -> str:
        return text.replace("$", r"\$")

    safe = scores.copy()
    for name, coord in scores.coords.items():
        if coord.dtype.kind in "UO":
            short = shortened([str(value) for value in coord.values.ravel()])
            values = np.array([plain(text) for text in short], dtype=object).reshape(coord.shape)
            safe = safe.assign_coords({name: (coord.dims, values)})
    safe.attrs = {name: plain(value) if isinstance(value, str) else value for name, value in scores.attrs.items()}
    return safe


def shortened(names: Sequence[str]) -> list[str]:
    """Names of at most :data:`LONGEST` characters, the middle of longer ones left out, that still differ."""
    half = (LONGEST - 1) // 2
    short = [name if len(name) <= LONGEST else f"{name[:half]}…{name[-half:]}" for name in names]
    same = {
        name for name in short if len({long for long, other in zip(names, short, strict=True) if other == name}) > 1
    }
    return [f"{i + 1}: {name}" if name in same else name for i, name in enumerate(short)]


def _commands(attrs: Mapping[str, Any], file: str) -> list[tuple[str, str]]:
    """How to compute the same again, and this page."""
    commands = []
    if "model" in attrs and "recording_identifier" in attrs:
        model = str(attrs.get("model_source", attrs["model"]))
        named = "model_source" in attrs or model in _BUILT_IN or ":" in model or model.endswith(".onnx")
        parts = ["neuroguide", "score", model if named else "FILE.py:FACTORY", str(attrs["recording_identifier"])]
        for name in _OPTIONS:
            if name in attrs and str(attrs[name]) not in ("0", ""):
                parts += [f"--{name.replace('_', '-')}", _option(name, attrs)]
        if "given" in attrs:
            parts += ["--given", ",".join(json.loads(str(attrs["given"])))]
        if "layers" in attrs:
            parts += ["--layers", ",".join(json.loads(str(attrs["layers"])))]
        what = "Score again" if named else f"Score again; the scores do not say which file makes the model {model}"
        commands.append((what, shlex.join([*parts, "--out", "scores.nc"])))
    if "model_sources" in attrs and "recording_identifier" in attrs and attrs.get("time", "mean") == "mean":
        models = json.loads(str(attrs["model_sources"]))
        parts = ["neuroguide", "compare", *models, "--recording", str(attrs["recording_identifier"])]
        for name in _COMPARE_OPTIONS:
            if name in attrs:
                parts += [f"--{name}", _option(name, attrs)]
        commands.append(("Compare again", shlex.join([*parts, "--out", "scores.nc"])))
    commands.append(
        ("Make this page", shlex.join(["neuroguide", "report", file or "scores.nc", "--out", "report.html"]))
    )
    return commands


def _option(name: str, attrs: Mapping[str, Any]) -> str:
    """A setting as the command line takes it."""
    if name == "distance" and "model_distance" in attrs:
        return f"{attrs['distance']}/{attrs['model_distance']}"
    if name == "time" and str(attrs[name]).startswith("["):
        return ",".join(f"{edge:g}" for edge in json.loads(str(attrs[name])))
    return str(attrs[name])


def _topics(attrs: Mapping[str, Any]) -> list[str]:
    comparison = str(attrs.get("comparison", ""))
    topics = {
        "rsa": attrs.get("metric", "rsa") == "rsa",
        "cka": attrs.get("metric") == "cka" or comparison == "cka",
        "animals": attrs.get("per") == "animal",
        "inference": bool(attrs.get("bootstrap")) or comparison == "rho-a",
        "whitened": comparison.startswith("whitened"),
    }
    return [name for name, used in topics.items() if used]


def _plain(value: Any) -> Any:
    """JSON in an attribute as what it stands for; anything else as it is."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
