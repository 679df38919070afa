"""The virtual primate's stimuli: rendered objects, embedded in the package.

They are made by ``data/make_virtual_primate.py``; ``data/README.md`` says how and what is simulated.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from neuroguide._core.errors import FileError
from neuroguide._core.options import unknown_option
from neuroguide.stimuli.pixels import ZipPixels
from neuroguide.stimuli.stimulus_set import StimulusSet
from neuroguide.stimuli.zips import check_zip, read_member

NAME = "virtual"

#: The embedded files.
RESPONSES, IMAGES, MANIFEST = "virtual_responses.npz", "virtual_images.zip", "virtual.json"

_TABLE = "stimuli.csv"


def open_virtual(variant: str | None = None) -> StimulusSet:
    """The 320 images that the virtual primate saw: 8 categories x 8 objects x 5 images, 96 x 96 pixels, 8 degrees wide.

    Columns: ``filename`` inside the zip; ``object_name``, ``category_name``; ``variation`` ("low", "medium", "high":
    how far the object departs from its canonical view); ``position_x``, ``position_y`` (half image widths), ``size``
    (factor), ``yaw``, ``pitch``, ``roll`` (degrees); ``scene`` (key of light, paint and background): the table renders
    the same images at any size with :func:`neuroguide.models.render.render_objects`.

    Parameters
    ----------
    variant : str, optional
        There is only one set: leave it out.

    Raises
    ------
    OptionError
        If a variant is asked for.
    FileError
        If the embedded files are missing or not those that this version of neuroguide was built with.
    """
    check_variant(variant)
    path = embedded(IMAGES)
    about = manifest()
    with zipfile.ZipFile(path) as archive:
        table = pd.read_csv(io.BytesIO(read_member(archive, _TABLE)))
    members = {member.filename for member in check_zip(path)}
    if members != {_TABLE, *table["filename"]}:
        raise FileError(f"{path} does not hold the images that its {_TABLE} lists; install neuroguide again")
    return StimulusSet(
        table,
        ZipPixels(path, table["filename"].tolist()),
        identifier=NAME,
        degrees=float(about["degrees"]),
        attrs={key: about[key] for key in ("source", "licence", "citation")},
        show_pixels=True,
    )


def check_variant(variant: str | None) -> None:
    """Raise OptionError if a part of the virtual primate is asked for: it has none."""
    if variant is not None:
        raise unknown_option(f"part of {NAME}", variant, [], how_to_add=f"give the name alone: {NAME!r}")


@cache
def manifest() -> dict[str, Any]:
    """What the embedded files are: their checksums, licence, source, citation, the width of the images in degrees."""
    path = _path(MANIFEST)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read ({error}); install neuroguide again") from error
    return content


@cache
def embedded(name: str) -> Path:
    """The path of an embedded file, after its checksum was compared.

    Raises
    ------
    FileError
        If it is missing or changed.
    """
    path = _path(name)
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}); install neuroguide again") from error
    expected = manifest()["files"][name]
    if found != expected:
        raise FileError(
            f"{path} has SHA-256 {found[:12]}..., {expected[:12]}... was expected; install neuroguide again"
        )
    return path


def _path(name: str) -> Path:
    place = resources.files("neuroguide").joinpath("_data", name)
    if not isinstance(place, Path):
        raise FileError(f"{name} is inside a zip with the rest of neuroguide; install neuroguide unpacked")
    return place
