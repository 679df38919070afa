from __future__ import annotations

import errno
import os
import sys

import pytest
from safetensors import SafetensorError

from neuroguide._core.atomic import atomic_path, is_full, write_text
from neuroguide._core.errors import FileError


def test_writes_and_replaces_whole_files(tmp_path):
    target = tmp_path / "new folder" / "scores.nc"
    assert write_text(target, "first") == target
    write_text(target, "second: é")
    assert target.read_text(encoding="utf-8") == "second: é"
    assert [p.name for p in target.parent.iterdir()] == ["scores.nc"]


def test_keeps_the_suffix_by_which_formats_are_chosen(tmp_path):
    with atomic_path(tmp_path / "figure.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"x")


def test_a_full_disk_is_a_sentence(tmp_path):
    with pytest.raises(FileError, match=r"No space left on device.*make room"), atomic_path(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        raise FileNotFoundError(errno.ENOENT, "what the block reads is not there")


def test_a_full_disk_is_known_whoever_says_so():
    said = FileError("cannot write a")
    said.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    rust = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert is_full(said)
    assert is_full(rust)
    assert not is_full(OSError(errno.EACCES, "Permission denied"))
    assert not is_full(FileError("a is broken"))


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_content_and_leaves_no_temporary_file(tmp_path, failure):
    target = write_text(tmp_path / "a.txt", "old")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_writing_nothing_is_an_error(tmp_path):
    with pytest.raises(FileError, match="nothing was written"), atomic_path(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_may_be_told_not_to_overwrite(tmp_path):
    target = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(FileError, match="exists already"):
        write_text(target, "new", overwrite=False)
    assert target.read_text() == "old"


def test_a_folder_or_an_impossible_folder_is_named(tmp_path):
    with pytest.raises(FileError, match="is a folder, a file was expected"):
        write_text(tmp_path, "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="is a file; choose another place"):
        write_text(tmp_path / "file" / "a.txt", "x")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_sentence(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(FileError, match=r"you may not write to .*locked; choose another place"):
        write_text(folder / "a.txt", "x")
