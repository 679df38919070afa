"""Training the best of a search to maturity from the command line."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuroguide._core.errors import OptionError
from neuroguide.cli import _output
from neuroguide.cli._arguments import Device, Json, Quiet, Seed

if TYPE_CHECKING:
    from neuroguide.nas.retraining import Retrained, RetrainProgress
    from neuroguide.nas.run import SearchRun


def retrain(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    best: Annotated[int, typer.Option(help="How many of the best candidates.")] = 1,
    trial: Annotated[
        list[int] | None, typer.Option(help="This trial instead of the best; repeat it for several.")
    ] = None,
    images: Annotated[int, typer.Option(help="Images that each is trained on, in all.")] = 450_000,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the space, e.g. repeats=3 or filters=24 (N and F of cells)."),
    ] = None,
    training: Annotated[
        list[str] | None, typer.Option(help="A setting of the training, e.g. batch_size=64 or learning_rate=0.05.")
    ] = None,
    executor: Annotated[str | None, typer.Option(help="Where they are trained: local:2 is two processes.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of each process.")] = 1,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train the best of a search to maturity, from scratch; the test images are looked at once, at the end.

    Ctrl-C leaves a checkpoint; the same command goes on from it, to the same weights.

    Example: neuroguide retrain runs/first --best 2 --images 450000 --executor local:2
    """
    from neuroguide.nas.retraining import retrain as train
    from neuroguide.nas.run import open_run

    found = open_run(run)
    with _output.progress(quiet) as bar:

        def report(state: RetrainProgress) -> None:
            detail = "" if state.accuracy is None else f", accuracy {state.accuracy:.3f}"
            bar(state.images_seen, state.images, f"trial {state.trial}", detail)

        try:
            trained = train(
                found, best, images=images, trials=trial or None, settings=_pairs("--set", setting),
                training=_pairs("--training", training), seed=seed, executor=executor, threads=threads, device=device,
                progress=report,
            )  # fmt: skip
        except KeyboardInterrupt:
            _output.err.print("interrupted; the same command goes on from the last checkpoint")
            raise typer.Exit(130) from None
    _print(found, trained, json)


def _pairs(option: str, given: list[str] | None) -> dict[str, Any]:
    """``NAME=VALUE``, values as JSON where they are, else as text."""
    pairs: dict[str, Any] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise OptionError(f"{option} {text!r} is not understood; write NAME=VALUE, e.g. {option} batch_size=64")
        try:
            pairs[name] = json_module.loads(value)
        except json_module.JSONDecodeError:
            pairs[name] = value
    return pairs


def _print(run: SearchRun, trained: list[Retrained], json: bool) -> None:
    simulated = int(run.settings["guide"].get("simulated", 0))
    if json:
        rows = [{"path": str(one.path), "trial": one.trial, **one.result} for one in trained]
        _output.print_json({"simulated": simulated, "rows": rows})
        return
    before = {one.trial: run.candidate(one.trial).measures for one in trained}
    names = sorted({name for one in trained for name in one.result["measures"] if name.startswith("similarity/")})
    shown: list[list[object]] = []
    for one in trained:
        result, old = one.result, before[one.trial]
        row: list[object] = [
            str(one.trial),
            _number(old.get("P")),
            result["accuracy"],
            _number(result["test_accuracy"]),
        ]
        for name in names:
            row += [_number(old.get(name)), _number(result["measures"].get(name))]
        shown.append([*row, f"{result['parameters']:,}", str(result["reason"] or one.path)])
    columns = ["trial", "P in the search", "validation", "test"]
    for name in names:
        columns += [f"{name.removeprefix('similarity/')} in the search", "mature"]
    caption = f"{sum(one.result['image_equivalents'] for one in trained):,.0f} image-equivalents"
    if simulated:
        caption += "; guided by SIMULATED DATA"
    _output.print_table(f"{run.path}, retrained", [*columns, "parameters", "folder"], shown, caption=caption)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
