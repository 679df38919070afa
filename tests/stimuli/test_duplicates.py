"""Copies of an image are found by what they show."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from neuroguide._core.errors import InputError
from neuroguide.stimuli import StimulusSet, open_stimuli
from neuroguide.stimuli.duplicates import content_hashes, duplicates, image_groups


def test_copies_of_any_name_and_format(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 8, 9, 3), dtype=np.uint8)
    for name, image in (("a.png", 0), ("b.png", 1), ("copy of a.bmp", 0), ("z.png", 2)):
        Image.fromarray(images[image]).save(tmp_path / name)
    found = open_stimuli(tmp_path)
    assert duplicates(found) == [["a", "copy of a"]]
    assert image_groups(found).tolist() == [0, 1, 0, 2]
    # the same bytes in another shape are another image
    turned = StimulusSet.from_arrays(np.ascontiguousarray(images.reshape(3, 9, 8, 3)))
    assert not set(content_hashes(turned)) & set(content_hashes(found))


def test_none(tmp_path):
    assert duplicates(StimulusSet.from_arrays(np.arange(3 * 48, dtype=np.uint8).reshape(3, 4, 4, 3))) == []


def test_without_images():
    import pandas as pd

    with pytest.raises(InputError, match="only ids and labels are known"):
        content_hashes(StimulusSet(pd.DataFrame({"stimulus_id": ["a"]}), None, identifier="names"))
