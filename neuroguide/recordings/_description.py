"""What a file or an archive holds and how to open it, as `neuroguide inspect` says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ArrayInfo:
    """One array of a file, told from its header.

    Parameters
    ----------
    name : str
        Its name in the file, with the groups that lead to it.
    shape : tuple of int
        Its shape as stored.
    dtype : str
        Its data type, ``"str"`` for text.
    dims : tuple of str
        Names of its dimensions where the file has them, else empty.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    dims: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.dims:
            axes = ", ".join(f"{dim}: {size}" for dim, size in zip(self.dims, self.shape, strict=True))
        else:
            axes = " x ".join(str(size) for size in self.shape) or "scalar"
        return f"{self.name} ({axes}) {self.dtype}"


@dataclass(frozen=True)
class Description:
    """What is in a file or an archive and how to open it.

    Parameters
    ----------
    source : str
        The path or catalogue name that was inspected.
    format : str
        What kind of file or archive it is.
    arrays : tuple of ArrayInfo
        What it holds.
    how_to_open : tuple of str
        Lines of Python that open it; empty if neuroguide cannot.
    notes : tuple of str
        One sentence each: what a user should know before opening it.
    """

    source: str
    format: str
    arrays: tuple[ArrayInfo, ...] = ()
    how_to_open: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Description:
        """The inverse of :meth:`to_json`, also after a way through JSON text."""
        arrays = tuple(ArrayInfo(a["name"], tuple(a["shape"]), a["dtype"], tuple(a["dims"])) for a in data["arrays"])
        return cls(data["source"], data["format"], arrays, tuple(data["how_to_open"]), tuple(data["notes"]))

    def to_json(self) -> dict[str, object]:
        """All of it as plain lists, strings and numbers."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{self.source}: {self.format}"]
        lines += [f"  {array}" for array in self.arrays]
        lines += self.notes
        lines += ["Open it with:", *(f"  {line}" for line in self.how_to_open)] if self.how_to_open else []
        return "\n".join(lines)
