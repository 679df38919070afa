"""The contract that every loader of recordings keeps; a plugin of yours can run it in its own tests.

Examples
--------
>>> from neuroguide.testing.loaders import check_loader
>>> def test_my_loader():
...     check_loader(MY_LOADER, Path("a_small_recording.abc"), unit_threshold=3)
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neuroguide._core.errors import NeuroguideError, NeuroguideWarning
from neuroguide.recordings._description import Description
from neuroguide.recordings._loader import ArchiveLoader, FileLoader, loaders
from neuroguide.recordings.assembly import REQUIRED, check_assembly
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.netcdf import read_netcdf, write_netcdf
from neuroguide.recordings.rdms import check_rdm, read_rdm, write_rdm


def check_loader(loader: FileLoader | ArchiveLoader, source: Path | str | None = None, **options: Any) -> None:
    """Check that a loader keeps the contract.

    Every loader: returns an assembly that passes :func:`neuroguide.recordings.assembly.check_assembly`, the same one
    each time, with attributes that are text or numbers; it survives averaging (attributes and stimulus columns are
    kept) and a round trip through netCDF unchanged; its description names what it describes.
    A loader of files also: recognises its file and no other, refuses a missing, empty, truncated and foreign file
    in one sentence that names it. A loader of an archive also: refuses an unknown part by a known error.

    Parameters
    ----------
    loader : FileLoader or ArchiveLoader
        What is checked; it need not be registered.
    source : path, str or None
        For a FileLoader, a small good file; for an ArchiveLoader, the part of the archive (None for the default).
    **options
        Options that the loader is called with.

    Raises
    ------
    AssertionError
        With one sentence, at the first thing that is not as it should be.
    """
    _require(bool(loader.name) and loader.name == loader.name.strip(), "a loader needs a name without spaces around it")
    _require(bool(loader.title), f"{loader.name}: a loader needs a title for the listing")
    _check_name(loader)
    _check_description(loader, loader.describe(source))  # type: ignore[arg-type]
    if loader.open is not None:
        _check_assembly(loader.name, lambda: loader.open(source, **options))  # type: ignore[misc]
    if isinstance(loader, FileLoader):
        _require(isinstance(source, Path), f"{loader.name}: give the path of a small good file as `source`")
        _check_files(loader, Path(str(source)), options)
    else:
        _check_archive(loader, source, options)


def _check_name(loader: FileLoader | ArchiveLoader) -> None:
    _require(":" not in loader.name and "/" not in loader.name, f"{loader.name}: a name must not hold ':' or '/'")
    if loader.name in loaders:
        _require(loaders[loader.name] is loader, f"{loader.name}: another loader is registered by that name")


def _check_description(loader: FileLoader | ArchiveLoader, description: object) -> None:
    if not isinstance(description, Description):
        raise AssertionError(f"{loader.name}: describe must return a Description, not {type(description).__name__}")
    _require(bool(description.format), f"{loader.name}: the description must say what it is")
    _require(bool(description.how_to_open), f"{loader.name}: the description must say how to open it")
    _require(bool(str(description)) and bool(description.to_json()), f"{loader.name}: the description must print")


def _check_assembly(name: str, open_it: Callable[[], xr.DataArray]) -> None:
    found = open_it()
    _require(isinstance(found, xr.DataArray), f"{name}: open must return a DataArray, not {type(found).__name__}")
    assembly = check_assembly(found, source=name)
    dims = tuple(dim for dim in REQUIRED if dim in assembly.dims)
    _require(assembly.dims == dims, f"{name}: dims should be {dims}, not {assembly.dims}")
    _check_attributes(name, assembly)
    _require(_identical(found, open_it()), f"{name}: opening twice should give the same")
    averaged = average_repetitions(assembly)
    _require(averaged.attrs == assembly.attrs, f"{name}: averaging should keep the attributes")
    n_stimuli = len(set(assembly["stimulus_id"].values.tolist()))
    _require(averaged.sizes["presentation"] == n_stimuli, f"{name}: averaging should leave one presentation a stimulus")
    with tempfile.TemporaryDirectory() as folder:
        path = write_netcdf(assembly, Path(folder) / "round_trip.nc")
        again = check_assembly(read_netcdf(path))
        _require(_identical(assembly, again), f"{name}: netCDF should give back what was written")


def _check_attributes(name: str, array: xr.DataArray) -> None:
    for key, value in array.attrs.items():
        plain = isinstance(value, str | int | float | np.integer | np.floating)
        _require(isinstance(key, str) and plain, f"{name}: attribute {key!r} should be text or a number, not {value!r}")
    simulated = array.attrs.get("simulated")
    _require(simulated in (None, 0, 1), f"{name}: attribute 'simulated' should be 0 or 1, not {simulated!r}")


def _check_files(loader: FileLoader, path: Path, options: dict[str, Any]) -> None:
    name = loader.name
    _require(bool(loader.suffixes), f"{name}: a loader of files needs suffixes, for the listing")
    for suffix in loader.suffixes:
        _require(suffix.startswith(".") and suffix == suffix.lower(), f"{name}: suffix {suffix!r} should be like '.nc'")
    _require(loader.recognises(path), f"{name}: it should recognise {path.name}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        content = path.read_bytes()
        foreign = folder / "foreign.png"
        foreign.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
        _require(not loader.recognises(foreign), f"{name}: it should not recognise a picture")
        broken = {
            "missing": None,
            "empty": b"",
            "truncated": content[: len(content) // 2],
            "text": b"this is no recording\n" * 20,
            "zeros": bytes(4096),
        }
        for kind, data in broken.items():
            file = folder / f"{kind}{path.suffix}"
            if data is not None:
                file.write_bytes(data)
            _check_refusal(f"{name}: a file that is {kind}", file, partial(loader.open, file, **options))
        inside = folder / f"folder{path.suffix}"
        inside.mkdir()
        _check_refusal(f"{name}: a folder", inside, lambda: loader.open(inside, **options))
        copy = folder / f"copy of ü{path.suffix}"
        shutil.copyfile(path, copy)
        _require(
            _identical(loader.open(path, **options), loader.open(copy, **options)),
            f"{name}: what is read should not depend on the name of the file",
        )


def _check_archive(loader: ArchiveLoader, variant: Path | str | None, options: dict[str, Any]) -> None:
    name = loader.name
    _require(loader.open is not None or loader.open_rdm is not None, f"{name}: it should open responses or RDMs")
    if loader.open_rdm is not None:
        rdm = check_rdm(loader.open_rdm(variant, **options), source=name)
        _check_attributes(name, rdm)
        with tempfile.TemporaryDirectory() as folder:
            again = read_rdm(write_rdm(rdm, Path(folder) / "rdm.nc"))
        _require(_identical(rdm, again), f"{name}: a file of RDMs should give back what was written")
    if loader.variants:
        open_it = loader.open or loader.open_rdm
        _check_refusal(f"{name}: an unknown part", None, lambda: open_it("no such part", **options))  # type: ignore[misc]


def _check_refusal(what: str, path: Path | None, attempt: Callable[[], object]) -> None:
    """The attempt must end in an error of ours: one sentence that names the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroguideWarning)
        try:
            attempt()
        except NeuroguideError as error:
            message = str(error)
        except Exception as error:
            raise AssertionError(
                f"{what} should raise a NeuroguideError, not {type(error).__name__}: {error}"
            ) from error
        else:
            raise AssertionError(f"{what} should be refused")
    _require(
        "\n" not in message and 0 < len(message) < 600, f"{what} should be refused in one sentence, not {message!r}"
    )
    if path is not None:
        _require(path.name in message, f"{what} should be named in the error, not {message!r}")


def _identical(a: xr.DataArray, b: xr.DataArray) -> bool:
    """Identical to the last bit, missing values and types of the responses included."""
    return bool(a.identical(b)) and a.dtype == b.dtype


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise AssertionError(sentence)
