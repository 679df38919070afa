"""Animals: a four-legged body plan with eight sets of proportions and extras."""

from __future__ import annotations

import numpy as np

from neuroguide.models.render.shapes import Array, Part, ball, drum, limb, mirrored, turn

Parts = list[Part]


def quadruped(
    *,
    body: tuple[float, float, float],
    leg: tuple[float, float],
    neck: tuple[float, float, float],
    head: tuple[float, float],
    snout: tuple[float, float],
    ear: tuple[float, float, float],
    tail: tuple[float, float, float],
    coat: tuple[float, float] = (0.75, 0.45),
) -> Parts:
    """An animal on four legs, heading to the right.

    Parameters
    ----------
    body : tuple
        Half-length, half-height, half-width.
    leg : tuple
        Length and radius.
    neck : tuple
        Length, angle above the horizontal (degrees), radius.
    head : tuple
        Half-length and half-height.
    snout : tuple
        Length and radius.
    ear : tuple
        Half-height, half-width, angle from the vertical (degrees).
    tail : tuple
        Length, angle above the horizontal (degrees), radius.
    coat : tuple
        Reflectance of the body and of the feet, snout and ears.
    """
    length, height, width = body
    light, dark = coat

    def point(x: float, y: float, z: float = 0.0) -> Array:
        return np.array([x, y, z])

    angle, rise = np.radians(neck[1]), np.radians(tail[1])
    shoulder = point(0.75 * length, 0.35 * height)
    along_neck = neck[0] * point(np.cos(angle), np.sin(angle))
    nape = shoulder + along_neck
    face = nape + point(0.5 * head[0], 0)
    nostrils = face + point(head[0] + 0.6 * snout[0], -0.35 * head[1])
    ear_base = face + point(-0.25 * head[0], 0.8 * head[1] + 0.4 * ear[0] * np.cos(np.radians(ear[2])), 0.6 * head[1])
    eye = face + point(0.55 * head[0], 0.35 * head[1], 0.62 * head[1])
    rump = point(-0.92 * length, 0.3 * height)
    tip = rump + tail[0] * point(-np.cos(rise), np.sin(rise))
    parts = [
        ball((0, 0, 0), body, light),
        limb(shoulder - 0.3 * along_neck, nape, (1.4 * neck[2], 1.1 * neck[2], neck[2]), light),
        ball(face, (head[0], head[1], 0.9 * head[1]), light),
        limb(face + point(0.3 * head[0], -0.2 * head[1]), nostrils, (1.2 * snout[1], 1.1 * snout[1], snout[1]), dark),
        *mirrored(ball(ear_base, (0.5 * ear[1], ear[0], ear[1]), dark, rotation=turn(pitch=ear[2]))),
        *mirrored(ball(eye, 0.16 * head[1] + 0.02, 0.05, 2)),
        limb(rump, tip, (tail[2], tail[2], 0.6 * tail[2]), dark),
    ]
    for x in (-0.68 * length, 0.62 * length):
        hip, foot = point(x, -0.2 * height, 0.6 * width), point(x, -height - leg[0], 0.6 * width)
        parts += mirrored(limb(hip, foot, (1.25 * leg[1], leg[1], 0.9 * leg[1]), dark))
    return parts


def _bear() -> Parts:
    return quadruped(
        body=(0.62, 0.40, 0.36), leg=(0.22, 0.15), neck=(0.2, 25, 0.22), head=(0.26, 0.25), snout=(0.16, 0.11),
        ear=(0.10, 0.09, 20), tail=(0.08, 30, 0.06), coat=(0.5, 0.42),
    )  # fmt: skip


def _cow() -> Parts:
    parts = quadruped(
        body=(0.70, 0.33, 0.28), leg=(0.36, 0.07), neck=(0.25, 30, 0.15), head=(0.24, 0.15), snout=(0.2, 0.11),
        ear=(0.06, 0.12, 80), tail=(0.5, -70, 0.03), coat=(0.9, 0.6),
    )  # fmt: skip
    parts += [
        ball((-0.25, 0.12, 0.0), (0.26, 0.24, 0.30), 0.15, 2),
        ball((0.3, -0.05, 0.0), (0.18, 0.2, 0.31), 0.15, 2),
    ]
    parts.append(drum((-0.3, -0.33, 0.0), (0.13, 0.1, 0.13), (0.6, 1.0, 0.8), 0.8, 1))
    return parts + list(mirrored(limb((0.82, 0.42, 0.08), (0.86, 0.62, 0.2), (0.035, 0.03, 0.01), 0.85, 2)))


def _dog() -> Parts:
    return quadruped(
        body=(0.55, 0.20, 0.18), leg=(0.36, 0.06), neck=(0.28, 50, 0.11), head=(0.2, 0.15), snout=(0.22, 0.075),
        ear=(0.15, 0.09, 150), tail=(0.4, 50, 0.035), coat=(0.7, 0.5),
    )  # fmt: skip


