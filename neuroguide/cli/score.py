"""Scores of models."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroguide._core.errors import InputError
from neuroguide.cli import _output
from neuroguide.cli._arguments import (
    Comparison,
    Device,
    Distance,
    Json,
    Normalise,
    Options,
    Out,
    Quiet,
    Recording,
    Resample,
    Seed,
    opened,
)
from neuroguide.cli._time import draw_time, print_time

if TYPE_CHECKING:
    import xarray as xr


def score(
    model: Annotated[
        str,
        typer.Argument(
            help="timm:NAME, torchvision:NAME, FILE.py:FACTORY (code to run), pixels, luminance-contrast, mean-rate."
        ),
    ],
    recording: Recording,
    layers: Annotated[
        str | None, typer.Option(help="Names of modules, separated by commas; default: the stages.")
    ] = None,
    stimuli: Annotated[str | None, typer.Option(help="A folder, zip or name, if the recording names none.")] = None,
    metric: Annotated[str, typer.Option(help="rsa, cka, ridge or pls.")] = "rsa",
    distance: Distance = "correlation",
    comparison: Comparison = "pearson",
    normalise: Normalise = "none",
    time: Annotated[
        str, typer.Option(help="mean (over all time bins), each (bin by itself), or a window in ms: 70,170.")
    ] = "mean",
    per: Annotated[str, typer.Option(help="What is compared: region, animal, or site (every neuroid).")] = "region",
    bootstrap: Annotated[int, typer.Option(help="Bootstrap samples, for 95% intervals (rsa).")] = 0,
    resample: Resample = "stimuli",
    permutations: Annotated[
        int, typer.Option(help="Random orders of the stimuli, for p values against chance (rsa).")
    ] = 0,
    within: Annotated[
        str | None, typer.Option(help="Permute only inside the values of this column of the stimuli.")
    ] = None,
    given: Annotated[
        str | None, typer.Option(help="Controls for partial similarity: pixels,luminance-contrast,mean-rate.")
    ] = None,
    layer_choice: Annotated[
        str, typer.Option(help="all, or crossvalidated (choose on one half, report on the other).")
    ] = "all",
    option: Options = None,
    out: Out = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Folder for the profile and the RDM pair at the best layer.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    memory: Annotated[str, typer.Option(help="Bound on memory for activations, e.g. 2GB.")] = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score every layer of a model against every region of a recording.

    Example: neuroguide score timm:resnet18 virtual --out scores.nc --plot pictures
    """
    from neuroguide import scoring
    from neuroguide._core.atomic import check_target

    if out is not None:
        check_target(out)
    if plot is not None:
        check_target(plot / "profile.png")
    source = opened(recording, option)
    with _output.progress(quiet) as progress:
        scores = scoring.score(
            model, source, layers=[name.strip() for name in layers.split(",")] if layers else None, stimuli=stimuli,
            metric=metric, distance=distance, comparison=comparison, normalise=normalise,
            layer_choice=layer_choice, per=per, time=_window(time), bootstrap=bootstrap, resample=resample,
            permutations=permutations, within=within, given=given.split(",") if given else (), seed=seed,
            device=device, memory=memory, progress=progress,
        )  # fmt: skip
    if out is not None:
        scoring.write_scores(scores, out)
    if json:
        _output.print_json(scores_as_json(scores))
    elif per == "site":
        _print_sites(scores)
    else:
        print_scores(scores)
    if plot is not None and per == "site":
        _draw_sites(scores, plot / "sites.png")
    elif plot is not None and "time_bin" in scores.dims:
        for picture in draw_time(scores, plot):
            _output.err.print(f"wrote {picture}", markup=False)
    elif plot is not None and scores.attrs["model"] == "mean-rate":
        raise InputError("the mean rate is no model of images, so there is no picture of it; leave --plot out")
    elif plot is not None:
        from neuroguide.cli._pictures import draw_scores

        for picture in draw_scores(scores, model, source, plot, stimuli=stimuli):
            _output.err.print(f"wrote {picture}", markup=False)


