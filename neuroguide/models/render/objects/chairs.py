"""Chairs."""

from __future__ import annotations

import numpy as np

from neuroguide.models.render.objects.legs import four_legs
from neuroguide.models.render.shapes import Part, ball, block, drum, limb, mirrored, turn

Parts = list[Part]


def _dining_chair() -> Parts:
    parts = [block((0, 0, 0), (0.36, 0.05, 0.36), 0.75), *four_legs(0.3, 0.3, -0.7, 0, 0.045, 0.45)]
    parts += mirrored(limb((-0.32, 0, 0.3), (-0.42, 0.9, 0.3), 0.04, 0.45, 1))
    return parts + [block((-0.34 - 0.11 * y, y, 0), (0.03, 0.07, 0.3), 0.75) for y in (0.3, 0.55, 0.8)]


def _armchair() -> Parts:
    parts = [
        block((0.05, -0.1, 0), (0.42, 0.17, 0.38), 0.75),
        block((-0.44, 0.2, 0), (0.14, 0.5, 0.5), 0.65, 0, rotation=turn(roll=8)),
    ]
    parts += [block((0.02, 0.0, s * 0.5), (0.46, 0.26, 0.12), 0.55) for s in (-1, 1)]
    parts += [limb((-0.42, 0.27, s * 0.5), (0.46, 0.27, s * 0.5), 0.125, 0.55) for s in (-1, 1)]
    return [*parts, ball((0.08, 0.1, 0), (0.38, 0.1, 0.36), 0.85), *four_legs(0.34, 0.45, -0.42, -0.2, 0.05, 0.2)]


def _stool() -> Parts:
    parts = [drum((0, 0.3, 0), (0.36, 0.06, 0.36), (1, 1, 1), 0.8), *four_legs(0.2, 0.2, -0.85, 0.28, 0.04, 0.5, 0.12)]
    parts += [limb((s * 0.28, -0.4, -0.28), (s * 0.28, -0.4, 0.28), 0.025, 0.5, 1) for s in (-1, 1)]
    parts += [limb((-0.28, -0.4, s * 0.28), (0.28, -0.4, s * 0.28), 0.025, 0.5, 1) for s in (-1, 1)]
    return [
        *parts,
        limb((-0.28, 0.3, 0), (-0.33, 0.65, 0), 0.035, 0.5, 1),
        block((-0.33, 0.66, 0), (0.03, 0.1, 0.3), 0.8),
    ]


def _office_chair() -> Parts:
    parts = [ball((0, 0, 0), (0.4, 0.1, 0.4), 0.4), ball((-0.4, 0.6, 0), (0.08, 0.46, 0.34), 0.4, 0, turn(roll=6))]
    parts += [limb((-0.3, 0, 0), (-0.44, 0.4, 0), 0.05, 0.15, 2), limb((0, -0.05, 0), (0, -0.55, 0), 0.055, 0.7, 2)]
    turns = 2 * np.pi * np.arange(5) / 5
    parts += [limb((0, -0.55, 0), (0.42 * np.cos(a), -0.66, 0.42 * np.sin(a)), 0.04, 0.15, 2) for a in turns]
    parts += [ball((0.42 * np.cos(a), -0.72, 0.42 * np.sin(a)), 0.07, 0.1, 2) for a in turns]
    parts += mirrored(limb((-0.25, 0.28, 0.42), (0.25, 0.28, 0.42), 0.045, 0.15, 2))
    return parts + list(mirrored(limb((0, 0.0, 0.38), (0, 0.28, 0.42), 0.03, 0.15, 2)))


def _lounger() -> Parts:
    parts = [block((0.25, -0.05, 0), (0.55, 0.05, 0.33), 0.85, rotation=turn(roll=6))]
    parts += [block((-0.55, 0.25, 0), (0.5, 0.05, 0.33), 0.8, rotation=turn(roll=-48))]
    parts += mirrored(limb((0.85, 0.0, 0.34), (-0.35, -0.12, 0.34), 0.035, 0.3, 1))
    parts += mirrored(limb((0.5, 0.02, 0.34), (-0.3, -0.55, 0.34), 0.035, 0.3, 1))
    parts += mirrored(limb((-0.45, 0.05, 0.34), (0.35, -0.55, 0.34), 0.035, 0.3, 1))
    return [*parts, ball((-0.8, 0.58, 0), (0.1, 0.13, 0.26), 0.95, 2, turn(roll=-48))]


def _throne() -> Parts:
    parts = [
        block((0, -0.3, 0), (0.36, 0.32, 0.38), 0.55),
        block((-0.36, 0.45, 0), (0.08, 0.62, 0.4), 0.6, 0, top=(1, 1, 0.75)),
    ]
    parts += [ball((0.05, 0.04, 0), (0.3, 0.08, 0.3), 0.8, 1), block((-0.27, 0.5, 0), (0.02, 0.4, 0.24), 0.8, 1)]
    parts += mirrored(block((0, 0.16, 0.38), (0.38, 0.05, 0.07), 0.35, 0))
    parts += mirrored(block((0.3, -0.02, 0.38), (0.05, 0.16, 0.05), 0.35, 0))
    return [*parts, *mirrored(ball((-0.36, 1.08, 0.28), 0.1, 0.9, 2)), ball((-0.36, 1.16, 0), 0.12, 0.9, 2)]


def _shell_chair() -> Parts:
    parts = [
        drum((0.0, 0.05, 0), (0.46, 0.16, 0.46), (0.5, 0.9, 1.0), 0.9),
        ball((0.04, 0.2, 0), (0.38, 0.06, 0.38), 0.55, 1),
    ]
    parts += [
        ball((-0.42, 0.45, 0), (0.1, 0.42, 0.42), 0.9, 0, turn(roll=12)),
        limb((0, -0.1, 0), (0, -0.6, 0), (0.12, 0.05, 0.1), 0.85, 2),
    ]
    return [*parts, drum((0, -0.64, 0), (0.36, 0.05, 0.36), (1.0, 0.8, 0.4), 0.85, 2)]


def _rocking_chair() -> Parts:
    parts = [
        block((0, 0, 0), (0.36, 0.04, 0.34), 0.6),
        *mirrored(limb((-0.32, -0.5, 0.32), (-0.48, 0.95, 0.32), 0.04, 0.4, 1)),
    ]
    parts += mirrored(limb((0.32, -0.55, 0.32), (0.32, 0.3, 0.32), 0.04, 0.4, 1))
    parts += mirrored(limb((-0.4, 0.3, 0.33), (0.42, 0.3, 0.33), 0.04, 0.4, 1))
    parts += [limb((-0.36, 0.05, z), (-0.47, 0.85, z), 0.025, 0.6) for z in (-0.2, -0.07, 0.07, 0.2)]
    parts += [block((-0.48, 0.9, 0), (0.03, 0.09, 0.34), 0.6)]
    for a, b in (((-0.85, -0.45), (-0.4, -0.62)), ((-0.4, -0.62), (0.4, -0.62)), ((0.4, -0.62), (0.75, -0.48))):
        parts += mirrored(limb((*a, 0.32), (*b, 0.32), 0.04, 0.3, 1))
    return parts


CHAIRS = {
    "armchair": _armchair, "dining_chair": _dining_chair, "lounger": _lounger, "office_chair": _office_chair,
    "rocking_chair": _rocking_chair, "shell_chair": _shell_chair, "stool": _stool, "throne": _throne,
}  # fmt: skip
