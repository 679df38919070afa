"""What the commands print: tables, JSON, progress bars, sentences."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from neuroguide._core.text import printable

#: Columns of a table that goes into a file or pipe, where nothing is known of a terminal.
_PIPE_WIDTH = 160


class _Printer(Console):
    """A console that shows names from files as text, whatever they hold."""

    def print(self, *objects: Any, **options: Any) -> None:
        """See :meth:`rich.console.Console.print`."""
        super().print(*(printable(part, lines=True) if isinstance(part, str) else part for part in objects), **options)


#: Results go to stdout, everything else to stderr, so that ``--json`` can be piped.
out = _Printer(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = _Printer(stderr=True, highlight=False, soft_wrap=True)


class ProgressCallback(Protocol):
    """Called with how much is done, of how much, of what, and optionally with what to say beside it."""

    def __call__(self, done: int, total: int, what: str, detail: str = "") -> None: ...


def error(sentence: str) -> None:
    """One sentence on stderr."""
    err.print("error:", sentence, style="bold red", markup=False)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    """Our warnings as a sentence; anybody else's as Python shows them."""
    from neuroguide._core.errors import NeuroguideWarning

    if issubclass(category, NeuroguideWarning):
        err.print("note:", str(message), style="yellow", markup=False)
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "") -> None:
    """A table on stdout; numbers are aligned to the right, and names in the first column are never broken."""
    table = Table(title=_cell(title), title_justify="left")
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) or row[index] in ("", "–") for row in rows)
        table.add_column(_cell(name), justify="right" if numeric else "left", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    out.print(table)
    if caption:
        out.print(caption, markup=False)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """JSON on stdout, NaN as null."""
    sys.stdout.write(json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _cell(value: object) -> Text:
    """Text as it is: a name in brackets is no markup, and one with a terminal's commands is not obeyed."""
    if isinstance(value, float):
        return Text("–" if value != value else f"{value:.3f}")
    return Text(printable(str(value), lines=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


@contextmanager
def progress(quiet: bool = False) -> Iterator[ProgressCallback]:
    """A progress bar on stderr that appears with the first call and counts whatever the callback reports."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(), TimeRemainingColumn(), console=err, transient=True, disable=quiet,
    )  # fmt: skip
    tasks: dict[str, Any] = {}

    def report(done: int, total: int, what: str, detail: str = "") -> None:
        if not tasks:
            bar.start()
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total, description=what + detail)

    try:
        yield report
    finally:
        # a bar that was never started would leave an empty line
        if tasks:
            bar.stop()
