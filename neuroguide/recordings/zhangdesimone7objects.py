"""The Zhang-Desimone 7-object data: spike trains of 132 macaque IT neurons to 7 objects at 3 positions.

The neurons were recorded in separate sessions: a pseudo-population, whose repetitions are paired by their order only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core import catalog, download
from neuroguide._core.errors import FileError, OptionError
from neuroguide._core.matfile import read_mat, text, texts
from neuroguide._core.options import unknown_option
from neuroguide.recordings._catalogued import attributes, description
from neuroguide.recordings._description import Description
from neuroguide.recordings._loader import ArchiveLoader
from neuroguide.stimuli.zhangdesimone7objects import NAME, open_zhangdesimone7objects

_SUFFIX = "_raster_data.mat"


@dataclass(frozen=True)
class _Neuron:
    name: str
    session: int
    channel: int
    unit: str
    stimuli: list[str]
    rates: NDArray[np.float32]


def open_recording(
    variant: str | None = None, *, bin_ms: int = 50, window: tuple[int, int] = (-500, 500)
) -> xr.DataArray:
    """Firing rates of all neurons in time bins.

    Parameters
    ----------
    variant : None
        There is only one recording.
    bin_ms : int
        Width of a time bin in ms. The rasters have a resolution of 1 ms; 50 by default (our choice).
    window : (int, int)
        Start and end in ms from stimulus onset; by default everything recorded, -500 to 500. The bins must divide it:
        ``bin_ms=300, window=(100, 400)`` gives one bin.

    Returns
    -------
    DataArray
        Dims presentation (21 stimuli x 20 repetitions, by stimulus), neuroid (132), time_bin; float32, spikes/s.
        Repetition k is the k-th trial of that stimulus in each neuron's own file. Seven neurons lack one trial of
        one stimulus: NaN.

    Raises
    ------
    OptionError
        If a variant is given, or the bins do not fit the window or the window the recording.
    DownloadError
        If the files cannot be had.
    """
    entry = catalog.entry(NAME)
    if variant is not None:
        raise unknown_option(f"part of {NAME}", variant, [], how_to_add=f"give the name alone: {NAME!r}")
    bin_ms, window = _check_bins(bin_ms, window)
    neurons = [_read(path, bin_ms, window) for path in download.fetch(entry).values()]
    stimuli = open_zhangdesimone7objects().metadata
    ids = stimuli["stimulus_id"].tolist()
    n_repetitions = max(neuron.stimuli.count(stimulus) for neuron in neurons for stimulus in ids)
    starts = np.arange(window[0], window[1], bin_ms)
    rates = np.full((len(ids), n_repetitions, len(neurons), len(starts)), np.nan, dtype=np.float32)
    for site, neuron in enumerate(neurons):
        trials = np.asarray(neuron.stimuli)
        for row, stimulus in enumerate(ids):
            own = neuron.rates[trials == stimulus]
            rates[row, : len(own), site] = own
    columns = {name: np.repeat(np.asarray(stimuli[name].tolist()), n_repetitions) for name in stimuli.columns}
    return xr.DataArray(
        rates.reshape(-1, len(neurons), len(starts)),
        dims=("presentation", "neuroid", "time_bin"),
        coords={
            **{name: ("presentation", values) for name, values in columns.items()},
            "repetition": ("presentation", np.tile(np.arange(n_repetitions), len(ids))),
            **_neuroids(neurons),
            "time_bin_start": ("time_bin", starts.astype(np.float64)),
            "time_bin_end": ("time_bin", (starts + bin_ms).astype(np.float64)),
        },
        attrs=attributes(entry, identifier=NAME, stimulus_set=NAME, units="spikes/s", simultaneous=False),
        name=NAME,
    )


def _check_bins(bin_ms: object, window: object) -> tuple[int, tuple[int, int]]:
    ends = window if isinstance(window, (tuple, list)) else ()
    if len(ends) != 2 or not all(isinstance(n, (int, float, np.integer)) and n == int(n) for n in (bin_ms, *ends)):
        raise OptionError(
            f"bin_ms and window are whole ms, not {bin_ms!r} and {window!r}; give e.g. 50 and (-500, 500)"
        )
    width, start, end = (int(n) for n in (bin_ms, *ends))
    if not -500 <= start < end <= 500:
        raise OptionError(f"the window {start} to {end} ms is not possible; the recording goes from -500 to 500 ms")
    if width < 1 or (end - start) % width:
        raise OptionError(f"bins of {width} ms do not divide the window {start} to {end} ms; change one of the two")
    return width, (start, end)


def _read(path: Path, bin_ms: int, window: tuple[int, int]) -> _Neuron:
    content = read_mat(path, "raster_data", "raster_labels", "raster_site_info")
    site = content["raster_site_info"][0, 0]
    stimuli = texts(content["raster_labels"][0, 0]["combined_ID_position"])
    raster = content["raster_data"]
    onset = int(site["alignment_event_time"].item()) - 1  # MATLAB counts from 1
    first, last = onset + window[0], onset + window[1]
    if raster.ndim != 2 or len(raster) != len(stimuli) or first < 0 or last > raster.shape[1]:
        raise FileError(
            f"{path} has a raster of shape {raster.shape} with the stimulus at {onset} ms for {len(stimuli)} trials; "
            "trials x 1,000 ms with the stimulus at 500 ms were expected"
        )
    spikes = raster[:, first:last].reshape(len(raster), -1, bin_ms).sum(axis=2, dtype=np.float32)
    return _Neuron(
        name=path.name.removesuffix(_SUFFIX),
        session=int(site["session_ID"].item()),
        channel=int(site["recording_channel"].item()),
        unit=text(site["unit"]),
        stimuli=stimuli,
        rates=spikes * np.float32(1000 / bin_ms),
    )


def _neuroids(neurons: list[_Neuron]) -> dict[str, tuple[str, NDArray[Any]]]:
    return {
        "neuroid_id": ("neuroid", np.asarray([neuron.name for neuron in neurons])),
        "region": ("neuroid", np.full(len(neurons), "IT")),
        "session": ("neuroid", np.asarray([neuron.session for neuron in neurons])),
        "channel": ("neuroid", np.asarray([neuron.channel for neuron in neurons])),
        "unit": ("neuroid", np.asarray([neuron.unit for neuron in neurons])),
    }


def describe(variant: str | None = None) -> Description:
    """What is in it; downloads nothing."""
    return description(
        catalog.entry(NAME),
        variant,
        f'ng.open_recording("{NAME}")',
        f'ng.open_recording("{NAME}", bin_ms=300, window=(100, 400))',
    )


LOADER = ArchiveLoader(name=NAME, title=catalog.entry(NAME).title, describe=describe, open=open_recording)
