"""What of an NWB file becomes what of an assembly: spike counts, and the columns of its tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroguide._core.errors import FileError, InputError
from neuroguide._core.options import check_option

#: Columns that usually name the stimulus; the first one found counts.
STIMULUS_NAMES = (
    "stimulus_id", "image_id", "stimulus_name", "image_name", "stimulus", "image", "stimulus_condition",
    "stimulus_index", "image_index", "filename", "condition",
)  # fmt: skip

#: Columns of units or electrodes that may name the area.
REGION_NAMES = ("region", "location", "brain_area", "area", "structure")

#: Columns of units that are no property of a site.
_NOT_COPIED = frozenset(
    {"spike_times", "spike_amplitudes", "obs_intervals", "electrodes", "electrode_group", "waveform_mean"}
    | {"waveform_sd", "waveforms", "resolution", "id"}
)

#: Windows that miss an interval of observation by less than this (s) are inside it.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Window:
    """From when to when spikes are counted.

    Parameters
    ----------
    edges : array of shape (n_bins + 1,)
        In ms from stimulus onset.
    """

    edges: NDArray[np.float64]

    @classmethod
    def of(cls, window: Any, bin_ms: float | None) -> Window:
        """From what a user gave; raises InputError if it is no window, or the bins do not divide it."""
        try:
            start, end = (float(edge) for edge in window)
            width = end - start if bin_ms is None else float(bin_ms)
        except (TypeError, ValueError):
            raise InputError(f"window {window!r} is not understood; give (start, end) in ms, e.g. (70, 170)") from None
        if not start < end or not np.isfinite([start, end]).all():
            raise InputError(f"the window {start:g} to {end:g} ms is not possible; give (start, end) in ms")
        n_bins = round((end - start) / width) if width > 0 else 0
        if n_bins < 1 or abs(n_bins * width - (end - start)) > 1e-6 * (end - start):
            raise InputError(
                f"bins of {width:g} ms do not divide the window {start:g} to {end:g} ms; change one of them"
            )
        return cls(np.linspace(start, end, n_bins + 1))

    @property
    def start(self) -> float:
        """In ms."""
        return float(self.edges[0])

    @property
    def end(self) -> float:
        """In ms."""
        return float(self.edges[-1])


def rates_of_units(path: Path, units: Any, onsets: NDArray[np.float64], window: Window) -> NDArray[np.float32]:
    """Firing rates (n_presentations, n_units, n_bins) in spikes/s, one unit after the other."""
    rates = np.empty((len(onsets), len(units), len(window.edges) - 1), dtype=np.float32)
    edges = onsets[:, np.newaxis] + window.edges / 1000
    widths = np.diff(window.edges) / 1000
    index = units["spike_times"]
    ends = np.asarray(index.data[:], dtype=np.int64)
    if (np.diff(ends, prepend=0) < 0).any() or ends.max(initial=0) > len(index.target.data):
        raise FileError(
            f"{path} refers to spike times of units that are not there; it is broken: copy or write it again"
        )
    observed = "obs_intervals" in units.colnames
    for unit in range(len(units)):
        spikes = np.asarray(units.get_unit_spike_times(unit), dtype=np.float64)
        if spikes.size and (np.diff(spikes) < 0).any():
            spikes = np.sort(spikes)
        rates[:, unit] = np.diff(np.searchsorted(spikes, edges.ravel()).reshape(edges.shape), axis=1) / widths
        if observed:
            rates[~_inside(edges, units.get_unit_obs_intervals(unit)), unit] = np.nan
    rates[~np.isfinite(onsets)] = np.nan
    return rates


def _inside(edges: NDArray[np.float64], intervals: Any) -> NDArray[np.bool_]:
    """Whether each window lies inside one of the intervals in which the unit was observed."""
    between = np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    if not between.size:
        return np.ones(len(edges), dtype=bool)
    between = between[np.argsort(between[:, 0])]
    last = np.searchsorted(between[:, 0], edges[:, 0] + _TOLERANCE, side="right") - 1
    inside: NDArray[np.bool_] = (last >= 0) & (edges[:, -1] <= between[last, 1] + _TOLERANCE)
    return inside


def rates_of_series(
    path: Path, name: str, series: Any, onsets: NDArray[np.float64], window: Window
) -> NDArray[np.float32]:
    """The same from spikes counted in bins of the whole session, a time series of shape (n_times, n_units)."""
    n_times, n_units = series.data.shape
    if series.rate:
        step = 1 / float(series.rate)
        starts = float(series.starting_time or 0) + step * np.arange(n_times)
    else:
        starts = np.asarray(series.timestamps[:], dtype=np.float64)
        step = float(np.median(np.diff(starts))) if n_times > 1 else 0.0
    widths = np.diff(window.edges) / 1000
    n_fine = np.round(widths / step).astype(int) if step > 0 else np.zeros(len(widths), int)
    if (n_fine < 1).any() or not np.allclose(n_fine * step, widths, rtol=1e-3):
        raise InputError(
            f"windows of {widths[0] * 1000:g} ms cannot be made from the bins of {name!r} in {path}, which are "
            f"{step * 1000:g} ms wide; give a multiple"
        )
    # a bin counts for the window that its middle lies in
    first = np.searchsorted(starts + step / 2, onsets[:, np.newaxis] + window.edges[:-1] / 1000)
    rates = np.full((len(onsets), n_units, len(widths)), np.nan, dtype=np.float32)
    for presentation, bins in enumerate(first):
        for i, start in enumerate(bins):
            if (
                np.isfinite(onsets[presentation])
                and starts[0] <= starts[min(start, n_times - 1)]
                and (start + n_fine[i] <= n_times)
            ):
                rates[presentation, :, i] = np.asarray(series.data[start : start + n_fine[i]]).sum(axis=0) / widths[i]
    return rates


def stimulus_column(path: Path, table_name: str, table: dict[str, Any], chosen: str | None) -> NDArray[Any]:
    """The name of the stimulus of each presentation, as text."""
    if chosen is None:
        chosen = next((name for name in STIMULUS_NAMES if name in table), None)
        if chosen is None:
            raise InputError(
                f"no column of {table_name!r} in {path} has a usual name for stimuli; choose one: "
                f"stimulus={' or '.join(map(repr, table))}"
            )
    check_option(f"column of {table_name} in {path}", chosen, list(table))
    values = table[chosen].tolist()
    whole = all(isinstance(value, float) and value.is_integer() for value in values)
    return np.asarray([str(int(value)) if whole else _text(value) for value in values], dtype=object)


def constant_columns(table: dict[str, Any], but: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Columns of numbers or text of a table of presentations."""
    return {name: _plain(values) for name, values in table.items() if name not in but and _is_plain(values)}


