"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Distance = Annotated[str, typer.Option(help="Distance of two stimuli: correlation, euclidean or cosine.")]
Comparison = Annotated[str, typer.Option(help="Similarity of two RDMs: pearson or spearman.")]
Normalise = Annotated[str, typer.Option(help="Per site, across stimuli: none, center, zscore or baseline.")]
Recording = Annotated[
    str, typer.Argument(help="A name (`neuroguide recordings` lists them), e.g. cowley2023:210325, or a file.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write the result to this netCDF file.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Write a picture (.png, .pdf or .svg).")]
Seed = Annotated[int, typer.Option(help="Seed of all random splits.")]