def print_scores(scores: xr.Dataset) -> None:
    """The layer-by-region table, with the ceiling and where the data come from; over time, the best of each bin."""
    if "time_bin" in scores.dims:
        print_time(scores, _title(scores.attrs), _how(scores.attrs))
        return
    regions = [str(name) for name in scores["region"].values]
    rows: list[list[object]] = [
        [str(layer), *(_with_interval(scores.sel(layer=layer, region=region)) for region in scores["region"].values)]
        for layer in scores["layer"].values
    ]
    for name, what in (("ceiling_low", "ceiling, lower bound"), ("ceiling_high", "ceiling, upper bound")):
        if name in scores:
            rows.append([what, *(float(value) for value in scores[name].values)])
    if "ceiling" in scores:
        rows.append(["noise ceiling", *(float(value) for value in scores["ceiling"].values)])
    if "crossvalidated" in scores:
        rows.append(["chosen on other stimuli", *(float(value) for value in scores["crossvalidated"].values)])
    if "partial" in scores:
        rows += [
            [f"{layer}, given controls", *(float(value) for value in values)]
            for layer, values in zip(scores["layer"].values, scores["partial"].values, strict=True)
        ]
    attrs = scores.attrs
    caption = _how(attrs)
    if attrs.get("bootstrap"):
        drawn = {"stimuli": "the stimuli", "both": "two factors"}.get(attrs["resample"], attrs["resample"])
        caption += f". Intervals: {attrs['ci_level']:.0%}, {attrs['bootstrap']:,} bootstrap samples of {drawn}"
    if attrs.get("permutations"):
        inside = f" within {attrs['within']}" if "within" in attrs else ""
        caption += f". p: {attrs['permutations']:,} permutations{inside}, one-sided, for each layer by itself"
    if "given" in attrs:
        caption += f". Controls: {', '.join(json_module.loads(attrs['given']))}"
    if "no_ceiling" in attrs:
        caption += f". No ceiling: {attrs['no_ceiling']}"
    _output.print_table(_title(attrs), ["layer", *regions], rows, caption=caption)


def _print_sites(scores: xr.Dataset) -> None:
    """For each layer the median over sites, and the site that is most like it."""
    values = scores["similarity"].values
    ids = scores["neuroid_id"].values
    rows = []
    for layer, row in zip(scores["layer"].values, values, strict=True):
        known = row[row == row]
        best = int((-row).argsort()[0])
        rows.append([str(layer), float(sorted(known)[len(known) // 2]), float(row[best]), str(ids[best])])
    caption = f"{values.shape[1]} sites; {_how(scores.attrs)}. --json or --out gives every site"
    _output.print_table(_title(scores.attrs), ["layer", "median of sites", "highest", "at site"], rows, caption=caption)


def _draw_sites(scores: xr.Dataset, path: Path) -> None:
    """The best layer of every site, on the electrode array where sites have a place on one."""
    from neuroguide import plot

    best = scores["similarity"].max("layer").assign_attrs(long_name="similarity of the best layer")
    if scores.attrs.get("simulated"):
        best.attrs["simulated"] = 1
    placed = {"row", "col"} <= set(best.coords)
    plot.save(plot.sites(best) if placed else plot.site_histogram(best), path)
    _output.err.print(f"wrote {path}", markup=False)


def _title(attrs: Mapping[str, Any]) -> str:
    return f"{attrs['model']} against {attrs.get('recording_identifier', 'the recording')}"


def _how(attrs: Mapping[str, Any]) -> str:
    origin = "SIMULATED DATA" if attrs.get("simulated") else "recorded data"
    against = f" (model: {attrs['model_distance']})" if "model_distance" in attrs else ""
    rsa = f"{attrs['distance']} RDMs{against}, {attrs['comparison']}"
    return f"{attrs['n_stimuli']} stimuli; {rsa if attrs['metric'] == 'rsa' else attrs['metric']}; {origin}"


def _window(text: str) -> str | tuple[float, float]:
    """``"mean"``, or start and end in ms."""
    start, comma, end = text.partition(",")
    if not comma:
        return text
    try:
        return float(start), float(end)
    except ValueError:
        raise InputError(f"--time {text} is not understood; give mean, or a window in ms such as 70,170") from None


def _with_interval(cell: xr.Dataset) -> float | str:
    value = float(cell["similarity"])
    if "ci_low" not in cell and "p_value" not in cell:
        return value
    text = f"{value:.3f}"
    if "ci_low" in cell:
        text += f" [{float(cell['ci_low']):.3f}, {float(cell['ci_high']):.3f}]"
    if "p_value" in cell:
        text += f" p={float(cell['p_value']):.3g}"
    return text


def scores_as_json(scores: xr.Dataset) -> dict[str, object]:
    """Scores as plain lists and numbers: one row a layer and region (animal, site), and the attributes."""
    from neuroguide.scoring import scores_to_pandas

    table = scores_to_pandas(scores)
    return {"scores": table.to_dict(orient="records"), "attrs": dict(scores.attrs)}
