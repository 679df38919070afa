"""Faces: a head with eight sets of features."""

from __future__ import annotations

import numpy as np

from neuroguide.models.render.shapes import Part, ball, drum, limb

Parts = list[Part]


def head(
    *,
    shape: tuple[float, float, float],
    jaw: tuple[float, float],
    eyes: tuple[float, float],
    nose: tuple[float, float],
    mouth: tuple[float, float],
    skin: float,
    hair: float,
) -> Parts:
    """A human head facing the viewer.

    Parameters
    ----------
    shape : tuple
        Half-width, half-height, half-depth of the skull.
    jaw : tuple
        Half-width of the jaw and how far it lies below the skull's centre.
    eyes : tuple
        Half the distance between them, and their height.
    nose : tuple
        Half-length and half-width.
    mouth : tuple
        Half-width and half-height.
    skin, hair : float
        Reflectances; hair also paints the brows.
    """
    width, _, depth = shape
    parts = [ball((0, 0.1, 0), shape, skin), ball((0, -jaw[1], 0.08), (jaw[0], 0.38, depth * 0.82), skin)]
    front = depth * 0.86
    parts += _pair((eyes[0], eyes[1], front * 0.93), (0.11, 0.065, 0.08), 0.95, 2)
    parts += _pair((eyes[0], eyes[1], front * 0.93 + 0.06), (0.045, 0.05, 0.04), 0.05, 2)
    parts += _pair((eyes[0] + 0.01, eyes[1] + 0.15, front * 0.95), (0.14, 0.03, 0.06), hair, 1)
    parts.append(
        drum((0, eyes[1] - 0.1 - nose[0] * 0.6, depth + 0.02), (nose[1], nose[0], 0.15), (1.0, 0.8, 0.3), skin * 0.95)
    )
    parts.append(ball((0, -jaw[1] - 0.02, depth * 0.85), (mouth[0], mouth[1], 0.09), skin * 0.45, 1))
    parts += _pair((width * 0.98, eyes[1] - 0.12, -0.05), (0.06, 0.14, 0.1), skin * 0.9, 0)
    return [*parts, drum((0, -jaw[1] - 0.45, -0.1), (0.27, 0.25, 0.27), (1.1, 1.0, 1.0), skin * 0.85)]


def _pair(centre: tuple[float, float, float], size: tuple[float, float, float], value: float, tint: int) -> Parts:
    """Two balls, mirrored at the plane x = 0."""
    x, y, z = centre
    return [ball((x, y, z), size, value, tint), ball((-x, y, z), size, value, tint)]


def _cap(shape: tuple[float, float, float], value: float, lift: float = 0.12, back: float = 0.14) -> Part:
    """Hair: an ellipsoid a little larger than the skull, moved up and back."""
    return ball((0, 0.1 + lift, -back), (shape[0] * 1.07, shape[1] * 1.02, shape[2] * 1.02), value, 1)


def _face_short_hair() -> Parts:
    shape = (0.52, 0.62, 0.56)
    return [
        *head(
            shape=shape, jaw=(0.40, 0.34), eyes=(0.2, 0.08), nose=(0.15, 0.09), mouth=(0.18, 0.04), skin=0.8, hair=0.2
        ),
        _cap(shape, 0.2),
    ]


def _face_long_hair() -> Parts:
    shape = (0.48, 0.60, 0.54)
    parts = head(
        shape=shape, jaw=(0.33, 0.36), eyes=(0.19, 0.06), nose=(0.12, 0.07), mouth=(0.15, 0.055), skin=0.9, hair=0.55
    )
    parts += [_cap(shape, 0.6), ball((0, -0.25, -0.28), (0.58, 0.75, 0.36), 0.6, 1)]
    return parts + _pair((0.5, -0.3, -0.02), (0.14, 0.6, 0.2), 0.6, 1)


