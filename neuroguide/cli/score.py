"""RDMs, their comparison, and scores of models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    Plot,
    Quiet,
    Recording,
    Seed,
    opened,
    parse_options,
)

if TYPE_CHECKING:
    import xarray as xr


def score(
    model: Annotated[
        str, typer.Argument(help="timm:NAME, torchvision:NAME, FILE.py:FACTORY (its code is run) or pixels.")
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
    time: Annotated[str, typer.Option(help="mean (over all time bins), or a window in ms: 70,170.")] = "mean",
    bootstrap: Annotated[int, typer.Option(help="Bootstrap samples of the stimuli, for 95% intervals (rsa).")] = 0,
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
            metric=metric, distance=distance, comparison=comparison, normalise=normalise, layer_choice=layer_choice,
            time=_window(time), bootstrap=bootstrap, seed=seed, device=device, memory=memory, progress=progress,
        )  # fmt: skip
    if out is not None:
        scoring.write_scores(scores, out)
    if json:
        _output.print_json(scores_as_json(scores))
    else:
        print_scores(scores)
    if plot is not None:
        from neuroguide.cli._pictures import draw_scores

        for picture in draw_scores(scores, model, source, plot, stimuli=stimuli):
            _output.err.print(f"wrote {picture}", markup=False)


def rdm(
    recording: Recording,
    distance: Distance = "correlation",
    normalise: Normalise = "none",
    by: Annotated[
        str | None, typer.Option(help="One RDM for each value of a neuroid coordinate: region, animal.")
    ] = None,
    option: Options = None,
    out: Out = None,
    plot: Plot = None,
    device: Device = "auto",
) -> None:
    """Compute the RDM of a recording.

    Example: neuroguide rdm virtual --by region --out rdm.nc --plot rdm.png
    """
    from neuroguide import scoring
    from neuroguide.recordings.opening import open_recording, write_rdm

    found = scoring.rdm(
        open_recording(recording, **parse_options(option or [])), distance, normalise=normalise, by=by, device=device
    )
    if out is not None:
        write_rdm(found, out)
    if plot is not None:
        from neuroguide.cli._pictures import draw_rdm

        draw_rdm(found, plot)
    n = found.sizes["stimulus_id"]
    _output.out.print(
        f"{n} stimuli, {found.attrs['n_sites']} sites, {distance} distance, mean over pairs "
        f"{float(found.mean()) * n / (n - 1):.3f}" + (" (SIMULATED DATA)" if found.attrs.get("simulated") else "")
    )


def compare(
    first: Annotated[str, typer.Argument(help="An RDM file, or the name of a recording.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    comparison: Comparison = "pearson",
    stimuli: Annotated[str, typer.Option(help="equal, or shared (only the stimuli that both have).")] = "equal",
    json: Json = False,
) -> None:
    """Similarity of two RDMs, or of the regions of two recordings.

    Example: neuroguide compare rdm_a.nc rdm_b.nc --comparison spearman
    """
    from neuroguide import scoring

    left, right = (scoring.region_rdms(source) for source in (first, second))
    rows = [
        {
            "first": a,
            "second": b,
            "similarity": scoring.compare(left[a], right[b], comparison, stimuli=stimuli),
            "simulated": int(any(each.attrs.get("simulated") for each in (left[a], right[b]))),
        }
        for a in left
        for b in right
    ]
    if json:
        _output.print_json(rows)
    else:
        columns = ["first", "second", "similarity"]
        origin = "SIMULATED DATA" if any(row["simulated"] for row in rows) else ""
        table = [[row[name] for name in columns] for row in rows]
        _output.print_table(f"Similarity ({comparison})", columns, table, caption=origin)


def print_scores(scores: xr.Dataset) -> None:
    """The layer-by-region table, with the ceiling and where the data come from."""
    regions = [str(name) for name in scores["region"].values]
    rows: list[list[object]] = [
        [str(layer), *(_with_interval(scores.sel(layer=layer, region=region)) for region in scores["region"].values)]
        for layer in scores["layer"].values
    ]
    if "ceiling" in scores:
        rows.append(["noise ceiling", *(float(value) for value in scores["ceiling"].values)])
    if "crossvalidated" in scores:
        rows.append(["chosen on other stimuli", *(float(value) for value in scores["crossvalidated"].values)])
    attrs = scores.attrs
    origin = "SIMULATED DATA" if attrs.get("simulated") else "recorded data"
    how = f"{attrs['distance']} RDMs, {attrs['comparison']}" if attrs["metric"] == "rsa" else attrs["metric"]
    caption = f"{attrs['n_stimuli']} stimuli; {how}; {origin}"
    if attrs.get("bootstrap"):
        caption += f". Intervals: {attrs['ci_level']:.0%}, {attrs['bootstrap']:,} bootstrap samples of the stimuli"
    if "no_ceiling" in attrs:
        caption += f". No ceiling: {attrs['no_ceiling']}"
    title = f"{attrs['model']} against {attrs.get('recording_identifier', 'the recording')}"
    _output.print_table(title, ["layer", *regions], rows, caption=caption)


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
    if "ci_low" not in cell:
        return value
    return f"{value:.3f} [{float(cell['ci_low']):.3f}, {float(cell['ci_high']):.3f}]"


def scores_as_json(scores: xr.Dataset) -> dict[str, object]:
    """Scores as plain lists and numbers: one row a layer and region, and the attributes."""
    table = scores.to_dataframe().reset_index()
    return {"scores": table.to_dict(orient="records"), "attrs": dict(scores.attrs)}
