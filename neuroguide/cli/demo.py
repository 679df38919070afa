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

#: The demo's small network, and how long it is trained (our choices: what two cores do in under a minute).
IMAGE_SIZE, TRAINING_IMAGES = 32, 24_000

NEXT = """Next:
  neuroguide recordings                                 real recordings of monkey V4 and IT, by name
  neuroguide inspect your_file.nc                       what is in a file of your own, and how to open it
  neuroguide score your_model.py:make virtual           score a network of your own
  neuroguide score timm:resnet18 virtual --plot out     one of timm's (pip install "neuroguide[zoo]")"""


def demo(
    folder: Annotated[Path, typer.Option(help="Where the scores and pictures go.")] = Path("neuroguide-demo"),
    quiet: Quiet = False,
) -> None:
    """Score two small networks and a pixel baseline against the virtual primate, and draw the pictures.

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
    for picture in written:
        _output.out.print(f"wrote {picture}", markup=False)
    _output.out.print(NEXT, markup=False)


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
    from neuroguide.nas.data import open_data
    from neuroguide.nas.fidelity import Fidelity
    from neuroguide.nas.spaces import open_space
    from neuroguide.nas.training import train

    with _output.progress(quiet) as progress:
        data = open_data(
            "objects", image_size=IMAGE_SIZE, progress=lambda what, done, total: progress(done, total, what)
        )
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


def _architecture(space: Any) -> Any:
    """Three stages of two residual blocks of 3x3 convolutions."""
    from neuroguide.nas.spaces.macro import MacroArchitecture, Stage

    stage = Stage(depth=2, width=16, operation="conv", kernel=3, skip="add")
    return space.canonicalise(MacroArchitecture((stage,) * 3, activation="relu", normalisation="batch", stem=2))