def _face_bald() -> Parts:
    shape = (0.55, 0.60, 0.58)
    return head(
        shape=shape, jaw=(0.46, 0.3), eyes=(0.21, 0.06), nose=(0.17, 0.11), mouth=(0.2, 0.035), skin=0.65, hair=0.4
    )


def _face_beard() -> Parts:
    shape = (0.52, 0.58, 0.56)
    parts = head(
        shape=shape, jaw=(0.42, 0.32), eyes=(0.19, 0.1), nose=(0.15, 0.1), mouth=(0.14, 0.04), skin=0.75, hair=0.15
    )
    return [
        *parts,
        _cap(shape, 0.15),
        ball((0, -0.62, 0.16), (0.44, 0.34, 0.42), 0.15, 1),
        limb((-0.17, -0.2, 0.56), (0.17, -0.2, 0.56), 0.05, 0.15, 1),
    ]


def _face_glasses() -> Parts:
    shape = (0.5, 0.62, 0.55)
    parts = head(
        shape=shape, jaw=(0.37, 0.36), eyes=(0.2, 0.07), nose=(0.14, 0.08), mouth=(0.16, 0.04), skin=0.85, hair=0.35
    )
    parts += [_cap(shape, 0.4, lift=0.1, back=0.2)]
    parts += [limb((s * 0.2, 0.07, 0.56), (s * 0.2, 0.07, 0.6), 0.17, 0.08, 2) for s in (-1, 1)]
    parts += [limb((-0.5, 0.1, 0.57), (0.5, 0.1, 0.57), 0.025, 0.08, 2)]
    return parts + [limb((s * 0.2, 0.07, 0.59), (s * 0.2, 0.07, 0.64), 0.125, 0.75, 2) for s in (-1, 1)]


def _face_hat() -> Parts:
    shape = (0.5, 0.58, 0.54)
    parts = head(
        shape=shape, jaw=(0.40, 0.33), eyes=(0.19, 0.03), nose=(0.15, 0.09), mouth=(0.2, 0.045), skin=0.7, hair=0.3
    )
    parts += [drum((0, 0.36, 0.0), (0.85, 0.045, 0.8), (1, 1, 1), 0.35, 1)]
    return [
        *parts,
        drum((0, 0.62, 0.0), (0.54, 0.27, 0.56), (1.0, 0.97, 0.88), 0.4, 1),
        drum((0, 0.45, 0.0), (0.56, 0.07, 0.58), (1, 1, 1), 0.1, 2),
    ]


def _face_curly() -> Parts:
    shape = (0.48, 0.56, 0.52)
    parts = head(
        shape=shape, jaw=(0.38, 0.3), eyes=(0.19, 0.04), nose=(0.11, 0.11), mouth=(0.18, 0.065), skin=0.45, hair=0.1
    )
    ring = np.radians([-25, 15, 50, 90, 130, 165, 205])
    parts += [ball((0.58 * np.cos(a), 0.25 + 0.58 * np.sin(a), -0.1), (0.26, 0.26, 0.34), 0.12, 1) for a in ring]
    return [*parts, ball((0, 0.28, -0.3), (0.6, 0.58, 0.42), 0.12, 1)]


def _face_child() -> Parts:
    shape = (0.56, 0.56, 0.54)
    parts = head(
        shape=shape, jaw=(0.42, 0.22), eyes=(0.23, -0.05), nose=(0.07, 0.07), mouth=(0.11, 0.045), skin=0.92, hair=0.7
    )
    parts += _pair((0.3, -0.28, 0.42), (0.12, 0.1, 0.08), 0.8, 1)
    return [
        *parts,
        _cap(shape, 0.7, lift=0.14, back=0.12),
        limb((0, 0.72, 0.1), (0.16, 0.92, 0.2), (0.1, 0.08, 0.02), 0.7, 1),
    ]


FACES = {
    "short_hair": _face_short_hair, "long_hair": _face_long_hair, "bald": _face_bald, "beard": _face_beard,
    "glasses": _face_glasses, "hat": _face_hat, "curly": _face_curly, "child": _face_child,
}  # fmt: skip
