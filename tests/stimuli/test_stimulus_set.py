from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from neuroguide._core.errors import InputError
from neuroguide.stimuli import StimulusSet


@pytest.fixture
def stimuli(pictures):
    table = pd.DataFrame({"stimulus_id": list("abcde"), "category_name": ["face", "face", "hand", "car", "car"]})
    return StimulusSet.from_arrays(pictures, metadata=table, identifier="five", degrees=8)


def test_has_ids_metadata_and_pixels(stimuli, pictures):
    assert len(stimuli) == 5
    assert stimuli.ids == ["a", "b", "c", "d", "e"]
    assert stimuli.degrees == 8.0
    assert stimuli.identifier == "five"
    assert list(stimuli.metadata["category_name"]) == ["face", "face", "hand", "car", "car"]
    images = stimuli.images()
    assert len(images) == 5
    np.testing.assert_array_equal(images[0], pictures[0])
    np.testing.assert_array_equal(images[-1], pictures[4])
    np.testing.assert_array_equal(images[np.int64(2)], pictures[2])
    np.testing.assert_array_equal(np.stack(list(images)), pictures)


@pytest.mark.parametrize("index", [slice(None), slice(1, 4), slice(None, None, -2), [3, 1, 1], np.array([0, -1])])
def test_several_images_come_as_one_array(stimuli, pictures, index):
    np.testing.assert_array_equal(stimuli.images()[index], pictures[index])


def test_a_mask_and_an_empty_selection(stimuli, pictures):
    mask = np.array([True, False, False, True, False])
    np.testing.assert_array_equal(stimuli.images()[mask], pictures[mask])
    assert len(stimuli.images()[[]]) == 0
    assert len(stimuli.images()[2:2]) == 0


def test_indices_that_cannot_be_are_refused(stimuli):
    with pytest.raises(IndexError):
        stimuli.images()[5]
    with pytest.raises(IndexError):
        stimuli.images()[-6]
    with pytest.raises(IndexError):
        stimuli.images()[[0, 5]]
    for index in ("a", [0.5], [[0, 1]]):
        with pytest.raises(InputError, match="selected by numbers"):
            stimuli.images()[index]


def test_what_a_caller_changes_stays_the_callers(stimuli, pictures):
    stimuli.images()[0][:] = 0
    stimuli.images()[:][:] = 0
    table = stimuli.metadata
    table["stimulus_id"] = "x"
    stimuli.ids.clear()
    np.testing.assert_array_equal(stimuli.images()[0], pictures[0])
    assert stimuli.ids == list(stimuli.metadata["stimulus_id"]) == list("abcde")
    with pytest.raises(TypeError):
        stimuli.attrs["licence"] = "mine"


def test_selects_in_the_order_asked_for(stimuli, pictures):
    chosen = stimuli.select(["d", "a", "b"])
    assert chosen.ids == list(chosen.metadata["stimulus_id"]) == ["d", "a", "b"]
    assert list(chosen.metadata["category_name"]) == ["car", "face", "face"]
    assert list(chosen.metadata.index) == [0, 1, 2]
    assert (chosen.degrees, chosen.identifier) == (8.0, "five")
    np.testing.assert_array_equal(chosen.images()[:], pictures[[3, 0, 1]])
    again = chosen.select(["b", "d"])
    np.testing.assert_array_equal(again.images()[:], pictures[[1, 3]])
    np.testing.assert_array_equal(stimuli.images()[:], pictures)


def test_missing_and_repeated_stimuli_are_named(stimuli):
    with pytest.raises(InputError, match=r"five lacks 2 of 3 stimuli: x, y$"):
        stimuli.select(["a", "x", "y"])
    with pytest.raises(InputError, match=r"selected twice: a$"):
        stimuli.select(["a", "b", "a"])
    with pytest.raises(InputError, match="and 4 more"):
        stimuli.select([f"x{i}" for i in range(9)])


