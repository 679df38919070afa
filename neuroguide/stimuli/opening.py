"""Stimulus sets by name or path."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from neuroguide._core.errors import FileError, InputError
from neuroguide._core.options import check_option, unknown_option
from neuroguide._core.registry import Registry
from neuroguide.stimuli.brainscore import open_brainscore
from neuroguide.stimuli.cowley2023 import open_cowley2023
from neuroguide.stimuli.files import open_files
from neuroguide.stimuli.kriegeskorte2008 import open_kriegeskorte2008
from neuroguide.stimuli.majajhong2015 import open_majajhong2015
from neuroguide.stimuli.stimulus_set import StimulusSet
from neuroguide.stimuli.virtual import open_virtual
from neuroguide.stimuli.zhangdesimone7objects import open_zhangdesimone7objects

#: ``opener(variant, **options)``: ``variant`` is what follows the colon in a name, None without one.
StimulusOpener: TypeAlias = Callable[..., StimulusSet]

_HOW_TO_ADD = (
    "a folder, zip, CSV table or .npy file is given by its path; "
    "neuroguide.stimuli.stimulus_sets.add(name, opener) registers one of your own"
)

#: Every set that ``open_stimuli`` knows by name.
stimulus_sets = Registry[StimulusOpener]("stimulus set", _HOW_TO_ADD)
stimulus_sets.add("brainscore", open_brainscore)
stimulus_sets.add("cowley2023", open_cowley2023)
stimulus_sets.add("kriegeskorte2008", open_kriegeskorte2008)
stimulus_sets.add("majajhong2015", open_majajhong2015)
stimulus_sets.add("zhangdesimone7objects", open_zhangdesimone7objects)
stimulus_sets.add("virtual", open_virtual)


def open_stimuli(name_or_path: str | os.PathLike[str] | np.ndarray[Any, Any], **options: Any) -> StimulusSet:
    """The images that were shown, by name or from files.

    Parameters
    ----------
    name_or_path : str, path or array
        A name (``"kriegeskorte2008"``, ``"cowley2023:210325"``, ``"virtual"``); a folder, zip, CSV table or ``.npy``
        file, see :func:`neuroguide.stimuli.files.open_files`; or an array of images of shape (n, height, width, 3).
    **options
        For files ``table``, ``images``, ``degrees``, ``identifier``; for arrays ``ids``, ``metadata``, ``degrees``,
        ``identifier``.

    Returns
    -------
    StimulusSet

    Raises
    ------
    OptionError
        If there is neither such a name nor such a file, or an option is unknown.
    FileError
        If files are missing, damaged, unsafe or too large.
    DownloadError
        If a catalogued archive cannot be downloaded.

    Examples
    --------
    >>> stimuli = open_stimuli("kriegeskorte2008")  # doctest: +SKIP
    >>> stimuli.images()[0].shape  # doctest: +SKIP
    (175, 175, 3)
    """
    if isinstance(name_or_path, np.ndarray):
        return _call(StimulusSet.from_arrays, name_or_path, options)
    if not isinstance(name_or_path, str | os.PathLike):
        raise InputError(
            f"stimuli of type {type(name_or_path).__name__} are not understood; give a name, a path or an array"
        )
    given = os.fspath(name_or_path)
    name, _, variant = given.partition(":")
    if name in stimulus_sets:
        return _call(stimulus_sets[name], variant or None, options)
    path = Path(given).expanduser()
    if path.exists():
        return _call(open_files, path, options)
    if len(path.parts) > 1 or path.suffix:
        raise FileError(f"{given} does not exist; a folder, zip, CSV table or .npy file of images was expected")
    raise unknown_option("stimulus set", given, stimulus_sets, how_to_add=_HOW_TO_ADD)


def _call(opener: Callable[..., StimulusSet], first: Any, options: dict[str, Any]) -> StimulusSet:
    parameters = list(inspect.signature(opener).parameters.values())[1:]
    if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        for option in options:
            check_option("option of open_stimuli", option, [parameter.name for parameter in parameters])
    return opener(first, **options)
