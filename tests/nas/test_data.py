"""Training data: every source, balanced and fixed splits, the cache, and what is refused."""

from __future__ import annotations

import os
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from neuroguide._core import settings as core_settings
from neuroguide._core.errors import FileError, InputError, MissingExtraError, OptionError
from neuroguide.nas import images as tree
from neuroguide.nas.data import TrainingData, from_arrays, open_data, split_indices


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "neuroguide" / ".decoded"


def pixels(split: str, label: int, i: int, size: int = 8) -> np.ndarray:
    rng = np.random.default_rng([len(split), label, i])
    return rng.integers(0, 256, (size, size, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for split, count in (("train", 20), ("test", 3)):
        for label, name in enumerate(("cat", "dog")):
            for i in range(count):
                path = root / split / name / f"{i:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels(split, label, i)).save(path)
    (root / "train" / "notes.txt").write_text("not an image")
    (root / "train" / "cat" / ".hidden.png").write_text("not an image")
    return root


def pack(folder: Path, target: Path, only: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            if only in file.relative_to(folder).as_posix():
                archive.write(file, file.relative_to(folder).as_posix())
    return target


def test_a_folder_is_read_pixel_by_pixel(folder: Path) -> None:
    data = open_data(folder, validation=6)
    assert (len(data.train), len(data.validation), len(data.test or ())) == (34, 6, 6)
    assert data.classes == ("cat", "dog")
    assert (data.image_size, data.n_classes) == (8, 2)
    expected = sorted(pixels("train", label, i).tobytes() + bytes([label]) for label in (0, 1) for i in range(20))
    found = [
        image.numpy().tobytes() + bytes([int(label)])
        for split in (data.train, data.validation)
        for image, label in zip(split.images, split.labels, strict=True)
    ]
    assert sorted(found) == expected
    assert data.test is not None
    assert np.array_equal(data.test.images[4].numpy(), pixels("test", 1, 1))


def test_the_same_images_are_the_same_data_however_packed(folder: Path, tmp_path: Path) -> None:
    first = open_data(folder)
    assert open_data(pack(folder, tmp_path / "all.zip")).identifier == first.identifier
    split = tmp_path / "split"
    split.mkdir()
    pack(folder, split / "train.zip", "train/")
    pack(folder, split / "test.zip", "test/")
    again = open_data(split)
    assert again.identifier == first.identifier
    assert again.origin == {
        "data": str(split.resolve()),
        "options": {"validation": 0.1, "seed": 0, "image_size": None, "cache": True},
    }
    assert again.origin is not None
    assert open_data(again.origin["data"], **again.origin["options"]).identifier == first.identifier
    assert open_data(folder, seed=1).identifier != first.identifier


def test_a_folder_without_splits_has_no_test_images(folder: Path) -> None:
    data = open_data(folder / "train", validation=0.25)
    assert data.test is None
    assert (len(data.train), len(data.validation)) == (30, 10)


def test_a_validation_folder_is_used_as_it_is(folder: Path) -> None:
    (folder / "test").rename(folder / "val")
    data = open_data(folder, validation=7)
    assert (len(data.train), len(data.validation), data.test) == (40, 6, None)


def test_mean_and_std_are_those_of_the_training_pixels(folder: Path) -> None:
    data = open_data(folder)
    scaled = data.train.images.double() / 255
    assert np.allclose(data.mean, scaled.mean(dim=(0, 1, 2)), rtol=0, atol=1e-12)
    assert np.allclose(data.std, scaled.std(dim=(0, 1, 2), correction=0), rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 6), st.integers(2, 30), st.floats(0.05, 0.6), st.integers(0, 1000))
def test_splits_are_balanced_disjoint_and_complete(n_classes: int, each: int, share: float, seed: int) -> None:
    labels = np.repeat(np.arange(n_classes), each)
    count = round(share * len(labels))
    if not 1 <= count <= len(labels) - 2:
        return
    train, held = split_indices(labels, count, seed)
    assert sorted([*train, *held]) == list(range(len(labels)))
    assert len(held) == count
    # any first part holds each class as often as another, to within one image
    for first in range(1, count + 1):
        counts = np.bincount(labels[held[:first]], minlength=n_classes)
        assert counts.max() - counts.min() <= 1
    again = split_indices(labels, count, seed)
    assert np.array_equal(again[0], train)
    assert np.array_equal(again[1], held)


def test_unequal_classes_keep_their_shares() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    _, held = split_indices(labels, 0.5, 3)
    assert np.bincount(labels[held]).tolist() == [45, 5]


@pytest.mark.parametrize("validation", [0, 0.0, 40, 39, -1, 1.5])
def test_impossible_validation(folder: Path, validation: float) -> None:
    with pytest.raises(OptionError, match="is not possible"):
        open_data(folder, validation=validation)


def test_decoded_images_are_kept_and_found_by_their_content(
    folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_data(folder)
    (kept,) = own_cache.glob("*.safetensors")
    monkeypatch.setattr(tree, "_decode", lambda *_: pytest.fail("decoded again"))
    assert open_data(folder).identifier == first.identifier
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_cache.parents[1]))
    kept.write_bytes(kept.read_bytes()[:100])
    assert open_data(folder).identifier == first.identifier
    Image.fromarray(pixels("another", 0, 0)).save(folder / "train" / "cat" / "000.png")
    os.utime(folder / "train" / "cat" / "000.png", (1, 1))
    assert open_data(folder).identifier != first.identifier


def test_no_place_for_a_cache_is_no_error(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(open_data(folder).train) == 36


def test_images_are_scaled_and_cut(tmp_path: Path) -> None:
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        for i in range(4):
            path = tmp_path / "wide" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            # the centre square of the class's colour, grey at the sides
            image = Image.new("RGB", (40, 20), (128, 128, 128))
            image.paste(colour, (10, 0, 30, 20))
            image.save(path)
    with pytest.raises(InputError, match="40 x 20 pixels, not square; give image_size"):
        open_data(tmp_path / "wide")
    data = open_data(tmp_path / "wide", image_size=10, validation=2)
    assert data.train.images.shape == (6, 10, 10, 3)
    assert data.train.images[data.train.labels == 1, 5, 5].tolist() == [[255, 0, 0]] * 3


def test_arrays_and_files_of_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 6, 6, 3), np.uint8), np.arange(40) % 4
    data = from_arrays(images, labels, test=(images[:8], labels[:8]), validation=8)
    assert data.classes == ("0", "1", "2", "3")
    assert data.origin is None
    saved = data.save(tmp_path / "data.safetensors")
    assert saved.origin == {"data": str(tmp_path / "data.safetensors"), "options": {}}
    back = open_data(tmp_path / "data.safetensors")
    assert (back.identifier, back.classes, back.mean, back.std) == (
        data.identifier,
        data.classes,
        data.mean,
        data.std,
    )
    assert torch.equal(back.validation.images, data.validation.images)
    assert open_data(back) is back
    (tmp_path / "broken.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(FileError, match="not training data"):
        open_data(tmp_path / "broken.safetensors")
    with pytest.raises(FileError, match="no file"):
        open_data(tmp_path / "absent.safetensors")
    for name, garbled, message in [
        ("train.images", data.train.images.float(), "train images should be uint8"),
        ("validation.labels", data.validation.labels.float(), "labels of validation images should be 8 whole numbers"),
        ("test.labels", data.test.labels + 1, "labels of test images go up to 4 and there are 4 classes"),
        ("train.labels", data.train.labels[:-1], "labels of train images should be 32 whole numbers"),
    ]:
        tensors = load_file(tmp_path / "data.safetensors")
        with safe_open(tmp_path / "data.safetensors", "pt") as file:
            save_file({**tensors, name: garbled}, tmp_path / "garbled.safetensors", metadata=file.metadata())
        with pytest.raises(FileError, match=f"not training data saved by neuroguide: {message}"):
            open_data(tmp_path / "garbled.safetensors")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 6, 6, 3)), np.arange(4), "uint8"),
        (np.zeros((4, 6, 5, 3), np.uint8), np.arange(4), "size, size, 3"),
        (np.zeros((4, 3, 6, 6), np.uint8), np.arange(4), "size, size, 3"),
        (np.zeros((4, 6, 6, 3), np.uint8), np.arange(3), "4 whole numbers"),
        (np.zeros((4, 6, 6, 3), np.uint8), np.arange(4) - 1, "whole numbers from 0"),
        (np.zeros((4, 6, 6, 3), np.uint8), np.arange(4) / 2, "whole numbers"),
    ],
)
def test_wrong_arrays(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_arrays(images, labels)


def test_names_that_are_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="did you mean 'cifar10'"):
        open_data("cifar100")
    with pytest.raises(OptionError, match="not labelled images"):
        open_data("kriegeskorte2008")
    with pytest.raises(OptionError, match="did you mean 'CIFAR10'"):
        open_data("torchvision:CIFAR1")
    with pytest.raises(OptionError, match="objects:8000"):
        open_data("objects:many")
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingExtraError, match=r"neuroguide\[zoo\]"):
        open_data("torchvision:CIFAR10")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        open_data(tmp_path / "empty")


