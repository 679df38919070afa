"""Ranks with ties averaged, in batches on the device."""

from __future__ import annotations

import torch
from torch import Tensor

#: Rows from this length on are sorted by whole numbers on the CPU, which torch does by radix.
_LONG = 4096


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
    # adding zero makes -0.0 equal to 0.0; the bits of negative numbers are in reverse order
    bits = (values + 0.0).contiguous().view(whole)
    bits = bits ^ ((bits >> (torch.iinfo(whole).bits - 1)) & torch.iinfo(whole).max)
    if bits.numel() == bits.shape[-1]:
        ordered, order = bits.flatten().sort()
        return ordered.reshape(bits.shape), order.reshape(bits.shape)
    rows = [row.sort() for row in bits.reshape(-1, bits.shape[-1])]
    ordered, order = (torch.stack([row[k] for row in rows]).reshape(bits.shape) for k in (0, 1))
    return ordered, order


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
    ordered, order = sort_rows(values.detach())
    ranks = _sorted_ranks(ordered, values.dtype)
    return torch.empty_like(ranks).scatter_(-1, order, ranks)


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
