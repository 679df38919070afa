"""Guided search from the command line: start, resume, repeat, look at the leaderboard and the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroguide._core.errors import InputError
from neuroguide.cli import _hournas, _output
from neuroguide.cli._arguments import Comparison, Device, Distance, Json, Normalise, Quiet, Seed

if TYPE_CHECKING:
    import pandas as pd

    from neuroguide.nas.progress import Progress
    from neuroguide.nas.run import SearchRun

#: Rows of the leaderboard that are printed unless more are asked for.
TOP = 10


def search(
    space: Annotated[
        str, typer.Option(help="What can be built: macro, cells, or FILE.py:FACTORY (its code is run).")
    ] = "macro",
    guide: Annotated[
        list[str] | None,
        typer.Option(
            help="performance, recording:NAME, network:MODEL; repeat it for several. NAME@LAYER,LAYER chooses."
        ),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Training images: cifar10, objects, a folder or a zip.")] = None,
    method: Annotated[
        str | None, typer.Option(help="hournas: one supernet of the hourglass space in place of trials.")
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(help="With hournas: 300MFLOPs, 150MMACs, 5.3Mparameters, 12ms; repeat it for several."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="Relative, of budgets: 0.05 is 5% below or above.")] = 0.05,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Settings of hournas, KEY=VALUE; repeat it for several.")
    ] = None,
    sampler: Annotated[
        str, typer.Option(help="random, evolution, tpe, nsga2, progressive, controller or hourglass.")
    ] = "evolution",
    trials: Annotated[int | None, typer.Option(help="How many candidates [24, or one ladder of --halving].")] = None,
    images: Annotated[
        int | None, typer.Option(help="Images each candidate is trained on [4000]; 0 leaves it untrained.")
    ] = None,
    halving: Annotated[
        str | None, typer.Option(help="Train the better ones longer: '16x500, 8x1000, 4x2000' (candidates x images).")
    ] = None,
    promotion: Annotated[str, typer.Option(help="By what they climb with --halving: value, P, TG.")] = "value",
    run: Annotated[Path | None, typer.Option(help="The run's folder; by default a new one in runs/.")] = None,
    alpha: Annotated[float, typer.Option(help="Weight of the teachers beside performance.")] = 1.0,
    standardise: Annotated[bool, typer.Option(help="z-score each teacher layer over reference candidates.")] = False,
    stimuli: Annotated[str | None, typer.Option(help="What a teacher network is shown.")] = None,
    n_stimuli: Annotated[int | None, typer.Option(help="Show this many of the stimuli only.")] = None,
    distance: Distance = "correlation",
    comparison: Comparison = "pearson",
    normalise: Normalise = "none",
    executor: Annotated[
        str | None,
        typer.Option(help="Where candidates are evaluated: local:2, dask, dask:tcp://HOST:PORT, slurm, pbs, sge, lsf."),
    ] = None,
    cluster: Annotated[
        list[str] | None,
        typer.Option(help="Of batch jobs, KEY=VALUE: jobs, queue, account, walltime, memory, cores; repeat it."),
    ] = None,
    unordered: Annotated[bool, typer.Option("--unordered", help="Tell results as they come; no exact resume.")] = False,
    time_limit: Annotated[float | None, typer.Option(help="Seconds that a candidate may take.")] = None,
    memory_limit: Annotated[str | None, typer.Option(help="What a candidate's process may hold, e.g. 2GB.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of each candidate's process.")] = 1,
    keep: Annotated[int, typer.Option(help="Keep the trained weights of this many best candidates.")] = 5,
    storage: Annotated[
        str | None, typer.Option(help="A database instead of the run's journal: sqlite:///x.db.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --run.")] = False,
    repeat: Annotated[Path | None, typer.Option(help="Search again from the settings of this run.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Folder for the pictures.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and a batch job's script.")
    ] = False,
    seed: Seed = 0,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for architectures, guided by accuracy, by recordings, by a network, or by any of them together.

    Ctrl-C leaves a run that --resume goes on with, to the same leaderboard.

    Example: neuroguide search --guide performance --guide recording:virtual --data objects --trials 12 --run runs/first
    """
    from neuroguide._core.settings import parse_memory
    from neuroguide.cli._executors import batch_executor, job_script
    from neuroguide.nas import guides, study

    if dry_run:
        _say_plan(space, guide or [], trials, images, halving, run, executor)
        if (script := job_script(executor, cluster or [])) is not None:
            typer.echo(script)
        return

    def opened_guide() -> guides.Guide:
        return guides.open_guide(
            guide or [], alpha=alpha, stimuli=stimuli, distance=distance, comparison=comparison,
            normalise=normalise, standardise=standardise, n_stimuli=n_stimuli, seed=seed,
        )  # fmt: skip

    limit = None if memory_limit is None else parse_memory(memory_limit)
    opening = batch_executor(executor, cluster or [], threads=threads, time_limit=time_limit, memory_limit=limit)
    with opening as workers, _output.progress(quiet) as bar:
        report = reporter(bar)
        try:
            if _hournas.is_wanted(method, resume, run, [*(budget or []), *(setting or [])]):
                found: SearchRun = _hournas.search(
                    bar, space=space, guide=None if resume else opened_guide(), data=data, budget=budget or [],
                    tolerance=tolerance, images=images, trials=trials, settings=setting or [], run=run, resume=resume,
                    threads=threads, seed=seed, device=device,
                )  # fmt: skip
            elif resume:
                found = study.resume_search(
                    _needed(run), trials=trials, storage=storage, executor=workers, progress=report
                )
            elif repeat is not None:
                found = study.repeat_search(repeat, _needed(run), executor=workers, progress=report)
            else:
                chosen = opened_guide()
                found = study.search(
                    space, chosen, data=data, sampler=sampler, trials=trials, images=images, halving=halving,
                    promotion=promotion, run=run, executor=workers, ordered=not unordered, seed=seed,
                    time_limit=time_limit, memory_limit=memory_limit, threads=threads, device=device, keep=keep,
                    storage=storage, progress=report,
                )  # fmt: skip
        except KeyboardInterrupt:
            where = f"--run {run}" if run is not None else "--run with its folder"
            _output.err.print(f"interrupted; go on with: neuroguide search --resume {where}", markup=False)
            raise typer.Exit(130) from None
    print_run(found, json=json)
    if plot is not None:
        from neuroguide.cli._pictures import draw_search

        for picture in draw_search(found, plot):
            _output.err.print(f"wrote {picture}", markup=False)