def test_torchvision_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool, bool]] = []

    class CIFAR100:
        """As torchvision's: pixels under ``data``, a list of labels under ``targets``."""

        def __init__(self, root: Path, *, train: bool, download: bool) -> None:
            asked.append((str(root), train, download))
            n = 40 if train else 8
            self.data = np.stack([pixels("train" if train else "test", 0, i, 32) for i in range(n)])
            self.targets = [i % 4 for i in range(n)]
            self.classes = ["apple", "bee", "cup", "door"]

    class Offline:
        def __init__(self, *_: object, **__: object) -> None:
            raise OSError("no connection")

    datasets = types.ModuleType("torchvision.datasets")
    monkeypatch.setattr(datasets, "CIFAR100", CIFAR100, raising=False)
    monkeypatch.setattr(datasets, "CIFAR10", Offline, raising=False)
    package = types.ModuleType("torchvision")
    monkeypatch.setattr(package, "datasets", datasets, raising=False)
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path))
    data = open_data("torchvision:CIFAR100", validation=4)
    assert asked == [(str(tmp_path / "torchvision"), flag, True) for flag in (True, False)]
    assert (len(data.train), len(data.validation), len(data.test or ())) == (36, 4, 8)
    assert data.classes == ("apple", "bee", "cup", "door")
    assert data.origin is not None
    assert data.origin["data"] == "torchvision:CIFAR100"
    with pytest.raises(FileError, match="no connection"):
        open_data("torchvision:CIFAR10")
    with pytest.raises(OptionError, match="32 pixels"):
        open_data("torchvision:CIFAR100", image_size=64)


