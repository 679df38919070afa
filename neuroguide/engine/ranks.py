"""Ranks with ties averaged, in batches on the device."""

from __future__ import annotations

import functools
import itertools

import torch
from torch import Tensor

from neuroguide.engine.threads import map_in_threads

#: Rows from this length on are sorted by whole numbers on the CPU, which torch does by radix.
_LONG = 4096

#: Numbers to rank that are worth the start of threads.
WORTH_THREADS = 1 << 20

#: Sorted numbers that are given their ranks at once: what is computed of them stays in the cache.
_CHUNK = 1 << 17

#: The lower half of a whole number of 64 bits.
_PLACE = 0xFFFFFFFF


def sort_rows(values: Tensor) -> tuple[Tensor, Tensor]:
    """Order of the values along the last dimension.

    On the CPU the bits of long rows are sorted as whole numbers in the same order, five times as fast.

    Parameters
    ----------
    values : tensor of shape (..., m)
        Without NaN.

    Returns
    -------
    ordered : tensor of shape (..., m)
        The sorted values, or whole numbers that are equal where the values are.
    order : integer tensor of shape (..., m)
    """
    whole = {torch.float32: torch.int32, torch.float64: torch.int64}.get(values.dtype)
    if values.device.type != "cpu" or values.shape[-1] < _LONG or whole is None:
        ordered, order = values.sort(dim=-1)
        return ordered, order
    bits = _ordered_bits(values.contiguous(), whole)
    if bits.numel() == bits.shape[-1]:
        ordered, order = bits.flatten().sort()
        return ordered.reshape(bits.shape), order.reshape(bits.shape)
    rows = [row.sort() for row in bits.reshape(-1, bits.shape[-1])]
    ordered, order = (torch.stack([row[k] for row in rows]).reshape(bits.shape) for k in (0, 1))
    return ordered, order


def _ordered_bits(values: Tensor, whole: torch.dtype) -> Tensor:
    """Whole numbers in the order of contiguous numbers of the same size."""
    # adding zero makes -0.0 equal to 0.0; the bits of negative numbers are in reverse order
    bits = (values + 0.0).view(whole)
    return bits ^ ((bits >> (torch.iinfo(whole).bits - 1)) & torch.iinfo(whole).max)


def tie_bounds(ordered: Tensor) -> tuple[Tensor, Tensor]:
    """First and last position of the run of equal values that each element of sorted values belongs to.

    Parameters
    ----------
    ordered : tensor of shape (..., m)
        Sorted along the last dimension.

    Returns
    -------
    first, last : integer tensors of shape (..., m)
    """
    m = ordered.shape[-1]
    position = torch.arange(m, device=ordered.device).expand(ordered.shape)
    differs = ordered[..., 1:] != ordered[..., :-1]
    edge = differs.new_ones(*ordered.shape[:-1], 1)
    first = torch.where(torch.cat([edge, differs], -1), position, 0).cummax(-1).values
    last = torch.where(torch.cat([differs, edge], -1), position, m - 1).flip(-1).cummin(-1).values.flip(-1)
    return first, last


def centred_ranks(values: Tensor) -> Tensor:
    """Ranks along the last dimension, ties averaged, minus their mean ``(m + 1) / 2``.

    The same as ``scipy.stats.rankdata(values) - (m + 1) / 2``. Ranks are piecewise constant, so no gradient passes.

    Parameters
    ----------
    values : tensor of shape (..., m)

    Returns
    -------
    tensor of shape (..., m)
        In the dtype of ``values``.
    """
    values = values.detach()
    m = values.shape[-1]
    if values.device.type == "cpu" and values.dtype == torch.float32 and _LONG <= m < 2**31 and _numpy_sorts_faster():
        ranks = torch.empty(values.shape)
        rows = list(zip(values.reshape(-1, m), ranks.view(-1, m), strict=True))
        map_in_threads(lambda row: _rank_row(*row), rows, worth=values.numel() >= WORTH_THREADS)
        return ranks
    ordered, order = sort_rows(values)
    ranks = _sorted_ranks(ordered, values.dtype)
    return torch.empty_like(ranks).scatter_(-1, order, ranks)


@functools.cache
def _numpy_sorts_faster() -> bool:
    """Whether numpy sorts 64-bit whole numbers with AVX-512: twice as fast as torch, which does it by radix."""
    return torch.backends.cpu.get_cpu_capability() == "AVX512"


def _rank_row(row: Tensor, ranks: Tensor) -> None:
    """Write the centred ranks of one row of float32: each number and its place are sorted as one of 64 bits."""
    m = len(row)
    packed = torch.empty(m, dtype=torch.int64)
    # processors with AVX-512 are little-endian: the place is the lower half
    places, bits = packed.view(torch.int32).view(m, 2).unbind(1)

    def pack(start: int) -> None:
        part = row[start : start + _CHUNK].contiguous()
        stop = start + len(part)
        bits[start:stop] = _ordered_bits(part, torch.int32)
        places[start:stop] = torch.arange(start, stop, dtype=torch.int32)

    def unpack(bounds: tuple[int, int]) -> None:
        here = slice(*bounds)
        of_run, run = _run_ranks(bits[here], bounds[0], m)
        ranks.index_copy_(0, packed[here] & _PLACE, of_run.index_select(0, run))

    map_in_threads(pack, range(0, m, _CHUNK))
    packed.numpy().sort()
    # a chunk ends with a run of equal values
    stops = torch.searchsorted(packed, packed[_CHUNK - 1 :: _CHUNK] | _PLACE, right=True)
    edges = sorted({0, *stops.tolist(), m})
    map_in_threads(unpack, list(itertools.pairwise(edges)))


def _run_ranks(ordered: Tensor, start: int, m: int) -> tuple[Tensor, Tensor]:
    """The centred rank of each run of equal values, and the run of each of the sorted values.

    They are the values from ``start`` on of ``m`` sorted ones.
    """
    differs = torch.zeros(len(ordered), dtype=torch.bool)
    torch.ne(ordered[1:], ordered[:-1], out=differs[1:])
    run = differs.cumsum(0, dtype=torch.int32)
    lengths = run.bincount()
    # half the first plus last position of the run, minus the middle of all
    return (2 * (lengths.cumsum(0) + start) - lengths - m).float() * 0.5, run


def _sorted_ranks(ordered: Tensor, dtype: torch.dtype) -> Tensor:
    """Centred ranks of sorted values: half the first plus last position of the run of equal values, minus the middle.

    Twice a centred rank is a whole number: exact in float32 up to 16 million pairs, rounded to 1e-7 beyond.
    """
    m = ordered.shape[-1]
    if ordered.device.type != "cpu":
        first, last = tie_bounds(ordered)
        return (first + last - (m - 1)).to(dtype) * 0.5
    # all rows in one: a row starts a new run
    starts_run = torch.ones(ordered.shape, dtype=torch.bool)
    torch.ne(ordered[..., 1:], ordered[..., :-1], out=starts_run[..., 1:])
    starts = starts_run.flatten().nonzero().flatten()
    stops = torch.cat([starts[1:], starts.new_tensor([ordered.numel()])])
    within = starts + stops - 1 - 2 * (starts - starts % m)
    ranks = (within - (m - 1)).to(dtype) * 0.5
    return torch.repeat_interleave(ranks, stops - starts, output_size=ordered.numel()).reshape(ordered.shape)