def leaderboard(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    top: Annotated[
        int | None, typer.Option(min=0, help="How many rows; 0 prints all [10 in a table, all in JSON].")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write all of it to a .csv or .json file.")] = None,
    json: Json = False,
) -> None:
    """Print what a search found, best first: accuracy, similarity to each teacher layer, cost.

    Example: neuroguide leaderboard runs/first --out leaderboard.csv
    """
    from neuroguide.nas.run import open_run

    found = open_run(run)
    if out is not None:
        found.export(out)
    print_run(found, json=json, top=top)


def dashboard(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8080,
) -> None:
    """Open optuna-dashboard on a run, on this machine only; needs the extra `dashboard`.

    A trial shows the drawing of its candidate where the space is one of ours; drawings are kept in RUN/drawings.

    Example: neuroguide dashboard runs/first
    """
    from neuroguide.cli._pictures import draw_candidate
    from neuroguide.nas.dashboard import dashboard as make_dashboard
    from neuroguide.nas.run import open_run

    found = open_run(run)
    # the file of a space of one's own is code, which looking at a run must not start
    draw = draw_candidate if found.settings["space"]["space"] in ("macro", "cells", "hourglass") else None
    with make_dashboard(found, port=port, draw=draw) as server:
        _output.err.print(f"http://127.0.0.1:{server.server_port} (Ctrl-C ends it)")
        server.serve_forever()


def print_leaderboard(table: pd.DataFrame, *, title: str, top: int, caption: str) -> None:
    """The columns that fit a terminal, best first, the reference network last."""
    reference = table[table["kind"] == "reference"]
    others = table[table["kind"] == "candidate"]
    shown = [*(others if top == 0 else others.head(top)).to_dict("records"), *reference.to_dict("records")]
    measures = [name for name in table.columns if name in ("value", "P", "TG") or name.startswith("similarity/")]
    rows = [
        [
            "reference" if row["kind"] == "reference" else str(row["rank"]),
            "" if row["kind"] == "reference" else str(row["trial"]),
            *(float(row[name]) if row[name] is not None else float("nan") for name in measures),
            "" if row["macs"] != row["macs"] or row["macs"] is None else f"{float(row['macs']) / 1e6:.2f}",
            ""
            if row["parameters"] != row["parameters"] or row["parameters"] is None
            else f"{int(row['parameters']):,}",
            str(row["reason"] or ""),
        ]
        for row in shown
    ]
    headings = [
        "rank",
        "trial",
        *(name.removeprefix("similarity/") for name in measures),
        "MMACs",
        "parameters",
        "reason",
    ]
    if not any(row[-1] for row in rows):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    _output.print_table(title, headings, rows, caption=caption)


def print_run(found: SearchRun, *, json: bool, top: int | None = None) -> None:
    """The leaderboard of a run, with what it cost."""
    table = found.leaderboard()
    if json:
        from neuroguide.nas.leaderboard import to_json

        typer.echo(to_json(table.head(top) if top else table), nl=False)
        return
    top = TOP if top is None else top
    settings = found.settings
    told = f"{len(found.results)} of {settings['search']['trials']} trials"
    caption = f"{told}, {found.image_equivalents:,.0f} image-equivalents"
    if settings["search"].get("method") == "hournas":
        caption += _hournas.caption(settings)
    if table.attrs.get("simulated"):
        caption += "; guided by SIMULATED DATA"
    duplicates = int((table["kind"] == "duplicate").sum())
    if duplicates:
        caption += f"; {duplicates} of them answered from the store"
    if len(table) > top > 0:
        caption += f"; the best {top} are shown"
    print_leaderboard(table, title=str(found.path), top=top, caption=caption)
    if len(table) and all(table["reason"]):
        _output.error(f"every candidate failed: {table['reason'].iloc[0]}")


def _say_plan(
    space: str,
    guide: list[str],
    trials: int | None,
    images: int | None,
    halving: str | None,
    run: Path | None,
    executor: str | None,
) -> None:
    """What a search would do; nothing is opened, trained or written."""
    from neuroguide.nas.halving import Halving

    if halving is not None:
        ladder = Halving.parse(halving)
        count = ladder.trials if trials is None else ladder.check_trials(trials)
        trained = count // ladder.trials * sum(rung.candidates * rung.images for rung in ladder.rungs)
        each = str(ladder)
    else:
        count, each = 24 if trials is None else trials, f"{4000 if images is None else images:,} images each"
        trained = count * (4000 if images is None else images)
    typer.echo(
        f"would evaluate {count} candidates of space {space} ({each}; {trained:,} images trained on, "
        f"validation and guidance beside that), guided by {', '.join(guide) or 'nothing yet: give --guide'}, on "
        f"{executor or 'one child process'}, into {run or 'a new folder in runs/'}"
    )


def _needed(run: Path | None) -> Path:
    if run is None:
        raise InputError("which run? give its folder with --run")
    return run


def reporter(bar: _output.ProgressCallback) -> Callable[[Progress], None]:
    """Draws the progress of a search: trials, best, image-equivalents; time left is the bar's own."""

    def report(progress: Progress) -> None:
        best = "" if progress.best is None else f", best {progress.best:.3f} (trial {progress.best_trial})"
        detail = f"{best}, {progress.image_equivalents:,.0f} image-equivalents"
        bar(progress.told, progress.trials, "trials", detail)

    return report