def test_files_that_are_no_images(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = (folder / "train" / "cat" / "000.png").read_bytes()
    for content, message in ((b"junk", "not an image"), (good[:60], "cannot be")):
        (folder / "train" / "cat" / "000.png").write_bytes(content)
        with pytest.raises(FileError, match=message):
            open_data(folder)
    (folder / "train" / "cat" / "000.png").write_bytes(good)
    monkeypatch.setattr(core_settings, "MAX_IMAGE_PIXELS", 63)
    with pytest.raises(FileError, match="more than the 63 allowed"):
        open_data(folder, cache=False)
    (folder / "stray.png").write_bytes(good)
    with pytest.raises(InputError, match="has no class"):
        open_data(folder)


def test_zips_that_are_not_trusted(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.zip").write_text("text")
    with pytest.raises(FileError, match="is no zip or is damaged"):
        open_data(tmp_path / "text.zip")
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as archive:
        archive.write(folder / "train" / "cat" / "000.png", "../train/cat/000.png")
    with pytest.raises(FileError, match="unsafe path"):
        open_data(tmp_path / "slip.zip")
    packed = pack(folder, tmp_path / "all.zip")
    raw = bytearray(packed.read_bytes())
    raw[raw.index(b"IDAT") + 6] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(raw)
    with pytest.raises(FileError, match="damaged"):
        open_data(tmp_path / "flipped.zip")
    monkeypatch.setattr(core_settings, "MAX_ZIP_BYTES", 100)
    with pytest.raises(FileError, match="more than the 100 accepted"):
        open_data(packed)


def test_built_in_objects(own_cache: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    data = open_data("objects:32", progress=lambda *step: seen.append(step))
    assert (len(data.train), len(data.validation), len(data.test or ())) == (32, 8, 8)
    assert (data.n_classes, data.image_size) == (8, 32)
    assert seen[-1] == ("rendering objects", 48, 48)
    assert len(list(own_cache.glob("*"))) == 1
    assert open_data("objects:32").identifier == data.identifier


@pytest.mark.real
def test_cifar10_leaves_45000_and_5000(cifar10: TrainingData) -> None:
    data = cifar10
    assert (len(data.train), len(data.validation), len(data.test or ())) == (45_000, 5_000, 10_000)
    assert torch.bincount(data.validation.labels).tolist() == [500] * 10
    assert torch.bincount(data.train.labels).tolist() == [4500] * 10
    # the means of CIFAR-10's training images, as widely given: 0.4914, 0.4822, 0.4465
    assert np.allclose(data.mean, (0.4914, 0.4822, 0.4465), atol=2e-3)
    assert np.allclose(data.std, (0.2470, 0.2435, 0.2616), atol=3e-3)
    assert data.identifier == "80db13a27829af96"
