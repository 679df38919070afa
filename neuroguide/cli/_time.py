"""Scores over time, as a table and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuroguide.cli import _output

if TYPE_CHECKING:
    import xarray as xr


def print_time(scores: xr.Dataset, title: str, caption: str) -> None:
    """For each time bin the layer most like each region, and the ceiling where there is one."""
    regions = [str(name) for name in scores["region"].values]
    layers = scores["layer"].values
    rows: list[list[object]] = []
    for index in range(scores.sizes["time_bin"]):
        moment = scores.isel(time_bin=index)
        row: list[object] = [f"{float(moment['time_bin_start']):g} to {float(moment['time_bin_end']):g}"]
        for values, ceiling in zip(moment["similarity"].values.T, _ceilings(moment, len(regions)), strict=True):
            limit = f", ceiling {ceiling:.3f}" if np.isfinite(ceiling) else ""
            row.append(f"{values.max():.3f} ({layers[int(values.argmax())]}{limit})")
        rows.append(row)
    if "no_ceiling" in scores.attrs:
        caption += f". No ceiling: {scores.attrs['no_ceiling']}"
    _output.print_table(title, ["ms", *(f"{name}: best layer" for name in regions)], rows, caption=caption)


def draw_time(scores: xr.Dataset, folder: Path) -> list[Path]:
    """For each region the time course of the layer that is most like it at any time."""
    from neuroguide import plot

    written = []
    for index, region in enumerate(scores["region"].values):
        part = scores.isel(region=[index])
        best = str(scores["layer"].values[part["similarity"].max(("region", "time_bin")).values.argmax()])
        name = "".join(character if character.isalnum() else "_" for character in str(region))
        axes = plot.time_course(part, layer=best, title=f"{scores.attrs['model']}, {best}")
        written.append(plot.save(axes, folder / f"time_{name}.png"))
    return written


def _ceilings(moment: xr.Dataset, n_regions: int) -> list[float]:
    if "ceiling" not in moment:
        return [float("nan")] * n_regions
    return [float(value) for value in moment["ceiling"].values]
