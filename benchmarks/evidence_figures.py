"""The figures of docs/evidence.md."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from evidence_beyond import curve, shipped, untouched
from evidence_pool import Table
from evidence_statistics import Estimate
from evidence_tables import BRAIN, HEADLINE, ceiling_of, curves, permuted_increments
from matplotlib.axes import Axes

from neuroguide.nas.guides import AutoWeights

COST = "image-equivalents of a candidate"
#: Told apart by colour-blind readers (Okabe and Ito 2008).
COLOURS = {"P": "0.35", HEADLINE: "#D55E00", BRAIN: "#E69F00", "TG(pixels@v4, pixels@it)": "#0072B2"}
NAMES = {HEADLINE: "P + TG(V4, IT)", BRAIN: "TG(V4, IT)", "TG(pixels@v4, pixels@it)": "TG(pixels)"}


def correlations(table: Table, axes: Axes, title: str) -> None:
    """Spearman with mature accuracy against cost, with 95% bands and the seed-to-seed ceiling."""
    kept = table.stratum("c")
    for guide, colour in COLOURS.items():
        found = curves(table, guide, 1000)
        costs = [table.cost(guide, images, 1000) for images in table.images]
        drawn = [Estimate.of(column[0], column[1:]) for column in found.T]
        axes.plot(costs, [e.value for e in drawn], "o-", color=colour, markersize=3, label=NAMES.get(guide, guide))
        axes.fill_between(costs, [e.low for e in drawn], [e.high for e in drawn], color=colour, alpha=0.12, lw=0)
    ceiling = ceiling_of(table).value
    if np.isfinite(ceiling):
        axes.axhline(ceiling, color="0.6", lw=1, ls="--")
        axes.text(
            1, ceiling, "seed to seed", ha="right", va="bottom", color="0.4", transform=axes.get_yaxis_transform()
        )
    axes.set(xscale="log", xlabel=COST, title=f"{title}, n = {int(kept.sum())}", ylim=(-0.7, 1.05))
    axes.set_ylabel("Spearman with mature accuracy")


def fitted(table: Table, axes: Axes, auto: AutoWeights) -> None:
    """The fitted guide on the networks that nothing was chosen on, with 1,000 validation images."""
    kept = untouched(table, "macro")
    for guide, colour, name in (
        ("P", "0.35", "P"),
        (HEADLINE, COLOURS[HEADLINE], NAMES[HEADLINE]),
        (auto, "#009E73", "auto"),
    ):
        costs, found = curve(table, guide, kept, [1000])
        drawn = [Estimate.of(column[0], column[1:]) for column in found.T]
        axes.plot(costs, [e.value for e in drawn], "o-", color=colour, markersize=3, label=name)
        axes.fill_between(costs, [e.low for e in drawn], [e.high for e in drawn], color=colour, alpha=0.12, lw=0)
    axes.set(xscale="log", xlabel=COST, title=f"macro, report half, n = {int(kept.sum())}", ylim=(-0.7, 1.05))
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def scatter(table: Table, axes: Axes) -> None:
    """Similarity after 1,000 images against mature accuracy."""
    kept = table.stratum("c")
    p, tg, mature = table.values("P")[kept], table.values(BRAIN)[kept], table.mature[kept]
    points = axes.scatter(p, tg, c=mature, s=12, cmap="viridis")
    axes.figure.colorbar(points, ax=axes, label="mature test accuracy")
    axes.set(xlabel="P after 1,000 images", ylabel="TG(V4, IT) after 1,000 images")


def null(table: Table, axes: Axes) -> None:
    """The increment among those of permuted stimuli."""
    drawn, real = permuted_increments(table)
    axes.hist(drawn, bins=25, color="0.75")
    axes.axvline(real, color=COLOURS[HEADLINE])
    axes.set(xlabel="increment of P + TG over P", ylabel="permutations of the stimuli")


def draw(tables: dict[str, Table], folder: Path) -> None:
    """Write all figures."""
    folder.mkdir(exist_ok=True)
    auto = shipped()
    panels = len(tables) + (auto is not None)
    figure, grid = plt.subplots(-(-panels // 2), 2, figsize=(9.2, 3.6 * -(-panels // 2)), squeeze=False)
    axes = grid.ravel()
    for (name, table), one in zip(tables.items(), axes, strict=False):
        correlations(table, one, name)
    if auto is not None:
        fitted(tables["macro"], axes[panels - 1], auto)
    for empty in axes[panels:]:
        empty.set_axis_off()
    axes[0].legend(frameon=False, fontsize=8)
    _save(figure, folder / "evidence_curves.png")
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4))
    scatter(tables["macro"], axes[0])
    null(tables["macro"], axes[1])
    _save(figure, folder / "evidence_macro.png")


def _save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
