"""What a search found, as a table; and the table as CSV and JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuroguide._core.atomic import write_text
from neuroguide._core.options import check_option
from neuroguide.nas.halving import standing
from neuroguide.nas.samplers.nsga2 import fronts

FORMAT = 1

_FIRST = ("rank", "trial", "rung", "kind", "architecture", "value", "front", "P", "TG")
_LAST = ("parameters", "macs", "flops", "image_equivalents", "seconds", "duplicate_of", "reason")
_WHOLE = ("rank", "trial", "rung", "front", "parameters", "macs", "flops", "duplicate_of")

#: How a cell may begin that a spreadsheet would run as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def leaderboard(
    results: Mapping[int, Mapping[str, Any]],
    *,
    reference: Mapping[str, Any] | None = None,
    directions: Sequence[str] = ("maximize",),
) -> pd.DataFrame:
    """One row for each told trial, best first, and the reference network's.

    Parameters
    ----------
    results : mapping from trial number to stored result
    reference : mapping, optional
        The stored result of the reference network.
    directions : sequence of {"maximize", "minimize"}
        Of the objectives; with several, a column ``front`` counts the fronts from 0, which nothing dominates.

    Returns
    -------
    DataFrame
        ``rank`` (1 is best; equal values share the better rank; higher rungs come before lower ones), ``trial``,
        ``rung`` (of a search with halving, from 0), ``kind`` (``candidate``, ``duplicate`` or
        ``reference``), ``architecture`` (JSON), ``value`` (the guide's), ``P``, ``TG``, ``similarity/<teacher layer>``,
        ``parameters``, ``macs`` and ``flops`` of one image's forward pass, ``image_equivalents`` and ``seconds`` that
        the evaluation took (none for a duplicate, which is answered from the store), ``duplicate_of`` and ``reason``
        (empty unless the candidate is worth nothing).
    """
    rows = [_row(result, number) for number, result in sorted(results.items())]
    if rows:
        _rank(rows, [result for _, result in sorted(results.items())], directions)
    if reference is not None:
        rows.append({**_row(reference, None), "kind": "reference"})
    measures = sorted({name for row in rows for name in row if name not in _FIRST and name not in _LAST})
    absent = {"front": len(directions) == 1, "rung": all("rung" not in result for result in results.values())}
    columns = [name for name in _FIRST if not absent.get(name)] + measures + list(_LAST)
    table = pd.DataFrame(rows, columns=columns)
    for name in columns:
        if name in _WHOLE:
            table[name] = table[name].astype("Int64")
        elif name not in ("kind", "architecture", "reason"):
            table[name] = pd.to_numeric(table[name], errors="coerce").astype("float64")
    table["reason"] = table["reason"].fillna("")
    # the reference, which has no rank, comes last
    return table.sort_values(["rank", "trial"], kind="stable", na_position="last").reset_index(drop=True)


def export(table: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a leaderboard as ``.csv`` or ``.json``, by the name of the file.

    Text that a spreadsheet would take for a formula is written with an apostrophe in front (CSV only).

    Raises
    ------
    OptionError
        If the file has another ending.
    FileError
        If it cannot be written.
    """
    target = Path(path)
    check_option("ending of a leaderboard file", target.suffix.lower(), (".csv", ".json"))
    return write_text(target, to_csv(table) if target.suffix.lower() == ".csv" else to_json(table))


def to_csv(table: pd.DataFrame) -> str:
    """The leaderboard as CSV; numbers read back as the same numbers."""
    safe = table.copy()
    for name in ("kind", "architecture", "reason"):
        safe[name] = [_harmless(cell) for cell in table[name]]
    safe.columns = pd.Index([_harmless(name) for name in table.columns])
    safe = safe.assign(simulated=int(table.attrs.get("simulated", 0)))
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def to_json(table: pd.DataFrame) -> str:
    """The leaderboard as JSON: ``{"format": 1, "simulated": 0, "rows": [...]}``; missing numbers are null.

    Architectures are objects; ``simulated`` is 1 where the data behind the guide are.
    """
    rows = [{name: _plain(cell) for name, cell in row.items()} for row in table.to_dict("records")]
    for row in rows:
        row["architecture"] = json.loads(str(row["architecture"]))
    simulated = int(table.attrs.get("simulated", 0))
    return json.dumps({"format": FORMAT, "simulated": simulated, "rows": rows}, indent=1, allow_nan=False) + "\n"


def _row(result: Mapping[str, Any], number: int | None) -> dict[str, Any]:
    compact = json.dumps(result["architecture"], sort_keys=True, separators=(",", ":"))
    measures = {name: value for name, value in result["measures"].items() if not isinstance(value, str)}
    known = {name: result.get(name) for name in ("value", *_LAST)}
    kind = "duplicate" if "duplicate_of" in result else "candidate"
    return {**measures, **known, "trial": number, "rung": result.get("rung"), "kind": kind, "architecture": compact}


def _rank(rows: list[dict[str, Any]], results: Sequence[Mapping[str, Any]], directions: Sequence[str]) -> None:
    standings = [standing(result) for result in results]
    # duplicates take no place of their own
    candidates = zip(standings, rows, strict=True)
    distinct = sorted((level for level, row in candidates if row["kind"] == "candidate"), reverse=True)
    place: dict[tuple[bool, int, float], int] = {}
    for i, level in enumerate(distinct):
        place.setdefault(level, i + 1)
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]
    values = np.array([result["values"] for result in results], dtype=float) * signs
    front = fronts(values) if len(directions) > 1 else np.zeros(len(rows))
    for row, level, number in zip(rows, standings, front, strict=True):
        row["rank"] = place[level]
        row["front"] = int(number)


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _plain(cell: Any) -> Any:
    if cell is pd.NA or cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return None
    return cell.item() if isinstance(cell, np.generic) else cell
