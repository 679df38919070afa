"""Tables of text (CSV, TSV) and Parquet as columns: ids stay text, and what is broken is one sentence."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from neuroguide._core.errors import FileError, missing_extra
from neuroguide.recordings._sizes import MAX_BYTES, check_claim, check_readable, first_bytes, reason

SEPARATORS = {".csv": ",", ".tsv": "\t"}
PARQUET = (".parquet", ".pq")

#: Columns that are names, also where they look like numbers: 007 is not 7.
IDS = ("stimulus_id", "image_id", "neuroid_id")

_PARQUET_MAGIC = b"PAR1"

#: What text becomes in memory, at most, for each byte of it.
_GROWTH = 8


def is_table(path: Path) -> bool:
    """Whether this is a table by its suffix, and not obviously something else."""
    suffix = path.suffix.lower()
    if suffix in PARQUET:
        return first_bytes(path, 4) == _PARQUET_MAGIC
    return suffix in SEPARATORS and b"\0" not in first_bytes(path, 512)


def read_columns(path: Path, *, ids: tuple[str, ...] = IDS, limit: int = MAX_BYTES) -> pd.DataFrame:
    """All columns of a table; those in ``ids`` as text.

    Raises
    ------
    FileError
        If the file is missing, no table, cut off, or larger than ``limit`` in memory.
    MissingExtraError
        If it is Parquet and pyarrow is not installed.
    """
    check_readable(path)
    if path.suffix.lower() in PARQUET:
        return _read_parquet(path, ids, limit)
    if path.suffix.lower() not in SEPARATORS:
        raise FileError(f"{path} is no table by its name; .csv, .tsv and .parquet are read")
    check_claim(path, "the table", path.stat().st_size * _GROWTH, path.stat().st_size, limit=limit)
    return _read_text(path, ids)


def header(path: Path, n_rows: int = 100) -> pd.DataFrame:
    """The first rows of a table."""
    if path.suffix.lower() in PARQUET:
        return read_columns(path).head(n_rows)
    return _read_text(path, IDS, n_rows)


def count_rows(path: Path) -> int:
    """The number of rows, told from line ends without parsing a table of text."""
    if path.suffix.lower() in PARQUET:
        return len(read_columns(path))
    with path.open("rb") as handle:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: handle.read(1 << 20), b"")) - 1


def _read_text(path: Path, ids: tuple[str, ...], n_rows: int | None = None) -> pd.DataFrame:
    separator = SEPARATORS[path.suffix.lower()]
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            names = next(csv.reader(handle, delimiter=separator), [])
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise FileError(f"{path} has two columns called {twice!r}; give each a name of its own")
        if n_rows is None:
            _check_last_row(path, separator, len(names))
        with warnings.catch_warnings():
            # a row longer than the header would be cut, with no more than a warning
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path, sep=separator, dtype={name: str for name in names if name in ids}, index_col=False,
                encoding="utf-8-sig", nrows=n_rows, on_bad_lines="error", low_memory=False,
            )  # fmt: skip
    except FileError:
        raise
    except (ValueError, OSError, csv.Error, pd.errors.ParserWarning) as error:
        raise FileError(f"{path} is not a table of text ({reason(error)}); check its separator and encoding") from error


def _check_last_row(path: Path, separator: str, n_columns: int) -> None:
    """A file that was cut off ends in a row that is too short, which pandas would fill with gaps."""
    with path.open("rb") as handle:
        handle.seek(0, 2)
        handle.seek(max(0, handle.tell() - 65536))
        last = handle.read().rstrip(b"\r\n").rpartition(b"\n")[2].decode("utf-8", "replace")
    if '"' not in last and len(last.split(separator)) < n_columns:
        raise FileError(
            f"{path} is cut off: its last row has {len(last.split(separator))} of {n_columns} columns; copy it again"
        )


def _read_parquet(path: Path, ids: tuple[str, ...], limit: int) -> pd.DataFrame:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise missing_extra("pyarrow", "tables", "reading Parquet tables") from error
    try:
        with pq.ParquetFile(path) as file:
            for field in file.schema_arrow:
                plain = pa.types.is_primitive(field.type) or pa.types.is_string(field.type)
                if not (plain or pa.types.is_large_string(field.type) or pa.types.is_dictionary(field.type)):
                    raise FileError(
                        f"{path} holds {field.type} in the column {field.name!r}; numbers or text were expected"
                    )
            claimed = max(file.metadata.num_rows, 0) * max(file.metadata.num_columns, 1) * 8
            check_claim(path, "the table", claimed, path.stat().st_size, limit=limit)
            table: pd.DataFrame = file.read().to_pandas()
    except FileError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise FileError(f"{path} is truncated or broken ({reason(error)}); copy or download it again") from error
    return table.assign(
        **{name: np.asarray([str(value) for value in table[name]], object) for name in ids if name in table}
    )
