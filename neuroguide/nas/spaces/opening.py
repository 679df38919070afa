"""Spaces by name or from a file of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.registry import Registry
from neuroguide.models.factory import is_factory, load_factory
from neuroguide.nas.spaces.base import Space
from neuroguide.nas.spaces.cells import CellsSpace
from neuroguide.nas.spaces.hourglass import HourglassSpace
from neuroguide.nas.spaces.macro import MacroSpace

#: Name to a function (or class) that takes options and returns a space.
spaces = Registry[Callable[..., Space[Any]]](
    "space", 'register it with neuroguide.nas.spaces.spaces.add(name, make), or give "path/to/file.py:factory"'
)
spaces.add("macro", MacroSpace)
spaces.add("cells", CellsSpace)
spaces.add("hourglass", HourglassSpace)


def open_space(space: str | Space[Any], **options: Any) -> Space[Any]:
    """A search space.

    Parameters
    ----------
    space : str or Space
        A registered name (``"macro"``), or ``"path/to/file.py:factory"`` where the factory (``make`` if none is named)
        returns a space: the file is run, so name only files that you trust. A space is returned as it is.
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
    make: Callable[..., Any]
    if is_factory(space):
        path, function, make = load_factory(space)
        space = f"{path.resolve()}:{function}"
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
