"""Draw every plot of ``neuroguide.plot`` on made-up data into a folder, so that all of them can be looked at.

    python benchmarks/contact_sheet.py FOLDER [--format png] [--only profile] [--grey]

The data are made up (contact_sheet_data.py). With ``--grey`` each PNG has a copy without colour, as a printer makes it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from contact_sheet_data import (
    made_candidates,
    made_generalisation,
    made_history,
    made_importance,
    made_models,
    made_p_values,
    made_pictures,
    made_probabilities,
    made_rdm,
    made_scores,
    made_sites,
    made_time_scores,
    made_time_sites,
    made_trials,
    many_arrays,
    uneven,
    with_gaps,
)
from PIL import Image

from neuroguide import plot
from neuroguide.nas.spaces import open_space
from neuroguide.nas.spaces.cells.published import NASNET_A_NORMAL, NASNET_A_REDUCTION, PNASNET_5
from neuroguide.nas.spaces.hourglass.published import HOURNAS_F
from neuroguide.nas.vital import vital_blocks

LONG = [f"features.denseblock{b}.denselayer{i}.conv2" for b in range(1, 5) for i in (1, 4, 8, 12, 16)]


def rdm_pictures() -> dict[str, Callable[[], Any]]:
    """RDMs alone and side by side."""
    few, rdm, simulated, big = made_rdm(24), made_rdm(), made_rdm(simulated=1), made_rdm(92)
    names = ("IT", "stage1", "stage2", "stage3", "stage4", "head")
    six = {name: made_rdm(seed=i, strength=0.3 * i, simulated=int(i == 0)) for i, name in enumerate(names)}
    pair = {"IT": simulated, "resnet18 · layer4": made_rdm(seed=4)}
    by: dict[str, Any] = {"categories": "category_name"}
    gaps, groups = with_gaps(big), uneven(big)
    return {
        "rdm_plain": lambda: plot.rdm(rdm, title="IT"),
        "rdm_simulated_categories": lambda: plot.rdm(simulated, **by, title="Virtual IT (168 sites)"),
        "rdm_thumbnails": lambda: plot.rdm(few, thumbnails=made_pictures(few), title="24 stimuli"),
        "rdm_thumbnails_categories": lambda: plot.rdm(big, **by, thumbnails=made_pictures(big), rank=True),
        "rdm_uneven_gaps": lambda: plot.rdm(gaps, categories=groups, title="12 categories", simulated=True),
        "rdm_few": lambda: plot.rdm(made_rdm(10), title="10 stimuli"),
        "rdms_pair": lambda: plot.rdms(pair, **by, rank=True),
        "rdms_six": lambda: plot.rdms(six, columns=3),
        "rdms_single": lambda: plot.rdms({"V4": rdm}),
    }


def profile_pictures() -> dict[str, Callable[[], Any]]:
    """Layers against regions, over layers and over time."""
    layers, three = [f"stage{i}" for i in range(6)], ("V4", "pIT", "aIT")
    many = [f"blocks.{i}.conv" for i in range(80)]
    gap = made_scores(layers)
    gap["similarity"] = gap["similarity"].where((gap["layer"] != "stage2") | (gap["region"] != "V4"))
    tall = made_models(count=5, simulated=1)
    return {
        "profile_two_regions": lambda: plot.profile(made_scores(layers, simulated=1), title="small network"),
        "profile_one_region": lambda: plot.profile(made_scores(layers, ("IT",), ceiling="bounds"), title="network"),
        "profile_20_layers": lambda: plot.profile(made_scores(LONG, three, simulated=1), title="DenseNet-121"),
        "profile_80_layers": lambda: plot.profile(made_scores(many, ("IT",), intervals=False)),
        "profile_no_ceiling": lambda: plot.profile(
            made_scores(layers, ("V4",), ceiling="none"), title="session 201025"
        ),
        "profile_gap_normalized": lambda: plot.profile(gap, normalized=True),
        "profiles_three_regions": lambda: plot.profiles(made_scores(LONG, three, simulated=1)),
        "profiles_by_model": lambda: plot.profiles(tall, by="model"),
        "time_course": lambda: plot.time_course(made_time_scores(simulated=1), stimulus=(0, 100)),
        "time_course_one": lambda: plot.time_course(made_time_scores(("IT",), ceiling="none", intervals=False)),
        "temporal_generalisation": lambda: plot.temporal_generalisation(made_generalisation()),
        "time_course_sites": lambda: plot.time_course(made_time_sites()),
    }


def comparison_pictures() -> dict[str, Callable[[], Any]]:
    """Models side by side."""
    models, bounds, four = made_models(simulated=1), made_models(ceiling="bounds"), made_models(count=4, ceiling="none")
    p = made_p_values(models)
    return {
        "comparison_letters": lambda: plot.comparison(models, region="IT", significance=p),
        "comparison_arrows": lambda: plot.comparison(bounds, region="IT", significance=p, marks="arrows"),
        "comparison_bars": lambda: plot.comparison(four, region="V4", kind="bars"),
        "comparisons": lambda: plot.comparisons(models),
    }


def other_pictures() -> dict[str, Callable[[], Any]]:
    """Embeddings, sites, searches."""
    rdm, simulated = made_rdm(), made_rdm(simulated=1)
    by: dict[str, Any] = {"categories": "category_name"}
    single = made_history(("evolution",), 1)
    return {
        "embedding_mds": lambda: plot.embedding(simulated, **by, title="IT"),
        "embedding_thumbnails": lambda: plot.embedding(rdm, "tsne", **by, thumbnails=made_pictures(rdm)),
        "embedding_plain": lambda: plot.embedding(made_rdm(20), "classical", names=True),
        "shepard": lambda: plot.shepard(simulated),
        "shepard_density": lambda: plot.shepard(made_rdm(120), title="120 stimuli"),
        "sites": lambda: plot.sites(made_sites(simulated=1)),
        "sites_long_names": lambda: plot.sites(many_arrays()),
        "site_histogram": lambda: plot.site_histogram(made_sites(simulated=1), threshold=0.3),
        "search": lambda: plot.search(made_history()),
        "search_single": lambda: plot.search(single, simulated=True, title="macro space"),
        "guides": lambda: plot.guides(made_candidates(), simulated=True),
    }


def architecture_pictures() -> dict[str, Callable[[], Any]]:
    """One architecture, and the choices of many."""
    space = open_space("cells")
    drawn = [space.sample(np.random.default_rng(seed)) for seed in (0, 2)]
    nasnet = replace(drawn[0], normal=NASNET_A_NORMAL, reduction=NASNET_A_REDUCTION)
    macro = open_space("macro")
    return {
        "cell": lambda: plot.cell(PNASNET_5, title="PNASNet-5"),
        "cells": lambda: plot.cells(nasnet),
        "cells_drawn": lambda: plot.cells(drawn[0]),
        "cells_small": lambda: plot.architecture(drawn[1], space),
        "architecture": lambda: plot.architecture(macro.sample(np.random.default_rng(1)), macro),
        "architectures": lambda: plot.architectures(made_trials(), label="guide", simulated=True),
        "architectures_few": lambda: plot.architectures(
            made_trials(count=12), ["params_stage1.width", "params_stage3.operation", "params_activation"]
        ),
        "architectures_many": lambda: plot.architectures(made_trials("cells", blocks=(1, 2), reduction=("same",))),
    }


def hourglass_pictures() -> dict[str, Callable[[], Any]]:
    """Networks block by block, what is lost with each block, and a supernet search."""
    space = open_space("hourglass")
    arch = space.sample(np.random.default_rng(5))
    names = {p.name: b.name for p, b in zip(space.positions, arch.blocks, strict=True) if b}  # type: ignore[attr-defined]
    published = vital_blocks(open_space("hourglass", layout="imagenet").build(HOURNAS_F), 224)
    small, cells = vital_blocks(space.build(arch), 32), open_space("cells")
    cell = vital_blocks(cells.build(cells.sample(np.random.default_rng(0))), 32)
    nets = pd.DataFrame({"macs": [2e6, 3e6, 2.8e6, 1.4e6], "accuracy": [0.5, 0.61, 0.58, 0.44]})
    nets = nets.assign(**{"similarity to IT": [0.2, 0.25, 0.31, 0.15]}, label=["", "vital first", "all at once", ""])
    table = made_importance()
    measures = [name for name in table.columns if name.endswith(" loss")]
    return {
        "hourglass": lambda: plot.hourglass(small, operations=names, title="small layout"),
        "hourglass_hournas_f": lambda: plot.hourglass(published, title="HourNAS-F, 224 px"),
        "hourglass_parameters": lambda: plot.hourglass(cell, cost="parameters", title="cells"),
        "importance": lambda: plot.importance(table, title="CIFAR-10"),
        "importance_removed": lambda: plot.importance(table, way="removed"),
        "importances": lambda: plot.importances(table, measures),
        "operation_probabilities": lambda: plot.operation_probabilities(made_probabilities(), columns=3),
        "budget": lambda: plot.budget(nets, color="similarity to IT", target=3e6, simulated=True),
    }


def gallery() -> dict[str, Callable[[], Any]]:
    """Every picture by its name; the tests compare some of them with their stored images."""
    return {
        **rdm_pictures(), **profile_pictures(), **comparison_pictures(), **other_pictures(), **hourglass_pictures(),
        **architecture_pictures(),
    }  # fmt: skip


def main() -> None:
    """Draw the gallery, or the part of it whose names contain a word."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--format", default="png", help="png, pdf or svg")
    parser.add_argument("--dpi", type=int, default=150)
    parser.add_argument("--only", default="", help="a part of the name")
    parser.add_argument("--grey", action="store_true", help="a copy of each PNG in grey beside it")
    arguments = parser.parse_args()
    for name, draw in gallery().items():
        if arguments.only in name:
            path = plot.save(draw(), arguments.folder / f"{name}.{arguments.format}", dpi=arguments.dpi)
            print(path)
            if arguments.grey and arguments.format == "png":
                Image.open(path).convert("L").save(path.with_name(f"{name}_grey.png"))
            plt.close("all")


if __name__ == "__main__":
    main()
