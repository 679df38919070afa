"""Reports from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuroguide.cli import _output
from neuroguide.cli._arguments import Quiet


def report(
    source: Annotated[Path, typer.Argument(help="A scores file, or the folder of a run.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")] = Path("report.html"),
    rdms: Annotated[
        bool, typer.Option("--rdms", help="Of scores: show the RDM of every layer too, which is computed anew.")
    ] = False,
    model: Annotated[
        str | None, typer.Option(help="The model, for --rdms [as the scores name it]; a FILE.py is run.")
    ] = None,
    recording: Annotated[str | None, typer.Option(help="The recording, for --rdms [as the scores name it].")] = None,
    stimuli: Annotated[str | None, typer.Option(help="The stimuli, for --rdms [as the recording names them].")] = None,
    quiet: Quiet = False,
) -> None:
    """Write one HTML page about scores or a search; it opens from disk and by mail and asks no server for anything.

    Example: neuroguide report runs/first --out report.html
    """
    from neuroguide.reporting import report as write

    with _output.progress(quiet) as progress:
        written = write(
            source, out, rdms=rdms, model=model, recording=recording, stimuli=stimuli, progress=progress
        )  # fmt: skip
    _output.err.print(f"wrote {written} ({written.stat().st_size / 1e6:.1f} MB)", markup=False)
