"""`neuroguide demo`: the whole way on the embedded recording, in a few minutes and without a network."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroguide.cli import _output
from neuroguide.cli._arguments import Quiet

if TYPE_CHECKING:
    import xarray as xr

    from neuroguide.models.zoo import Model
    from neuroguide.nas.data import TrainingData

#: The demo's training images, and on how many its small network is trained (our choices: all is done in under four
#: minutes on two cores).
DATA, IMAGE_SIZE, TRAINING_IMAGES = "objects:8000", 32, 24_000

#: The demo's search: candidates, images each is trained on, and stimuli it is compared on.
TRIALS, CANDIDATE_IMAGES, N_STIMULI = 12, 2000, 160

NEXT = """Next:
  neuroguide recordings                                 real recordings of monkey V4 and IT, by name
  neuroguide inspect your_file.nc                       what is in a file of your own, and how to open it
  neuroguide score your_model.py:make virtual           score a network of your own
  neuroguide score timm:resnet18 virtual --plot out     one of timm's (pip install "neuroguide[zoo]")
  neuroguide search --data cifar10 --guide performance --guide recording:cowley2023:210325
                                                        a search guided by monkey V4"""


def demo(
    folder: Annotated[Path, typer.Option(help="Where the scores and pictures go.")] = Path("neuroguide-demo"),
    quiet: Quiet = False,
) -> None:
    """Score two small networks and a pixel baseline against the virtual primate, then let it guide a small search.

    The virtual primate is simulated: it shows how neuroguide works, and says nothing about brains.

    Example: neuroguide demo --folder first-try
    """
    from neuroguide import plot, scoring
    from neuroguide.cli._pictures import draw_scores
    from neuroguide.cli.score import print_scores
    from neuroguide.recordings.opening import open_recording

    recording = open_recording("virtual")
    _describe(recording)
    found = []
    written: list[Path] = []
    for model in _models(quiet):
        with _output.progress(quiet) as progress:
            scores = scoring.score(model, recording, progress=progress)
        print_scores(scores)
        scoring.write_scores(scores, folder / f"{model.name}.nc")
        found.append(scores)
        if model.name == "trained":
            written += draw_scores(scores, model, recording, folder)
    together = scoring.join_models(found)
    for region in together["region"].values:
        axes = plot.comparison(together, region=str(region))
        written.append(plot.save(axes, folder / f"models_{region}.png"))
    written += _search(folder, quiet)
    for picture in written:
        _output.out.print(f"wrote {picture}", markup=False)
    _output.out.print(NEXT, markup=False)


def _search(folder: Path, quiet: bool) -> list[Path]:
    """A search guided by accuracy and the virtual primate together; goes on with one that was interrupted."""
    from neuroguide.cli._pictures import draw_search
    from neuroguide.cli.search import print_run, reporter
    from neuroguide.nas import guides, study

    guide = guides.open_guide(["performance", "recording:virtual"], n_stimuli=N_STIMULI)
    with _output.progress(quiet) as bar:
        found = study.search(
            "macro", guide, data=_images(), trials=TRIALS, images=CANDIDATE_IMAGES, run=folder / "search",
            executor="local:2", resume=True, progress=reporter(bar),
            sampler_options={"population": TRIALS // 2, "sample": TRIALS // 4},
        )  # fmt: skip
    print_run(found, json=False, top=5)
    return draw_search(found, folder)


def _describe(recording: xr.DataArray) -> None:
    from neuroguide.recordings.reliability import split_half_reliability

    reliability = split_half_reliability(recording)
    regions = recording["region"].values
    for region in dict.fromkeys(regions.tolist()):
        here = reliability.values[regions == region]
        _output.out.print(
            f"virtual {region} (SIMULATED DATA): {len(here)} sites, median split-half reliability "
            f"{float(reliability.isel(neuroid=regions == region).median()):.2f}"
        )


def _models(quiet: bool) -> list[Model]:
    """Pixels, a small network before training, and the same network after a minute of it."""
    import copy

    import torch

    from neuroguide.models.preprocess import Preprocess
    from neuroguide.models.zoo import Model, open_model
    from neuroguide.nas.fidelity import Fidelity
    from neuroguide.nas.spaces import open_space
    from neuroguide.nas.training import train

    with _output.progress(quiet) as progress:
        data = _images(progress)
    space = open_space("macro")
    torch.manual_seed(0)
    network: Any = space.build(_architecture(space), image_size=IMAGE_SIZE, n_classes=data.n_classes)
    untrained = copy.deepcopy(network)
    with _output.progress(quiet) as progress:
        result = train(
            network, data, Fidelity(images=TRAINING_IMAGES), seed=0, milestones=range(0, TRAINING_IMAGES, 500),
            at_milestone=lambda seen, *_: progress(seen, TRAINING_IMAGES, "training a small network"),
        )  # fmt: skip
    _output.out.print(
        f"a small network, trained on {result.images_seen:,} rendered objects of {data.n_classes} categories: "
        f"validation accuracy {result.accuracy:.0%} (chance {1 / data.n_classes:.0%})"
    )
    seen = Preprocess(IMAGE_SIZE, data.mean, data.std)
    pixels = dataclasses.replace(open_model("pixels"), name="pixels")
    return [
        pixels,
        Model("untrained", untrained, seen, layers=tuple(untrained.stage_names)),
        Model("trained", network, seen, layers=tuple(network.stage_names)),
    ]


def _images(progress: _output.ProgressCallback | None = None) -> TrainingData:
    """Rendered objects of eight categories, from a cache after the first time."""
    from neuroguide.nas.data import open_data

    report = None if progress is None else lambda what, done, total: progress(done, total, what)
    return open_data(DATA, image_size=IMAGE_SIZE, progress=report)


def _architecture(space: Any) -> Any:
    """Three stages of two residual blocks of 3x3 convolutions."""
    from neuroguide.nas.spaces.macro import MacroArchitecture, Stage

    stage = Stage(depth=2, width=16, operation="conv", kernel=3, skip="add")
    return space.canonicalise(MacroArchitecture((stage,) * 3, activation="relu", normalisation="batch", stem=2))
