"""Where an object is, how large, how turned, how lit and painted: one row of a table for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option, unknown_option
from neuroguide._core.seeds import derive_seed
from neuroguide.models.render.catalogue import CANONICAL_VIEW, OBJECTS, category_of
from neuroguide.models.render.draws import Keys, child_keys, uniforms
from neuroguide.models.render.shapes import Array


@dataclass(frozen=True)
class Variation:
    """How far an image may depart from the canonical view; all draws are uniform (size: in its logarithm).

    Parameters
    ----------
    position : float
        Largest shift of the object's centre along x and y, in half image widths.
    size : float
        Largest factor by which the size is multiplied or divided.
    yaw, pitch, roll : float
        Largest rotations about the vertical, the horizontal and the line of sight, in degrees.
    """

    position: float
    size: float
    yaw: float
    pitch: float
    roll: float


#: The three levels, after the variation levels of Majaj et al. 2015; the amounts are our choice.
VARIATIONS: Mapping[str, Variation] = {
    "low": Variation(position=0.0, size=1.0, yaw=0.0, pitch=0.0, roll=0.0),
    "medium": Variation(position=0.2, size=1.3, yaw=40.0, pitch=20.0, roll=20.0),
    "high": Variation(position=0.4, size=1.6, yaw=90.0, pitch=40.0, roll=60.0),
}

#: Radius of an object of size 1, in half image widths.
BASE_RADIUS = 0.75

#: Columns that :func:`neuroguide.models.render.render_objects` reads.
COLUMNS = ("object_name", "position_x", "position_y", "size", "yaw", "pitch", "roll", "scene")

# every use of a scene's key has positions of its own
_GEOMETRY, _LOOK, _ORDER = 0, 64, 128


def sample_parameters(
    n: int,
    seed: int = 0,
    variation: str = "medium",
    *,
    start: int = 0,
    objects: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Draw what is to be seen in ``n`` images.

    Row ``i`` depends on ``(seed, start + i)`` and the options alone, so a longer table begins with the shorter one.
    Every run of ``len(objects)`` images, counted from image 0, shows each object once in an order of its own.

    Parameters
    ----------
    n : int
        How many images.
    seed : int
        Which series of images.
    variation : {"low", "medium", "high"}
        How far position, size and pose depart from the canonical view, see ``VARIATIONS``.
    start : int
        Number of the first image in its series.
    objects : sequence of str, optional
        Which objects are shown; all 64 if not given.

    Returns
    -------
    DataFrame
        One row an image, with ``object_name``, ``category_name``, ``variation``; ``position_x`` and ``position_y``
        of the object's centre (half image widths, up and right positive); ``size`` (factor); ``yaw``, ``pitch`` and
        ``roll`` (degrees, relative to the canonical view); ``scene``, the key of its light, paint and background.

    Raises
    ------
    InputError
        If ``n`` or ``start`` is negative, or no object is given.
    OptionError
        If the variation or an object is unknown.
    """
    check_option("variation", variation, VARIATIONS)
    if n < 0 or start < 0:
        raise InputError(f"n and start are counted in images, from 0 upwards; got n={n}, start={start}")
    names = np.asarray(OBJECTS if objects is None else list(objects), dtype=object)
    if not len(names):
        raise InputError("objects is empty; name at least one, or leave it out to show all 64")
    object_indices(names)
    numbers = np.arange(start, start + n, dtype=np.int64)
    scenes = child_keys(derive_seed(seed, "objects"), numbers)
    shown = names[_order(seed, numbers, len(names))]
    limits = VARIATIONS[variation]
    draw = 2.0 * uniforms(scenes, np.arange(_GEOMETRY, _GEOMETRY + 6)) - 1.0
    return pd.DataFrame(
        {
            "object_name": shown,
            "category_name": [category_of(name) for name in shown],
            "variation": np.full(n, variation, dtype=object),
            "position_x": limits.position * draw[:, 0],
            "position_y": limits.position * draw[:, 1],
            "size": limits.size ** draw[:, 2],
            "yaw": limits.yaw * draw[:, 3],
            "pitch": limits.pitch * draw[:, 4],
            "roll": limits.roll * draw[:, 5],
            "scene": scenes,
        }
    )


