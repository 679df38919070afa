"""A loader of one's own: text files that begin with ``# spikes``, then one line ``stimulus site rate`` a response."""

from pathlib import Path

import numpy as np
import xarray as xr

import neuroguide as ng
from neuroguide.errors import FileError
from neuroguide.recordings import Description, FileLoader, loaders
from neuroguide.testing.loaders import check_loader

MAGIC = b"# spikes"


def recognises(path: Path) -> bool:
    """Whether the file begins as ours do: quick, and never an error."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def open_spikes(path: Path) -> xr.DataArray:
    """The assembly; whatever is wrong with the file is said in one sentence that names it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [line.split() for line in lines[1:]]
        rates = {(stimulus, site): float(rate) for stimulus, site, rate in rows}
        stimuli = sorted({stimulus for stimulus, _ in rates})
        sites = sorted({site for _, site in rates})
        values = np.array([[rates[stimulus, site] for site in sites] for stimulus in stimuli])
    except (OSError, ValueError, KeyError) as error:
        raise FileError(f"{path} is no complete table of spikes ({type(error).__name__}); write it again") from error
    if not lines or lines[0] != MAGIC.decode() or not rates:
        raise FileError(f"{path} does not begin with '{MAGIC.decode()}' and responses; write it again")
    return xr.DataArray(
        values,
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", stimuli),
            "neuroid_id": ("neuroid", sites),
            "region": ("neuroid", ["IT"] * len(sites)),
        },
        attrs={"identifier": "spikes", "units": "spikes/s"},
    )


def describe(path: Path) -> Description:
    """What ``neuroguide inspect`` prints."""
    return Description(str(path), "text of spikes", how_to_open=(f'ng.open_recording("{path}")',))


LOADER = FileLoader("spikes", "text of spikes", (".spikes",), recognises, open_spikes, describe)
loaders.add(LOADER.name, LOADER)

if __name__ == "__main__":
    example = Path("example.spikes")
    lines = [f"{image} {site} {ord(image) ** n % 13}" for image in "abcde" for n, site in enumerate(["x", "y", "z"], 2)]
    example.write_text("\n".join([MAGIC.decode(), *lines]))
    check_loader(LOADER, example)
    ng.rdm(ng.open_recording(example))
