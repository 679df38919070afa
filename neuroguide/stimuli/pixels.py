"""Pixels: where images are kept, and decoding them safely."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuroguide._core import settings
from neuroguide._core.errors import FileError, InputError
from neuroguide.stimuli.zips import read_member

UInt8: TypeAlias = NDArray[np.uint8]

#: What is decoded. Formats that run other programs (EPS) or that no stimulus set uses are not.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

#: What decoding a damaged image may raise.
DECODING = (
    OSError, ValueError, SyntaxError, EOFError, IndexError, ArithmeticError, TypeError, KeyError, AttributeError,
    MemoryError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip

#: File suffixes that count as images in a folder or zip without a table.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")

#: Mid grey: behind transparent pixels, and around images that are not square (our choice; most stimuli are on grey).
GREY = 128


class Pixels(Protocol):
    """Images kept somewhere, read one at a time."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def read(self, index: int) -> UInt8:
        """One image, uint8 array of shape (height, width, 3); raises FileError naming it if it cannot be read."""
        ...


class ArrayPixels:
    """Images that are in memory (or memory-mapped) already.

    Parameters
    ----------
    images : array of shape (n, height, width, 3) or (n, height, width)
        uint8; grey images are repeated into three channels.
    """

    def __init__(self, images: NDArray[Any]) -> None:
        if images.dtype != np.uint8:
            raise InputError(
                f"images must be uint8 (0 to 255), but they are {images.dtype}; multiply by 255 and convert if they "
                "lie between 0 and 1"
            )
        if not (images.ndim == 3 or (images.ndim == 4 and images.shape[-1] == 3)):
            raise InputError(f"images must have shape (n, height, width, 3) or (n, height, width), not {images.shape}")
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def read(self, index: int) -> UInt8:
        """See :class:`Pixels`."""
        image = np.array(self._images[index])
        return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


class FilePixels:
    """Images in files of their own."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = list(files)

    def __len__(self) -> int:
        return len(self._files)

    def read(self, index: int) -> UInt8:
        """See :class:`Pixels`."""
        file = self._files[index]
        try:
            data = file.read_bytes()
        except OSError as error:
            raise FileError(f"{file} cannot be read ({error.strerror}); was it moved?") from error
        return decode(data, name=str(file))


class ZipPixels:
    """Images inside a zip, decompressed one at a time and never extracted to disk.

    Parameters
    ----------
    path : Path
        The zip; checked already (:func:`neuroguide.stimuli.zips.check_zip`).
    members : sequence of str
        Names of the images inside it.
    """

    def __init__(self, path: Path, members: Sequence[str]) -> None:
        self._path = path
        self._members = list(members)
        self._open: tuple[int, zipfile.ZipFile] | None = None

    def __len__(self) -> int:
        return len(self._members)

    def read(self, index: int) -> UInt8:
        """See :class:`Pixels`."""
        # a forked child shares the parent's position in an open file: each process opens its own
        if self._open is None or self._open[0] != os.getpid():
            self._open = (os.getpid(), zipfile.ZipFile(self._path))
        member = self._members[index]
        return decode(read_member(self._open[1], member), name=f"{member} in {self._path}")


def decode(data: bytes, *, name: str) -> UInt8:
    """Decode one image file.

    Grey images are repeated into three channels, transparent ones are laid on mid grey, 16-bit ones scaled to 8 bits;
    of an animation the first frame is taken; an orientation noted by a camera is ignored, as MATLAB's ``imread`` does.

    Parameters
    ----------
    data : bytes
        The content of the file.
    name : str
        What to call it in an error.

    Returns
    -------
    array of shape (height, width, 3)
        uint8, RGB.

    Raises
    ------
    FileError
        If it is no image of a known format, is damaged, or has more than ``settings.MAX_IMAGE_PIXELS`` pixels.
    """
    try:
        with warnings.catch_warnings():
            # Pillow's own limit is a warning and higher than ours
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
        pixels = image.width * image.height
        if pixels > settings.MAX_IMAGE_PIXELS:
            raise FileError(
                f"{name} has {pixels:,} pixels, more than the {settings.MAX_IMAGE_PIXELS:,} accepted; shrink it first"
            )
        return _to_rgb(image, name)
    except Image.DecompressionBombError as error:
        raise FileError(f"{name} has too many pixels ({error}); shrink it first") from error
    except FileError:
        raise
    except DECODING as error:
        raise FileError(f"{name} is damaged or no image ({', '.join(FORMATS)} are read): {error}") from error


def _to_rgb(image: Image.Image, name: str) -> UInt8:
    # older Pillows open a 16-bit PNG or PPM as 32-bit integers
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        grey = (np.asarray(image).astype(np.uint16) // 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise FileError(
            f"{name} holds {image.mode!r} values (32 bits a pixel), whose range is unknown; save it as 8 bits"
        )
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (GREY, GREY, GREY, 255))
        image = Image.alpha_composite(ground, image)
    return np.array(image.convert("RGB"), dtype=np.uint8)
