"""The 21 stimuli of the Zhang-Desimone 7-object data: known by name and position; no images were published."""

from __future__ import annotations

import pandas as pd

from neuroguide.stimuli.catalogued import attributes, whole_archive
from neuroguide.stimuli.stimulus_set import StimulusSet

NAME = "zhangdesimone7objects"

OBJECTS = ("car", "couch", "face", "flower", "guitar", "hand", "kiwi")
POSITIONS = ("lower", "middle", "upper")


def open_zhangdesimone7objects(variant: str | None = None) -> StimulusSet:
    """Seven objects at three positions, without pixels.

    Ids are the source's: ``car_lower`` ... ``kiwi_upper``. Columns: ``object_name``, ``position``.

    Parameters
    ----------
    variant : None
        There is only one set.
    """
    entry = whole_archive(NAME, variant)
    shown = [(name, position) for name in OBJECTS for position in POSITIONS]
    metadata = pd.DataFrame(
        {
            "stimulus_id": [f"{name}_{position}" for name, position in shown],
            "object_name": [name for name, _ in shown],
            "position": [position for _, position in shown],
        }
    )
    return StimulusSet(metadata, None, identifier=NAME, attrs=attributes(entry))
