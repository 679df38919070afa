"""The lazy sequence of a set's images, and scaling them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuroguide._core.errors import InputError
from neuroguide.stimuli.pixels import GREY, Pixels, UInt8

#: Largest side that images are scaled to, in pixels.
MAX_SIDE = 16384


class Images:
    """A lazy sequence of images: each is read and decoded when it is asked for, and not kept.

    ``images[i]`` is a uint8 array of shape (height, width, 3); ``images[a:b]``, ``images[[3, 1]]`` and a boolean mask
    give one of shape (n, height, width, 3).

    Parameters
    ----------
    pixels : Pixels
        Where they are.
    positions : array of shape (n,)
        Which of them, in order.
    ids : sequence of str
        Their stimulus ids, for errors.
    size : int or (height, width), optional
        What to scale them to; see :func:`resize`.
    """

    def __init__(
        self,
        pixels: Pixels,
        positions: NDArray[np.intp],
        ids: Sequence[str],
        size: tuple[int, int] | int | None = None,
    ) -> None:
        self._pixels = pixels
        self._positions = positions
        self._ids = ids
        self._size = None if size is None else _check_size(size)

    def __len__(self) -> int:
        return len(self._positions)

    def __iter__(self) -> Iterator[UInt8]:
        return (self._read(i) for i in range(len(self)))

    def __getitem__(self, index: int | slice | Sequence[int] | NDArray[Any]) -> UInt8:
        """One image, or several as one array; raises InputError if several differ in size and none was given."""
        if not isinstance(index, (int, np.integer)):
            return self._stack(np.arange(len(self))[_selection(index)])
        if not -len(self) <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        return self._read(int(index) % len(self))

    def _read(self, i: int) -> UInt8:
        image = self._pixels.read(int(self._positions[i]))
        return image if self._size is None else resize(image, self._size)

    def _stack(self, wanted: NDArray[np.intp]) -> UInt8:
        if wanted.size == 0:
            return np.zeros((0, 0, 0, 3), dtype=np.uint8)
        first = self._read(int(wanted[0]))
        stack = np.empty((len(wanted), *first.shape), dtype=np.uint8)
        stack[0] = first
        for place, i in enumerate(wanted[1:], start=1):
            image = self._read(int(i))
            if image.shape != first.shape:
                raise InputError(
                    f"stimulus {self._ids[i]!r} has {image.shape[0]} x {image.shape[1]} pixels but "
                    f"{self._ids[wanted[0]]!r} has {first.shape[0]} x {first.shape[1]}; "
                    "ask for one size: images(size=...)"
                )
            stack[place] = image
        return stack


def _selection(index: Any) -> Any:
    if isinstance(index, slice):
        return index
    selection = np.asarray(index)
    if selection.size == 0:
        return np.zeros(0, dtype=np.intp)
    if selection.ndim != 1 or selection.dtype.kind not in "iub":
        raise InputError(f"images are selected by numbers, a slice or a mask, not by {index!r}")
    return selection


def _check_size(size: Any) -> tuple[int, int] | int:
    sides = size if isinstance(size, (tuple, list)) else (size,)
    if len(sides) not in (1, 2) or not all(isinstance(s, (int, np.integer)) and 1 <= s <= MAX_SIDE for s in sides):
        raise InputError(f"size {size!r} is not possible; give a number of pixels or (height, width)")
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def resize(image: UInt8, size: tuple[int, int] | int) -> UInt8:
    """Scale one image, bicubic with antialiasing (our choice).

    Parameters
    ----------
    image : array of shape (height, width, 3)
        uint8.
    size : int or (height, width)
        One number keeps the shape of things: the longer side gets this length, and mid grey fills up to a square.
        Two numbers are obeyed as they are.

    Returns
    -------
    array of shape (height, width, 3)
        uint8.
    """
    height, width = image.shape[:2]
    if not isinstance(size, int):
        return _scaled(image, size)
    scale = size / max(height, width)
    inner = _scaled(image, (max(1, round(height * scale)), max(1, round(width * scale))))
    if inner.shape[:2] == (size, size):
        return inner
    square = np.full((size, size, 3), GREY, dtype=np.uint8)
    top, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
    square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return square


def _scaled(image: UInt8, size: tuple[int, int]) -> UInt8:
    if image.shape[:2] == tuple(size):
        return image
    return np.array(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC))
