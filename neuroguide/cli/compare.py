"""Two RDMs compared, or several models against one recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroguide._core.errors import InputError
from neuroguide.cli import _output
from neuroguide.cli._arguments import Comparison, Device, Distance, Json, Normalise, Out, Plot, Quiet, Resample, Seed

if TYPE_CHECKING:
    import xarray as xr


def compare(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Two RDM files or names of recordings; with --recording, models as for `neuroguide score`."
        ),
    ],
    comparison: Comparison = "pearson",
    stimuli: Annotated[
        str | None,
        typer.Option(
            help="Of RDMs: equal, or shared (only the stimuli that both have). Of models: a folder, zip or name."
        ),
    ] = None,
    recording: Annotated[str | None, typer.Option(help="Compare models in how similar they are to it.")] = None,
    unit: Annotated[str, typer.Option(help="Of models: model (its best layer) or layer.")] = "model",
    distance: Distance = "correlation",
    normalise: Normalise = "none",
    bootstrap: Annotated[int, typer.Option(help="Of models: number of bootstrap samples.")] = 1000,
    resample: Resample = "stimuli",
    per: Annotated[str, typer.Option(help="Of models: region, or animal (mean over animals).")] = "region",
    out: Out = None,
    plot: Plot = None,
    seed: Seed = 0,
    device: Device = "auto",
    memory: Annotated[str, typer.Option(help="Bound on memory for activations, e.g. 2GB.")] = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Similarity of two RDMs, or of the regions of two recordings; or which of several models is better.

    Example: neuroguide compare rdm_a.nc rdm_b.nc --comparison spearman
    Example: neuroguide compare timm:resnet18 timm:vgg11 --recording virtual --plot models.png
    """
    if recording is None:
        _compare_rdms(sources, comparison, stimuli or "equal", json)
        return
    from neuroguide import scoring
    from neuroguide._core.atomic import check_target

    for target in (out, plot):
        if target is not None:
            check_target(target)
    with _output.progress(quiet) as progress:
        found = scoring.compare_models(
            sources, recording, unit=unit, stimuli=stimuli, distance=distance, comparison=comparison,
            normalise=normalise, per=per, bootstrap=bootstrap, resample=resample, seed=seed, device=device,
            memory=memory, progress=progress,
        )  # fmt: skip
    if out is not None:
        scoring.write_scores(found, out)
    if json:
        _output.print_json(_as_json(found))
    else:
        _print(found)
    if plot is not None:
        _draw(found, plot)


def _compare_rdms(sources: list[str], comparison: str, stimuli: str, json: bool) -> None:
    from neuroguide import scoring

    if len(sources) != 2:
        raise InputError(
            f"two RDMs or recordings are compared, {len(sources)} arrived; to compare models give --recording"
        )
    left, right = (scoring.region_rdms(source) for source in sources)
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
        return
    columns = ["first", "second", "similarity"]
    origin = "SIMULATED DATA" if any(row["simulated"] for row in rows) else ""
    table = [[row[name] for name in columns] for row in rows]
    _output.print_table(f"Similarity ({comparison})", columns, table, caption=origin)


def _print(found: xr.Dataset) -> None:
    """Each model with its interval, then every pair with its p values."""
    attrs = found.attrs
    origin = "SIMULATED DATA" if attrs.get("simulated") else "recorded data"
    how = f"{attrs['n_stimuli']} stimuli; {attrs['distance']} RDMs, {attrs['comparison']}; {origin}"
    drawn = f"{attrs['bootstrap']:,} bootstrap samples of {_DRAWN.get(attrs['resample'], attrs['resample'])}"
    for region in found["region"].values:
        part = found.sel(region=region)
        rows = [
            [
                str(one["model"].values), str(one["best_layer"].values), float(one["similarity"]),
                f"{float(one['ci_low']):.3f} to {float(one['ci_high']):.3f}",
            ]
            for one in (part.isel(model=i) for i in range(part.sizes["model"]))
        ]  # fmt: skip
        _output.print_table(str(region), ["model", "layer", "similarity", "95% interval"], rows)
        pairs = [
            [row[name] for name in ("first", "second", "difference", "p_value", "p_holm", "p_fdr")]
            for row in _pairs(found)
            if row["region"] == str(region)
        ]
        columns = ["model", "against", "difference", "p", "p (Holm)", "p (FDR)"]
        _output.print_table("", columns, pairs, caption=f"{how}; {drawn}")


#: What the factors of a bootstrap are called.
_DRAWN = {"both": "two factors"}


def _pairs(found: xr.Dataset) -> list[dict[str, object]]:
    names = [str(name) for name in found["model"].values]
    values = ("difference", "standard_error", "p_value", "p_holm", "p_fdr")
    return [
        {"region": str(region), "first": names[i], "second": names[j]}
        | {name: float(found[name].sel(region=region).values[i, j]) for name in values}
        for region in found["region"].values
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]


def _as_json(found: xr.Dataset) -> dict[str, object]:
    table = found[["similarity", "ci_low", "ci_high", "best_layer"]].to_dataframe().reset_index()
    return {"models": table.to_dict(orient="records"), "pairs": _pairs(found), "attrs": dict(found.attrs)}


def _draw(found: xr.Dataset, path: Path) -> None:
    from neuroguide import plot

    one = found.sizes["region"] == 1
    significance = found["p_holm"].isel(region=0)
    plot.save(plot.comparison(found, significance=significance) if one else plot.comparisons(found), path)
    _output.err.print(f"wrote {path}", markup=False)
