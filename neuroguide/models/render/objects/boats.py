"""Boats."""

from __future__ import annotations

from neuroguide.models.render.shapes import Part, ball, block, drum, limb, turn

Parts = list[Part]


def _hull(length: float, height: float, width: float, value: float, tint: int = 0) -> Part:
    """The lower half of an ellipsoid, flat deck on top."""
    return drum((0, -height, 0), (length, height, width), (0.0, 0.87, 1.0), value, tint)


def _sailing_boat() -> Parts:
    parts = [_hull(0.75, 0.14, 0.24, 0.75), limb((0.05, 0, 0), (0.05, 1.35, 0), 0.025, 0.3, 2)]
    parts += [block((-0.30, 0.70, 0), (0.32, 0.58, 0.012), 0.95, 2, top=(-1, 1, 1))]
    return [*parts, block((0.36, 0.6, 0), (0.27, 0.52, 0.012), 0.85, 1, top=(1, -1, 1))]


def _schooner() -> Parts:
    parts = [_hull(1.0, 0.15, 0.22, 0.35), limb((0.9, 0, 0), (1.3, 0.14, 0), 0.02, 0.3, 2)]
    for x, height in ((-0.5, 0.9), (0.05, 1.1), (0.55, 0.9)):
        parts += [limb((x, 0, 0), (x, height, 0), 0.022, 0.3, 2)]
        parts += [block((x + 0.02, height * 0.40, 0.03), (0.24, height * 0.22, 0.02), 0.9, 2, top=(0.8, 0.8, 1))]
        parts += [block((x + 0.02, height * 0.79, 0.03), (0.19, height * 0.13, 0.02), 0.9, 2, top=(0.75, 0.75, 1))]
    return parts


def _liner() -> Parts:
    parts = [
        _hull(1.0, 0.22, 0.2, 0.25),
        block((0, 0.07, 0), (0.68, 0.08, 0.15), 0.95, 2),
        block((-0.03, 0.2, 0), (0.52, 0.06, 0.13), 0.9, 2),
    ]
    parts += [limb((x, 0.24, 0), (x - 0.03, 0.52, 0), 0.065, 0.55, 1) for x in (-0.3, 0.0, 0.3)]
    parts += [limb((x, 0.5, 0), (x - 0.005, 0.55, 0), 0.068, 0.1, 2) for x in (-0.33, -0.03, 0.27)]
    return [*parts, limb((0.72, 0, 0), (0.72, 0.5, 0), 0.015, 0.4, 2)]


def _tug() -> Parts:
    parts = [_hull(0.72, 0.26, 0.3, 0.5), drum((0, 0.02, 0), (0.74, 0.05, 0.31), (1, 1, 1), 0.1, 2)]
    parts += [
        block((0.12, 0.25, 0), (0.26, 0.2, 0.2), 0.9, 2),
        block((0.14, 0.55, 0), (0.19, 0.12, 0.16), 0.75, 1, top=(1.1, 1.1, 1.1)),
    ]
    parts += [block((0.14, 0.56, 0), (0.2, 0.05, 0.17), 0.08, 2), limb((-0.28, 0.05, 0), (-0.28, 0.7, 0), 0.11, 0.6, 1)]
    return [*parts, limb((-0.28, 0.66, 0), (-0.28, 0.74, 0), 0.115, 0.08, 2)]


def _motor_boat() -> Parts:
    parts = [block((-0.1, -0.1, 0), (0.6, 0.13, 0.25), 0.85, 0, top=(1.02, 1.5, 1.15))]
    parts += [
        block((0.55, 0.03, 0), (0.3, 0.03, 0.2), 0.9, 2, top=(1, 1, 0.8)),
        block((0.12, 0.14, 0), (0.14, 0.11, 0.22), 0.15, 2, top=(1, 0.1, 0.85)),
    ]
    parts += [
        block((-0.35, 0.06, 0), (0.2, 0.06, 0.2), 0.4, 1),
        block((-0.10, -0.14, 0), (0.62, 0.03, 0.265), 0.3, 1, top=(1, 1.08, 1.03)),
    ]
    return [
        *parts,
        block((-0.8, 0.04, 0), (0.09, 0.15, 0.09), 0.15, 2),
        limb((-0.8, -0.1, 0), (-0.82, -0.36, 0), 0.04, 0.3, 2),
    ]


def _canoe() -> Parts:
    parts = [_hull(1.0, 0.2, 0.2, 0.6), drum((0, 0.0, 0), (0.93, 0.02, 0.16), (1, 1, 1), 0.15, 2)]
    parts += [block((s * 0.92, 0.06, 0), (0.08, 0.1, 0.02), 0.6, 0) for s in (-1, 1)]
    parts += [block((x, 0.03, 0), (0.05, 0.015, 0.17), 0.8, 1) for x in (-0.4, 0.35)]
    parts += [limb((-0.35, 0.5, -0.1), (0.25, -0.15, 0.42), 0.022, 0.75, 1)]
    return [*parts, ball((0.31, -0.24, 0.5), (0.07, 0.15, 0.1), 0.75, 1, turn(pitch=-40, roll=-30))]


def _container_ship() -> Parts:
    parts = [
        block((0, -0.12, 0), (0.85, 0.15, 0.2), 0.35, 0, top=(1.03, 1.2, 1.1)),
        block((-0.72, 0.3, 0), (0.11, 0.27, 0.19), 0.95, 2),
    ]
    parts += [
        block((-0.72, 0.48, 0), (0.12, 0.03, 0.25), 0.2, 2),
        limb((-0.84, 0.1, 0), (-0.84, 0.62, 0), 0.05, 0.5, 1),
    ]
    stacks = [(-0.42, 0.3, 0.8), (-0.12, 0.22, 0.45), (0.18, 0.3, 0.65), (0.48, 0.15, 0.9), (0.74, 0.1, 0.5)]
    return parts + [
        block((x, 0.03 + h / 2 * 1.0, 0), (0.13, h / 2, 0.19), v, i % 2) for i, (x, h, v) in enumerate(stacks)
    ]


def _catamaran() -> Parts:
    parts: Parts = []
    for side in (-0.42, 0.42):
        parts += [limb((-0.8, -0.1, side), (0.85, -0.06, side), (0.07, 0.12, 0.02), 0.9)]
    parts += [block((-0.05, 0.0, 0), (0.38, 0.03, 0.4), 0.4, 1), limb((0.15, 0, 0), (0.15, 1.45, 0), 0.022, 0.3, 2)]
    parts += [block((-0.18, 0.78, 0), (0.30, 0.66, 0.012), 0.75, 0, top=(0.1, 1, 1))]
    return [
        *parts,
        block((0.44, 0.55, 0), (0.25, 0.5, 0.012), 0.95, 2, top=(1, -1, 1)),
        limb((-0.48, 0.12, 0), (0.15, 0.12, 0), 0.02, 0.3, 2),
    ]


BOATS = {
    "canoe": _canoe, "catamaran": _catamaran, "container_ship": _container_ship, "liner": _liner,
    "motor_boat": _motor_boat, "sailing_boat": _sailing_boat, "schooner": _schooner, "tug": _tug,
}  # fmt: skip
