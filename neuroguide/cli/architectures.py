"""Looking at a network block by block."""

from __future__ import annotations

from pathlib import Path

from neuroguide.cli import _output


def inspect_architecture(text: str, *, size: int | None, picture: Path | None, json: bool) -> None:
    """Print and draw the blocks of a network, which are vital, and what each costs."""
    from neuroguide.nas.vital import hourglass_note, vital_blocks
    from neuroguide.nas.vital.opening import open_architecture

    if picture is not None:
        from neuroguide._core.atomic import check_target

        check_target(picture)
    opened = open_architecture(text, image_size=size)
    blocks = vital_blocks(opened.network, opened.image_size)
    note = hourglass_note(blocks)
    if picture is not None:
        from neuroguide import plot

        title = f"{opened.name}, {opened.image_size} px"
        plot.save(plot.hourglass(blocks, operations=opened.operations, title=title), picture)
    rows = [
        {
            "block": block.name,
            "vital": block.vital,
            "operation": opened.operations.get(block.name, ""),
            "output": "x".join(map(str, block.shape)),
            "parameters": block.cost.parameters,
            "macs": block.cost.macs,
            "flops": block.cost.flops,
        }
        for block in blocks
    ]
    if json:
        _output.print_json({"name": opened.name, "image_size": opened.image_size, "note": note, "blocks": rows})
        return
    names = ["block", "vital", "output", "parameters", "million MACs", "million FLOPs"]
    if opened.operations:
        names.insert(2, "operation")
    table = [
        {**row, "vital": "yes" if row["vital"] else "-", "million MACs": block.cost.macs / 1e6}
        | {"million FLOPs": block.cost.flops / 1e6}
        for row, block in zip(rows, blocks, strict=True)
    ]
    vital = [block for block in blocks if block.vital]
    total = sum(block.cost.macs for block in blocks)
    share = 100 * sum(block.cost.macs for block in vital) / (total or 1)
    caption = (
        f"{len(vital)} of {len(blocks)} blocks are vital: every path crosses them, {share:.0f}% of the MACs. In all "
        f"{sum(block.cost.parameters for block in blocks) / 1e6:.2f} M parameters, {total / 1e6:.1f} million MACs, "
        f"{sum(block.cost.flops for block in blocks) / 1e6:.1f} million FLOPs for one image."
    )
    _output.print_table(
        f"{opened.name}, {opened.image_size} px",
        names,
        [[row[name] for name in names] for row in table],
        caption=caption if note is None else f"{caption} Note: {note}.",
    )
