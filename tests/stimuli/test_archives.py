from __future__ import annotations

import numpy as np
import pytest

from neuroguide.stimuli import open_stimuli
from neuroguide.stimuli.kriegeskorte2008 import stimulus_ids

pytestmark = pytest.mark.real


def test_kriegeskorte2008(neuroguide_home):
    stimuli = open_stimuli("kriegeskorte2008")
    assert len(stimuli) == 92
    assert stimuli.ids[0] == "human_bodypart_01"
    assert stimuli.ids[12] == "human_face_01"
    assert stimuli.ids[-1] == "artificial_inanimate_21"
    assert stimuli.degrees is None
    table = stimuli.metadata
    counts = table["category_name"].value_counts()
    assert counts.to_dict() == {
        "human bodypart": 12,
        "human face": 12,
        "nonhuman bodypart": 12,
        "nonhuman face": 12,
        "natural inanimate": 23,
        "artificial inanimate": 21,
    }
    # the twelve vectors agree with the categories
    assert (table["animate"] == ~table["category_name"].str.contains("inanimate")).all()
    assert (table["face"] == table["category_name"].str.contains("face")).all()
    assert (table["human"] == table["category_name"].str.startswith("human")).all()
    assert (table["natural_object"] == (table["category_name"] == "natural inanimate")).all()
    assert (table["animate"] + table["inanimate"] == 1).all()
    assert (table["random_48"] + table["other_48"] == 1).all()
    images = stimuli.images()[:]
    assert images.shape == (92, 175, 175, 3)
    assert (images[:, 0, 0] == 128).mean() > 0.9  # objects on mid grey
    assert "<img" not in stimuli._repr_html_()


@pytest.mark.parametrize(("session", "n_images"), [("210325", 640), ("201025", 1200)])
def test_cowley2023(neuroguide_home, session, n_images):
    stimuli = open_stimuli(f"cowley2023:{session}")
    assert stimuli.identifier == f"cowley2023:{session}"
    assert len(stimuli) == n_images
    assert stimuli.ids[0] == f"{session}_image0001"
    assert stimuli.metadata["filename"].iloc[-1] == f"image{n_images:04d}.jpg"
    images = stimuli.images()[[0, n_images - 1]]
    assert images.shape == (2, 112, 112, 3)
    assert images.std() > 10


def test_the_default_session_is_the_one_with_repetitions(neuroguide_home):
    assert open_stimuli("cowley2023").ids == open_stimuli("cowley2023:210325").ids


def test_sessions_share_no_ids(neuroguide_home):
    assert not set(open_stimuli("cowley2023:210325").ids) & set(open_stimuli("cowley2023:201025").ids)


def test_ids_count_within_a_category():
    assert stimulus_ids(["a b", "c", "a b"]) == ["a_b_01", "c_01", "a_b_02"]
    assert np.unique(stimulus_ids(["x"] * 30)).size == 30
