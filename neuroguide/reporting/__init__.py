"""One self-contained HTML page about scores or a search: opens from disk and by mail, asks no server for anything."""

from neuroguide.reporting.writing import report

__all__ = ["report"]
