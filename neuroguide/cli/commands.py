"""All commands, gathered; each lives in a file of its own room."""

from __future__ import annotations

from typing import Annotated

import typer

from neuroguide._version import __version__
from neuroguide.cli import _output, compare, demo, doctor, export, rdm, recordings, report, retrain, score, search

app = typer.Typer(
    help="Score neural networks against recordings from primate visual cortex, and let the recordings guide the search "
    "for better ones.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        _output.out.print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error instead of its sentence.")
    ] = False,
) -> None:
    """The options before every command; ``--debug`` is taken by :func:`neuroguide.cli.main.main` wherever it stands."""


app.command("demo")(demo.demo)
app.command("recordings")(recordings.recordings)
app.command("fetch")(recordings.fetch)
app.command("inspect")(recordings.inspect)
app.command("rdm")(rdm.rdm)
app.command("score")(score.score)
app.command("compare")(compare.compare)
app.command("search")(search.search)
app.command("leaderboard")(search.leaderboard)
app.command("retrain")(retrain.retrain)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("dashboard")(search.dashboard)
app.command("doctor")(doctor.doctor)
