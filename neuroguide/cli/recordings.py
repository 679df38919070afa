"""What recordings there are, fetching them, and looking into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuroguide.cli import _output
from neuroguide.cli._arguments import Json, Options, Quiet, parse_options


def recordings(json: Json = False) -> None:
    """List the recordings that can be opened by name.

    Example: neuroguide recordings
    """
    from neuroguide._core import catalog, settings
    from neuroguide._core.download import missing

    rows: list[dict[str, object]] = [
        {
            "name": "virtual",
            "kind": "recording",
            "title": "Virtual primate: simulated V4 and IT sites seeing rendered objects (simulated data)",
            "size_mb": "",
            "here": "embedded",
            "licence": "MIT",
        }
    ]
    for entry in catalog.entries().values():
        rows.append(
            {
                "name": entry.name,
                "kind": entry.kind,
                "title": entry.title,
                "size_mb": f"{entry.size / 1e6:.1f}" if entry.size else "?",
                "here": "no" if missing(entry) else "yes",
                "licence": entry.licence,
            }
        )
    if json:
        _output.print_json(rows)
        return
    _output.print_table(
        "Recordings",
        ["name", "kind", "what it is", "MB", "on disk"],
        [list(row.values())[:5] for row in rows],
        caption=f"Cache: {settings.home()}. Download one with `neuroguide fetch NAME`; "
        "`neuroguide inspect NAME` says its licence, its citation and what it supports.",
    )


def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="Catalogue names.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Fetch all that have a public address.")] = False,
    quiet: Quiet = False,
) -> None:
    """Download recordings into the cache, checked against their checksums.

    Example: neuroguide fetch kriegeskorte2008
    """
    from neuroguide._core import catalog, download
    from neuroguide._core.errors import InputError

    wanted = [entry.name for entry in catalog.entries().values() if entry.base_url] if every else list(names or [])
    if not wanted:
        raise InputError("nothing to fetch: name a recording (`neuroguide recordings` lists them) or give --all")
    entries = [catalog.entry(name) for name in wanted]
    for entry in entries:
        with _output.progress(quiet) as progress:
            files = download.fetch(entry, progress=lambda _, done, total: progress(done, total, "bytes"))
        _output.out.print(
            f"{entry.name}: {len(files)} files, licence {entry.licence}. Cite: {entry.citation}", markup=False
        )


def inspect(
    file: Annotated[Path | None, typer.Argument(help="A file, or the name of a recording.")] = None,
    option: Options = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            help="Instead of a file, a network: its blocks, which are vital, what each costs. A model "
            "(timm:resnet18, file.py:make), hournas-f, efficientnet-b0, a space, or an architecture's .json."
        ),
    ] = None,
    size: Annotated[int | None, typer.Option(help="With --architecture: side of its images in pixels.")] = None,
    plot: Annotated[Path | None, typer.Option(help="With --architecture: write a picture (.png, .pdf, .svg).")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Open the file with the options, and write it as netCDF.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what is in a file and how to open it; with options, open it and say what that gives.

    Example: neuroguide inspect data.mat --option array=resp --option dims=neuroid,presentation --out recording.nc
    Example: neuroguide inspect --architecture hournas-f --plot hourglass.png
    """
    from neuroguide._core.errors import OptionError
    from neuroguide.cli.architectures import inspect_architecture
    from neuroguide.recordings.opening import inspect as inspect_source

    if architecture is not None:
        if file is not None or option or out is not None:
            raise OptionError("--architecture looks at a network; it goes with --size, --plot and --json only")
        inspect_architecture(architecture, size=size, picture=plot, json=json)
        return
    if file is None or size is not None or plot is not None:
        raise OptionError("inspect needs a file or the name of a recording, or --architecture with --size and --plot")
    if option or out is not None:
        _try_out(str(file), option or [], out, json)
        return
    description = inspect_source(str(file))
    if json:
        _output.print_json(description.to_json())
    else:
        _output.out.print(str(description), markup=False)


def _try_out(file: str, options: list[str], out: Path | None, json: bool) -> None:
    from neuroguide._core.atomic import check_target
    from neuroguide.recordings.netcdf import write_netcdf
    from neuroguide.recordings.opening import open_recording

    if out is not None:
        check_target(out)
    recording = open_recording(file, **parse_options(options))
    if out is not None:
        write_netcdf(recording, out)
    n_stimuli = len(set(recording["stimulus_id"].values.tolist()))
    coords = {str(name): str(coord.dims[0]) if coord.dims else "" for name, coord in recording.coords.items()}
    if json:
        _output.print_json({"sizes": dict(recording.sizes), "n_stimuli": n_stimuli, "coords": coords,
                            "attrs": dict(recording.attrs)})  # fmt: skip
        return
    sizes = ", ".join(f"{size} {dim}s" for dim, size in recording.sizes.items())
    _output.out.print(f"{file}: {sizes}; {n_stimuli} stimuli; {', '.join(coords)}", markup=False)
    if out is not None:
        _output.out.print(f"wrote {out}; open it with ng.open_recording({str(out)!r})", markup=False)
