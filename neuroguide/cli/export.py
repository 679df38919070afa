"""Exporting a trained network from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuroguide.cli import _output
from neuroguide.cli._arguments import Json


def export(
    source: Annotated[Path, typer.Argument(help="A run's folder, one of its retrainings, or a .safetensors file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new folder.")],
    trial: Annotated[int | None, typer.Option(help="This trial of the run; by default the best.")] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="Write model.onnx too; needs the extra `onnx`.")] = False,
    json: Json = False,
) -> None:
    """Write a trained network into a folder that needs no neuroguide: readable source, weights, ONNX.

    What was written is read back and compared with the original before it is reported as done. Of a run's trial, the
    retraining on the most images is taken, else the weights that the search kept.

    Example: neuroguide export runs/first --out my_network --onnx
    """
    from neuroguide.nas.export import export as write

    done = write(source, out, trial=trial, onnx=onnx)
    if json:
        _output.print_json({"folder": str(done.folder), "model": done.model, **done.about})
        return
    rows = [
        [name, (done.folder / name).stat().st_size // 1024, _difference(done.about["differences"].get(name))]
        for name in sorted([*done.about["sha256"], "export.json"])
    ]
    caption = f"{done.about['about']} Score it: neuroguide score {done.model} RECORDING"
    if done.about.get("simulated"):
        caption += " (guided by SIMULATED DATA)"
    _output.print_table(
        str(done.folder), ["file", "KiB", "largest difference from the original"], rows, caption=caption
    )


def _difference(found: dict[str, float] | None) -> str:
    return "" if found is None else f"{max(found.values()):.1g}"
