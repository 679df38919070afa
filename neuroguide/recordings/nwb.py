"""NWB files (Neurodata Without Borders): spike times counted in a window after each stimulus, or binned responses.

pynwb reads them, after the file was checked as HDF5: no links to other files, nothing that claims more than it holds.
Spike times stay on disk; those of one unit at a time are read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import FileError, InputError, NeuroguideError, missing_extra
from neuroguide._core.options import check_option
from neuroguide.recordings._blocks import shorten
from neuroguide.recordings._description import ArrayInfo, Description
from neuroguide.recordings._hdf5 import open_hdf5
from neuroguide.recordings._loader import FileLoader
from neuroguide.recordings._nwb_columns import (
    Window,
    constant_columns,
    rates_of_series,
    rates_of_units,
    site_columns,
    stimulus_column,
)
from neuroguide.recordings._sizes import HDF5_MAGIC, MAX_BYTES, check_readable, first_bytes, reason


def read_nwb(
    path: Path,
    *,
    window: tuple[float, float] = (70, 170),
    bin_ms: float | None = None,
    baseline: tuple[float, float] | None = None,
    trials: str | None = None,
    stimulus: str | None = None,
    onset: str = "start_time",
    responses: str | None = None,
    region: str | None = None,
    stimulus_set: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> xr.DataArray:
    """Firing rates around each stimulus of an NWB file.

    Parameters
    ----------
    path : Path
        The file.
    window : (float, float)
        From when to when spikes are counted, in ms after stimulus onset; the start is included, the end is not.
        70 to 170 ms by default, as in Majaj et al. 2015 (J. Neurosci. 35:13402).
    bin_ms : float, optional
        Width of time bins that divide the window; without it there is one rate for the window and no dim time_bin.
    baseline : (float, float), optional
        A window, e.g. (-50, 0), whose mean rate over all presentations becomes the coordinate ``baseline`` of each
        site, for ``normalise="baseline"``.
    trials : str, optional
        The table of what was shown when: the name of one of the file's intervals, by default ``trials`` or the only
        one; or of a stimulus series that refers to images by their number (IndexSeries).
    stimulus : str, optional
        The column of that table that names the stimulus; by default one with a usual name.
    onset : str
        The column that holds stimulus onset, in seconds.
    responses : str, optional
        The path of a time series of shape (n_times, n_units) with spikes counted in bins, for files without spike
        times: ``"ecephys/counts"``.
    region : str, optional
        The column of units or electrodes that names the area; by default the location of their electrodes.
    stimulus_set : str, optional
        What ``open_stimuli`` opens the images by.
    max_bytes : int
        Refuse a file that claims more than this for one array.

    Returns
    -------
    DataArray
        Spikes/s, float32; dims presentation, neuroid and, with ``bin_ms``, time_bin. Presentations that lie outside
        the intervals in which a unit was observed are missing (NaN).

    Raises
    ------
    FileError
        If the file is broken, refers to other files, or holds no units or no table of presentations.
    InputError
        If a window is not possible.
    OptionError
        If a table or column is not there.
    MissingExtraError
        If pynwb is not installed.
    """
    path = Path(path)
    chosen = Window.of(window, bin_ms)
    before = None if baseline is None else Window.of(baseline, None)
    with _open(path, max_bytes) as file:
        table_name, table = _presentations(path, file, trials)
        if onset not in table:
            check_option(f"column of {table_name} in {path}", onset, list(table))
        onsets = np.asarray(table[onset], dtype=np.float64)
        ids = stimulus_column(path, table_name, table, stimulus)
        if responses is None:
            if file.units is None or "spike_times" not in file.units.colnames:
                raise FileError(
                    f"{path} holds no spike times of units; name a time series of binned responses with responses='...'"
                )
            rates = rates_of_units(path, file.units, onsets, chosen)
            silent = None if before is None else rates_of_units(path, file.units, onsets, before)
        else:
            known = _series(file)
            check_option(f"time series of two axes in {path}", responses, known)
            series = known[responses]
            rates = rates_of_series(path, responses, series, onsets, chosen)
            silent = None if before is None else rates_of_series(path, responses, series, onsets, before)
        n_sites = rates.shape[1]
        coords: dict[str, Any] = {"stimulus_id": ("presentation", ids), "repetition": ("presentation", _counted(ids))}
        for name, column in constant_columns(table, but=(onset, "stop_time", "stimulus_id", "repetition")).items():
            coords[name] = ("presentation", column)
        for name, column in site_columns(path, file, n_sites, region, responses is not None).items():
            coords.setdefault(name, ("neuroid", column))
        attrs = _attributes(file) | {"time_window": f"{chosen.start:g} to {chosen.end:g} ms after stimulus onset"}
    if silent is not None:
        means = np.nanmean(silent[:, :, 0], axis=0, dtype=np.float64)
        coords["baseline"] = ("neuroid", means)
    if stimulus_set is not None:
        attrs["stimulus_set_identifier"] = stimulus_set
    if bin_ms is None:
        return xr.DataArray(rates[:, :, 0], dims=("presentation", "neuroid"), coords=coords, attrs=attrs)
    coords["time_bin_start"] = ("time_bin", chosen.edges[:-1])
    coords["time_bin_end"] = ("time_bin", chosen.edges[1:])
    return xr.DataArray(rates, dims=("presentation", "neuroid", "time_bin"), coords=coords, attrs=attrs)


@contextmanager
def _open(path: Path, limit: int) -> Iterator[Any]:
    """The file as pynwb has it; checked as HDF5 before, and whatever pynwb raises becomes one sentence."""
    check_readable(path)
    if first_bytes(path) != HDF5_MAGIC:
        raise FileError(f"{path} is not an NWB file (it starts with {first_bytes(path)!r}); check where it comes from")
    with open_hdf5(path, limit=limit) as checked:
        if "nwb_version" not in checked.attrs:
            raise FileError(f"{path} is HDF5 but not NWB (it states no nwb_version); open it as 'hdf5:{path}'")
    try:
        import pynwb
    except ModuleNotFoundError as error:
        raise missing_extra("pynwb", "nwb", "reading NWB files") from error
    with warnings.catch_warnings():
        # what pynwb finds unusual in old files does not concern who reads them
        warnings.simplefilter("ignore")
        try:
            with pynwb.NWBHDF5IO(path, "r", load_namespaces=True) as io:
                yield _built(path, io)
        except NeuroguideError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise FileError(
                f"{path} holds something else than NWB says ({type(error).__name__}: {reason(error)}); write it again"
            ) from error


def _built(path: Path, io: Any) -> Any:
    try:
        return io.read()
    except Exception as error:  # a broken file ends in whatever pynwb's builders trip over
        raise FileError(
            f"{path} cannot be read by pynwb ({type(error).__name__}: {reason(error)}); copy or write it again"
        ) from error


def _presentations(path: Path, file: Any, name: str | None) -> tuple[str, dict[str, Any]]:
    """The table of presentations and its name: column name to values, those that are one value each."""
    tables = dict(file.intervals or {})
    if file.trials is not None:
        tables["trials"] = file.trials
    series = {key: each for key, each in dict(file.stimulus).items() if type(each).__name__ == "IndexSeries"}
    known = {**tables, **series}
    if name is None:
        if not known:
            raise FileError(f"{path} holds no table of presentations (trials, intervals or an IndexSeries)")
        if "trials" not in tables and len(known) > 1:
            raise InputError(
                f"{path} has {len(known)} tables of presentations; choose one: trials={shorten(list(known))}"
            )
        name = "trials" if "trials" in tables else next(iter(known))
    check_option(f"table of presentations in {path}", name, known)
    if name in series:
        return name, _of_index_series(path, name, series[name])
    found = {}
    for column in tables[name].colnames:
        values = tables[name][column].data if hasattr(tables[name][column], "data") else tables[name][column]
        if tables[name][column].__class__.__name__ in ("VectorData", "EnumData") and np.ndim(values) == 1:
            found[column] = np.asarray(values[:])
    return name, found


def _of_index_series(path: Path, name: str, series: Any) -> dict[str, Any]:
    """Onsets and images of a stimulus series that refers to images by their number."""
    index = np.asarray(series.data[:], dtype=np.int64)
    if series.timestamps is not None:
        onsets = np.asarray(series.timestamps[:], dtype=np.float64)
    elif series.rate:
        onsets = float(series.starting_time or 0) + np.arange(len(index)) / float(series.rate)
    else:
        raise FileError(f"{path} does not say when the images of {name!r} were shown (timestamps or rate)")
    images = getattr(series, "indexed_images", None)
    order = getattr(images, "order_of_images", None)
    names = [str(image.name) for image in order.data] if order is not None else None
    if names is not None and len(names) and (index.min(initial=0) < 0 or index.max(initial=0) >= len(names)):
        raise FileError(f"{path} refers in {name!r} to image {index.max()} of {len(names)}; it is broken")
    ids = index.astype(str) if names is None else np.asarray(names, dtype=object)[index]
    return {"start_time": onsets, "stimulus_id": ids.astype(object)}


def _series(file: Any) -> dict[str, Any]:
    """Every time series of two axes, by its path: "ecephys/counts" in a processing module, "counts" in acquisition."""
    return {
        _path_of(each): each for each in file.objects.values()
        if hasattr(each, "conversion") and len(getattr(getattr(each, "data", None), "shape", ())) == 2
    }  # fmt: skip


def _path_of(item: Any) -> str:
    """Where an object lies in its file, as pynwb's own accessors name it."""
    parts: list[str] = []
    while item is not None and item.parent is not None:
        parts.append(str(item.name))
        item = item.parent
    return "/".join(reversed(parts))


