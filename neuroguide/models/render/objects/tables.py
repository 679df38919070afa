"""Tables."""

from __future__ import annotations

import numpy as np

from neuroguide.models.render.objects.legs import four_legs
from neuroguide.models.render.shapes import Part, ball, block, drum, limb, mirrored

Parts = list[Part]


def _dining_table() -> Parts:
    return [
        block((0, 0, 0), (0.95, 0.04, 0.5), 0.8),
        block((0, -0.08, 0), (0.85, 0.05, 0.42), 0.55),
        *four_legs(0.86, 0.42, -0.68, 0, 0.05, 0.55),
    ]


def _round_table() -> Parts:
    parts = [
        drum((0, 0, 0), (0.75, 0.04, 0.75), (1, 1, 1), 0.85),
        limb((0, 0, 0), (0, -0.6, 0), (0.12, 0.07, 0.1), 0.5, 1),
    ]
    turns = 2 * np.pi * (np.arange(4) + 0.5) / 4
    return parts + [limb((0, -0.48, 0), (0.42 * np.cos(a), -0.68, 0.42 * np.sin(a)), 0.05, 0.5, 1) for a in turns]


def _coffee_table() -> Parts:
    parts = [drum((0, 0, 0), (0.95, 0.035, 0.52), (1, 1, 1), 0.9), *four_legs(0.55, 0.3, -0.36, 0, 0.045, 0.3, 0.1)]
    return [*parts, drum((0, -0.22, 0), (0.6, 0.02, 0.33), (1, 1, 1), 0.5, 1)]


def _desk() -> Parts:
    parts = [
        block((0, 0, 0), (0.9, 0.04, 0.45), 0.75),
        block((0.6, -0.36, 0), (0.26, 0.33, 0.4), 0.55),
        block((-0.85, -0.36, 0), (0.03, 0.33, 0.42), 0.55),
    ]
    parts += [block((0.6, y, 0.4), (0.22, 0.08, 0.02), 0.8) for y in (-0.14, -0.34, -0.54)]
    return parts + [ball((0.6, y, 0.44), (0.05, 0.02, 0.03), 0.1, 2) for y in (-0.14, -0.34, -0.54)]


def _trestle_table() -> Parts:
    parts = [block((0, 0, 0), (1.0, 0.035, 0.42), 0.7), limb((-0.7, -0.35, 0), (0.7, -0.35, 0), 0.035, 0.45, 1)]
    for x in (-0.7, 0.7):
        parts += mirrored(limb((x, -0.02, 0.1), (x, -0.65, 0.4), 0.04, 0.45, 1))
        parts += [limb((x, -0.4, -0.28), (x, -0.4, 0.28), 0.03, 0.45, 1)]
    return parts


def _side_table() -> Parts:
    parts = [block((0, 0.3, 0), (0.42, 0.035, 0.42), 0.8), *four_legs(0.36, 0.36, -0.75, 0.3, 0.04, 0.5)]
    parts += [block((0, 0.17, 0), (0.36, 0.1, 0.36), 0.6), block((0, -0.5, 0), (0.38, 0.025, 0.38), 0.7)]
    return [*parts, ball((0, 0.17, 0.38), 0.05, 0.1, 2)]


def _picnic_table() -> Parts:
    parts = [block((0, 0.1, z), (0.9, 0.03, 0.11), 0.75) for z in (-0.24, 0.0, 0.24)]
    parts += mirrored(block((0, -0.22, 0.72), (0.9, 0.03, 0.13), 0.75))
    for x in (-0.6, 0.6):
        parts += mirrored(limb((x, 0.08, 0.18), (x, -0.6, 0.6), 0.04, 0.5, 1))
        parts += [limb((x, -0.26, -0.75), (x, -0.26, 0.75), 0.035, 0.5, 1)]
    return parts


def _pedestal_table() -> Parts:
    parts = [block((0, 0, 0), (0.6, 0.05, 0.6), 0.9), drum((0, -0.45, 0), (0.22, 0.42, 0.22), (1.1, 0.7, 1.1), 0.6, 1)]
    return [*parts, block((0, -0.88, 0), (0.4, 0.05, 0.4), 0.6, 1), block((0, -0.09, 0), (0.42, 0.04, 0.42), 0.6, 1)]


TABLES = {
    "coffee_table": _coffee_table, "desk": _desk, "dining_table": _dining_table, "pedestal_table": _pedestal_table,
    "picnic_table": _picnic_table, "round_table": _round_table, "side_table": _side_table,
    "trestle_table": _trestle_table,
}  # fmt: skip
