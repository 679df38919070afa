"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroguide._core.errors import OptionError

if TYPE_CHECKING:
    import xarray as xr

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Distance = Annotated[
    str,
    typer.Option(
        help="Distance of two stimuli: correlation, euclidean, cosine, poisson-kl; crossnobis or mahalanobis from "
        "repetitions; with settings: 'crossnobis(noise=diagonal)'; a pair RECORDING/MODEL: crossnobis/cosine."
    ),
]
Comparison = Annotated[
    str,
    typer.Option(
        help="Similarity of two RDMs: pearson, spearman, kendall, rho-a, cosine, whitened-pearson, whitened-cosine, "
        "cka or bures."
    ),
]
Normalise = Annotated[str, typer.Option(help="Per site, across stimuli: none, center, zscore or baseline.")]
Recording = Annotated[
    str, typer.Argument(help="A name (`neuroguide recordings` lists them), e.g. cowley2023:210325, or a file.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write the result to this netCDF file.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Write a picture (.png, .pdf or .svg).")]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option", help="KEY=VALUE for the loader of a file, e.g. array=resp; `inspect` proposes them. Repeat it."
    ),
]
Resample = Annotated[
    str, typer.Option(help="What bootstrap samples draw: stimuli, sites, animals (with --per animal) or both.")
]
Seed = Annotated[int, typer.Option(help="Seed of all random splits.")]


def opened(recording: str, options: Sequence[str] | None) -> str | xr.DataArray:
    """The recording as it is named, or opened already where options are given."""
    if not options:
        return recording
    from neuroguide.recordings.opening import open_target

    return open_target(recording, **parse_options(options))


def parse_options(options: Sequence[str]) -> dict[str, Any]:
    """``["array=resp", "window=70,170"]`` -> names and values: numbers are numbers, commas make a tuple.

    Raises
    ------
    OptionError
        If one is not KEY=VALUE, or is given twice.
    """
    found: dict[str, Any] = {}
    for option in options:
        name, equals, text = option.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name or name in found:
            wrong = "is given twice" if name in found else "is not KEY=VALUE"
            raise OptionError(f"--option {option} {wrong}; write e.g. --option array=resp")
        parts = [_value(part.strip()) for part in text.split(",")]
        found[name] = tuple(parts) if len(parts) > 1 else parts[0]
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
