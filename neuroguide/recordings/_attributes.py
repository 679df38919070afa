"""Attributes on disk: text and numbers as they are, anything nested as JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroguide._core.errors import FileError, InputError

#: The attribute that lists which of the others are JSON.
_JSON_NAMES = "neuroguide_json"

_CONVENTIONS = frozenset(
    {"_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned", "_Encoding", "dtype", "coordinates"}
)

#: Attributes by which the libraries keep dimensions; they are never read.
LIBRARY = frozenset(
    {"_NCProperties", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_nc3_strict"}
    | {"DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS", "CLASS", "NAME"}
)

#: Attributes that mean something to netCDF's conventions or libraries, so that none of ours may be called that.
RESERVED = LIBRARY | _CONVENTIONS | {_JSON_NAMES}


def encode_attributes(attrs: Mapping[Any, Any], what: str) -> dict[str, str | int | float]:
    """Attributes as netCDF can hold them.

    Raises
    ------
    InputError
        If a name cannot be used, or a value is neither text, a number, nor JSON.
    """
    encoded: dict[str, str | int | float] = {}
    nested = []
    for name, value in attrs.items():
        if not isinstance(name, str) or not name or name in RESERVED or any(c in name for c in "/\0"):
            raise InputError(f"{what} has an attribute named {name!r}, which netCDF cannot hold; rename it")
        plain = value.item() if isinstance(value, np.generic) else value
        if isinstance(plain, str) and plain and "\0" not in plain:
            encoded[name] = plain
        elif isinstance(plain, float) or (isinstance(plain, int) and abs(plain) < 2**63):
            encoded[name] = int(plain) if isinstance(plain, bool) else plain
        else:
            encoded[name] = _to_json(name, plain, what)
            nested.append(name)
    if nested:
        encoded[_JSON_NAMES] = json.dumps(nested)
    return encoded


def decode_attributes(attrs: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Attributes as they were before :func:`encode_attributes`.

    Raises
    ------
    FileError
        If one that should be JSON is not.
    """
    decoded = {name: _from_netcdf(value) for name, value in attrs.items() if name not in RESERVED}
    if _JSON_NAMES in attrs:
        try:
            for name in json.loads(attrs[_JSON_NAMES]):
                decoded[name] = json.loads(decoded[name])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise FileError(f"{where} has broken attributes ({error}); write the file again") from error
    return decoded


def _to_json(name: str, value: Any, what: str) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    try:
        return json.dumps(value, allow_nan=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{what} has an attribute {name!r} of type {type(value).__name__}; text, numbers, and lists and "
            "dictionaries of them can be written: convert or remove it"
        ) from error


def _from_netcdf(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
