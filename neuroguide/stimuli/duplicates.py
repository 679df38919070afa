"""Copies of one image under several ids, found by what they show."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from neuroguide.stimuli.stimulus_set import StimulusSet


def content_hashes(stimuli: StimulusSet) -> list[str]:
    """SHA-256 of the decoded pixels of each stimulus, so that names, formats and metadata do not matter.

    Raises
    ------
    InputError
        If the set has no images.
    FileError
        If an image cannot be read.
    """
    found = []
    for image in stimuli.images():
        pixels = np.ascontiguousarray(image)
        found.append(hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest())
    return found


def image_groups(stimuli: StimulusSet) -> NDArray[np.int64]:
    """A number for each stimulus, equal for those with the same pixels: folds and halves must never split them."""
    digests = content_hashes(stimuli)
    numbers = {digest: number for number, digest in enumerate(dict.fromkeys(digests))}
    return np.array([numbers[digest] for digest in digests], dtype=np.int64)


def duplicates(stimuli: StimulusSet) -> list[list[str]]:
    """The ids of every image that is there more than once, in the order of the set; empty if there is none."""
    together: dict[str, list[str]] = {}
    for stimulus_id, digest in zip(stimuli.ids, content_hashes(stimuli), strict=True):
        together.setdefault(digest, []).append(stimulus_id)
    return [ids for ids in together.values() if len(ids) > 1]