def site_columns(path: Path, file: Any, n_sites: int, region: str | None, binned: bool) -> dict[str, NDArray[Any]]:
    """Name, area, animal and every other plain column of the units."""
    units = file.units if file.units is not None and len(file.units) == n_sites else None
    found: dict[str, NDArray[Any]] = {}
    ids = [str(i) for i in range(n_sites)] if units is None else [str(i) for i in units.id[:]]
    found["neuroid_id"] = np.asarray(ids, dtype=object)
    own: dict[str, NDArray[Any]] = {}
    if units is not None:
        for name in units.colnames:
            column = units[name]
            if name not in _NOT_COPIED and type(column).__name__ == "VectorData" and np.ndim(column.data) == 1:
                values = np.asarray(column.data[:])
                if _is_plain(values):
                    own[name] = _plain(values)
    places = {} if units is None else _electrode_columns(units)
    area = _area(path, {**places, **own}, region)
    if area is not None:
        found["region"] = area
    subject = file.subject
    if subject is not None and subject.subject_id:
        found["animal"] = np.full(n_sites, str(subject.subject_id), dtype=object)
    return found | {name: values for name, values in own.items() if name not in found}


def _electrode_columns(units: Any) -> dict[str, NDArray[Any]]:
    """Plain columns of the first electrode of each unit, or the location of its group."""
    if "electrodes" in units.colnames:
        tables = [units["electrodes"][unit] for unit in range(len(units))]
        if all(len(table) for table in tables):
            names = [name for name in REGION_NAMES if name in tables[0].columns]
            others = [str(name) for name in tables[0].columns if name not in names]
            columns = {name: [table.iloc[0][name] for table in tables] for name in (*names, *others)}
            return {name: _plain(np.asarray(v, object)) for name, v in columns.items() if _is_plain(np.asarray(v))}
    if "electrode_group" in units.colnames:
        groups = units["electrode_group"].data
        return {"location": np.asarray([str(groups[i].location) for i in range(len(units))], dtype=object)}
    return {}


def _area(path: Path, columns: dict[str, NDArray[Any]], chosen: str | None) -> NDArray[Any] | None:
    if chosen is not None:
        check_option(f"column of units or electrodes in {path}", chosen, list(columns))
    name = chosen or next((each for each in REGION_NAMES if each in columns), None)
    return None if name is None else np.asarray([str(value) for value in columns[name]], dtype=object)


def _is_plain(values: Any) -> bool:
    array = np.asarray(values)
    if array.ndim != 1:
        return False
    return array.dtype.kind in "biufUST" or all(isinstance(value, str | bytes) for value in array.tolist())


def _plain(values: Any) -> NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind in "biuf":
        return array
    return np.asarray([_text(value) for value in array.tolist()], dtype=object)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
