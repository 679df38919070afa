"""What is read from the environment, and the sizes that are refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

from neuroguide._core.errors import OptionError

#: ``memory="auto"``: bytes for activations and RDM work (a fixed number, so that results never depend on the machine).
AUTO_MEMORY = 2 * 1024**3

#: Largest image accepted, in pixels; larger ones are refused before they are decoded.
MAX_IMAGE_PIXELS = 64_000_000

#: Largest total size of a zip once unpacked, and largest number of members, unless a catalog entry says more.
MAX_ZIP_BYTES = 8 * 1024**3
MAX_ZIP_MEMBERS = 200_000

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def home() -> Path:
    """The download cache: ``$NEUROGUIDE_HOME``, else the user's cache folder."""
    value = os.environ.get("NEUROGUIDE_HOME")
    if value:
        return Path(value).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "neuroguide"


def parse_memory(memory: str | int) -> int:
    """Bytes meant by ``"auto"``, ``"1GB"``, ``"512MiB"`` or a number.

    Raises
    ------
    OptionError
        If it is none of these, or below 64 MB.
    """
    if memory == "auto":
        return AUTO_MEMORY
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b)?\s*", str(memory), flags=re.IGNORECASE)
    unit = _UNITS.get((match.group(2) or "").lower()) if match else None
    if match is None or unit is None:
        raise OptionError(f"memory {memory!r} is not understood; give 'auto', '2GB', '512MiB' or a number of bytes")
    size = int(float(match.group(1)) * unit)
    if size < 64 * 10**6:
        raise OptionError(f"memory {memory!r} is too small; give at least '64MB'")
    return size
