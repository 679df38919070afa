"""Files and archives -> assemblies: opening, checking, averaging, normalising, selecting, reliability."""

from neuroguide.recordings._description import ArrayInfo, Description
from neuroguide.recordings._loader import ArchiveLoader, FileLoader, loaders

__all__ = ["ArchiveLoader", "ArrayInfo", "Description", "FileLoader", "loaders"]
