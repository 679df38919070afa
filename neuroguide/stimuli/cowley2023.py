"""The images of Cowley et al. 2023, a zip a session."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuroguide._core import catalog, download
from neuroguide._core.errors import FileError
from neuroguide.stimuli.catalogued import attributes
from neuroguide.stimuli.pixels import ZipPixels
from neuroguide.stimuli.stimulus_set import StimulusSet
from neuroguide.stimuli.zips import check_zip

NAME = "cowley2023"


def stimulus_ids(session: str, n_stimuli: int) -> list[str]:
    """Ids of a session's images in the order of its responses: ``210325_image0001`` is column 0.

    The session is part of the id because the archive numbers the images of every session from 1.
    """
    return [f"{session}_image{number:04d}" for number in range(1, n_stimuli + 1)]


def open_cowley2023(variant: str | None = None) -> StimulusSet:
    """The images of one session, 112 x 112 pixels, JPEG.

    Columns: ``filename`` inside the zip, ``session``, ``number`` (1 for the image of the first column of responses).
    The archive does not state their size in degrees: unknown.

    Parameters
    ----------
    variant : str, optional
        The session, ``"210325"`` (the default) or ``"201025"``.

    Raises
    ------
    OptionError
        If the catalogue does not hold that session.
    """
    entry = catalog.entry(NAME)
    session = entry.variant(variant).name
    file = f"images/images_{session}.zip"
    path = download.fetch(entry, [file])[file]
    members = sorted(member.filename for member in check_zip(path))
    expected = [f"image{number:04d}.jpg" for number in range(1, len(members) + 1)]
    if members != expected:
        raise FileError(f"{path} was expected to hold image0001.jpg to image{len(members):04d}.jpg and nothing else")
    metadata = pd.DataFrame(
        {
            "stimulus_id": stimulus_ids(session, len(members)),
            "filename": members,
            "session": session,
            "number": np.arange(1, len(members) + 1),
        }
    )
    return StimulusSet(
        metadata,
        ZipPixels(path, members),
        identifier=f"{NAME}:{session}",
        attrs=attributes(entry),
    )
