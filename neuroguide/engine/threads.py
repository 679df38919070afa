"""Independent pieces of work on all processors: each on one thread of its own, rather than each step on all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def map_in_threads(work: Callable[[Piece], Result], pieces: Sequence[Piece], *, worth: bool = True) -> list[Result]:
    """``[work(piece) for piece in pieces]``, as many pieces at a time as torch has threads.

    For steps that are limited by memory and too short to be divided: torch gains next to nothing from a second thread
    inside them, and nearly all of it from a second piece beside them.

    Parameters
    ----------
    work : callable
        Uses the CPU through torch, which lets other threads run meanwhile; keeps no state. Gradients are recorded
        or not as in the calling thread.
    pieces : sequence
    worth : bool
        Whether the pieces are large enough for threads to be started.
    """
    threads = min(torch.get_num_threads(), len(pieces)) if worth else 1
    if threads < 2:
        return [work(piece) for piece in pieces]
    before = torch.get_num_threads()
    inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def work_in_same_mode(piece: Piece) -> Result:
        with torch.inference_mode(inference), torch.set_grad_enabled(gradients):
            return work(piece)

    try:
        # torch counts threads for each thread that calls it, but its matrix library for all: set again in the end
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(work_in_same_mode, pieces))
    finally:
        torch.set_num_threads(before)
