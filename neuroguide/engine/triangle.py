"""The upper triangle: condensed and square RDMs, and Gram matrices of which only half is computed.

A condensed RDM of ``n`` stimuli holds the ``n (n - 1) / 2`` pairs in the order of ``numpy.triu_indices(n, 1)``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neuroguide._core.errors import InputError

#: Size of the smallest blocks: half of what is computed inside them is not needed, and smaller ones multiply slowly.
BLOCK = 64


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


def upper_gram(rows: Tensor) -> Tensor:
    """Inner products of all pairs of rows; right on and above the diagonal, anything below it.

    The triangle is halved recursively: a square of half the rows by the other half, then both smaller triangles, so
    that about ``n**2 p`` floating-point operations are done rather than ``2 n**2 p``. All squares of one size are one
    batched product, which keeps small ones fast. Small or differentiated inputs are multiplied whole.

    Parameters
    ----------
    rows : tensor of shape (..., n_stimuli, n_features)

    Returns
    -------
    tensor of shape (..., n_stimuli, n_stimuli)
    """
    n = rows.shape[-2]
    if n < 4 * BLOCK or rows.requires_grad:
        return rows @ rows.mT
    if rows.ndim > 2:
        members = [upper_gram(member) for member in rows.reshape(-1, n, rows.shape[-1])]
        return torch.stack(members).reshape(*rows.shape[:-1], n)
    # whole halves at every level: 2**levels blocks of one size, the last ones padded with zeros
    levels = (n // BLOCK).bit_length() - 1
    size = -(-n // 2**levels)
    padded = size << levels
    if padded > n:
        rows = torch.nn.functional.pad(rows, (0, 0, 0, padded - n))
    gram = rows.new_empty(padded, padded)
    diagonal = rows.view(-1, size, rows.shape[1])
    _place(gram, torch.bmm(diagonal, diagonal.mT), size, 0)
    while size < padded:
        halves = rows.view(-1, 2, size, rows.shape[1])
        _place(gram, torch.bmm(halves[:, 0], halves[:, 1].mT), 2 * size, size)
        size *= 2
    return gram[:n, :n]


def _place(gram: Tensor, squares: Tensor, step: int, right: int) -> None:
    """Copy squares of shape (n_blocks, size, size) to rows ``k * step``, ``right`` columns right of the diagonal."""
    n = len(gram)
    places = gram.as_strided(squares.shape, (step * n + step, n, 1), gram.storage_offset() + right)
    places.copy_(squares)
