"""Settings as TOML: the standard library reads it, this writes it."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuroguide._core.atomic import write_text
from neuroguide._core.errors import FileError, InputError

#: Larger files are no settings.
_MAX_BYTES = 16 * 1024**2


def write_toml(path: Path, data: Mapping[str, Any]) -> None:
    """Write a mapping of JSON-able values; entries that are None are left out, since TOML has no such value.

    Raises
    ------
    InputError
        If a value has no TOML form.
    """
    write_text(path, to_toml(data))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    FileError
        If it is missing, far too large, or not TOML.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path} is larger than {_MAX_BYTES >> 20} MB, which settings are not")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read {path} ({error.strerror})") from error
    except FileError:
        raise
    # whole numbers of thousands of digits, and tables within thousands of tables
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is not TOML: {error}") from error


def to_toml(data: Mapping[str, Any]) -> str:
    """The text of a TOML document."""
    lines: list[str] = []
    _table(lines, data, ())
    return "\n".join(lines).strip("\n") + "\n"


def _table(lines: list[str], data: Mapping[str, Any], path: tuple[str, ...]) -> None:
    # plain entries first: after a [table] header they would belong to that table
    for key, value in data.items():
        if value is not None and not isinstance(value, Mapping):
            lines.append(f"{_key(key)} = {_value(value)}")
    for key, value in data.items():
        if isinstance(value, Mapping):
            name = (*path, key)
            lines += ["", f"[{'.'.join(map(_key, name))}]"]
            _table(lines, value, name)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        # repr gives the shortest text that reads back as the same number
        return repr(value) if math.isfinite(value) else {"inf": "inf", "-inf": "-inf"}.get(repr(value), "nan")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items() if item is not None)
        return "{" + inside + "}"
    raise InputError(f"{value!r} cannot be written as a setting; give text, numbers, lists or tables of them")


def _string(text: str) -> str:
    # JSON's escapes are TOML's, except that TOML wants DEL escaped and no surrogate pairs
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
