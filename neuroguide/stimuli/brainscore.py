"""Stimulus sets of Brain-Score as ours, and ours as its."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from neuroguide._core.brainscore import brainscore, load, plugin_texts, registered
from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide.stimuli.pixels import FilePixels
from neuroguide.stimuli.stimulus_set import StimulusSet

PREFIX = "brainscore:"

#: Where a set of ours says inside one of Brain-Score's what it was called, and how wide its images are.
_IDENTIFIER, _DEGREES = "neuroguide_identifier", "neuroguide_degrees"


def open_brainscore(variant: str | None = None) -> StimulusSet:
    """A stimulus set that is registered with Brain-Score, e.g. ``"brainscore:hvm-public"``.

    Parameters
    ----------
    variant : str
        Its name in Brain-Score's registry, or the identifier that the set has itself (they often differ).

    Raises
    ------
    MissingExtraError
        If brainscore-vision is not installed.
    OptionError
        If no set has that name.
    DownloadError
        If Brain-Score cannot download it.
    """
    if not variant:
        raise OptionError("'brainscore:' names no stimulus set; write 'brainscore:NAME', e.g. 'brainscore:hvm-public'")
    name = variant if variant in registered("stimulus_set") else _registry_name(variant)
    return from_brainscore(load("stimulus_set", name), identifier=PREFIX + variant)


def _registry_name(identifier: str) -> str:
    """The name under which Brain-Score registers the set that calls itself so."""
    entry = re.compile(r"stimulus_set_registry\[['\"]([^'\"]+)['\"]\]((?:(?!_registry\[).)*)", re.DOTALL)
    own = re.compile(rf"identifier\s*=\s*['\"]{re.escape(identifier)}['\"]")
    names = [name for text in plugin_texts("stimulus_set") for name, call in entry.findall(text) if own.search(call)]
    return names[0] if len(names) == 1 else identifier


def from_brainscore(stimuli: Any, *, identifier: str | None = None) -> StimulusSet:
    """One of Brain-Score's stimulus sets as ours.

    Parameters
    ----------
    stimuli : brainscore_core StimulusSet
        A table with a column ``stimulus_id`` (or ``image_id``), and ``stimulus_paths`` to image files.
    identifier : str, optional
        What to call it; by default what it is called, or was called before :func:`to_brainscore`.

    Returns
    -------
    StimulusSet
        With every column; pixels are read when they are asked for.

    Raises
    ------
    InputError
        If it is no such table, or a stimulus has no file.
    """
    if not isinstance(stimuli, pd.DataFrame):
        raise InputError(f"a stimulus set of Brain-Score is a table, {type(stimuli).__name__} arrived")
    table = pd.DataFrame(stimuli).reset_index(drop=True)
    own = stimuli.attrs.get(_IDENTIFIER) or getattr(stimuli, "identifier", None) or "brainscore"
    identifier = identifier or str(own)
    paths = getattr(stimuli, "stimulus_paths", None)
    ids = table.get("stimulus_id", table.get("image_id"))
    pixels = None
    if paths is not None and ids is not None:
        absent = [name for name in ids if name not in paths]
        if absent:
            raise InputError(
                f"{identifier} has no file for {len(absent)} of {len(ids)} stimuli, the first: {absent[0]}"
            )
        pixels = FilePixels([Path(str(paths[name])) for name in ids])
    return StimulusSet(table, pixels, identifier=identifier, degrees=_degrees(stimuli))


def _degrees(stimuli: pd.DataFrame) -> float | None:
    known = stimuli.attrs.get(_DEGREES)
    if known is None and "degrees" in stimuli:
        stated = stimuli["degrees"].unique()
        known = stated[0] if len(stated) == 1 else None
    return None if known is None else float(known)


def to_brainscore(stimuli: StimulusSet, *, folder: str | os.PathLike[str] | None = None) -> Any:
    """A stimulus set of ours as one of Brain-Score's, with its images as PNG files.

    Brain-Score keeps what it computes under a set's identifier, so that of the new set holds a hash of its ids and
    pixels: sets with other pixels never share an entry.

    Parameters
    ----------
    stimuli : StimulusSet
        With images.
    folder : path, optional
        Where a folder with the files is made, or found again; by default in the user's cache folder.

    Returns
    -------
    brainscore_core StimulusSet
        With every column but ``degrees``, which Brain-Score's benchmarks are told by themselves.

    Raises
    ------
    MissingExtraError
        If brainscore-vision is not installed.
    InputError
        If the images were not published.
    FileError
        If the files cannot be written.
    """
    module = brainscore(
        "brainscore_core.supported_data_standards.brainio.stimuli", "making a stimulus set of Brain-Score"
    )
    parent = _cache() if folder is None else Path(folder)
    try:
        place = _write(stimuli, parent)
    except OSError as error:
        raise FileError(
            f"the images cannot be written to {parent} ({error.strerror or error}); give folder="
        ) from error
    found = module.StimulusSet(stimuli.metadata.drop(columns="degrees", errors="ignore"))
    found.stimulus_paths = {name: str(place / f"{index:06d}.png") for index, name in enumerate(stimuli.ids)}
    found.identifier = place.name
    found.attrs[_IDENTIFIER] = stimuli.identifier
    if stimuli.degrees is not None:
        found.attrs[_DEGREES] = stimuli.degrees
    return found


def _cache() -> Path:
    # the user's own cache folder, never the download cache: that may be a lab's shared, read-only copy
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser()
    return own / "neuroguide" / ".brainscore"


def _write(stimuli: StimulusSet, parent: Path) -> Path:
    """Write the images once, whole or not at all, into a folder that is named by their content."""
    parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    new = Path(tempfile.mkdtemp(dir=parent, prefix=".new-"))
    try:
        for index, (name, pixels) in enumerate(zip(stimuli.ids, stimuli.images(), strict=True)):
            digest.update(repr((name, pixels.shape)).encode())
            digest.update(pixels.tobytes())
            Image.fromarray(pixels).save(new / f"{index:06d}.png")
        safe = re.sub(r"[^A-Za-z0-9_.+-]+", "_", stimuli.identifier)[:80]
        place = parent / f"{safe}-{digest.hexdigest()[:16]}"
        try:
            new.rename(place)
        except OSError:
            if not place.is_dir():  # else it is there already: the same content
                raise
        return place
    finally:
        shutil.rmtree(new, ignore_errors=True)
