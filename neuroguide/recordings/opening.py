"""Opening a recording or an RDM by name or path, and saying what is in one."""

from __future__ import annotations

import inspect as signatures
import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neuroguide._core.errors import FileError, NeuroguideWarning, OptionError
from neuroguide._core.options import unknown_option
from neuroguide.recordings._description import Description
from neuroguide.recordings._isolated import read_isolated
from neuroguide.recordings._loader import ArchiveLoader, FileLoader, is_ours, loaders
from neuroguide.recordings._sizes import check_readable, first_bytes
from neuroguide.recordings.assembly import examine
from neuroguide.recordings.inspecting import inspect_file
from neuroguide.recordings.rdms import check_rdm, read_rdm, write_rdm

__all__ = ["inspect", "open_rdm", "open_recording", "open_target", "write_rdm"]

_logger = logging.getLogger("neuroguide.recordings")

#: What is called in the child that reads files.
_LOADER, _RDMS = "neuroguide.recordings._loader", "neuroguide.recordings.rdms"


def open_recording(name_or_path: str | os.PathLike[str], **options: Any) -> xr.DataArray:
    """Open a recording: a catalogued one by its name, or a file by its path.

    Parameters
    ----------
    name_or_path : str or path
        ``"virtual"``, ``"cowley2023"``, ``"cowley2023:210325"`` (what follows the colon chooses a part of an
        archive), or the path of a file. A name goes before a file of the same name: write ``"./name"`` for that.
    **options
        Options of the loader, by name.

    Returns
    -------
    DataArray
        A checked assembly: dims presentation, neuroid and optionally time_bin. Presentations without any response
        are dropped; silent sites and missing responses are kept, and reported as a
        :class:`~neuroguide._core.errors.NeuroguideWarning` for a file, in the log for a catalogued recording.

    Raises
    ------
    OptionError
        If a name, the part of an archive, or an option is unknown; the message lists those that are known.
    FileError
        If the file is missing, broken, or of a format that nothing here reads.
    InputError
        If what it holds is not an assembly (see :func:`neuroguide.recordings.assembly.check_assembly`).
    DownloadError
        If a catalogued recording could not be downloaded.

    Examples
    --------
    >>> import neuroguide as ng
    >>> ng.open_recording("virtual")  # doctest: +SKIP
    """
    loader, where = _find(name_or_path)
    if loader.open is None:
        raise OptionError(
            f"{loader.name!r} publishes RDMs but no responses; open them with ng.open_rdm({str(name_or_path)!r})"
        )
    _check_options(loader.open, options, f"option of {loader.name}")
    if isinstance(loader, FileLoader) and is_ours(loader):
        opened = read_isolated(f"{_LOADER}:open_file", where, {"loader": loader.name, "options": options})
    else:
        opened = loader.open(where, **options)
    assembly, gaps = examine(_usual(opened), source=str(name_or_path))
    if isinstance(loader, FileLoader) and not assembly.attrs.get("identifier"):
        assembly = assembly.assign_attrs(identifier=Path(where).name)
    for sentence in gaps.sentences():
        if isinstance(loader, FileLoader):
            warnings.warn(f"{name_or_path}: {sentence}", NeuroguideWarning, stacklevel=2)
        else:
            _logger.info("%s: %s", name_or_path, sentence)
    return assembly


def _usual(opened: xr.DataArray) -> xr.DataArray:
    """Responses in this machine's byte order, every missing one the usual NaN.

    Torch takes no other order, and minima lose numbers to a NaN that signals (R's NA may).
    """
    if not isinstance(opened, xr.DataArray) or opened.ndim < 2:
        return opened
    values = opened.values.astype(opened.dtype.newbyteorder("="), copy=not opened.values.flags.writeable)
    if values.dtype.kind == "f":
        for row in values:
            np.copyto(row, np.nan, where=np.isnan(row))
    return opened.copy(deep=False, data=values)


def open_rdm(name_or_path: str | os.PathLike[str], **options: Any) -> xr.DataArray:
    """Open published RDMs by the name of their archive, or an RDM file of neuroguide by its path.

    Parameters
    ----------
    name_or_path : str or path
        ``"kriegeskorte2008"``, or the path of a file that :func:`write_rdm` or ``neuroguide rdm`` wrote.
    **options
        Options of the loader, by name.

    Returns
    -------
    DataArray
        Dims stimulus_id and stimulus_id_2, with others (region) before them; symmetric with a zero diagonal.

    Raises
    ------
    OptionError
        If a name or option is unknown, or the archive publishes no RDMs.
    FileError
        If the file is missing, broken, or holds no RDM.
    DownloadError
        If a catalogued archive could not be downloaded.
    """
    archive = _find_archive(name_or_path)
    if archive is None:
        _check_options(read_rdm, options, "option")
        found = read_isolated(f"{_RDMS}:read_rdm", _file(name_or_path)[0], options)
        return check_rdm(found, source=str(name_or_path))
    loader, variant = archive
    if loader.open_rdm is None:
        raise OptionError(
            f"{loader.name!r} publishes responses but no RDMs; compute one with "
            f"ng.rdm(ng.open_recording({str(name_or_path)!r}))"
        )
    _check_options(loader.open_rdm, options, f"option of {loader.name}")
    return check_rdm(loader.open_rdm(variant, **options), source=str(name_or_path))


