"""Legs, of chairs and of tables."""

from __future__ import annotations

from neuroguide.models.render.shapes import Part, limb


def four_legs(
    x: float, z: float, foot: float, top: float, radius: float, value: float, splay: float = 0.0
) -> list[Part]:
    """Four legs under a seat or a table."""
    return [
        limb((sx * x, top, sz * z), (sx * (x + splay), foot, sz * (z + splay)), radius, value, 1)
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]
