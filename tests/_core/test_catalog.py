from __future__ import annotations

import dataclasses
import re

import pytest

from neuroguide._core import catalog
from neuroguide._core.catalog import CatalogFile, parse_entry
from neuroguide._core.errors import FileError, InputError, OptionError

ENTRY = f"""
name = "things"
title = "Things"
kind = "recording"
base_url = "https://example.org/things/"
licence = "MIT"
citation = "Nobody"
supports = "tests"
files = [{{ path = "a b/one.bin", sha256 = "{"0" * 64}", size = 3 }}]

[variants.half]
paths = ["a b/one.bin"]
supports = "half of it"
"""


def test_the_catalogue_holds_the_three_archives_and_the_training_images():
    found = catalog.entries()
    assert {"kriegeskorte2008", "cowley2023", "zhangdesimone7objects", "cifar10"} <= set(found)
    assert list(found) == sorted(found)
    assert len(found["zhangdesimone7objects"].files) == 132
    assert found["cowley2023"].kind == "recording"
    assert found["kriegeskorte2008"].kind == "rdm"
    assert found["cifar10"].kind == "images"


@pytest.mark.parametrize("name", sorted(catalog.entries()))
def test_every_entry_is_complete(name):
    entry = catalog.entry(name)
    assert entry.name == name
    for field in ("title", "licence", "citation", "supports", "source"):
        assert getattr(entry, field).strip()
        assert "\n" not in getattr(entry, field)
    if all(file.sha1 and not file.sha256 for file in entry.files):
        # Brain-Score's storage, which names no sizes
        assert entry.base_url.startswith("https://brainscore-storage.s3.amazonaws.com/")
        return
    if entry.base_url:
        # a commit, not a branch: what is downloaded can never change
        assert re.match(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/", entry.base_url)
    else:
        assert "get " in entry.obtain
    assert all(file.size for file in entry.files)
    assert entry.size == sum(file.size for file in entry.files)


def test_changing_what_entries_returns_changes_nothing():
    catalog.entries().clear()
    assert catalog.entries()


def test_unknown_names_get_suggestions():
    with pytest.raises(OptionError, match="did you mean 'cowley2023'"):
        catalog.entry("cowley2032")
    with pytest.raises(OptionError, match="unknown part of cowley2023 '210326'; did you mean '210325'"):
        catalog.entry("cowley2023").variant("210326")
    with pytest.raises(OptionError, match="known: none"):
        catalog.entry("cifar10").variant("small")
    with pytest.raises(OptionError, match="unknown part of cifar10 None"):
        catalog.entry("cifar10").variant(None)


def test_the_first_variant_is_the_default():
    assert catalog.entry("cowley2023").variant(None).name == "210325"
    assert catalog.entry("cowley2023").variant("201025").name == "201025"


def test_reads_an_entry():
    entry = parse_entry(ENTRY, source="things.toml")
    assert entry.files == (CatalogFile("a b/one.bin", "0" * 64, 3),)
    assert entry.url("a b/one.bin") == "https://example.org/things/a%20b/one.bin"
    assert entry.variants[0].paths == ("a b/one.bin",)
    assert entry.file("a b/one.bin").checksum == "sha256:" + "0" * 64
    assert dataclasses.replace(entry, base_url="", obtain="ask").url("a b/one.bin") == ""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('title = "Things"', "", "lacks a field"),
        ('title = "Things"', 'titel = "Things"', "unknown one"),
        ('kind = "recording"', 'kind = "recordings"', "did you mean 'recording'"),
        ("size = 3", "size = -3", "not possible"),
        ("size = 3", "size = ", "not valid TOML"),
        ("0" * 64, "0" * 63, "no checksum"),
        ("0" * 64, "X" * 64, "no checksum"),
        ('"a b/one.bin", sha', '"../one.bin", sha', "unsafe path"),
        ('name = "things"', 'name = "../things"', "unsafe path"),
        ('paths = ["a b/one.bin"]', 'paths = ["two.bin"]', "no such file"),
        ('base_url = "https://example.org/things/"', 'base_url = ""', "neither an address"),
        ("size = 3 }", f'size = 3 }}, {{ path = "a b/one.bin", sha256 = "{"1" * 64}" }}', "names a file twice"),
    ],
)
def test_an_entry_that_cannot_be_right_is_refused(before, after, message):
    assert before in ENTRY
    with pytest.raises(InputError, match=message):
        parse_entry(ENTRY.replace(before, after), source="things.toml")


@pytest.mark.parametrize("path", ["../outside.bin", "/etc/passwd", "a/../../b", "C:/windows", "a\\b", "", "a\nb"])
def test_paths_that_lead_out_of_the_cache_are_refused(path):
    with pytest.raises(FileError, match="unsafe path"):
        CatalogFile(path=path, sha256="0" * 64)
