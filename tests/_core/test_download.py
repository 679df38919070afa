from __future__ import annotations

import dataclasses
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from neuroguide._core import catalog, download
from neuroguide._core.catalog import CatalogEntry, CatalogFile
from neuroguide._core.errors import DownloadError, OptionError

CONTENT = bytes(range(256)) * 1200  # several chunks


def whole_files(folder: Path) -> list[str]:
    """Files in the cache, the locks aside."""
    return sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and ".locks" not in p.parts
    )


def test_downloads_verifies_and_reads_from_the_cache_afterwards(file_server, cache, hasty):
    entry = file_server.entry(sub__one=CONTENT, two=b"second")
    found = download.fetch(entry, patience=hasty)
    assert found == {"sub/one.bin": cache / "things/sub/one.bin", "two.bin": cache / "things/two.bin"}
    assert found["sub/one.bin"].read_bytes() == CONTENT
    asked = len(file_server.asked)
    assert download.fetch(entry, patience=hasty) == found
    assert len(file_server.asked) == asked == 2
    assert whole_files(cache) == ["things/sub/one.bin", "things/two.bin"]


def test_fetches_only_what_is_asked_for(file_server, cache, hasty):
    entry = file_server.entry(one=b"1", two=b"22")
    assert list(download.fetch(entry, ["two.bin"], patience=hasty)) == ["two.bin"]
    assert whole_files(cache) == ["things/two.bin"]
    assert download.missing(entry) == ["one.bin"]
    with pytest.raises(OptionError, match=r"did you mean 'one\.bin'"):
        download.fetch(entry, ["ones.bin"])


def test_progress_counts_bytes_over_all_files(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT, two=b"second")
    calls: list[tuple[str, int, int]] = []
    download.fetch(entry, progress=lambda *call: calls.append(call), patience=hasty)
    total = len(CONTENT) + 6
    assert {call[2] for call in calls} == {total}
    assert [call[1] for call in calls] == sorted(call[1] for call in calls)
    assert calls[-1] == ("two.bin", total, total)
    assert len([call for call in calls if call[0] == "one.bin"]) > 2


