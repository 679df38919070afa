"""The embedded stimuli of the virtual primate."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from neuroguide._core.errors import FileError, OptionError
from neuroguide.models.render import render_objects
from neuroguide.stimuli import open_stimuli, virtual


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The embedded files in a folder of the test's own; what was read before is forgotten, before and after."""
    for name in (virtual.RESPONSES, virtual.IMAGES, virtual.MANIFEST):
        shutil.copyfile(virtual._path(name), tmp_path / name)
    monkeypatch.setattr(virtual, "_path", lambda name: tmp_path / name)
    virtual.embedded.cache_clear()
    virtual.manifest.cache_clear()
    yield tmp_path
    virtual.embedded.cache_clear()
    virtual.manifest.cache_clear()


def test_there_are_five_images_of_each_of_64_objects() -> None:
    stimuli = open_stimuli("virtual")
    table = stimuli.metadata
    assert len(stimuli) == 320
    assert stimuli.identifier == "virtual"
    assert stimuli.degrees == 8
    assert table.groupby("category_name")["object_name"].nunique().tolist() == [8] * 8
    assert table.groupby("object_name")["variation"].value_counts().unstack().eq([2, 1, 2]).all(axis=None)
    assert (table.loc[table["variation"] == "low", ["position_x", "position_y", "yaw", "pitch", "roll"]] == 0).all(
        axis=None
    )
    assert set(stimuli.attrs) == {"source", "licence", "citation"}
    assert "no animal" in stimuli.attrs["source"]


def test_images_are_read_in_the_order_of_the_table() -> None:
    stimuli = open_stimuli("virtual")
    ids = stimuli.ids[::-40]
    images = stimuli.select(ids).images()[:]
    assert images.shape == (8, 96, 96, 3)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[3], stimuli.images()[stimuli.ids.index(ids[3])])
    assert stimuli.images(size=64)[:4].shape == (4, 64, 64, 3)


def test_the_table_renders_the_stored_images_again() -> None:
    stimuli = open_stimuli("virtual")
    ids = stimuli.ids[7::31]
    chosen = stimuli.select(ids)
    again = render_objects(chosen.metadata, 96, device="cpu").astype(float)
    difference = np.abs(again - chosen.images()[:]).mean(axis=(1, 2, 3))
    # what JPEG loses, mostly the finest colours of the background
    assert difference.max() < 12
    other = np.abs(again[::-1] - chosen.images()[:]).mean(axis=(1, 2, 3))
    assert np.median(other) > 3 * np.median(difference)


def test_it_has_no_parts() -> None:
    with pytest.raises(OptionError, match="give the name alone"):
        open_stimuli("virtual:V4")
    with pytest.raises(OptionError):
        open_stimuli("virtual", size=3)


@pytest.mark.parametrize("name", [virtual.IMAGES, virtual.RESPONSES])
def test_a_changed_file_is_refused(copied: Path, name: str) -> None:
    assert virtual.embedded(name) == copied / name
    virtual.embedded.cache_clear()
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(FileError, match=rf"{name} has SHA-256 .* install neuroguide again"):
        virtual.embedded(name)


def test_missing_files_are_named(copied: Path) -> None:
    (copied / virtual.IMAGES).unlink()
    with pytest.raises(FileError, match=rf"{virtual.IMAGES} cannot be read"):
        virtual.open_virtual()
    virtual.manifest.cache_clear()
    (copied / virtual.MANIFEST).write_text("{")
    with pytest.raises(FileError, match=rf"{virtual.MANIFEST} cannot be read"):
        virtual.manifest()
