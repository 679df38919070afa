"""Every table and figure of docs/evidence.md, from the pool files, in under five minutes.

    python benchmarks/evidence.py            # rewrites the tables in docs/evidence.md and docs/images/evidence_*.png
    python benchmarks/evidence.py --print    # prints the tables and writes nothing

Pools may be unfinished: whatever is trained is used, and the tables say how much that is. docs/evidence-plan.md says
what was fixed beforehand.
"""

from __future__ import annotations

import argparse
import re
import time

import evidence_beyond
import evidence_figures
import evidence_halving
import evidence_real
import evidence_searches
import evidence_tables as tables_of
from evidence_pool import HERE, LEAST, Table
from evidence_tables import BRAIN, HEADLINE

from neuroguide._core.atomic import write_text
from neuroguide.nas.pools import pool_names

DOCS = HERE.parent / "docs"
POOLS = ("macro", "cells", "macro-wide")
GUIDES = (
    ("P + TG(V4, IT)", HEADLINE),
    ("P + TG(IT)", "P + TG(monkey IT)"),
    ("P + TG(V4)", "P + TG(V4)"),
    ("TG(V4, IT)", BRAIN),
)


def opened() -> dict[str, Table]:
    """The pools that hold something."""
    found = {name: Table.open(name) for name in POOLS if f"cifar10-{name}" in pool_names()}
    return {name: table for name, table in found.items() if len(table.rows)}


def blocks(everything: dict[str, Table]) -> dict[str, str]:
    """Every table by its name in docs/evidence.md; pools of too few networks are only counted."""
    counted = {"pools": tables_of.pools(everything)}
    tables = {name: table for name, table in everything.items() if len(table.rows) >= LEAST}
    if "macro" not in tables:
        return counted
    macro = tables["macro"]
    best, proxy = tables_of.best_baseline(macro), tables_of.best_baseline(macro, tables_of.PROXIES)
    found = counted | {
        "primary": tables_of.primary(tables),
        "directions": tables_of.directions(tables),
        "secondary": tables_of.secondary(tables, best),
        "nulls": tables_of.nulls(macro),
        "smaller": tables_of.smaller_teachers(macro),
        "longer": tables_of.longer(macro),
        "beyond": evidence_beyond.report(tables, list(dict.fromkeys((best, proxy)))),
        "halving": evidence_halving.report(tables, ("auto",)),
        "searches": evidence_searches.report(tables),
        "real searches": evidence_real.report(),
    }
    for name, table in tables.items():
        found[f"everything {name}"] = tables_of.everything(table)
        found[f"efficiency {name}"] = tables_of.efficiencies(table, [*GUIDES, (f"P & {best}", f"P & {best}")])
        found[f"images {name}"] = tables_of.by_images(table, [("P", "P"), *GUIDES, (proxy, proxy)])
    return found


def fill(text: str, found: dict[str, str]) -> str:
    """The page with every ``<!-- table: NAME -->`` followed by its table; what cannot be made yet says so."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- table: {name} -->\n{found.get(name, 'Not enough networks yet.')}\n<!-- end -->"

    return re.sub(r"<!-- table: (?P<name>[^>]+?) -->.*?<!-- end -->", block, text, flags=re.DOTALL)


def main() -> None:
    """Make everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--print", action="store_true", dest="show")
    arguments = parser.parse_args()
    started = time.perf_counter()
    tables = opened()
    found = blocks(tables)
    if arguments.show:
        for name, text in found.items():
            print(f"\n## {name}\n\n{text}")
    else:
        page = DOCS / "evidence.md"
        write_text(page, fill(page.read_text(encoding="utf-8"), found))
        if "primary" in found:
            evidence_figures.draw({n: t for n, t in tables.items() if f"images {n}" in found}, DOCS / "images")
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