def test_a_sha1_is_enough_where_the_archive_has_no_more(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    only_sha1 = CatalogFile(path="one.bin", sha1=hashlib.sha1(CONTENT).hexdigest())
    entry = dataclasses.replace(entry, files=(only_sha1,))
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT
    bad = dataclasses.replace(entry, files=(CatalogFile(path="one.bin", sha1="0" * 40),))
    with pytest.raises(DownloadError, match="another checksum"):
        download.fetch(bad, patience=hasty)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_one_sentence_and_leaves_nothing(file_server, cache, hasty, status):
    entry = file_server.entry(one=CONTENT)
    file_server.status = [status]
    with pytest.raises(DownloadError, match=rf"one\.bin: the server answered {status}") as caught:
        download.fetch(entry, patience=dataclasses.replace(hasty, attempts=3))
    assert "\n" not in str(caught.value)
    assert len(file_server.asked) == 1  # asking again would not help
    assert whole_files(cache) == []


def test_wrong_content_of_the_right_size_leaves_nothing(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.files["/one.bin"] = CONTENT[:-1] + b"?"
    with pytest.raises(DownloadError, match=r"one\.bin has another checksum"):
        download.fetch(entry, patience=hasty)
    assert whole_files(cache) == []


@pytest.mark.parametrize("announce", [True, False])
@pytest.mark.parametrize("content", [CONTENT + b"more", CONTENT[:-5], b"<html>not the file</html>"])
def test_wrong_size_leaves_nothing(file_server, cache, hasty, content, announce):
    entry = file_server.entry(one=CONTENT)
    file_server.files["/one.bin"] = content
    file_server.announce = announce
    file_server.ranges = False
    with pytest.raises(DownloadError, match=r"expected|broke off"):
        download.fetch(entry, patience=hasty)
    assert whole_files(cache) == []


def test_never_writes_more_than_expected(file_server, cache, hasty):
    entry = file_server.entry(one=b"x" * 10)
    file_server.files["/one.bin"] = b"x" * 50_000_000
    file_server.announce = False
    largest = 0

    def watch(_path: str, done: int, _total: int) -> None:
        nonlocal largest
        largest = max(largest, done)

    with pytest.raises(DownloadError, match="more than the 10 bytes expected"):
        download.fetch(entry, progress=watch, patience=hasty)
    assert largest == 0
    assert whole_files(cache) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_truncated_transfer_is_an_error_and_no_file_appears(file_server, cache, hasty, ranges):
    entry = file_server.entry(one=CONTENT)
    file_server.ranges = ranges
    file_server.cut = [100_000]
    with pytest.raises(DownloadError, match="broke off") as caught:
        download.fetch(entry, patience=hasty)
    assert not (cache / "things/one.bin").exists()
    # a part is kept only where the server can go on from it, and the message says so
    assert bool(whole_files(cache)) == ranges == ("are kept" in str(caught.value))


def test_a_broken_transfer_is_taken_up_again_by_the_next_call(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.cut = [200_000]
    with pytest.raises(DownloadError):
        download.fetch(entry, patience=hasty)
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT
    wanted = file_server.asked[1][1]
    assert wanted is not None
    assert 0 < int(wanted.removeprefix("bytes=").removesuffix("-")) <= 200_000
    assert whole_files(cache) == ["things/one.bin"]


def test_a_broken_transfer_is_taken_up_again_by_the_same_call(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.cut = [70_000, 70_000]
    found = download.fetch(entry, patience=dataclasses.replace(hasty, attempts=3))
    assert found["one.bin"].read_bytes() == CONTENT
    assert len(file_server.asked) == 3


def test_a_server_without_ranges_starts_over(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.ranges = False
    file_server.cut = [70_000]
    found = download.fetch(entry, patience=dataclasses.replace(hasty, attempts=2))
    assert found["one.bin"].read_bytes() == CONTENT


def test_a_damaged_part_is_thrown_away_and_the_file_downloaded_whole(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    part = cache / ".partial" / entry.files[0].sha256
    part.parent.mkdir(parents=True)
    part.write_bytes(b"damaged " * 1000)
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT
    assert [request[1] for request in file_server.asked] == ["bytes=8000-", None]


def test_a_part_longer_than_the_file_is_thrown_away(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    part = cache / ".partial" / entry.files[0].sha256
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * (len(CONTENT) + 3))
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT


def test_a_complete_part_is_used_without_asking(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    part = cache / ".partial" / entry.files[0].sha256
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT
    assert file_server.asked == []
    assert whole_files(cache) == ["things/one.bin"]


def test_a_busy_server_costs_no_part(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.cut = [200_000]
    with pytest.raises(DownloadError, match="broke off"):
        download.fetch(entry, patience=hasty)
    file_server.status = [503]
    assert download.fetch(entry, patience=dataclasses.replace(hasty, attempts=2))["one.bin"].read_bytes() == CONTENT
    assert None not in [request[1] for request in file_server.asked[1:]]


def test_an_answer_with_another_range_is_not_appended(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    part = cache / ".partial" / entry.files[0].sha256
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:500])
    file_server.wrong_range = True
    with pytest.raises(DownloadError, match="another part"):
        download.fetch(entry, patience=hasty)
    file_server.wrong_range = False
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT


def test_a_server_that_never_answers(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.stall_before_answer = True
    started = time.monotonic()
    with pytest.raises(DownloadError, match=r"one\.bin: the server stalled for 0\.3 s"):
        download.fetch(entry, patience=hasty)
    assert time.monotonic() - started < 5
    assert whole_files(cache) == []


def test_a_server_that_stalls_in_the_middle(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.stall_after = 100_000
    with pytest.raises(DownloadError, match=r"the server stalled for 0\.3 s"):
        download.fetch(entry, patience=hasty)
    assert not (cache / "things/one.bin").exists()
    file_server.stall_after = None
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.status = [503, 429]
    found = download.fetch(entry, patience=dataclasses.replace(hasty, attempts=3))
    assert found["one.bin"].read_bytes() == CONTENT
    file_server.status = [503]
    entry = file_server.entry(two=b"2")
    with pytest.raises(DownloadError, match="answered 503"):
        download.fetch(entry, patience=hasty)


def test_connection_refused(cache, hasty, file_server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    entry = dataclasses.replace(file_server.entry(one=CONTENT), base_url=f"http://127.0.0.1:{port}")
    with pytest.raises(DownloadError, match=rf"cannot reach 127\.0\.0\.1:{port}.*check the network") as caught:
        download.fetch(entry, patience=hasty)
    assert "\n" not in str(caught.value)
    assert whole_files(cache) == []


def test_an_endless_redirect_is_refused(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.redirect_to = f"{file_server.url}/one.bin"
    with pytest.raises(DownloadError, match="TooManyRedirects"):
        download.fetch(entry, patience=hasty)


def test_a_damaged_cached_file_is_downloaded_again(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    target = download.fetch(entry, patience=hasty)["one.bin"]
    target.write_bytes(CONTENT[:-1] + b"?")
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT
    target.write_bytes(b"short")
    file_server.status = [404]
    with pytest.raises(DownloadError):
        download.fetch(entry, patience=hasty)


def test_an_archive_without_an_address_says_how_to_get_it(cache):
    entry = catalog.entry("cifar10")
    with pytest.raises(DownloadError, match=r"test\.zip is not in the cache and cannot be downloaded.*torchvision"):
        download.fetch(entry, ["test.zip"])
    assert not cache.exists()
    target = cache / "cifar10/test.zip"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"x")
    with pytest.raises(DownloadError, match="is damaged"):
        download.fetch(entry, ["test.zip"])


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be made read-only this way on Windows")
def test_a_read_only_cache_is_enough(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    target = cache / "things/one.bin"
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    other = file_server.entry(two=b"2")
    folders = [target.parent, cache]
    for folder in folders:
        folder.chmod(0o500)
    try:
        assert download.fetch(entry, patience=hasty) == {"one.bin": target}
        assert file_server.asked == []
        assert sorted(p.name for p in cache.iterdir()) == ["things"]
        if os.geteuid() != 0:  # root may write anywhere
            with pytest.raises(DownloadError, match="NEUROGUIDE_HOME"):
                download.fetch(other, patience=hasty)
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_a_cache_that_cannot_be_written_is_one_sentence(file_server, tmp_path, monkeypatch, hasty):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("NEUROGUIDE_HOME", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="choose another cache folder with NEUROGUIDE_HOME"):
        download.fetch(file_server.entry(one=CONTENT), patience=hasty)


def _as_toml(entry: CatalogEntry) -> str:
    file = entry.files[0]
    return f"""
        name = "things"
        title = "Things"
        kind = "images"
        base_url = "{entry.base_url}"
        licence = "none"
        citation = "none"
        supports = "tests"
        files = [{{ path = "{file.path}", sha256 = "{file.sha256}", size = {file.size} }}]
    """


_CHILD = """
import sys
from neuroguide._core import catalog, download
entry = catalog.parse_entry(sys.argv[1], source="the test")
print(len(download.fetch(entry)["one.bin"].read_bytes()))
"""


def test_two_processes_download_once(file_server, cache):
    entry = file_server.entry(one=CONTENT)
    command = [sys.executable, "-c", _CHILD, _as_toml(entry)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [child.communicate(timeout=60)[0].strip() for child in children] == [str(len(CONTENT))] * 2
    assert len(file_server.asked) == 1
    assert whole_files(cache) == ["things/one.bin"]


def test_a_killed_download_is_taken_up_again(file_server, cache, hasty):
    entry = file_server.entry(one=CONTENT)
    file_server.stall_after = 200_000
    child = subprocess.Popen([sys.executable, "-c", _CHILD, _as_toml(entry)])
    part = cache / ".partial" / entry.files[0].sha256
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 100_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.kill()
    child.wait(10)
    assert part.stat().st_size > 100_000
    file_server.stall_after = None
    assert download.fetch(entry, patience=hasty)["one.bin"].read_bytes() == CONTENT
    assert file_server.asked[-1][1] is not None
    assert whole_files(cache) == ["things/one.bin"]


def test_waiting_for_another_process_has_an_end(file_server, cache, hasty, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(download, "LOCK_SECONDS", 0.1)
    (cache / ".locks").mkdir(parents=True)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with FileLock(cache / ".locks/things.lock"):
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    try:
        with pytest.raises(DownloadError, match="another process has been downloading things"):
            download.fetch(file_server.entry(one=CONTENT), patience=hasty)
    finally:
        release.set()
        thread.join(5)


def test_the_download_is_quiet(file_server, cache, hasty, capfd):
    download.fetch(file_server.entry(one=CONTENT), patience=hasty)
    out = capfd.readouterr()
    assert (out.out, out.err) == ("", "")


@pytest.mark.real
def test_the_real_cache_matches_the_catalogue(neuroguide_home):
    for name in ("kriegeskorte2008", "cowley2023", "zhangdesimone7objects"):
        entry = catalog.entry(name)
        found = download.fetch(entry)
        assert len(found) == len(entry.files)
        assert all(path.is_relative_to(neuroguide_home / name) for path in found.values())
