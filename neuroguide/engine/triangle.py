"""The upper triangle: condensed and square RDMs, and Gram matrices of which only half is computed.

A condensed RDM of ``n`` stimuli holds the ``n (n - 1) / 2`` pairs in the order of ``numpy.triu_indices(n, 1)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.products import row_products
from neuroguide.engine.threads import map_in_threads

#: Rows of a panel: a part of what is computed left of the diagonal is not needed, but smaller ones multiply slowly.
PANEL = 192

#: From this many multiplications on, threads are worth their start.
_WORK_BESIDE = 4 * 10**9

#: From this many stimuli on, half of a Gram matrix is computed; below, the whole is as fast.
LEAST_HALVED = 256


def n_pairs(n_stimuli: int) -> int:
    """The number of pairs of ``n_stimuli``."""
    return n_stimuli * (n_stimuli - 1) // 2


def n_stimuli_of(n_pairs: int) -> int:
    """The number of stimuli whose pairs number ``n_pairs``.

    Raises
    ------
    InputError
        If no number of stimuli has that many pairs.
    """
    n = (1 + math.isqrt(1 + 8 * n_pairs)) // 2
    if n < 2 or n * (n - 1) // 2 != n_pairs:
        raise InputError(f"a condensed RDM of n stimuli has n(n-1)/2 values (1, 3, 6, 10, ...), this one has {n_pairs}")
    return n


def pair_indices(n_stimuli: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """First and second stimulus of every pair, in condensed order: two integer tensors of shape (n_pairs,)."""
    first, second = torch.triu_indices(n_stimuli, n_stimuli, offset=1, device=device)
    return first, second


def condense(square: Tensor) -> Tensor:
    """The upper triangles of square RDMs.

    Parameters
    ----------
    square : tensor of shape (..., n_stimuli, n_stimuli)

    Returns
    -------
    tensor of shape (..., n_stimuli * (n_stimuli - 1) / 2)
        In the order of ``numpy.triu_indices(n_stimuli, 1)``.

    Raises
    ------
    InputError
        If the last two dimensions differ or hold fewer than two stimuli.
    """
    if square.ndim < 2 or square.shape[-1] != square.shape[-2] or square.shape[-1] < 2:
        raise InputError(f"a square RDM has the shape (..., n, n) with n >= 2, this one has {tuple(square.shape)}")
    n = square.shape[-1]
    if square.ndim == 2 and n > 256 and square.device.type == "cpu" and not square.requires_grad:
        # rows are contiguous: copying them is several times faster than gathering single pairs
        return torch.cat([row[i + 1 :] for i, row in enumerate(square.unbind(0)[:-1])])
    first, second = pair_indices(n, square.device)
    return square.reshape(*square.shape[:-2], n * n).index_select(-1, first * n + second)


def square_form(condensed: Tensor) -> Tensor:
    """Square, symmetric RDMs with a zero diagonal from condensed ones.

    Parameters
    ----------
    condensed : tensor of shape (..., n_stimuli * (n_stimuli - 1) / 2)

    Returns
    -------
    tensor of shape (..., n_stimuli, n_stimuli)

    Raises
    ------
    InputError
        If the length is not that of a triangle.
    """
    if condensed.ndim < 1:
        raise InputError("a condensed RDM has at least one dimension, a single number arrived")
    n = n_stimuli_of(condensed.shape[-1])
    first, second = pair_indices(n, condensed.device)
    square = condensed.new_zeros(*condensed.shape[:-1], n * n)
    square = square.index_copy(-1, first * n + second, condensed).reshape(*condensed.shape[:-1], n, n)
    return square + square.mT


def over_gram_panels(rows: Tensor, finish: Callable[[int, Tensor], None]) -> None:
    """Inner products of all pairs of rows, a panel of rows at a time, each from its diagonal on.

    About ``n**2 p`` floating-point operations rather than ``2 n**2 p``, and what follows from a panel is computed while
    it is in the cache. On a CPU, panels are worked on beside each other, one thread each.

    Parameters
    ----------
    rows : tensor of shape (n_stimuli, n_features)
    finish : callable
        ``finish(start, products)``, with the products of ``rows[start : start + n]`` with ``rows[start:]``, of shape
        (n, n_stimuli - start); it may overwrite them.
    """
    on_cpu = rows.device.type == "cpu"
    # a GPU is only busy with larger ones (our choice)
    size = PANEL if on_cpu else 8 * PANEL
    rows = rows.contiguous()

    def work(start: int) -> None:
        finish(start, row_products(rows[start : start + size], rows[start:]))

    starts = range(0, len(rows), size)
    if on_cpu and len(rows) ** 2 * rows.shape[1] >= _WORK_BESIDE:
        map_in_threads(work, starts)
    else:
        for start in starts:
            work(start)


def condense_panel(panel: Tensor, condensed: Tensor) -> None:
    """Copy what a panel holds right of the diagonal to its place in a condensed RDM.

    Parameters
    ----------
    panel : tensor of shape (n_rows, n_stimuli - start)
        Of ``n_rows`` rows from their diagonal on, contiguous.
    condensed : tensor of shape (n_pairs,)
        Written to.
    """
    n_rows, width = panel.shape
    end = len(condensed) - n_pairs(width)
    # what is skipped and what is taken of every row, in turn
    sizes = [size for row in range(n_rows) for size in (row + 1, width - row - 1)]
    taken = panel.flatten().split_with_sizes(sizes)[1::2]
    torch.cat(taken, out=condensed[end : end + sum(sizes[1::2])])


def upper_gram(rows: Tensor) -> Tensor:
    """Inner products of all pairs of rows; right on and above the diagonal, anything below it.

    Small or differentiated inputs are multiplied whole, others by :func:`over_gram_panels`.

    Parameters
    ----------
    rows : tensor of shape (..., n_stimuli, n_features)

    Returns
    -------
    tensor of shape (..., n_stimuli, n_stimuli)
    """
    n = rows.shape[-2]
    if n < LEAST_HALVED or rows.requires_grad:
        return rows @ rows.mT
    if rows.ndim > 2:
        members = [upper_gram(member) for member in rows.reshape(-1, n, rows.shape[-1])]
        return torch.stack(members).reshape(*rows.shape[:-1], n)
    gram = rows.new_empty(n, n)

    def put(start: int, panel: Tensor) -> None:
        gram[start : start + len(panel), start:] = panel

    over_gram_panels(rows, put)
    return gram
