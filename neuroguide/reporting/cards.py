"""Cards of the candidates of a search: what each is made of, what was measured, and a drawing where there is one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from neuroguide import plot
from neuroguide.nas.retraining import Retrained
from neuroguide.nas.run import SearchRun
from neuroguide.nas.spaces import Space, open_space, spaces
from neuroguide.nas.spaces.cells.cell import OUTSIDE
from neuroguide.reporting.drawing import inline
from neuroguide.reporting.page import Card, Cell, Column, Figure, Table
from neuroguide.reporting.provenance import text

#: Candidates that have a card, and a drawing, the best first.
CARDS, DRAWINGS = 100, 24

_FACTS = {
    "value": "Value (the guide's)", "P": "Accuracy (P)", "TG": "Teacher guidance (TG)", "parameters": "Parameters",
    "macs": "MACs", "flops": "FLOPs", "image_equivalents": "Cost (image-equivalents)", "seconds": "Seconds",
}  # fmt: skip


def candidate_card(
    row: Mapping[str, Any], architecture: Mapping[str, Any], measures: Mapping[str, Any], mature: Sequence[Retrained]
) -> Card:
    """The card of a candidate, without a drawing.

    Parameters
    ----------
    row : mapping
        Its row of the leaderboard.
    architecture : mapping
        As it is stored.
    measures : mapping
        What was measured; ``layer/<teacher layer>`` says which student layer was the most similar.
    mature : sequence of Retrained
        Its retrainings.
    """
    facts = [(label, _amount(row[name])) for name, label in _FACTS.items() if _known(row.get(name))]
    for name, value in measures.items():
        if name.startswith("similarity/") and not isinstance(value, str):
            teacher = name.removeprefix("similarity/")
            where = f" (in {measures[f'layer/{teacher}']})" if f"layer/{teacher}" in measures else ""
            facts.append((f"Similarity to {teacher}", f"{value:.4f}{where}"))
    if row.get("reason"):
        facts.append(("Failed", str(row["reason"])))
    for one in mature:
        said = [f"accuracy {one.result['accuracy']:.4f} (validation)", f"{one.result['test_accuracy']:.4f} (test)"]
        guided = [f"{name} {value:.4f}" for name, value in one.result["measures"].items() if name == "TG"]
        facts.append((f"Retrained on {one.result['images_seen']:,} images", ", ".join([*said, *guided])))
    rung = f", rung {int(row['rung'])}" if _known(row.get("rung")) else ""
    name = f"trial-{int(row['trial'])}"
    return Card(name, f"Trial {int(row['trial'])}{rung}", facts, architecture_tables(architecture))


def _known(value: Any) -> bool:
    return bool(pd.notna(value)) and math.isfinite(value)


def _amount(value: Any) -> str:
    whole = float(value) == int(value) and abs(value) > 1
    return f"{int(value):,}" if whole else f"{float(value):,.4f}" if abs(value) < 100 else f"{float(value):,.0f}"


def architecture_tables(architecture: Mapping[str, Any]) -> list[Table]:
    """An architecture as tables: its plain settings, its cells, and every list of blocks."""
    plain = {name: value for name, value in architecture.items() if not _is_nested(value)}
    found = []
    if plain:
        columns = [Column("Setting"), Column("Value")]
        found.append(Table("Settings", columns, [[Cell(name), Cell(text(value))] for name, value in plain.items()]))
    same = architecture.get("normal") is not None and architecture.get("normal") == architecture.get("reduction")
    for name, value in architecture.items():
        if not _is_nested(value) or (same and name == "reduction"):
            continue
        blocks = value.get("blocks") if isinstance(value, Mapping) else value
        title = "Normal and reduction cell" if same and name == "normal" else name.replace("_", " ").capitalize()
        if isinstance(value, Mapping) and isinstance(blocks, list) and all(_is_cell_block(block) for block in blocks):
            found.append(_cell_table(f"{title} (output: {value.get('concat', 'all')} blocks)", blocks))
        else:
            found += _any_table(title, value)
    return found


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value)
    )


def _is_cell_block(block: Any) -> bool:
    return isinstance(block, Mapping) and all(
        isinstance(block.get(side), Mapping) and {"input", "operation"} <= set(block[side])
        for side in ("first", "second")
    )


def _cell_table(title: str, blocks: Sequence[Mapping[str, Any]]) -> Table:
    """Blocks of two operations, in words."""

    def half(side: Mapping[str, Any]) -> Cell:
        place = int(side["input"])
        source = (
            ("the cell before the previous", "the previous cell")[place] if place < OUTSIDE else f"block {place - 1}"
        )
        return Cell(f"{side['operation']} of {source}")

    rows = [[Cell(str(i + 1)), half(block["first"]), half(block["second"])] for i, block in enumerate(blocks)]
    return Table(title, [Column("Block"), Column("One operation"), Column("added to the other")], rows)


def _any_table(title: str, value: Any) -> list[Table]:
    """A mapping as settings, a list of mappings as one row each."""
    if isinstance(value, Mapping):
        rows = [[Cell(name), Cell(text(item))] for name, item in value.items()]
        return [Table(title, [Column("Setting"), Column("Value")], rows)]
    items = [item if isinstance(item, Mapping) else {"": item} for item in value]
    names = list(dict.fromkeys(name for item in items for name in item))
    columns = [Column("Position"), *(Column(name.replace("_", " ")) for name in names)]
    rows = [[Cell(str(i + 1)), *(Cell(text(item.get(name, ""))) for name in names)] for i, item in enumerate(items)]
    return [Table(title, columns, rows)]


def own_space(run: SearchRun) -> Space[Any] | None:
    """The space of a run if it is one of ours: opening somebody's file would run it, and looking must not."""
    origin = run.settings["space"]
    return open_space(origin["space"], **origin.get("options", {})) if origin["space"] in spaces else None


def drawing(space: Space[Any], architecture: Mapping[str, Any], trial: int, image_size: int) -> Figure:
    """A candidate as its space is best seen: its cells, or the blocks of its network.

    Parameters
    ----------
    space : Space
    architecture : mapping
        As it is stored.
    trial : int
    image_size : int
        Side of the images in pixels.
    """
    drawn = plot.architecture(space.from_json(architecture), space, image_size=image_size)
    alt = f"The architecture of trial {trial} drawn; its tables say the same in words."
    return inline(drawn, f"drawing{trial}", alt)