def _order(seed: int, numbers: Keys, n_objects: int) -> npt.NDArray[np.intp]:
    """Which object each image shows: a permutation drawn for every run of ``n_objects`` images."""
    if not len(numbers):
        return np.zeros(0, dtype=np.intp)
    runs = np.arange(numbers[0] // n_objects, numbers[-1] // n_objects + 1)
    keys = child_keys(derive_seed(seed, "order"), runs)
    permutations = np.argsort(uniforms(keys, np.arange(_ORDER, _ORDER + n_objects)), axis=1, kind="stable")
    return np.asarray(permutations[numbers // n_objects - runs[0], numbers % n_objects])


def object_indices(names: npt.NDArray[np.object_]) -> npt.NDArray[np.intp]:
    """Positions of the named objects in OBJECTS; raises OptionError for an unknown one."""
    known = {name: i for i, name in enumerate(OBJECTS)}
    for name in names:
        if name not in known:
            raise unknown_option("object", name, OBJECTS)
    return np.array([known[name] for name in names], dtype=np.intp)


@dataclass(frozen=True)
class Looks:
    """How the images of some scenes are lit and painted.

    Attributes
    ----------
    light : array of shape (n, 3)
        Unit vector towards the light (x right, y up, z towards the viewer).
    ambient : array of shape (n,)
        Share of the light that comes from everywhere.
    tints : array of shape (n, 3, 3)
        Colour (red, green, blue) of each of the three tints, already multiplied by the brightness of the light.
    """

    light: Array
    ambient: Array
    tints: Array


def looks(scenes: Keys) -> Looks:
    """Light and paint of each scene; colours are drawn for the image, so they tell nothing about the object."""
    draw = uniforms(scenes, np.arange(_LOOK, _LOOK + 10))
    side, height = np.radians(-65 + 130 * draw[:, 0]), np.radians(10 + 55 * draw[:, 1])
    light = np.stack([np.cos(height) * np.sin(side), np.sin(height), np.cos(height) * np.cos(side)], axis=1)
    brightness = 0.85 + 0.35 * draw[:, 3]
    saturation = np.stack([0.4 * draw[:, 4], 0.4 * draw[:, 5], 0.08 * draw[:, 6]], axis=1)
    phase = draw[:, 7:10, None] + np.arange(3) / 3
    hue = 0.5 + 0.5 * np.cos(2 * np.pi * phase)
    tints = brightness[:, None, None] * (1 - saturation[:, :, None] * (1 - hue))
    return Looks(light=light, ambient=0.3 + 0.2 * draw[:, 2], tints=tints)


def poses(parameters: pd.DataFrame, categories: npt.NDArray[np.object_]) -> Array:
    """Rotation matrices, shape (n, 3, 3): the canonical view of the category, then pitch, yaw and roll as drawn."""
    view = np.array([CANONICAL_VIEW[name] for name in categories], dtype=float).reshape(-1, 2)
    yaw = np.radians(view[:, 0] + parameters["yaw"].to_numpy(dtype=float))
    pitch = np.radians(view[:, 1] + parameters["pitch"].to_numpy(dtype=float))
    roll = np.radians(parameters["roll"].to_numpy(dtype=float))
    zero, one = np.zeros(len(yaw)), np.ones(len(yaw))

    def matrix(*rows: tuple[Array, Array, Array]) -> Array:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    about_y = matrix((np.cos(yaw), zero, np.sin(yaw)), (zero, one, zero), (-np.sin(yaw), zero, np.cos(yaw)))
    about_x = matrix((one, zero, zero), (zero, np.cos(pitch), -np.sin(pitch)), (zero, np.sin(pitch), np.cos(pitch)))
    about_z = matrix((np.cos(roll), -np.sin(roll), zero), (np.sin(roll), np.cos(roll), zero), (zero, zero, one))
    return np.asarray(about_z @ about_x @ about_y)
