"""Rows of a Gram matrix that never exist as a whole: a slice of features at a time.

A copy of the features would double the memory of a large RDM. Here the inner products of a slice are added to those
before it, and the next slice is written over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide.engine.threads import map_in_threads
from neuroguide.engine.triangle import LEAST_HALVED

#: Features from this number on (half a gigabyte in float32) are not copied as a whole.
_LARGE = 1 << 27

#: Least features of a slice: long rows are multiplied slower, and the products of short ones are added more often.
_WIDTH = 4096

#: Least numbers of a slice.
_SIZE = 1 << 24

#: Rows that one thread writes while they are in its cache.
_ROWS = 64


def is_large(features: Tensor) -> bool:
    """Whether features of shape (n_stimuli, n_features) should not be copied as a whole."""
    plain = features.ndim == 2 and features.device.type == "cpu" and not features.requires_grad
    return plain and features.numel() >= _LARGE and len(features) >= LEAST_HALVED


@dataclass(frozen=True)
class SlicedRows:
    """The rows ``(features - origin) * scale`` as a rule.

    Attributes
    ----------
    features : tensor of shape (n_stimuli, n_features)
    origin, scale : tensor of shape (n_stimuli, 1)
    dead : boolean tensor of shape (n_stimuli, 1)
        Stimuli without a distance, whose rows are zero.
    """

    features: Tensor
    origin: Tensor
    scale: Tensor
    dead: Tensor

    def slices(self) -> Iterator[Tensor]:
        """The rows, shifted by the mean of some of them: one slice of features after the other, in the same memory.

        Yields
        ------
        tensor of shape (n_stimuli, any)
        """
        n, n_features = self.features.shape
        width = min(n_features, max(_WIDTH, _SIZE // n))
        buffer = self.features.new_empty(n * width)
        for start in range(0, n_features, width):
            columns = slice(start, min(start + width, n_features))
            part = buffer[: n * (columns.stop - start)].view(n, -1)
            self._write(columns, part)
            yield part

    def _write(self, columns: slice, out: Tensor) -> None:
        some_dead = bool(self.dead.any())

        def write(rows: slice, out: Tensor | None = None) -> Tensor:
            part = torch.sub(self.features[rows, columns], self.origin[rows], out=out).mul_(self.scale[rows])
            return part.masked_fill_(self.dead[rows], 0.0) if some_dead else part

        shift = write(slice(None, None, len(out) // _ROWS)).mean(0)

        def write_around(start: int) -> None:
            rows = slice(start, start + _ROWS)
            write(rows, out[rows]).sub_(shift)

        map_in_threads(write_around, range(0, len(out), _ROWS))
