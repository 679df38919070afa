from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile

import pytest

from neuroguide._core import settings
from neuroguide._core.errors import FileError
from neuroguide.stimuli import open_stimuli, zips
from neuroguide.stimuli.zips import check_zip, read_member


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:/evil.png", "a\\..\\evil.png"])
def test_names_that_lead_out_are_refused(zip_of, tmp_path, name):
    path = zip_of({"good.png": b"x", name: b"evil"})
    with pytest.raises(FileError, match=r"stimuli\.zip holds the unsafe path"):
        open_stimuli(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["stimuli.zip"]


def test_a_name_cut_at_a_nul_is_refused(zip_of):
    path = zip_of({"good.pngXexe": b"x"})
    path.write_bytes(path.read_bytes().replace(b"good.pngXexe", b"good.png\0exe"))
    with pytest.raises(FileError, match="unsafe path"):
        check_zip(path)


def test_symbolic_links_are_refused(tmp_path):
    path = tmp_path / "links.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(FileError, match=r"holds the symbolic link 'link\.png'"):
        open_stimuli(path)


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path):
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("bomb.png", "w", force_zip64=True) as member,
    ):
        for _ in range(zips.MAX_MEMBER_BYTES // 2**22 + 1):
            member.write(bytes(2**22))
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    with pytest.raises(FileError, match=r"'bomb\.png' in .*bomb\.zip would unpack to 5\d\d,\d{3},\d{3} bytes"):
        open_stimuli(path)
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


def test_many_large_members_are_a_bomb_too(zip_of, monkeypatch):
    path = zip_of({f"{i}.png": bytes(1000) for i in range(20)})
    monkeypatch.setattr(settings, "MAX_ZIP_BYTES", 19_999)
    with pytest.raises(FileError, match="would unpack to 20,000 bytes, more than the 19,999 accepted"):
        open_stimuli(path)
    monkeypatch.setattr(settings, "MAX_ZIP_BYTES", 20_000)
    assert len(check_zip(path)) == 20


def test_too_many_members_are_refused(zip_of, monkeypatch):
    path = zip_of({f"{i}.png": b"" for i in range(20)})
    monkeypatch.setattr(settings, "MAX_ZIP_MEMBERS", 19)
    with pytest.raises(FileError, match="holds 20 files, more than the 19 accepted"):
        open_stimuli(path)


def test_a_member_that_lies_about_its_size_is_not_inflated_past_it(zip_of):
    path = zip_of({"a.png": bytes(50_000_000)})
    data = bytearray(path.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 1000)
    path.write_bytes(data)
    assert check_zip(path)[0].file_size == 1000
    tracemalloc.start()
    with zipfile.ZipFile(path) as archive, pytest.raises(FileError, match=r"a\.png in .* is damaged"):
        read_member(archive, "a.png")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_encrypted_members_are_refused(zip_of):
    path = zip_of({"a.png": b"x"})
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(FileError, match="is encrypted"):
        check_zip(path)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_name_that_is_there_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("a.png", b"1")
        archive.writestr("a.png", b"2")
    with pytest.raises(FileError, match=r"holds 'a\.png' twice"):
        check_zip(tmp_path / "twice.zip")


@pytest.mark.parametrize("keep", [0, 1, 30, -30])
def test_truncated_zips_are_named(zip_of, keep):
    path = zip_of({"a.png": b"x" * 1000, "b.png": b"y" * 1000})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileError, match=r"stimuli\.zip is no zip or is damaged"):
        open_stimuli(path)


def test_damaged_content_is_named(zip_of):
    import random

    content = random.Random(0).randbytes(5000)
    path = zip_of({"a.png": content})
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(FileError, match=r"a\.png in .*stimuli\.zip is damaged"):
        open_stimuli(path).images()[0]


def test_members_that_are_not_there_or_too_large_are_named(zip_of, monkeypatch):
    path = zip_of({"a.png": b"12345"})
    monkeypatch.setattr(zips, "MAX_MEMBER_BYTES", 4)
    with zipfile.ZipFile(path) as archive:
        with pytest.raises(FileError, match=r"b\.png in .* is missing"):
            read_member(archive, "b.png")
        with pytest.raises(FileError, match="larger than the 4 bytes"):
            read_member(archive, "a.png")


def test_a_zip_of_folders_only_has_no_images(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("folder/", b"")
    (tmp_path / "empty.zip").write_bytes(buffer.getvalue())
    with pytest.raises(FileError, match=r"empty\.zip holds no images"):
        open_stimuli(tmp_path / "empty.zip")
