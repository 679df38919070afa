"""Recordings as tables: one row a response (tidy), or one row a presentation and one column a site (wide)."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from neuroguide._core.errors import FileError, InputError
from neuroguide._core.options import check_option
from neuroguide.recordings._axes import STIMULUS_COLUMNS, assemble
from neuroguide.recordings._blocks import shorten
from neuroguide.recordings._columns import PARQUET, SEPARATORS, count_rows, header, is_table, read_columns
from neuroguide.recordings._description import Description
from neuroguide.recordings._loader import FileLoader
from neuroguide.recordings._sizes import MAX_BYTES, check_claim
from neuroguide.stimuli.tables import FILE_COLUMNS

#: Names by which the column of responses is recognised, for a proposal.
_VALUES = ("rate", "response", "firing_rate", "spike_rate", "spikes", "count", "value")

_BINS = ("time_bin_start", "time_bin_end")


def read_table(
    path: Path,
    *,
    value: str | None = None,
    sites: str | Sequence[str] | None = None,
    stimulus: str | None = None,
    neuroid: str = "neuroid_id",
    units: str | None = None,
    time_window: str | None = None,
    stimulus_set: str | None = None,
    identifier: str | None = None,
    simultaneous: bool | None = None,
    max_bytes: int = MAX_BYTES,
) -> xr.DataArray:
    """The responses in a table.

    Parameters
    ----------
    path : Path
        CSV, TSV or Parquet, with a header.
    value : str, optional
        Tidy: the column of the responses. One row a response, with columns for the stimulus, the ``neuroid``,
        perhaps ``repetition`` (by default responses of a site to a stimulus count up in their order), perhaps
        ``time_bin_start`` and ``time_bin_end`` in ms; further columns belong to the stimulus or to the site if they
        are constant for each, else they are left out. A combination without a row is a missing response.
    sites : str or sequence of str, optional
        Wide: the columns that are sites, each by its name or by a pattern: ``"unit_*"``. One row a presentation.
    stimulus : str, optional
        The column of stimulus ids; by default ``stimulus_id`` or ``image_id``.
    neuroid : str
        Tidy: the column of site ids.
    units, time_window, stimulus_set, identifier, simultaneous, max_bytes
        As for :func:`neuroguide.recordings.arrays.open_array`.

    Returns
    -------
    DataArray
        Dims presentation, neuroid and, where the table has them, time_bin.

    Raises
    ------
    FileError
        If the file is missing, no table, or cut off.
    InputError
        If neither or both of ``value`` and ``sites`` are given, a column is missing or does not hold numbers, or a
        response is there twice.
    """
    path = Path(path)
    names = tuple(name for name in (stimulus, neuroid) if name)
    table = read_columns(path, ids=(*STIMULUS_COLUMNS, *names), limit=max_bytes)
    if (value is None) == (sites is None):
        raise InputError(
            f"{path} is a table: say which column holds the responses (value='rate', one row a response) or which "
            f"columns are sites (sites='unit_*', one row a presentation), not both; its columns: "
            f"{shorten([str(name) for name in table.columns], 12)}"
        )
    if table.empty:
        raise FileError(f"{path} has a header but no rows")
    shown = stimulus or next((name for name in STIMULUS_COLUMNS if name in table), STIMULUS_COLUMNS[0])
    _require(path, table, shown)
    table = table.rename(columns={shown: "stimulus_id"})
    if sites is not None:
        found = _wide(path, table, [sites] if isinstance(sites, str) else list(sites))
    else:
        _require(path, table, neuroid, str(value))
        found = _tidy(path, table.rename(columns={neuroid: "neuroid_id"}), str(value), max_bytes)
    stated = {
        "identifier": identifier, "stimulus_set_identifier": stimulus_set, "units": units,
        "time_window": time_window, "simultaneous": None if simultaneous is None else int(simultaneous),
    }  # fmt: skip
    return found.assign_attrs({name: what for name, what in stated.items() if what is not None})


def _require(path: Path, table: pd.DataFrame, *names: str) -> None:
    for name in names:
        check_option(f"column of {path}", name, [str(column) for column in table.columns])


def _wide(path: Path, table: pd.DataFrame, patterns: list[str]) -> xr.DataArray:
    columns = [str(name) for name in table.columns]
    chosen = [name for name in columns if any(fnmatchcase(name, pattern) for pattern in patterns)]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in columns):
            raise InputError(f"no column of {path} is called {pattern!r}; there are {shorten(columns, 12)}")
    for name in chosen:
        _check_numbers(path, table, name)
    values = table[chosen].to_numpy(dtype=np.float64)
    sites = pd.DataFrame({"neuroid_id": chosen})
    return assemble(
        values, ("presentation", "neuroid"), what=str(path), stimuli=table.drop(columns=chosen), sites=sites
    )


def _tidy(path: Path, table: pd.DataFrame, value: str, limit: int) -> xr.DataArray:
    _check_numbers(path, table, value)
    binned = [name for name in _BINS if name in table]
    if len(binned) == 1:
        raise InputError(f"{path} has the column {binned[0]!r} only; time bins need {' and '.join(_BINS)}, in ms")
    for name in ("stimulus_id", "neuroid_id", *binned, *(("repetition",) if "repetition" in table else ())):
        if empty := int(table[name].isna().sum()):
            raise InputError(f"{path} has {empty} rows without {name!r}; fill it in, or leave these rows out")
    if "repetition" not in table:
        table["repetition"] = table.groupby(["stimulus_id", "neuroid_id", *binned]).cumcount()
    presentation, shown = _codes(table, ["stimulus_id", "repetition"])
    site, sites = _codes(table, ["neuroid_id"])
    keys, sizes = [presentation, site], [len(shown), len(sites)]
    if binned:
        time_bin, bins = _codes(table, binned)
        order = np.argsort(bins[_BINS[0]].to_numpy(), kind="stable")
        keys.append(np.argsort(order)[time_bin])
        sizes.append(len(bins))
    check_claim(path, "the recording", int(np.prod(sizes, dtype=object)) * 8, path.stat().st_size * 8, limit=limit)
    place = np.ravel_multi_index(keys, sizes)
    twice = np.flatnonzero(pd.Series(place).duplicated())
    if twice.size:
        row = table.iloc[twice[0]]
        raise InputError(
            f"{path} has {twice.size} responses twice (first: stimulus {str(row['stimulus_id'])!r}, repetition "
            f"{row['repetition']}, site {str(row['neuroid_id'])!r}); give each trial a repetition of its own"
        )
    responses = np.full(int(np.prod(sizes)), np.nan)
    responses[place] = table[value].to_numpy(dtype=np.float64)
    others = [name for name in table.columns if name not in {value, *binned, "neuroid_id", *shown.columns}]
    of_stimuli = [name for name in others if _constant(table, name, presentation)]
    of_sites = [name for name in others if name not in of_stimuli and _constant(table, name, site)]
    edges = None
    if binned:
        starts, ends = (bins[name].to_numpy(dtype=np.float64)[order] for name in _BINS)
        if not np.allclose(starts[1:], ends[:-1]):
            raise InputError(f"the time bins of {path} do not follow one another; correct {' and '.join(_BINS)}")
        edges = np.append(starts, ends[-1])
    return assemble(
        responses.reshape(sizes), ("presentation", "neuroid", "time_bin")[: len(sizes)], what=str(path),
        stimuli=_with_columns(shown, table, of_stimuli, presentation),
        sites=_with_columns(sites, table, of_sites, site), edges=edges,
    )  # fmt: skip


def _codes(table: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """A number for each row, equal where the columns are equal, and the columns for each number."""
    codes = table.groupby(names, sort=False).ngroup().to_numpy()
    return codes, table[names].drop_duplicates().reset_index(drop=True)


def _constant(table: pd.DataFrame, name: str, codes: np.ndarray) -> bool:
    column = pd.factorize(table[name])[0]
    first = np.zeros(codes.max() + 1, dtype=np.intp)
    first[codes[::-1]] = column[::-1]
    return bool((first[codes] == column).all())


def _with_columns(found: pd.DataFrame, table: pd.DataFrame, names: list[str], codes: np.ndarray) -> pd.DataFrame:
    rows = np.zeros(codes.max() + 1, dtype=np.intp)
    rows[codes[::-1]] = np.arange(len(codes))[::-1]
    return found.assign(**{name: table[name].to_numpy()[rows] for name in names})


def _check_numbers(path: Path, table: pd.DataFrame, name: str) -> None:
    if table[name].dtype.kind not in "biuf":
        wrong = next((cell for cell in table[name] if not _is_number(cell)), "")
        raise InputError(f"the column {name!r} of {path} holds {str(wrong)!r}, numbers were expected; correct it")


def _is_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return True


def describe_table(path: Path) -> Description:
    """The columns of a table, and the calls that may open it."""
    head = header(path)
    columns = [str(name) for name in head.columns]
    how = []
    shown = next((name for name in STIMULUS_COLUMNS if name in columns), None)
    if shown is not None and (set(FILE_COLUMNS) & set(columns)):
        how.append(f"stimuli = ng.open_stimuli({str(path)!r})")
    value = next((name for name in _VALUES if name in columns), None)
    numbers = [name for name in columns if head[name].dtype.kind in "if" and name != shown]
    prefixes = pd.Series([name.rstrip("0123456789") for name in numbers if name[-1:].isdigit()], dtype=object)
    common = prefixes.value_counts()
    given = "" if shown is not None else ", stimulus='...'"
    if value is not None and "neuroid_id" in columns:
        how.append(f"ng.open_recording({str(path)!r}, value={value!r}{given})")
    elif value is not None:
        how.append(f"ng.open_recording({str(path)!r}, value={value!r}{given}, neuroid='...')  # name the site's column")
    elif len(common) and common.iloc[0] > 1 and common.index[0]:
        how.append(f"ng.open_recording({str(path)!r}, sites='{common.index[0]}*'{given})")
    elif shown is not None and not how:
        how.append(f"stimuli = ng.open_stimuli({str(path)!r})  # a table of what was shown")
    if not how:
        how.append(f"ng.open_recording({str(path)!r}, sites=[...], stimulus='...')  # name the columns")
    note = f"Columns: {shorten(columns, 40)}; about {count_rows(path)} rows."
    return Description(str(path), "table", (), tuple(how), (note,))


LOADER = FileLoader(
    name="table",
    title="table (CSV, TSV, Parquet)",
    suffixes=(*SEPARATORS, *PARQUET),
    recognises=is_table,
    open=read_table,
    describe=describe_table,
)
