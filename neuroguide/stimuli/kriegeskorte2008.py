"""The 92 object images of Kriegeskorte et al. 2008, from the MATLAB file of the paper's supplement."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from neuroguide._core import download
from neuroguide._core.errors import FileError
from neuroguide._core.matfile import read_mat, text, texts
from neuroguide.stimuli.catalogued import attributes, whole_archive
from neuroguide.stimuli.pixels import ArrayPixels
from neuroguide.stimuli.stimulus_set import StimulusSet

NAME = "kriegeskorte2008"

#: The file with the images, their categories, and the RDMs of both species.
SUPPLEMENT = "Kriegeskorte_Neuron2008_supplementalData.mat"

N_STIMULI = 92

#: The file's names for its twelve category vectors, and ours.
CATEGORY_VECTORS = {
    "animate": "animate",
    "inanim": "inanimate",
    "human": "human",
    "nonhumani": "nonhuman",
    "body": "body",
    "face": "face",
    "natObj": "natural_object",
    "artiObj": "artificial_object",
    "rand24": "random_24",
    "rand48": "random_48",
    "other48": "other_48",
    "monkeyape": "monkey_or_ape",
}


def open_kriegeskorte2008(variant: str | None = None) -> StimulusSet:
    """The 92 images, 175 x 175 pixels, on grey.

    The source numbers its images and names none. An id here is its category and the number within it, in the source's
    order: ``human_bodypart_01`` ... ``artificial_inanimate_21``. Columns: ``category_name`` (six categories),
    ``number`` (1 to 92, the row and column of the published RDMs), and the twelve category vectors as 0 or 1, among
    them ``animate``, ``face`` and ``natural_object`` (see :data:`CATEGORY_VECTORS`; the ``random`` and ``other`` ones
    are the paper's arbitrary splits). The size in degrees is not stated in the file: unknown.

    Parameters
    ----------
    variant : None
        There is only one set.
    """
    entry = whole_archive(NAME, variant)
    path = download.fetch(entry, [SUPPLEMENT])[SUPPLEMENT]
    content = read_mat(path, "stimuli_92objs", "categoryVectors", "categoryLabels")
    stimuli = content["stimuli_92objs"].ravel()
    vectors = _category_vectors(content)
    if len(stimuli) != N_STIMULI or any(len(vector) != N_STIMULI for vector in vectors.values()):
        raise FileError(f"{path} holds {len(stimuli)} stimuli, {N_STIMULI} were expected")
    categories = [text(stimulus["category"]) for stimulus in stimuli]
    metadata = pd.DataFrame(
        {
            "stimulus_id": stimulus_ids(categories),
            "category_name": categories,
            "number": np.arange(1, N_STIMULI + 1),
            **vectors,
        }
    )
    images = np.stack([stimulus["image"] for stimulus in stimuli])
    return StimulusSet(metadata, ArrayPixels(images), identifier=NAME, attrs=attributes(entry))


def stimulus_ids(categories: list[str]) -> list[str]:
    """Ids from the categories of the stimuli in order: each category's name and a number that counts within it."""
    counts: Counter[str] = Counter()
    ids = []
    for category in categories:
        counts[category] += 1
        ids.append(f"{category.replace(' ', '_')}_{counts[category]:02d}")
    return ids


def _category_vectors(content: dict[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    labels = texts(content["categoryLabels"])
    if sorted(labels) != sorted(CATEGORY_VECTORS):
        raise FileError(f"{SUPPLEMENT} has the category vectors {', '.join(labels)}; others were expected")
    return {
        CATEGORY_VECTORS[label]: content["categoryVectors"][:, column].astype(np.int64)
        for column, label in enumerate(labels)
    }
