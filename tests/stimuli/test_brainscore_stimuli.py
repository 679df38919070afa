"""Stimulus sets to Brain-Score and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.stimuli import StimulusSet, open_stimuli
from neuroguide.stimuli.brainscore import from_brainscore, to_brainscore


@pytest.fixture
def vision():
    """brainscore_vision; skips where it is not installed."""
    return pytest.importorskip("brainscore_vision", exc_type=Exception)


def made(seed: int = 0) -> StimulusSet:
    images = np.random.default_rng(seed).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
    table = pd.DataFrame({"object_name": list("aabb"), "degrees": 8.0})
    return StimulusSet.from_arrays(images, list("dcba"), metadata=table, identifier="made: a/b", degrees=8.0)


@pytest.mark.full
def test_there_and_back(vision, tmp_path):
    there = to_brainscore(made(), folder=tmp_path)
    assert type(there).__name__ == "StimulusSet"
    assert "degrees" not in there  # its benchmarks state it, and refuse to be told twice
    assert there.get_stimulus("d").endswith(".png")
    back = from_brainscore(there)
    assert (back.ids, back.identifier, back.degrees) == (list("dcba"), "made: a/b", 8.0)
    assert back.metadata["object_name"].tolist() == list("aabb")
    np.testing.assert_array_equal(back.images()[:], made().images()[:])


@pytest.mark.full
def test_identifiers_are_those_of_the_pixels(vision, tmp_path):
    first, again, other = (to_brainscore(made(seed), folder=tmp_path) for seed in (0, 0, 1))
    assert first.identifier == again.identifier != other.identifier
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({first.identifier, other.identifier})
    reordered = to_brainscore(made().select(list("abcd")), folder=tmp_path)
    assert reordered.identifier not in (first.identifier, other.identifier)


@pytest.mark.full
def test_images_go_to_the_users_cache(vision, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    there = to_brainscore(made())
    assert Path(there.get_stimulus("d")).is_relative_to(tmp_path / "neuroguide" / ".brainscore")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="give folder="):
        to_brainscore(made(), folder=tmp_path / "file")


def test_a_table_without_files_has_no_images():
    found = from_brainscore(pd.DataFrame({"image_id": ["a", "b"], "degrees": [4, 4]}))
    assert (found.ids, found.degrees, found.has_images) == (["a", "b"], 4.0, False)


def test_what_is_no_set_is_refused():
    with pytest.raises(InputError, match="is a table, list arrived"):
        from_brainscore([])
    with pytest.raises(InputError, match="no column stimulus_id"):
        from_brainscore(pd.DataFrame({"name": ["a"]}))
    table = pd.DataFrame({"stimulus_id": ["a", "b"]})
    object.__setattr__(table, "stimulus_paths", {"a": "a.png"})
    with pytest.raises(InputError, match="no file for 1 of 2 stimuli, the first: b"):
        from_brainscore(table)
    with pytest.raises(OptionError, match="'brainscore:' names no stimulus set"):
        open_stimuli("brainscore:")


@pytest.mark.full
def test_registered_sets_open_by_either_of_their_names(vision, monkeypatch, tmp_path):
    asked = []

    for name in ("hvm-public", "Coggan2024_fMRI"):
        monkeypatch.setitem(
            vision.stimulus_set_registry,
            name,
            lambda name=name: asked.append(name) or to_brainscore(made(), folder=tmp_path),
        )
    found = open_stimuli("brainscore:hvm-public")
    assert found.identifier == "brainscore:hvm-public"
    assert open_stimuli("brainscore:tong.Coggan2024_fMRI").ids == list("dcba")
    assert asked == ["hvm-public", "Coggan2024_fMRI"]
