"""Objects made by a function in a user's own file: ``"path/to/file.py:make"``.

A factory file is code and is run with the user's rights: only when it was named by the user, never because a data file
names it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from neuroguide._core.errors import FileError, InputError, NeuroguideError
from neuroguide._core.options import unknown_option


def is_factory(text: str) -> bool:
    """Whether ``text`` names a factory: something that ends in ``.py``, perhaps with a function after a colon."""
    return text.rpartition(":")[0].endswith(".py") or text.endswith(".py")


def load_factory(text: str, *, default: str = "make") -> tuple[Path, str, Callable[..., Any]]:
    """The function that ``"path/to/file.py:function"`` names; the file is run.

    The file is loaded under a private module name, anew each time, so that it can neither hide nor replace an installed
    module. While it loads, modules beside it can be imported.

    Parameters
    ----------
    text : str
        The file and its function.
    default : str
        The function if none is named.

    Returns
    -------
    path : Path
        The file.
    function : str
        The function's name.
    factory : callable
        The function.

    Raises
    ------
    FileError
        If there is no such file.
    OptionError
        If the file has no such function.
    InputError
        If the file does not run; one sentence with the file, the line and the reason.
    """
    head, _, tail = text.rpartition(":")
    name, function = (head, tail) if head.endswith(".py") else (text, default)
    path = Path(name).expanduser()
    if not path.is_file():
        raise FileError(f"there is no file {name}; give the path of a Python file, e.g. 'networks.py:{function}'")
    module = _load(path.resolve())
    factory = getattr(module, function, None)
    if not callable(factory):
        own = [key for key, value in vars(module).items() if callable(value) and value.__module__ == module.__name__]
        raise unknown_option(f"function of {name}", function, own)
    return path, function, factory


def call_factory(text: str, *arguments: Any, **options: Any) -> Any:
    """What the factory named by ``text`` returns; see :func:`load_factory`.

    Raises
    ------
    InputError
        If the factory fails; one sentence with the file, the line and the reason.
    """
    path, function, factory = load_factory(text)
    with _beside(path.resolve()), _reported(path, f"its function {function!r}"):
        return factory(*arguments, **options)


def _load(path: Path) -> ModuleType:
    stem = re.sub(r"\W", "_", path.stem)
    name = f"_neuroguide_file_{stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise FileError(f"{path} cannot be loaded as a Python file")
    module = importlib.util.module_from_spec(specification)
    before = sys.modules.get(name)
    # dataclasses look their module up in sys.modules while the file runs
    sys.modules[name] = module
    try:
        with _beside(path), _reported(path, "it"):
            specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise
    return module


@contextmanager
def _beside(path: Path) -> Iterator[None]:
    """Make modules in the file's folder importable; last in the path, so that they hide nothing installed."""
    folder = str(path.parent)
    sys.path.append(folder)
    try:
        yield
    finally:
        # the file may have changed sys.path itself: take ours, the last one, away
        for index in range(len(sys.path) - 1, -1, -1):
            if sys.path[index] == folder:
                del sys.path[index]
                break


@contextmanager
def _reported(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a user's code raises into one sentence; our own errors are such sentences already."""
    try:
        yield
    except NeuroguideError:
        raise
    except (Exception, SystemExit) as error:
        line = _line_in(path, error)
        where = f" in line {line}" if line else ""
        raise InputError(f"{path} was run, but {what} failed{where}: {one_line(error)}") from error


def _line_in(path: Path, error: BaseException) -> int | None:
    """The last line of the file that was running."""
    found = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def one_line(error: BaseException, most: int = 300) -> str:
    """Type and message of an error in one line of at most about ``most`` characters."""
    text = " ".join(str(error).split())
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__
