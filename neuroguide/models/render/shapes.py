"""The two solids that objects are built from, and how parts become one object of unit size.

A *round* part is a body of revolution with a quadratic profile, cut off flat at both ends and stretched along its
axes (balls, rods, domes, spikes). A *block* is a convex body with six flat faces (boxes, wedges, sails). Both meet a
straight line in one interval that has a closed form, which is what makes rendering fast.

Object coordinates: x to the right (where the object is heading), y up, z towards the viewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Vector = Sequence[float] | Array

#: How far a profile has to bulge, so that a ray along the axis still meets a closed surface.
_BULGE = 0.01


@dataclass(frozen=True)
class Part:
    """One solid; what all parts have in common.

    Parameters
    ----------
    centre : array of shape (3,)
        Where its own origin is, in object coordinates.
    frame : array of shape (3, 3)
        Its axes as columns, each as long as the half-extent along it.
    value : float
        Reflectance in [0, 1].
    tint : int
        Which of the image's three tints it is painted in.
    """

    centre: Array
    frame: Array
    value: float
    tint: int

    #: Points, in the part's own axes, that tell how far it reaches: the corners of its box.
    reach: ClassVar[Array] = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)

    def outline(self) -> Array:
        """Points that tell how far it reaches, in object coordinates, shape (n, 3)."""
        return self.centre + self.reach @ self.frame.T


@dataclass(frozen=True)
class Round(Part):
    """A body of revolution about its second axis.

    Parameters
    ----------
    profile : array of shape (3,)
        Squared radius ``c0 + c1 h + c2 h^2`` at the height ``h`` in [-1, 1] along the axis.
    """

    profile: Array

    #: The ends of its axes: the corners of a ball's box lie outside it.
    reach: ClassVar[Array] = np.concatenate([np.eye(3), -np.eye(3)])


@dataclass(frozen=True)
class Block(Part):
    """A convex body with six flat faces.

    Parameters
    ----------
    faces : array of shape (6, 4)
        ``n_x u_x + n_y u_y + n_z u_z <= w`` for each row ``(n_x, n_y, n_z, w)``, ``u`` in its own axes.
    """

    faces: Array


def turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Array:
    """A rotation matrix: ``yaw`` about the vertical, then ``pitch`` about x, then ``roll`` in the picture (degrees)."""
    a, b, c = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)


def _profile(low: float, middle: float, high: float) -> Array:
    """The quadratic through the squared radii at heights -1, 0 and 1, made to bulge a little if it would not."""
    middle_squared = max(middle**2, (low**2 + high**2) / 2 + _BULGE)
    return np.array([middle_squared, (high**2 - low**2) / 2, (low**2 + high**2) / 2 - middle_squared])


def ball(centre: Vector, size: Vector | float, value: float, tint: int = 0, rotation: Array | None = None) -> Part:
    """An ellipsoid with half-axes ``size``."""
    return drum(centre, size, (0.0, 1.0, 0.0), value, tint, rotation)


def drum(
    centre: Vector,
    size: Vector | float,
    radii: tuple[float, float, float],
    value: float,
    tint: int = 0,
    rotation: Array | None = None,
) -> Part:
    """A body of revolution about y with relative radii at its foot, middle and top, stretched by ``size``."""
    lengths = np.broadcast_to(np.asarray(size, dtype=float), (3,))
    axes = np.eye(3) if rotation is None else rotation
    return Round(np.asarray(centre, dtype=float), axes * lengths, value, tint, _profile(*radii))


def limb(start: Vector, end: Vector, radii: Vector | float, value: float, tint: int = 0, flat: float = 1.0) -> Part:
    """A rod from ``start`` to ``end``; ``radii`` is one radius, or those of (start, middle, end).

    ``flat`` scales its thickness along z when it lies in the picture plane.
    """
    a, b = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    along = (b - a) / 2
    length = float(np.sqrt(along @ along))
    axis = along / length
    side = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.sqrt(side @ side)
    widths = np.broadcast_to(np.asarray(radii, dtype=float), (3,))
    widest = float(max(widths))
    depth = np.cross(side, axis)
    frame = np.stack([side * widest, along, depth * widest * flat], axis=1)
    low, middle, high = (float(w) / widest for w in widths)
    return Round((a + b) / 2, frame, value, tint, _profile(low, middle, high))


def block(
    centre: Vector,
    size: Vector,
    value: float,
    tint: int = 0,
    *,
    top: tuple[float, float, float] = (1.0, 1.0, 1.0),
    rotation: Array | None = None,
) -> Part:
    """A box of half-extents ``size`` whose top face is narrower or wider.

    ``top`` holds how far it reaches to the left, to the right and in depth, relative to the bottom face: a sail is
    ``(1, -1, 1)`` (upright at the left), a windscreen leans with ``(1, 0.5, 1)``.
    """
    left, right, depth = top
    slope_left, slope_right, slope_depth = (left - 1) / 2, (right - 1) / 2, (depth - 1) / 2
    faces = np.array(
        [
            [1, -slope_right, 0, 1 + slope_right],
            [-1, -slope_left, 0, 1 + slope_left],
            [0, -slope_depth, 1, 1 + slope_depth],
            [0, -slope_depth, -1, 1 + slope_depth],
            [0, 1, 0, 1],
            [0, -1, 0, 1],
        ],
        dtype=float,
    )
    axes = np.eye(3) if rotation is None else rotation
    return Block(np.asarray(centre, dtype=float), axes * np.asarray(size, dtype=float), value, tint, faces)


def mirrored(part: Part) -> tuple[Part, Part]:
    """A part and its mirror image at the plane z = 0 (the other leg, the other wing).

    Blocks are mirrored by their frame, so their own depth must be symmetric, which it is.
    """
    flip = np.array([1.0, 1.0, -1.0])
    return part, replace(part, centre=part.centre * flip, frame=part.frame * flip[:, None])


def fitted(parts: Sequence[Part], scale: float = 1.0) -> tuple[Part, ...]:
    """The parts, moved and scaled so that the object is centred and reaches ``scale`` from its centre."""
    points = np.concatenate([part.outline() for part in parts])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    factor = scale / np.sqrt(((points - middle) ** 2).sum(axis=1)).max()
    return tuple(replace(p, centre=(p.centre - middle) * factor, frame=p.frame * factor) for p in parts)
