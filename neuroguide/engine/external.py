"""Ranks of more numbers than fit into memory, by way of the disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from neuroguide.engine.ranks import tie_bounds

#: Bytes needed for each number of a bucket while it is sorted.
_BYTES = 64

#: Numbers read from the disk at once.
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Stored:
    """A one-dimensional tensor in a file, mapped into memory page by page.

    Attributes
    ----------
    path : Path
    values : tensor of shape (n,)
        Changes go to the file.
    """

    path: Path
    values: Tensor

    @classmethod
    def create(cls, path: Path, n: int, dtype: torch.dtype) -> Stored:
        """A new file of ``n`` numbers."""
        return cls(path, torch.from_file(str(path), shared=True, size=n, dtype=dtype))

    def remove(self) -> None:
        """Delete the file; its pages live on only as long as the tensor."""
        self.path.unlink()


def external_ranks(stored: Stored, path: Path, memory: int) -> Stored:
    """Twice the centred average ranks, as whole numbers: ``2 * rank - (n + 1)``.

    Buckets of values that fit into memory are chosen by a sample of the values; each is collected in one pass over the
    file, sorted, and its ranks are written to their places.

    Parameters
    ----------
    stored : Stored
        The values, without NaN.
    path : Path
        The file of the ranks.
    memory : int
        Bytes for one bucket.

    Returns
    -------
    Stored
        int64 of shape (n,).
    """
    values = stored.values
    ranks = Stored.create(path, len(values), torch.int64)
    below = 0
    for low, high in _buckets(values, max(1, memory // _BYTES)):
        found, places = _collect(values, low, high)
        ordered, order = found.sort()
        first, last = tie_bounds(ordered)
        ranks.values[places[order]] = first + last + 2 * below - (len(values) - 1)
        below += len(found)
    return ranks


def inner_product(a: Stored, b: Stored) -> float:
    """Sum of the products of two stored tensors, in float64."""
    parts = zip(torch.split(a.values, _CHUNK), torch.split(b.values, _CHUNK), strict=True)
    return sum(float(torch.dot(x.double(), y.double())) for x, y in parts)


def _buckets(values: Tensor, size: int) -> list[tuple[float, float]]:
    """Intervals (low, high] of about ``size`` values, together all of them."""
    count = -(-len(values) // size)
    if count == 1:
        return [(-torch.inf, torch.inf)]
    # half of the size, because the sample only says roughly where the quantiles are
    count *= 2
    step = max(1, len(values) // 200_000)
    sample = values[::step].sort().values
    edges = sorted(set(sample[torch.arange(1, count) * len(sample) // count].tolist()))
    return list(zip([-torch.inf, *edges], [*edges, torch.inf], strict=True))


def _collect(values: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """The values in (low, high] and their places."""
    found, places = [], []
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        inside = ((chunk > low) & (chunk <= high)).nonzero().flatten()
        found.append(chunk[inside])
        places.append(inside + start)
    return torch.cat(found), torch.cat(places)