def _attributes(file: Any) -> dict[str, Any]:
    stated = {
        "identifier": file.identifier,
        "source": file.session_description,
        "citation": "; ".join(file.related_publications or ()),
        "session": None if file.session_start_time is None else file.session_start_time.date().isoformat(),
    }
    attrs: dict[str, Any] = {name: str(value) for name, value in stated.items() if value}
    return attrs | {"units": "spikes/s", "simultaneous": 1}


def _counted(ids: NDArray[Any]) -> NDArray[Any]:
    """How often each stimulus was shown before."""
    counted: NDArray[Any] = pd.Series(ids).groupby(ids).cumcount().to_numpy(dtype=np.int64)
    return counted


def describe_nwb(path: Path) -> Description:
    """The units, tables and series of an NWB file, and the call that may open it."""
    with _open(path, MAX_BYTES) as file:
        n_units = 0 if file.units is None else len(file.units)
        tables = {**dict(file.intervals or {}), **({"trials": file.trials} if file.trials is not None else {})}
        arrays = [ArrayInfo("units", (n_units,), f"columns {shorten(list(file.units.colnames))}")] if n_units else []
        arrays += [
            ArrayInfo(name, (len(table),), f"columns {shorten(list(table.colnames), 20)}")
            for name, table in tables.items()
        ]
        series = list(_series(file))
        options = ["window=(70, 170)"]
        if "trials" not in tables and tables:
            options.insert(0, f"trials={next(iter(tables))!r}")
        if not n_units and series:
            options.insert(0, f"responses={series[0]!r}")
        try:
            name, table = _presentations(
                path, file, None if "trials" in tables or len(tables) < 2 else next(iter(tables))
            )
            stimulus_column(path, name, table, None)
        except NeuroguideError:
            options.append("stimulus='...'")
        title = f"NWB: {file.session_description}"
    call = f"ng.open_recording({str(path)!r}, {', '.join(options)})"
    notes = (f"Time series of two axes: {shorten(series)}.",) if series else ()
    return Description(str(path), title, tuple(arrays), (call,), notes)


def recognises_nwb(path: Path) -> bool:
    """Whether this is HDF5 that calls itself NWB, or an HDF5 file named .nwb."""
    if first_bytes(path) != HDF5_MAGIC:
        return False
    if path.suffix.lower() == ".nwb":
        return True
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "nwb_version" in file.attrs
    except (OSError, RuntimeError, KeyError):
        return False


LOADER = FileLoader(
    name="nwb",
    title="NWB (Neurodata Without Borders)",
    suffixes=(".nwb",),
    recognises=recognises_nwb,
    open=read_nwb,
    describe=describe_nwb,
)
