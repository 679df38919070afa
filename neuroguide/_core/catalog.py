"""The catalogue: public archives by name, each file with its address, size and checksum, and what it may be used for.

An entry is one TOML file in ``neuroguide/_core/catalogue``. The addresses name a commit, so what a user downloads is
byte for byte what the tests were run on.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option, unknown_option
from neuroguide._core.paths import check_relative

#: What an entry can hold: single responses, dissimilarity matrices only, or images to train on.
KINDS = ("recording", "rdm", "images")

_HASH_LENGTHS = {"sha256": 64, "sha1": 40}


@dataclass(frozen=True)
class CatalogFile:
    """One file of an archive.

    Parameters
    ----------
    path : str
        Path below the entry's ``base_url``, and below its folder in the download cache.
    sha256 : str
        Its SHA-256 in hexadecimal; empty only where the archive itself publishes no more than a SHA-1.
    size : int, optional
        Its size in bytes; None where the archive does not publish it.
    sha1 : str
        Its SHA-1, where that is all there is.
    """

    path: str
    sha256: str = ""
    size: int | None = None
    sha1: str = ""

    def __post_init__(self) -> None:
        check_relative(self.path, source="the catalogue")
        algorithm, _, digest = self.checksum.partition(":")
        if not re.fullmatch(rf"[0-9a-f]{{{_HASH_LENGTHS[algorithm]}}}", digest):
            raise InputError(f"catalogue file {self.path!r}: {algorithm} {digest!r} is no checksum in lower-case hex")
        if self.size is not None and self.size <= 0:
            raise InputError(f"catalogue file {self.path!r}: a size of {self.size} bytes is not possible")

    @property
    def checksum(self) -> str:
        """The checksum with its algorithm, as pooch writes it: ``"sha256:..."``."""
        return f"sha1:{self.sha1}" if self.sha1 and not self.sha256 else f"sha256:{self.sha256}"


@dataclass(frozen=True)
class CatalogVariant:
    """A part of an archive that is opened by itself, e.g. one session.

    Parameters
    ----------
    name : str
        What follows the colon: ``"210325"`` in ``"cowley2023:210325"``.
    paths : tuple of str
        The files that it needs.
    supports : str
        What it can and cannot be used for.
    """

    name: str
    paths: tuple[str, ...]
    supports: str


@dataclass(frozen=True)
class CatalogEntry:
    """One public archive.

    Parameters
    ----------
    name : str
        The name it is opened by.
    title : str
        What it is, in one line.
    kind : {"recording", "rdm", "images"}
        What it holds; see :data:`KINDS`.
    base_url : str
        Address that the files' paths are appended to; empty if it has no public address.
    files : tuple of CatalogFile
        All files.
    licence : str
        The licence of the source, or that it states none.
    citation : str
        What to cite.
    supports : str
        What it can and cannot be used for.
    source : str
        Where it was published, for people.
    obtain : str
        How to get it when ``base_url`` is empty.
    variants : tuple of CatalogVariant
        Parts that are opened by themselves, the default first; empty if it is opened as a whole.
    """

    name: str
    title: str
    kind: str
    base_url: str
    files: tuple[CatalogFile, ...]
    licence: str
    citation: str
    supports: str
    source: str = ""
    obtain: str = ""
    variants: tuple[CatalogVariant, ...] = ()

    def __post_init__(self) -> None:
        check_relative(self.name, source="the catalogue")
        check_option("kind of catalogue entry", self.kind, KINDS)
        if not self.base_url and not self.obtain:
            raise InputError(f"catalogue entry {self.name!r} has neither an address nor a word on how to obtain it")
        known = {file.path for file in self.files}
        if len(known) != len(self.files):
            raise InputError(f"catalogue entry {self.name!r} names a file twice")
        for variant in self.variants:
            if missing := [path for path in variant.paths if path not in known]:
                raise InputError(f"catalogue entry {self.name!r}, variant {variant.name!r}: no such file {missing}")

    @property
    def size(self) -> int:
        """Bytes of all files whose size is known."""
        return sum(file.size or 0 for file in self.files)

    def file(self, path: str) -> CatalogFile:
        """The file of that path; raises OptionError if there is none."""
        for file in self.files:
            if file.path == path:
                return file
        raise unknown_option(f"file of {self.name}", path, [file.path for file in self.files])

    def variant(self, name: str | None) -> CatalogVariant:
        """The variant of that name, the default one for None; raises OptionError if there is none."""
        if name is None and self.variants:
            return self.variants[0]
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise unknown_option(f"part of {self.name}", name, [variant.name for variant in self.variants])

    def url(self, path: str) -> str:
        """The address of one file; empty if the entry has none."""
        return f"{self.base_url.rstrip('/')}/{quote(path)}" if self.base_url else ""


def parse_entry(text: str, *, source: str) -> CatalogEntry:
    """Read one entry from the text of its TOML file.

    Parameters
    ----------
    text : str
        The content of the file.
    source : str
        Its name, for errors.

    Raises
    ------
    InputError
        If it is not TOML, lacks a field, has an unknown one, or a value cannot be right.
    """
    try:
        fields: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is not valid TOML ({error}); see the other catalogue entries") from error
    try:
        files = tuple(CatalogFile(**file) for file in fields.pop("files"))
        variants = tuple(_variant(name, table) for name, table in fields.pop("variants", {}).items())
        return CatalogEntry(files=files, variants=variants, **fields)
    except (KeyError, TypeError) as error:
        raise InputError(f"{source} lacks a field or has an unknown one ({error}); see the other entries") from error


def _variant(name: str, table: Mapping[str, Any]) -> CatalogVariant:
    return CatalogVariant(name=name, paths=tuple(table["paths"]), supports=table["supports"])


@cache
def _load() -> dict[str, CatalogEntry]:
    found = {}
    for file in resources.files("neuroguide._core").joinpath("catalogue").iterdir():
        if file.name.endswith(".toml"):
            item = parse_entry(file.read_text(encoding="utf-8"), source=f"catalogue/{file.name}")
            found[item.name] = item
    return dict(sorted(found.items()))


def entries() -> dict[str, CatalogEntry]:
    """All entries by name, in alphabetical order."""
    return dict(_load())


def entry(name: str) -> CatalogEntry:
    """The entry of that name.

    Raises
    ------
    OptionError
        If there is none; the message suggests close names.
    """
    known = _load()
    if name not in known:
        raise unknown_option("catalogue entry", name, known)
    return known[name]
