"""Guides that travel: from a saved spec back to a prepared guide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neuroguide._core.errors import FileError, InputError
from neuroguide._core.registry import Registry
from neuroguide.models.factory import is_factory, load_factory
from neuroguide.nas.guides.auto import AutoWeights, PreparedAuto
from neuroguide.nas.guides.base import FORMAT, PreparedGuide
from neuroguide.nas.guides.combined import PreparedCombined
from neuroguide.nas.guides.files import read_teacher
from neuroguide.nas.guides.performance import Performance
from neuroguide.nas.guides.prepared import PreparedTeacher

#: The word under ``"guide"`` in a spec to a function ``(spec, folder) -> prepared guide``.
guide_loaders: Registry[Callable[[Mapping[str, Any], Path], PreparedGuide]] = Registry(
    "kind of guide", 'register it with neuroguide.nas.guides.guide_loaders.add, or write "path/to/file.py:load"'
)


def load(spec: Mapping[str, Any], folder: Path) -> PreparedGuide:
    """A prepared guide from what its ``save(folder)`` returned: no recording, stimulus set or network is opened.

    Parameters
    ----------
    spec : mapping
        As JSON. ``spec["guide"]`` says what it is: ``"performance"``, ``"teacher"``, ``"combined"``, ``"auto"``, a name
        in :data:`guide_loaders`, or, for a guide of one's own, ``"path/to/file.py:load"`` (the file is run).
    folder : Path
        Where it was saved.

    Raises
    ------
    FileError
        If the spec or its file is broken, or was written by a newer neuroguide.
    OptionError
        If the kind of guide is unknown.
    """
    written = spec.get("format")
    if not isinstance(written, int) or isinstance(written, bool) or not isinstance(spec.get("guide"), str):
        raise FileError(f"the guide saved in {folder} has no format and kind; it was not written by neuroguide")
    if written > FORMAT:
        raise FileError(
            f"the guide saved in {folder} has format {written}, this version reads up to {FORMAT}; upgrade neuroguide"
        )
    kind: str = spec["guide"]
    loader = load_factory(kind, default="load")[2] if is_factory(kind) else guide_loaders[kind]
    guide = loader(spec, Path(folder))
    if not isinstance(guide, PreparedGuide):
        raise InputError(f"{kind} returned {type(guide).__name__}, a prepared guide was expected")
    return guide


@guide_loaders.register("performance")
def _performance(_spec: Mapping[str, Any], _folder: Path) -> PreparedGuide:
    return Performance()


@guide_loaders.register("teacher")
def _teacher(spec: Mapping[str, Any], folder: Path) -> PreparedGuide:
    return _read(spec, folder)


def _read(spec: Mapping[str, Any], folder: Path) -> PreparedTeacher:
    name, layers, shown, preprocess, standard, needs_reference = read_teacher(spec, folder)
    return PreparedTeacher(name, layers, shown, preprocess, standard, needs_reference=needs_reference)


@guide_loaders.register("combined")
def _combined(spec: Mapping[str, Any], folder: Path) -> PreparedGuide:
    teacher, alpha = spec.get("teacher"), spec.get("alpha")
    if not isinstance(teacher, Mapping) or not isinstance(alpha, int | float) or teacher.get("guide") != "teacher":
        raise FileError(f"the combined guide saved in {folder} lacks its teacher or alpha; prepare it again")
    return PreparedCombined(_read(teacher, folder), float(alpha))


@guide_loaders.register("auto")
def _auto(spec: Mapping[str, Any], folder: Path) -> PreparedGuide:
    teacher = spec.get("teacher")
    if not isinstance(teacher, Mapping) or teacher.get("guide") != "teacher":
        raise FileError(f"the guide 'auto' saved in {folder} lacks its teacher; prepare it again")
    return PreparedAuto(_read(teacher, folder), AutoWeights.from_json(spec.get("weights")))
