"""What a loader is, and the registry that holds them.

A loader is one object: a :class:`FileLoader` for a format (netCDF, NWB, ...), an :class:`ArchiveLoader` for a
catalogued recording (``"cowley2023"``). Both return an assembly; :func:`neuroguide.open_recording` checks it.
Each of ours lives in a module of its own as the constant ``LOADER``, imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from neuroguide._core.errors import OptionError
from neuroguide._core.options import unknown_option
from neuroguide._core.registry import Registry
from neuroguide.recordings._description import Description


@dataclass(frozen=True)
class FileLoader:
    """A loader of one file format.

    Parameters
    ----------
    name : str
        The name it is registered by, also accepted by ``open_recording(path, loader=name)``.
    title : str
        What it reads, for a listing: ``"netCDF in Brain-Score's layout"``.
    suffixes : tuple of str
        Lower-case file suffixes with the dot, e.g. ``(".nc",)``.
    recognises : callable
        ``recognises(path) -> bool``: whether the file's first bytes or header are of this format.
        Must be cheap, must not raise for a readable file of any content.
    open : callable
        ``open(path, **options) -> DataArray``: the assembly. Raises FileError for a file that is broken or
        of another layout, each in one sentence that names the file.
    describe : callable
        ``describe(path) -> Description``: what is in it, from the header alone.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Path], bool]
    open: Callable[..., xr.DataArray]
    describe: Callable[[Path], Description]


@dataclass(frozen=True)
class ArchiveLoader:
    """A loader of one catalogued recording, or of the embedded one.

    Parameters
    ----------
    name : str
        The catalogue name, which is also what ``open_recording`` is given: ``"cowley2023"``.
    title : str
        What it is, for a listing: ``"Macaque V4, Utah arrays (Cowley et al. 2023)"``.
    describe : callable
        ``describe(variant) -> Description``: what is in it and what it supports; downloads nothing.
    open : callable, optional
        ``open(variant, **options) -> DataArray``: the assembly. ``variant`` is what follows the colon in
        ``"cowley2023:210325"``, None without one. None if the archive publishes no responses.
    open_rdm : callable, optional
        ``open_rdm(variant, **options) -> DataArray``: the published RDMs. None if it publishes none.
    variants : tuple of str
        What may follow the colon, the default first; empty if there is only one.
    """

    name: str
    title: str
    describe: Callable[[str | None], Description]
    open: Callable[..., xr.DataArray] | None = None
    open_rdm: Callable[..., xr.DataArray] | None = None
    variants: tuple[str, ...] = ()


Loader = FileLoader | ArchiveLoader

#: Our own loaders, each a module with a constant LOADER: of files, and of archives.
_FILES = {
    "netcdf": "neuroguide.recordings.netcdf",
    "nwb": "neuroguide.recordings.nwb",
    "matlab": "neuroguide.recordings.matlab",
    "hdf5": "neuroguide.recordings.hdf5",
    "numpy": "neuroguide.recordings.numpy_files",
    "table": "neuroguide.recordings.tables",
}
_ARCHIVES = {
    "virtual": "neuroguide.recordings.virtual",
    "kriegeskorte2008": "neuroguide.recordings.kriegeskorte2008",
    "cowley2023": "neuroguide.recordings.cowley2023",
    "zhangdesimone7objects": "neuroguide.recordings.zhangdesimone7objects",
    "majajhong2015": "neuroguide.recordings.majajhong2015",
    "brainscore": "neuroguide.recordings.brainscore",
}


_HOW_TO_ADD = "a file is given by its path; neuroguide.recordings.loaders.add(name, loader) registers one of your own"


class LoaderRegistry(Registry[Loader]):
    """The loaders by name; ours are imported when they are first looked up."""

    def __init__(self) -> None:
        super().__init__("recording or loader", _HOW_TO_ADD)
        self._modules = {**_FILES, **_ARCHIVES}

    def add(self, name: str, item: Loader) -> Loader:
        """Register a loader; raises OptionError if the name is taken."""
        if name in self._modules:
            raise OptionError(f"{self.kind} {name!r} is registered already; choose another name")
        return super().add(name, item)

    def __getitem__(self, name: str) -> Loader:
        if name not in self:
            raise unknown_option(self.kind, name, self, how_to_add=_HOW_TO_ADD)
        if name in self._modules:
            loader: Loader = importlib.import_module(self._modules[name]).LOADER
            del self._modules[name]
            return super().add(name, loader)
        return super().__getitem__(name)

    def files(self) -> list[FileLoader]:
        """The loaders of files, a user's own first: they know their files better."""
        found = [loader for name in self if name not in _ARCHIVES and isinstance(loader := self[name], FileLoader)]
        return sorted(found, key=lambda loader: loader.name in _FILES)

    def archives(self) -> list[str]:
        """The names of the catalogued recordings, ours without importing them."""
        added = [name for name, loader in self._items.items() if isinstance(loader, ArchiveLoader)]
        return sorted({*_ARCHIVES, *added})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._modules or super().__contains__(name))

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._modules, *super().__iter__()}))

    def __len__(self) -> int:
        return len(self._modules) + super().__len__()


#: Every loader that ``open_recording`` and ``open_rdm`` know.
loaders = LoaderRegistry()


def is_ours(loader: FileLoader) -> bool:
    """Whether a loader of files is one of neuroguide's, which a child process has too."""
    return loader.name in _FILES


def open_file(path: Path, *, loader: str, options: Mapping[str, Any]) -> xr.DataArray:
    """What one of our loaders of files reads."""
    return _file_loader(loader).open(path, **options)


def describe_file(path: Path, *, loader: str) -> dict[str, object]:
    """What one of our loaders of files says of a file, as JSON."""
    return _file_loader(loader).describe(path).to_json()


def recognise_file(path: Path) -> str | None:
    """Which of our loaders of files reads a file."""
    return next((name for name in _FILES if _file_loader(name).recognises(path)), None)


def _file_loader(name: str) -> FileLoader:
    loader = loaders[name]
    if not isinstance(loader, FileLoader):
        raise OptionError(f"{name!r} is not a format of files")
    return loader
