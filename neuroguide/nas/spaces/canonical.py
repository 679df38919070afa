"""Architectures as canonical JSON and back, and their hash."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from typing import Any, TypeVar

from neuroguide._core.errors import InputError

A = TypeVar("A")


def to_plain(value: Any) -> Any:
    """Nested frozen dataclasses, tuples and scalars as dicts, lists and scalars.

    Raises
    ------
    InputError
        If something inside is of another type.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InputError(
        f"an architecture may hold dataclasses, tuples, numbers, strings and None, and this one holds {value!r}"
    )


def from_plain(kind: type[A], data: Any) -> A:
    """The inverse of :func:`to_plain` for a dataclass ``kind``, by the annotations of its fields.

    Raises
    ------
    InputError
        If ``data`` lacks a field, has one too many, or holds a value of another type.
    """
    return typing.cast(A, _decode(kind, data, kind.__name__))


def architecture_hash(family: str, data: dict[str, Any]) -> str:
    """Sixteen hexadecimal digits (64 bits of SHA-256) of an architecture's canonical JSON and its space's name."""
    text = json.dumps([family, data], sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _decode(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, data, where)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), data, where)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), data, where)
    if kind is Any:
        return data
    if kind is None or kind is type(None):
        if data is None:
            return None
    elif kind is float and isinstance(data, (int, float)) and not isinstance(data, bool):
        return float(data)
    elif (origin is typing.Literal and data in typing.get_args(kind)) or (
        kind in (bool, int, str) and type(data) is kind
    ):
        return data
    raise InputError(f"{where} should be {getattr(kind, '__name__', kind)}, not {data!r}")


def _decode_dataclass(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise InputError(f"{where} should be a table of fields, not {data!r}")
    names = [field.name for field in dataclasses.fields(kind)]
    if set(data) != set(names):
        raise InputError(f"{where} should have the fields {names}, not {sorted(data)}")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _decode(hints[name], data[name], f"{where}.{name}") for name in names})


def _decode_tuple(kinds: tuple[Any, ...], data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, (list, tuple)):
        raise InputError(f"{where} should be a list, not {data!r}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(data)
    if len(kinds) != len(data):
        raise InputError(f"{where} should have {len(kinds)} entries, not {len(data)}")
    return tuple(_decode(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, data, strict=True)))


def _decode_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    errors = []
    for kind in kinds:
        try:
            return _decode(kind, data, where)
        except InputError as error:
            errors.append(str(error))
    raise InputError("; or ".join(errors))
