"""RDMs of recordings."""

from __future__ import annotations

from typing import Annotated

import typer

from neuroguide.cli import _output
from neuroguide.cli._arguments import Device, Distance, Normalise, Options, Out, Plot, Recording, parse_options


def rdm(
    recording: Recording,
    distance: Distance = "correlation",
    normalise: Normalise = "none",
    by: Annotated[
        str | None, typer.Option(help="One RDM for each value of a neuroid coordinate: region, animal.")
    ] = None,
    option: Options = None,
    out: Out = None,
    plot: Plot = None,
    device: Device = "auto",
) -> None:
    """Compute the RDM of a recording.

    Example: neuroguide rdm virtual --distance crossnobis --by region --out rdm.nc --plot rdm.png
    """
    from neuroguide import scoring
    from neuroguide.recordings.opening import open_recording, write_rdm

    found = scoring.rdm(
        open_recording(recording, **parse_options(option or [])), distance, normalise=normalise, by=by, device=device
    )
    if out is not None:
        write_rdm(found, out)
    if plot is not None:
        from neuroguide.cli._pictures import draw_rdm

        draw_rdm(found, plot)
    n = found.sizes["stimulus_id"]
    _output.out.print(
        f"{n} stimuli, {found.attrs['n_sites']} sites, {found.attrs['distance']} distance, mean over pairs "
        f"{float(found.mean()) * n / (n - 1):.3f}" + (" (SIMULATED DATA)" if found.attrs.get("simulated") else "")
    )
