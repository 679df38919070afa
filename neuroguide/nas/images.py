"""Labelled images from a folder or a zip of one, decoded once and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
import PIL
from PIL import Image

from neuroguide._core import settings
from neuroguide._core.errors import FileError, InputError
from neuroguide.nas.decoded import LabelledImages, Progress, UInt8, load_decoded, save_decoded
from neuroguide.stimuli.pixels import DECODING, FORMATS
from neuroguide.stimuli.zips import check_zip, read_member

#: What the folder of a split may be called.
SPLITS = {"train": "train", "test": "test", "validation": "validation", "val": "validation", "valid": "validation"}

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff", ".webp")
_CACHE_FORMAT = "1"


@dataclass(frozen=True)
class _Member:
    path: PurePosixPath
    size: int
    stamp: str
    read: Callable[[], bytes]


def read_images(
    paths: Sequence[Path], *, image_size: int | None = None, cache: bool = True, progress: Progress | None = None
) -> LabelledImages:
    """Read ``split/class/image`` (or ``class/image``, taken as ``train``) from folders and zips.

    Parameters
    ----------
    paths : sequence of Path
        Folders or zips; several are read as one.
    image_size : int, optional
        Side in pixels: images are scaled to it by their shorter side and cut at the centre. Without it all must be
        square and of one size.
    cache : bool
        Keep the decoded pixels in the user's cache folder (``$XDG_CACHE_HOME/neuroguide/.decoded``), keyed by content.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Raises
    ------
    FileError
        If a file is missing, unreadable, too large, or not an image.
    InputError
        If the folders are not laid out as above, or images differ in size.
    """
    with contextlib.ExitStack() as stack:
        members = [member for path in paths for member in stack.enter_context(_members(path))]
        if not members:
            raise InputError(f"{_listing(paths)} holds no images; expected split/class/image files such as {_SUFFIXES}")
        key = _key(members, image_size)
        found = load_decoded(key) if cache else None
        if found is None:
            found = _decode(members, image_size, _listing(paths), progress)
            if cache:
                save_decoded(key, found)
    return found


@contextlib.contextmanager
def _members(path: Path) -> Iterator[list[_Member]]:
    if path.is_dir():
        yield _folder_members(path)
    elif path.suffix.lower() == ".zip":
        infos = check_zip(path)
        with zipfile.ZipFile(path) as archive:
            yield _zip_members(archive, infos)
    else:
        raise FileError(f"there is no folder or zip of images at {path}")


def _folder_members(path: Path) -> list[_Member]:
    files = sorted(file for file in path.rglob("*") if _wanted(PurePosixPath(file.relative_to(path).as_posix())))
    members = []
    for file in files:
        status = file.stat()
        relative = PurePosixPath(file.relative_to(path).as_posix())
        members.append(_Member(relative, status.st_size, str(status.st_mtime_ns), file.read_bytes))
    return members


def _zip_members(archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo]) -> list[_Member]:
    return [
        _Member(relative, info.file_size, f"{info.CRC:08x}", partial(read_member, archive, info.filename))
        for info in sorted(infos, key=lambda info: info.filename)
        if _wanted(relative := PurePosixPath(info.filename))
    ]


def _wanted(path: PurePosixPath) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in _SUFFIXES and not hidden


def _decode(members: list[_Member], image_size: int | None, source: str, progress: Progress | None) -> LabelledImages:
    places = [_place(member.path, source) for member in members]
    classes = tuple(sorted({name for _, name in places}))
    counts = {split: sum(s == split for s, _ in places) for split in sorted({s for s, _ in places})}
    size = image_size or _side(members[0], source)
    splits = {split: (np.empty((n, size, size, 3), np.uint8), np.empty(n, np.int64)) for split, n in counts.items()}
    filled = dict.fromkeys(counts, 0)
    for i, (member, (split, name)) in enumerate(zip(members, places, strict=True)):
        pixels, labels = splits[split]
        pixels[filled[split]] = _pixels(member, image_size, size, source)
        labels[filled[split]] = classes.index(name)
        filled[split] += 1
        if progress is not None and (i % 500 == 499 or i + 1 == len(members)):
            progress("decoding images", i + 1, len(members))
    return LabelledImages(splits, classes)


def _place(path: PurePosixPath, source: str) -> tuple[str, str]:
    parts = path.parts
    if len(parts) >= 3 and parts[-3].lower() in SPLITS:
        return SPLITS[parts[-3].lower()], parts[-2]
    if len(parts) >= 2 and parts[-2].lower() not in SPLITS:
        return "train", parts[-2]
    raise InputError(f"{path} in {source} has no class; expected split/class/image, e.g. train/dog/0001.jpg")


def _open(member: _Member, source: str) -> Image.Image:
    # the pixel limit is checked from the header, before anything is decoded
    try:
        with warnings.catch_warnings():
            # Pillow's own limit is a warning and higher than ours
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(member.read()), formats=FORMATS)
    except FileError:
        raise
    except (*DECODING, Image.DecompressionBombError) as error:
        raise FileError(f"{member.path} in {source} is not an image that can be read: {error}") from error
    if image.width * image.height > settings.MAX_IMAGE_PIXELS:
        raise FileError(
            f"{member.path} in {source} has {image.width} x {image.height} pixels, more than the "
            f"{settings.MAX_IMAGE_PIXELS} allowed"
        )
    return image


def _side(member: _Member, source: str) -> int:
    image = _open(member, source)
    if image.width != image.height:
        raise InputError(
            f"{member.path} in {source} is {image.width} x {image.height} pixels, not square; give image_size"
        )
    return image.width


def _pixels(member: _Member, image_size: int | None, size: int, source: str) -> UInt8:
    image = _open(member, source)
    if image_size is None and image.size != (size, size):
        raise InputError(
            f"{member.path} in {source} is {image.width} x {image.height} pixels and the first image {size} x {size}; "
            "give image_size"
        )
    try:
        image = image.convert("RGB")
    except DECODING as error:
        raise FileError(f"{member.path} in {source} cannot be decoded: {error}") from error
    if image.size != (size, size):
        scale = size / min(image.size)
        image = image.resize((max(size, round(image.width * scale)), max(size, round(image.height * scale))))
        left, top = (image.width - size) // 2, (image.height - size) // 2
        image = image.crop((left, top, left + size, top + size))
    return np.asarray(image)


def _listing(paths: Sequence[Path]) -> str:
    return " and ".join(str(path) for path in paths)


def _key(members: list[_Member], image_size: int | None) -> str:
    content = [[str(m.path), m.size, m.stamp] for m in members]
    text = json.dumps([_CACHE_FORMAT, image_size, PIL.__version__, content])
    return hashlib.sha256(text.encode()).hexdigest()
