"""The table of a stimulus set: which id is which file, and everything else that is known of each stimulus."""

from __future__ import annotations

import csv
import io
import warnings
from dataclasses import dataclass

import pandas as pd

from neuroguide._core.errors import FileError
from neuroguide._core.paths import check_relative

#: Columns that may hold the ids, the first one found counts.
ID_COLUMNS = ("stimulus_id", "image_id")

#: Columns that may hold the files, the first one found counts.
FILE_COLUMNS = ("filename", "file_name", "image_file_name", "path", "file")

#: What counts as a missing value, in columns other than these.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>")

#: Largest table accepted.
MAX_TABLE_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class StimulusTable:
    """A table that was read and checked.

    Parameters
    ----------
    metadata : DataFrame
        One row a stimulus, with a column ``stimulus_id`` of text.
    files : list of str, or None
        Safe relative paths, one a row; None if the table has no column of files.
    """

    metadata: pd.DataFrame
    files: list[str] | None


def read_table(data: bytes, *, name: str) -> StimulusTable:
    """Read a table of stimuli.

    The rule: a CSV file in UTF-8 with a header; one row a stimulus; a column ``stimulus_id`` (or ``image_id``) of
    unique ids, taken as text; the file of each image, relative to the folder or zip, in a column ``filename`` (or
    ``file_name``, ``image_file_name``, ``path``, ``file``); any other columns. This is Brain-Score's layout.

    Parameters
    ----------
    data : bytes
        The content of the CSV file.
    name : str
        Its name, for errors.

    Raises
    ------
    FileError
        If it is no such table, or a file's path leads out of its folder.
    """
    if len(data) > MAX_TABLE_BYTES:
        raise FileError(f"{name} has {len(data):,} bytes, more than the {MAX_TABLE_BYTES:,} accepted for a table")
    try:
        content = data.decode("utf-8-sig")
        header = next(csv.reader(io.StringIO(content)), [])
        id_column = next((column for column in ID_COLUMNS if column in header), None)
        file_column = next((column for column in FILE_COLUMNS if column in header), None)
        if id_column is None:
            raise FileError(
                f"{name} has no column {' or '.join(ID_COLUMNS)}; its columns are {', '.join(header[:20]) or 'none'}"
            )
        # ids and files as text, or 007 becomes 7 and an id "NA" goes missing
        as_text = {column: str for column in (*ID_COLUMNS, file_column) if column in header}
        missing = {column: MISSING for column in header if column not in as_text}
        with warnings.catch_warnings():
            # a row longer than the header would be cut, with no more than a warning
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(content), dtype=as_text, na_values=missing, keep_default_na=False, index_col=False
            )
    except UnicodeDecodeError as error:
        raise FileError(f"{name} is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from error
    except (pd.errors.ParserWarning, csv.Error, ValueError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{name} cannot be read as a CSV table: {str(error).strip()}") from error
    if table.empty:
        raise FileError(f"{name} has a header but no rows")
    table = table.assign(stimulus_id=table[id_column])
    files = None if file_column is None else [str(file) for file in table[file_column]]
    for row, file in enumerate(files or [], start=1):
        check_relative(file, source=f"row {row} of {name}")
    return StimulusTable(table, files)