def open_target(name_or_path: str | os.PathLike[str], **options: Any) -> xr.DataArray:
    """Open whatever models can be compared with: responses where there are any, else RDMs.

    Parameters
    ----------
    name_or_path : str or path
        As for :func:`open_recording` and :func:`open_rdm`.
    **options
        Options of the loader, by name.

    Returns
    -------
    DataArray
        An assembly, or RDMs.
    """
    archive = _find_archive(name_or_path)
    if archive is not None:
        return (open_rdm if archive[0].open is None else open_recording)(name_or_path, **options)
    path, loader = _file(name_or_path)
    recognised = loader or _recognising(path)
    if recognised is not None and recognised.name == "netcdf" and read_isolated(f"{_RDMS}:holds_rdms", path):
        return open_rdm(path, **options)
    return open_recording(name_or_path, **options)


def inspect(name_or_path: str | os.PathLike[str]) -> Description:
    """Say what is in a recording or file and how to open it; nothing is downloaded, unpickled or run.

    Parameters
    ----------
    name_or_path : str or path
        The name of a catalogued recording, or the path of any file.

    Raises
    ------
    OptionError
        If it is neither a path nor a known name.
    FileError
        If the file is missing or broken.
    """
    archive = _find_archive(name_or_path)
    if archive is not None:
        return archive[0].describe(archive[1])
    path, chosen = _file(name_or_path)
    loader = chosen or _recognising(path)
    if loader is None:
        return inspect_file(path)
    if not is_ours(loader):
        return loader.describe(path)
    return Description.from_json(read_isolated(f"{_LOADER}:describe_file", path, {"loader": loader.name}))


def _find(name_or_path: str | os.PathLike[str]) -> tuple[FileLoader | ArchiveLoader, Any]:
    """The loader and what it is to open: a path for a file, the part for an archive."""
    archive = _find_archive(name_or_path)
    if archive is not None:
        return archive
    path, chosen = _file(name_or_path)
    loader = chosen or _recognising(path)
    if loader is not None:
        return loader, path
    readable = "; ".join(f"{found.title} ({', '.join(found.suffixes)})" for found in loaders.files())
    expected = [found.title for found in loaders.files() if path.suffix.lower() in found.suffixes]
    claim = f" although its name says {expected[0]}" if expected else ""
    raise FileError(
        f"{path} is not a recording that can be opened (it starts with {first_bytes(path)!r}{claim}); "
        f"readable: {readable}; `neuroguide inspect` says what is in it"
    )


def _find_archive(name_or_path: str | os.PathLike[str]) -> tuple[ArchiveLoader, str | None] | None:
    """The archive of that name and its part; None if it is not the name of an archive."""
    if not isinstance(name_or_path, str):
        return None
    name, _, variant = name_or_path.partition(":")
    if name not in loaders:
        return None
    loader = loaders[name]
    if isinstance(loader, FileLoader):
        return None
    if variant and loader.variants and variant not in loader.variants:
        raise unknown_option(f"part of {name}", variant, loader.variants)
    return loader, variant or None


def _file(name_or_path: str | os.PathLike[str]) -> tuple[Path, FileLoader | None]:
    """The file that is meant, and its loader if that is named too ("netcdf:file.dat"); the names if it is none."""
    if not isinstance(name_or_path, str | os.PathLike):
        raise OptionError(
            f"a recording is given by its name or path, not by a {type(name_or_path).__name__}; "
            f"known names: {', '.join(loaders.archives())}"
        )
    text = os.fspath(name_or_path)
    prefix, _, rest = text.partition(":")
    named = loaders[prefix] if isinstance(name_or_path, str) and prefix in loaders else None
    loader = named if isinstance(named, FileLoader) else None
    path = Path(rest if loader else text).expanduser()
    if loader and not rest:
        raise OptionError(f"{prefix!r} is a file format: give a path, or {prefix + ':path'!r} to insist on the format")
    is_path = loader or isinstance(name_or_path, os.PathLike) or path.suffix or "/" in text or os.sep in text
    if not is_path and (not text or not os.path.exists(path)):
        raise OptionError(f"{unknown_option('recording', text, loaders.archives())}; and there is no file of that name")
    check_readable(path)
    return path, loader


def _recognising(path: Path) -> FileLoader | None:
    """The loader that reads a file, a user's own first."""
    theirs = (loader for loader in loaders.files() if not is_ours(loader) and loader.recognises(path))
    if (found := next(theirs, None)) is not None:
        return found
    name = read_isolated(f"{_LOADER}:recognise_file", path)
    return next((loader for loader in loaders.files() if loader.name == name), None)


def _check_options(open_it: Callable[..., xr.DataArray], options: dict[str, Any], what: str) -> None:
    """Refuse options that a loader does not have."""
    parameters = list(signatures.signature(open_it).parameters.values())
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        known = [parameter.name for parameter in parameters[1:]]
        for name in options:
            if name not in known:
                raise unknown_option(what, name, known)
