"""The 64 objects by name, and their parts packed into padded arrays for the ray caster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from neuroguide.models.render.objects.animals import ANIMALS
from neuroguide.models.render.objects.boats import BOATS
from neuroguide.models.render.objects.cars import CARS
from neuroguide.models.render.objects.chairs import CHAIRS
from neuroguide.models.render.objects.faces import FACES
from neuroguide.models.render.objects.fruits import FRUITS
from neuroguide.models.render.objects.planes import PLANES
from neuroguide.models.render.objects.tables import TABLES
from neuroguide.models.render.shapes import Array, Block, Part, Round, fitted

_BUILDERS: Mapping[str, Mapping[str, Callable[[], list[Part]]]] = {
    "Animals": ANIMALS,
    "Boats": BOATS,
    "Cars": CARS,
    "Chairs": CHAIRS,
    "Faces": FACES,
    "Fruits": FRUITS,
    "Planes": PLANES,
    "Tables": TABLES,
}

#: The eight categories, in the order of their labels.
CATEGORIES: tuple[str, ...] = tuple(_BUILDERS)

#: The 64 objects, eight of each category, in the order of their labels.
OBJECTS: tuple[str, ...] = tuple(name for builders in _BUILDERS.values() for name in builders)

#: Names of the category of each object, in the order of OBJECTS.
_CATEGORY_OF = {name: category for category, builders in _BUILDERS.items() for name in builders}

#: Yaw and pitch (degrees) from which a category is seen when it is not turned.
CANONICAL_VIEW: Mapping[str, tuple[float, float]] = {
    "Animals": (-30.0, 10.0),
    "Boats": (-25.0, 12.0),
    "Cars": (-35.0, 18.0),
    "Chairs": (-50.0, 18.0),
    "Faces": (0.0, 0.0),
    "Fruits": (10.0, 12.0),
    "Planes": (-40.0, 30.0),
    "Tables": (-25.0, 22.0),
}

#: A squared radius that nothing reaches: pads the parts of objects that have fewer.
_NOTHING = -1e3


def category_of(object_name: str) -> str:
    """The category that an object belongs to, e.g. ``"Fruits"`` for ``"pear"``."""
    return _CATEGORY_OF[object_name]


def build(object_name: str) -> tuple[Part, ...]:
    """The parts of one object, centred, reaching one unit from its centre."""
    return fitted(_BUILDERS[_CATEGORY_OF[object_name]][object_name]())


@dataclass(frozen=True)
class PackedObjects:
    """All objects in object coordinates, padded to the largest number of parts.

    Attributes
    ----------
    round_quadric, round_linear, round_constant : arrays of shape (64, R, 3, 3), (64, R, 3), (64, R)
        ``p' Q p + l' p <= c`` relative to the part's centre.
    round_axis : array of shape (64, R, 3)
        ``|m' p| <= 1`` cuts the body off at both ends.
    block_normal, block_offset : arrays of shape (64, B, 6, 3), (64, B, 6)
        ``n' p <= w`` relative to the part's centre.
    round_centre, block_centre : arrays of shape (64, R or B, 3)
        Where the parts are.
    round_paint, block_paint : arrays of shape (64, R or B, 3)
        Reflectance in each of the three tints (two of them zero).
    round_count, block_count : arrays of shape (64,)
        How many parts are real.
    """

    round_quadric: Array
    round_linear: Array
    round_constant: Array
    round_axis: Array
    round_centre: Array
    round_paint: Array
    round_count: Array
    block_normal: Array
    block_offset: Array
    block_centre: Array
    block_paint: Array
    block_count: Array


@cache
def packed_objects() -> PackedObjects:
    """All 64 objects, built once."""
    objects = [build(name) for name in OBJECTS]
    rounds = [[part for part in parts if isinstance(part, Round)] for parts in objects]
    blocks = [[part for part in parts if isinstance(part, Block)] for parts in objects]
    n, n_round, n_block = len(objects), max(map(len, rounds)), max(map(len, blocks))
    packed = PackedObjects(
        round_quadric=np.broadcast_to(np.eye(3), (n, n_round, 3, 3)).copy(),
        round_linear=np.zeros((n, n_round, 3)),
        round_constant=np.full((n, n_round), _NOTHING),
        round_axis=np.broadcast_to(np.array([0.0, 1.0, 0.0]), (n, n_round, 3)).copy(),
        round_centre=np.zeros((n, n_round, 3)),
        round_paint=np.zeros((n, n_round, 3)),
        round_count=np.array([len(parts) for parts in rounds]),
        block_normal=np.broadcast_to(np.concatenate([np.eye(3), -np.eye(3)]), (n, n_block, 6, 3)).copy(),
        block_offset=np.full((n, n_block, 6), _NOTHING),
        block_centre=np.zeros((n, n_block, 3)),
        block_paint=np.zeros((n, n_block, 3)),
        block_count=np.array([len(parts) for parts in blocks]),
    )
    for i in range(n):
        for j, round_part in enumerate(rounds[i]):
            _pack_round(packed, i, j, round_part)
        for j, block_part in enumerate(blocks[i]):
            _pack_block(packed, i, j, block_part)
    return packed


def _pack_round(packed: PackedObjects, i: int, j: int, part: Round) -> None:
    inverse = np.linalg.inv(part.frame)
    constant, linear, square = part.profile
    packed.round_quadric[i, j] = inverse.T @ np.diag([1.0, -square, 1.0]) @ inverse
    packed.round_linear[i, j] = inverse.T @ np.array([0.0, -linear, 0.0])
    packed.round_constant[i, j] = constant
    packed.round_axis[i, j] = inverse[1]
    packed.round_centre[i, j] = part.centre
    packed.round_paint[i, j, part.tint] = part.value


def _pack_block(packed: PackedObjects, i: int, j: int, part: Block) -> None:
    packed.block_normal[i, j] = part.faces[:, :3] @ np.linalg.inv(part.frame)
    packed.block_offset[i, j] = part.faces[:, 3]
    packed.block_centre[i, j] = part.centre
    packed.block_paint[i, j, part.tint] = part.value
