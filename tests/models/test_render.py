"""The renderer of the built-in objects: determinism, geometry, backgrounds, splits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroguide._core.errors import InputError, OptionError
from neuroguide.models.render import (
    CATEGORIES,
    OBJECTS,
    category_of,
    object_images,
    render_objects,
    sample_parameters,
)
from neuroguide.models.render.catalogue import CANONICAL_VIEW, build
from neuroguide.models.render.scenes import BASE_RADIUS
from neuroguide.models.render.shapes import Round, turn

GREY = 128


def one(name: str, **changes: float) -> pd.DataFrame:
    return sample_parameters(1, variation="low", objects=[name]).assign(**changes)


def covered(parameters: pd.DataFrame, size: int = 64) -> np.ndarray:
    """Pixels that are not purely background, shape (n, size, size); in two paints, as one may happen to be grey."""
    painted = [render_objects(parameters.assign(scene=s), size, background="grey", device="cpu") for s in (1, 2)]
    return np.logical_or(*((images != GREY).any(axis=-1) for images in painted))


def test_there_are_eight_categories_of_eight_objects() -> None:
    assert len(CATEGORIES) == 8
    assert len(OBJECTS) == len(set(OBJECTS)) == 64
    assert [category_of(name) for name in OBJECTS] == [name for name in CATEGORIES for _ in range(8)]


@pytest.mark.parametrize("size", [32, 48])
def test_an_image_does_not_depend_on_its_batch(size: int) -> None:
    parameters = sample_parameters(70, seed=4, variation="high")
    together = render_objects(parameters, size, device="cpu")
    shuffled = np.random.default_rng(0).permutation(70)
    np.testing.assert_array_equal(render_objects(parameters.iloc[shuffled], size, device="cpu"), together[shuffled])
    for i in (0, 33, 69):
        np.testing.assert_array_equal(render_objects(parameters.iloc[[i]], size, device="cpu")[0], together[i])


def test_a_series_is_drawn_by_seed_and_number_alone() -> None:
    parameters = sample_parameters(200, seed=1, variation="high")
    pd.testing.assert_frame_equal(sample_parameters(50, seed=1, variation="high"), parameters.head(50))
    later = sample_parameters(30, seed=1, variation="high", start=100)
    pd.testing.assert_frame_equal(later, parameters.iloc[100:130].reset_index(drop=True))
    assert not set(parameters["scene"]) & set(sample_parameters(200, seed=2, variation="high")["scene"])
    assert len(sample_parameters(0)) == 0
    assert render_objects(sample_parameters(0), 32, device="cpu").shape == (0, 32, 32, 3)


def test_every_run_of_64_images_shows_each_object_once_in_another_order() -> None:
    names = sample_parameters(192)["object_name"].to_numpy().reshape(3, 64)
    assert all(set(run) == set(OBJECTS) for run in names)
    assert (names[0] != names[1]).any()


def test_all_objects_look_different() -> None:
    parameters = pd.concat([one(name, scene=7) for name in OBJECTS], ignore_index=True)
    pixels = render_objects(parameters, 32, background="grey", device="cpu").reshape(64, -1).astype(float)
    distances = np.sqrt(((pixels[:, None] - pixels[None]) ** 2).mean(axis=2))
    assert distances[np.triu_indices(64, 1)].min() > 4


@pytest.mark.parametrize("name", ["cow", "fighter", "saloon", "glasses", "sailing_boat", "rocking_chair"])
def test_coverage_equals_that_of_points_inside_the_parts(name: str) -> None:
    """Brute force: which rays pass a point that lies inside a part, by the definition of the parts."""
    size, depths = 32, np.linspace(-0.8, 0.8, 321)
    steps = (2 * np.arange(2 * size) + 1) / (2 * size) - 1
    y, x, z = np.meshgrid(-steps, steps, depths, indexing="ij")
    yaw, pitch = CANONICAL_VIEW[category_of(name)]
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3) @ turn(yaw, pitch) / BASE_RADIUS
    inside = np.zeros(len(points), dtype=bool)
    for part in build(name):
        u = (points - part.centre) @ np.linalg.inv(part.frame).T
        if isinstance(part, Round):
            radius = part.profile[0] + part.profile[1] * u[:, 1] + part.profile[2] * u[:, 1] ** 2
            inside |= (u[:, 0] ** 2 + u[:, 2] ** 2 <= radius) & (np.abs(u[:, 1]) <= 1)
        else:
            inside |= (u @ part.faces[:, :3].T <= part.faces[:, 3]).all(axis=1)
    rays = inside.reshape(2 * size, 2 * size, -1).any(axis=2)
    expected = rays.reshape(size, 2, size, 2).any(axis=(1, 3))
    got = covered(one(name), size)[0]
    # points may miss what is thinner than their spacing, so a few more pixels may be covered, never fewer
    assert (expected & ~got).sum() == 0
    assert (got & ~expected).sum() <= 0.03 * got.sum()


def test_size_position_and_roll_act_on_the_picture() -> None:
    whole = covered(one("pig"))
    half = covered(one("pig", size=0.5))
    assert half.sum() / whole.sum() == pytest.approx(0.25, abs=0.03)
    moved = covered(one("pig", size=0.5, position_x=0.25, position_y=-0.125))
    np.testing.assert_array_equal(np.roll(half, (4, 8), axis=(1, 2)), moved)
    upright = render_objects(one("pig"), 64, background="grey", device="cpu")[0]
    turned = covered(one("pig", roll=90.0))[0]
    assert (np.rot90((upright != GREY).any(axis=-1)) == turned).mean() > 0.99


def test_an_object_seen_from_behind_is_its_mirrored_outline() -> None:
    yaw, pitch = CANONICAL_VIEW["Animals"]
    ahead, behind = one("bear", pitch=-pitch), one("bear", yaw=180.0, pitch=-pitch)
    assert yaw != 0
    np.testing.assert_array_equal(covered(ahead)[0], covered(behind)[0][:, ::-1])


def test_the_background_is_the_same_behind_any_object_and_at_any_size() -> None:
    first, second = one("cherries", size=0.3), one("tug", size=0.3)
    images = render_objects(pd.concat([first, second], ignore_index=True), 64, device="cpu").astype(int)
    both_bare = ~(covered(first)[0] | covered(second)[0])
    np.testing.assert_array_equal(images[0][both_bare], images[1][both_bare])
    larger = render_objects(first, 128, device="cpu")[0].astype(float)
    averaged = larger.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.corrcoef(averaged.ravel(), images[0].ravel())[0, 1] > 0.97


def test_the_amplitude_of_backgrounds_falls_as_in_natural_images() -> None:
    from neuroguide.models.render.backgrounds import natural_backgrounds

    luminance = natural_backgrounds(sample_parameters(200, seed=3)["scene"].to_numpy(), 64).mean(dim=1).numpy()
    spectrum = np.abs(np.fft.fft2(luminance - luminance.mean(axis=(1, 2), keepdims=True))).mean(axis=0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64, 1 / 64), np.fft.fftfreq(64, 1 / 64)))
    band = (frequency >= 2) & (frequency <= 24)
    slope = np.polyfit(np.log(frequency[band]), np.log(spectrum[band]), 1)[0]
    assert -1.5 < slope < -1.0
    assert 0.07 < luminance.std(axis=(1, 2)).mean() < 0.17


def test_backgrounds_tell_nothing_about_the_object() -> None:
    parameters = sample_parameters(640, seed=5, variation="low")
    corners = render_objects(parameters, 16, device="cpu")[:, :2, :2].reshape(640, -1).astype(float)
    grand = corners.mean(axis=0)
    groups = parameters["category_name"].to_numpy()
    between = sum(80 * ((corners[groups == name].mean(axis=0) - grand) ** 2).mean() for name in CATEGORIES) / 7
    within = np.mean([corners[groups == name].var(axis=0, ddof=1).mean() for name in CATEGORIES])
    assert between / within < 2.5


@settings(max_examples=15, deadline=None)
@given(
    yaw=st.floats(-360, 360),
    pitch=st.floats(-360, 360),
    roll=st.floats(-360, 360),
    size=st.floats(0.3, 4),
    number=st.integers(0, 63),
)
def test_any_pose_is_rendered(yaw: float, pitch: float, roll: float, size: float, number: int) -> None:
    parameters = one(OBJECTS[number], yaw=yaw, pitch=pitch, roll=roll, size=size)
    image = render_objects(parameters, 32, background="grey", device="cpu")
    assert (image != GREY).any()


def test_splits_share_no_image_and_begin_alike() -> None:
    train = object_images(128, "train", image_size=16, seed=3, device="cpu")
    short = object_images(64, "train", image_size=16, seed=3, device="cpu")
    validation = object_images(128, "validation", image_size=16, seed=3, device="cpu")
    np.testing.assert_array_equal(train.images[:64], short.images)
    assert not set(train.parameters["scene"]) & set(validation.parameters["scene"])
    assert len(train) == 128
    np.testing.assert_array_equal(np.bincount(train.labels), np.full(8, 16))
    names = train.parameters["object_name"].to_numpy()
    assert [OBJECTS[i] for i in train.objects] == list(names)
    assert [train.classes[i] for i in train.labels] == [category_of(name) for name in names]


def test_bad_input_is_refused_in_one_sentence() -> None:
    good = sample_parameters(2)
    with pytest.raises(OptionError, match="did you mean 'medium'"):
        sample_parameters(2, variation="medum")
    with pytest.raises(OptionError, match="did you mean 'giraffe'"):
        sample_parameters(2, objects=["girafe"])
    with pytest.raises(OptionError, match="unknown object 'unicorn'"):
        render_objects(good.assign(object_name="unicorn"), 32)
    with pytest.raises(OptionError, match="unknown split"):
        object_images(4, "training")
    with pytest.raises(OptionError, match="unknown background"):
        render_objects(good, 32, background="photographs")
    with pytest.raises(InputError, match="lacks yaw, scene"):
        render_objects(good.drop(columns=["yaw", "scene"]), 32)
    with pytest.raises(InputError, match="finite"):
        render_objects(good.assign(pitch=np.nan), 32)
    with pytest.raises(InputError, match="whole numbers"):
        render_objects(good.assign(scene=0.5), 32)
    with pytest.raises(InputError, match="above 0"):
        render_objects(good.assign(size=0.0), 32)
    for size in (33, 4, 1024):
        with pytest.raises(InputError, match="even size"):
            render_objects(good, size)
    with pytest.raises(InputError, match="from 0 upwards"):
        sample_parameters(-1)
    with pytest.raises(InputError, match="at least one"):
        sample_parameters(2, objects=[])
