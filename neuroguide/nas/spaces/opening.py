"""Spaces by name or from a file of one's own."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from neuroguide._core.errors import FileError, InputError, OptionError
from neuroguide._core.registry import Registry
from neuroguide.nas.spaces.base import Space
from neuroguide.nas.spaces.macro import MacroSpace

#: Name to a function (or class) that takes options and returns a space.
spaces = Registry[Callable[..., Space[Any]]](
    "space", 'register it with neuroguide.nas.spaces.spaces.add(name, make), or give "path/to/file.py:factory"'
)
spaces.add("macro", MacroSpace)


def open_space(space: str | Space[Any], **options: Any) -> Space[Any]:
    """A search space.

    Parameters
    ----------
    space : str or Space
        A registered name (``"macro"``), or ``"path/to/file.py:factory"`` where the factory returns a space: the file
        is run, so name only files that you trust. A space is returned as it is.
    **options
        Passed to the space or factory, e.g. ``open_space("macro", depth=(1, 2), activation=("relu",))``.

    Raises
    ------
    OptionError
        If the name or an option is unknown.
    FileError
        If there is no such file.
    InputError
        If the file does not run or its factory returns something else.
    """
    if isinstance(space, Space):
        if options:
            raise OptionError(f"options {sorted(options)} cannot be given with a space that is open already")
        return space
    if ".py:" in space:
        path, _, name = space.rpartition(":")
        make = _factory(Path(path), name)
        space = f"{Path(path).expanduser().resolve()}:{name}"
    else:
        make = spaces[space]
    try:
        opened = make(**options)
    except TypeError as error:
        raise OptionError(f"space {space!r} does not take these options: {error}") from error
    if not isinstance(opened, Space):
        raise InputError(f"{space} returned {type(opened).__name__}, a neuroguide.nas.spaces.Space was expected")
    opened.origin = {"space": space, "options": {name: _plain(value) for name, value in options.items()}}
    return opened


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _factory(path: Path, name: str) -> Callable[..., Any]:
    module = _load(path.expanduser().resolve())
    make = getattr(module, name, None)
    if not callable(make):
        raise InputError(f"{path} has no function {name!r} that makes a space")
    return make  # type: ignore[no-any-return]


def _load(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileError(f"there is no file {path}; give path/to/file.py:factory")
    # dataclasses look their module up in sys.modules, so it needs a name there, one per file
    stem = re.sub(r"\W", "_", path.stem)
    name = f"neuroguide_file_{stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise FileError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"{path} does not run: {type(error).__name__}: {error}") from error
    return module
