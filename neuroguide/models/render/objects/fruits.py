"""Fruits."""

from __future__ import annotations

import numpy as np

from neuroguide.models.render.shapes import Part, ball, drum, limb, mirrored, turn

Parts = list[Part]


def _leaf(base: tuple[float, float, float], angle: float, size: float = 0.28) -> Part:
    axes = turn(roll=angle, yaw=30)
    return ball(np.asarray(base) + axes @ np.array([size, 0, 0]), (size, size * 0.4, size * 0.12), 0.5, 1, axes)


def _apple() -> Parts:
    parts = [ball((x, 0, z), (0.48, 0.55, 0.48), 0.7) for x, z in ((-0.17, 0.1), (0.17, 0.1), (0, -0.18))]
    parts += [ball((0, -0.1, 0), (0.55, 0.5, 0.55), 0.7), ball((0, 0.5, 0), (0.17, 0.06, 0.17), 0.25, 2)]
    return [*parts, limb((0, 0.38, 0), (0.08, 0.82, 0), 0.04, 0.25, 2), _leaf((0.05, 0.68, 0), 25)]


def _banana() -> Parts:
    angles = np.radians(np.linspace(200, 325, 7))
    points = [np.array([np.cos(a), np.sin(a), 0.0]) for a in angles]
    widths = [0.10, 0.18, 0.22, 0.22, 0.18, 0.08]
    parts = [
        limb(a - 0.06 * (b - a), b + 0.06 * (b - a), w, 0.85)
        for a, b, w in zip(points[:-1], points[1:], widths, strict=True)
    ]
    parts += [ball(p, 0.5 * (a + b), 0.85) for p, a, b in zip(points[1:-1], widths[:-1], widths[1:], strict=True)]
    return [
        *parts,
        limb(points[-1], points[-1] + np.array([0.05, 0.2, 0]), 0.06, 0.3, 2),
        ball(points[0], 0.08, 0.2, 2),
    ]


def _cherries() -> Parts:
    parts = [ball((-0.4, -0.4, 0.05), 0.33, 0.6), ball((0.38, -0.5, -0.05), 0.33, 0.55)]
    parts += [
        limb((-0.4, -0.12, 0.05), (-0.18, 0.35, 0), 0.03, 0.35, 1),
        limb((-0.18, 0.35, 0), (0.1, 0.7, 0), 0.03, 0.35, 1),
    ]
    parts += [
        limb((0.38, -0.2, -0.05), (0.3, 0.3, 0), 0.03, 0.35, 1),
        limb((0.3, 0.3, 0), (0.1, 0.7, 0), 0.03, 0.35, 1),
    ]
    return [*parts, _leaf((0.1, 0.7, 0), 10, 0.3), _leaf((0.1, 0.7, 0), 160, 0.25)]


def _grapes() -> Parts:
    rows = [(0.42, 0.42, 5), (0.12, 0.44, 6), (-0.18, 0.34, 5), (-0.46, 0.2, 3), (-0.72, 0.0, 1)]
    parts = []
    for number, (y, radius, count) in enumerate(rows):
        turns = 2 * np.pi * (np.arange(count) + 0.5 * (number % 2)) / count
        parts += [
            ball((radius * np.cos(a), y, radius * np.sin(a)), 0.22, 0.6 + 0.06 * (i % 3)) for i, a in enumerate(turns)
        ]
    return [*parts, limb((0, 0.4, 0), (0.05, 0.95, 0), 0.05, 0.3, 1), _leaf((0.02, 0.75, 0), -10, 0.3)]


def _pear() -> Parts:
    parts = [
        ball((0, -0.3, 0), (0.52, 0.48, 0.52), 0.75),
        drum((0, 0.15, 0), (0.47, 0.42, 0.47), (1.0, 0.70, 0.42), 0.75),
    ]
    return [
        *parts,
        ball((0, 0.55, 0), (0.21, 0.18, 0.21), 0.75),
        limb((0, 0.65, 0), (0.1, 0.98, 0), 0.04, 0.25, 2),
        _leaf((0.05, 0.8, 0), 15, 0.22),
    ]


def _pineapple() -> Parts:
    parts = [drum((0, -0.25, 0), (0.42, 0.6, 0.42), (0.75, 1.0, 0.75), 0.6)]
    for number, y in enumerate((-0.65, -0.4, -0.15, 0.1)):
        radius = 0.42 * (1 - 0.45 * ((y + 0.25) / 0.6) ** 2)
        turns = 2 * np.pi * (np.arange(6) + 0.5 * (number % 2)) / 6
        parts += [ball((radius * np.cos(a), y, radius * np.sin(a)), 0.09, 0.3, 2) for a in turns]
    for height, spread, count in ((0.55, 0.42, 5), (0.85, 0.2, 4)):
        turns = 2 * np.pi * np.arange(count) / count + height
        parts += [
            limb((0, 0.3, 0), (spread * np.cos(a), height + 0.15, spread * np.sin(a)), (0.09, 0.08, 0.01), 0.5, 1)
            for a in turns
        ]
    return parts


def _strawberry() -> Parts:
    parts = [
        drum((0, -0.2, 0), (0.55, 0.57, 0.55), (0.12, 0.8, 0.95), 0.55),
        ball((0, 0.37, 0), (0.524, 0.22, 0.524), 0.55),
    ]
    for number, (y, radius) in enumerate(((0.3, 0.5), (0.05, 0.47), (-0.2, 0.4), (-0.45, 0.3))):
        turns = 2 * np.pi * (np.arange(5) + 0.5 * (number % 2)) / 5
        parts += [ball((radius * np.cos(a), y, radius * np.sin(a)), 0.04, 0.95, 2) for a in turns]
    turns = 2 * np.pi * np.arange(5) / 5
    parts += [limb((0, 0.56, 0), (0.5 * np.cos(a), 0.5, 0.5 * np.sin(a)), (0.1, 0.12, 0.01), 0.4, 1) for a in turns]
    return [*parts, limb((0, 0.5, 0), (0.04, 0.85, 0), 0.04, 0.4, 1)]


def _melon_slice() -> Parts:
    rind = drum((0, -0.3, 0), (0.95, 0.36, 0.34), (0.0, 0.87, 1.0), 0.3, 1)
    flesh = drum((0, -0.24, 0), (0.84, 0.31, 0.36), (0.0, 0.87, 1.0), 0.85)
    places = ((-0.4, -0.1, 0.3), (-0.13, -0.2, 0.31), (0.13, -0.2, 0.31), (0.4, -0.1, 0.3))
    seeds = [part for place in places for part in mirrored(ball(place, (0.035, 0.06, 0.03), 0.05, 2))]
    return [rind, flesh, *seeds]


FRUITS = {
    "apple": _apple, "banana": _banana, "cherries": _cherries, "grapes": _grapes,
    "melon_slice": _melon_slice, "pear": _pear, "pineapple": _pineapple, "strawberry": _strawberry,
}  # fmt: skip
