"""Pictures that the commands write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr

    from neuroguide.nas.run import SearchRun


def draw_scores(
    scores: xr.Dataset, model: Any, recording: Any, folder: Path, *, stimuli: Any = None, stem: str = ""
) -> list[Path]:
    """The profile of all layers, and for each region its RDM beside that of the layer most like it."""
    from neuroguide import plot, scoring

    written = [plot.save(plot.profile(scores), folder / f"{stem}profile.png")]
    for region, pair in scoring.best_pairs(model, recording, scores, stimuli=stimuli).items():
        grouped = all("category_name" in rdm.coords for rdm in pair.values())
        axes = plot.rdms(pair, rank=True, categories="category_name" if grouped else None)
        written.append(plot.save(axes, folder / f"{stem}rdms_{_file_name(region)}.png"))
    return written


def draw_search(run: SearchRun, folder: Path) -> list[Path]:
    """The best so far against what was spent, and accuracy against teacher guidance where both were measured."""
    from neuroguide import plot

    if run.settings["search"].get("method") == "hournas":
        return _draw_hournas(run, folder)
    written = [plot.save(plot.search(run.history()), folder / "search.png")]
    table = run.leaderboard()
    table = table[table["kind"] == "candidate"]
    if {"P", "TG"} <= set(table.columns):
        written.append(plot.save(plot.guides(table), folder / "guides.png"))
    return written


def draw_candidate(run: SearchRun, trial: int, path: Path) -> Path:
    """The architecture of a finished trial."""
    import matplotlib.pyplot as plt

    from neuroguide import plot

    axes = plot.architecture(run.candidate(trial).architecture, run.space)
    written = plot.save(axes, path, dpi=150)
    plt.close(axes[0].figure)
    return written


def _draw_hournas(run: SearchRun, folder: Path) -> list[Path]:
    """What the supernet came to prefer, what the derived networks cost and reach, and the best of them."""
    from neuroguide import plot
    from neuroguide.nas.hournas import HourNASRun
    from neuroguide.nas.trained import open_trained
    from neuroguide.nas.vital import vital_blocks

    found = HourNASRun(run.path)
    written = [
        plot.save(plot.operation_probabilities(found.probabilities()), folder / "probabilities.png"),
        plot.save(plot.budget(found.derived(), **found.budget_axes()), folder / "budget.png"),
    ]
    best = found.best
    if best.weights is not None:
        trained = open_trained(best.weights, space=found.space)
        blocks = vital_blocks(trained.network, trained.preprocess.size)
        title = f"{run.path.name}, trial {best.trial}"
        drawn = plot.hourglass(blocks, operations=found.operations(best.architecture), title=title)
        written.append(plot.save(drawn, folder / "network.png"))
    return written


def draw_rdm(rdm: xr.DataArray, path: Path) -> Path:
    """One RDM, or one panel for each entry of its leading dim."""
    from neuroguide import plot

    return plot.save(plot.rdm(rdm) if rdm.ndim == 2 else plot.rdms(rdm), path)


def _file_name(text: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in text)