def test_ids_default_to_numbers_and_may_be_image_ids(pictures):
    assert StimulusSet.from_arrays(pictures).ids == ["0", "1", "2", "3", "4"]
    assert StimulusSet.from_arrays(pictures, ids=list("vwxyz")).ids == list("vwxyz")
    table = pd.DataFrame({"image_id": list("vwxyz")}, index=[9, 8, 7, 6, 5])
    stimuli = StimulusSet.from_arrays(pictures, metadata=table)
    assert stimuli.ids == list(stimuli.metadata["image_id"]) == list("vwxyz")
    both = pd.DataFrame({"image_id": list("aaaaa"), "stimulus_id": list("vwxyz")})
    assert StimulusSet.from_arrays(pictures, metadata=both).ids == list("vwxyz")
    assert StimulusSet.from_arrays(pictures, metadata=pd.DataFrame({"stimulus_id": range(5)})).ids[4] == "4"


def test_grey_images_get_three_channels(pictures):
    grey = pictures[..., 0]
    image = StimulusSet.from_arrays(grey).images()[0]
    assert image.shape == (12, 10, 3)
    np.testing.assert_array_equal(image, np.repeat(grey[0][..., None], 3, axis=2))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"stimulus_id": list("aabcc")}, "same stimulus_id twice: a, c$"),
        ({"stimulus_id": ["a", None, "c", "d", "e"]}, "no stimulus_id in row 2"),
        ({"stimulus_id": ["a", "b", " ", "d", "e"]}, "no stimulus_id in row 3"),
        ({"stimulus_id": list("abcd")}, "4 stimuli in its table but 5 images"),
    ],
)
def test_tables_that_cannot_be_are_refused(pictures, column, message):
    with pytest.raises(InputError, match=message):
        StimulusSet.from_arrays(pictures, metadata=pd.DataFrame(column))


def test_a_table_without_ids_is_refused():
    with pytest.raises(InputError, match=r"no column stimulus_id .*columns are name$"):
        StimulusSet(pd.DataFrame({"name": ["a"]}), None, identifier="x")
    with pytest.raises(InputError, match=r"columns are none$"):
        StimulusSet(pd.DataFrame(), None, identifier="x")


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4, 4, 3)), "must be uint8"),
        (np.zeros((2, 4, 4, 4), np.uint8), r"not \(2, 4, 4, 4\)"),
        (np.zeros((4, 4), np.uint8), r"not \(4, 4\)"),
        (np.array([object()]), "must be uint8"),
    ],
)
def test_arrays_that_are_no_images_are_refused(images, message):
    with pytest.raises(InputError, match=message):
        StimulusSet.from_arrays(images)


@pytest.mark.parametrize("degrees", [0, -1, float("nan"), float("inf")])
def test_impossible_degrees_are_refused(pictures, degrees):
    with pytest.raises(InputError, match="positive number of degrees"):
        StimulusSet.from_arrays(pictures, degrees=degrees)


def test_a_set_without_images_says_so():
    stimuli = StimulusSet(pd.DataFrame({"stimulus_id": ["a"]}), None, identifier="labels")
    assert not stimuli.has_images
    with pytest.raises(InputError, match="images of labels were not published"):
        stimuli.images()
    assert "no images" in repr(stimuli)
    assert "no images" in stimuli._repr_html_()


def test_says_what_it_is(stimuli):
    assert repr(stimuli) == "<StimulusSet 'five': 5 stimuli, 8 degrees; columns category_name>"
    assert "<img" not in stimuli._repr_html_()


def test_shows_thumbnails_of_images_that_may_be_shown(pictures):
    stimuli = StimulusSet.from_arrays(pictures, show_pixels=True)
    assert stimuli._repr_html_().count("<img ") == 5
    assert stimuli.select(["1"])._repr_html_().count("<img ") == 1


def test_html_from_a_file_is_escaped(pictures):
    evil = "<script>alert(1)</script>\"'"
    table = pd.DataFrame({"stimulus_id": [f"{evil}{i}" for i in range(5)], f"{evil}column": evil})
    page = StimulusSet.from_arrays(pictures, metadata=table, identifier=evil, show_pixels=True)._repr_html_()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 10
    assert 'alt="&lt;script' in page


def test_pixels_of_archives_do_not_get_into_notebooks(pictures):
    from neuroguide.stimuli.pixels import ArrayPixels

    table = pd.DataFrame({"stimulus_id": list("abcde")})
    stimuli = StimulusSet(table, ArrayPixels(pictures), identifier="archive")
    assert "<img" not in stimuli._repr_html_()
    assert "<img" not in stimuli.select(["a"])._repr_html_()