def _elephant() -> Parts:
    parts = quadruped(
        body=(0.65, 0.46, 0.42), leg=(0.34, 0.14), neck=(0.14, 25, 0.26), head=(0.26, 0.3), snout=(0.08, 0.12),
        ear=(0.02, 0.02, 0), tail=(0.4, -65, 0.03), coat=(0.55, 0.5),
    )  # fmt: skip
    parts += mirrored(ball((0.70, 0.22, 0.34), (0.23, 0.34, 0.05), 0.42, 0, turn(yaw=-35)))
    trunk = [(1.1, 0.15, 0), (1.26, -0.15, 0), (1.28, -0.5, 0), (1.42, -0.72, 0)]
    widths = [(0.13, 0.12, 0.10), (0.10, 0.09, 0.08), (0.08, 0.07, 0.06)]
    parts += [limb(a, b, w, 0.5) for a, b, w in zip(trunk[:-1], trunk[1:], widths, strict=True)]
    return parts + list(mirrored(limb((1.08, 0.0, 0.13), (1.36, -0.2, 0.17), (0.04, 0.035, 0.01), 0.95, 2)))


def _giraffe() -> Parts:
    parts = quadruped(
        body=(0.42, 0.21, 0.17), leg=(0.62, 0.05), neck=(0.85, 66, 0.09), head=(0.14, 0.10), snout=(0.16, 0.065),
        ear=(0.10, 0.05, 50), tail=(0.4, -70, 0.025), coat=(0.85, 0.65),
    )  # fmt: skip
    spots = [(-0.2, 0.04), (0.05, 0.08), (0.22, 0.0), (-0.06, -0.1)]
    parts += [ball((x, y, 0.0), (0.09, 0.08, 0.175), 0.3, 1) for x, y in spots]
    return parts + list(mirrored(limb((0.68, 0.95, 0.04), (0.66, 1.1, 0.06), (0.02, 0.02, 0.025), 0.3, 2)))


def _pig() -> Parts:
    parts = quadruped(
        body=(0.60, 0.34, 0.31), leg=(0.14, 0.085), neck=(0.12, 10, 0.25), head=(0.24, 0.24), snout=(0.14, 0.12),
        ear=(0.14, 0.10, 30), tail=(0.16, 60, 0.03), coat=(0.85, 0.75),
    )  # fmt: skip
    return [*parts, limb((0.93, 0.03, 0), (0.97, 0.03, 0), 0.12, 0.45, 1)]


def _rabbit() -> Parts:
    parts = [ball((0, 0, 0), (0.45, 0.38, 0.32), 0.8), ball((-0.22, -0.12, 0), (0.3, 0.33, 0.38), 0.75)]
    parts += [ball((0.42, 0.36, 0), (0.24, 0.21, 0.19), 0.85), ball((0.6, 0.28, 0), (0.1, 0.09, 0.1), 0.65)]
    parts += mirrored(ball((0.30, 0.86, 0.1), (0.09, 0.38, 0.05), 0.7, 0, turn(pitch=12, roll=12)))
    parts += mirrored(limb((0.26, -0.1, 0.16), (0.34, -0.45, 0.16), (0.1, 0.09, 0.08), 0.65))
    parts += mirrored(ball((-0.02, -0.42, 0.28), (0.3, 0.08, 0.1), 0.6))
    parts += mirrored(ball((0.55, 0.42, 0.14), 0.05, 0.05, 2))
    return [*parts, ball((-0.52, -0.1, 0), 0.13, 0.95, 2)]


def _turtle() -> Parts:
    parts = [
        drum((0, 0.12, 0), (0.62, 0.22, 0.52), (1.0, 0.87, 0.0), 0.45, 1),
        ball((0, -0.08, 0), (0.66, 0.12, 0.55), 0.75),
    ]
    rings = [(0.0, 0.0), (0.33, 0.0), (-0.33, 0.0), (0.0, 0.28), (0.0, -0.28)]
    parts += [ball((x, 0.26 - 0.12 * (abs(x) + abs(z)) / 0.33, z), (0.14, 0.1, 0.12), 0.2, 1) for x, z in rings]
    parts += [
        limb((0.5, -0.06, 0), (0.82, 0.08, 0), (0.1, 0.1, 0.09), 0.7),
        ball((0.9, 0.12, 0), (0.17, 0.13, 0.13), 0.7),
    ]
    for x in (-0.42, 0.42):
        parts += mirrored(limb((x, -0.1, 0.34), (x * 1.5, -0.24, 0.66), (0.13, 0.12, 0.07), 0.65, flat=0.6))
    parts += mirrored(ball((0.98, 0.18, 0.1), 0.035, 0.05, 2))
    return [*parts, limb((-0.6, -0.1, 0), (-0.84, -0.16, 0), (0.06, 0.05, 0.01), 0.65)]


ANIMALS = {
    "bear": _bear, "cow": _cow, "dog": _dog, "elephant": _elephant,
    "giraffe": _giraffe, "pig": _pig, "rabbit": _rabbit, "turtle": _turtle,
}  # fmt: skip
