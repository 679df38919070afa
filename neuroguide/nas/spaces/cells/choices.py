"""Checks of the options that cut out a subspace."""

from __future__ import annotations

from collections.abc import Sequence

from neuroguide._core.errors import OptionError
from neuroguide._core.options import unknown_option
from neuroguide.nas.spaces.cells.cell import MOST_BLOCKS, OUTSIDE


def names(name: str, options: Sequence[str] | str, known: Sequence[str]) -> tuple[str, ...]:
    """Names among the known ones; one may be given by itself."""
    options = (options,) if isinstance(options, str) else tuple(options)
    for option in options:
        if option not in known:
            raise unknown_option(name, option, known)
    return options


def counts(name: str, options: Sequence[int] | int, least: int = 1) -> tuple[int, ...]:
    """Whole numbers of at least ``least``; one may be given by itself."""
    options = (options,) if isinstance(options, int) else tuple(options)
    for option in options:
        if isinstance(option, bool) or not isinstance(option, int) or option < least:
            raise OptionError(f"{name} options must be whole numbers of at least {least}, not {option!r}")
    return options


def block_counts(options: Sequence[int] | int) -> tuple[int, ...]:
    """Consecutive numbers of blocks: cells grow and shrink by one."""
    numbers = tuple(sorted(counts("blocks", options)))
    if not numbers or numbers != tuple(range(numbers[0], numbers[-1] + 1)) or numbers[-1] > MOST_BLOCKS:
        raise OptionError(f"blocks must be consecutive numbers from 1 to {MOST_BLOCKS}, not {list(numbers)}")
    return numbers


def cell_inputs(options: Sequence[int] | int) -> tuple[int, ...]:
    """Which of the two cells before may be taken."""
    numbers = tuple(sorted(counts("inputs", options, least=0)))
    if not numbers or len(set(numbers)) < len(numbers) or numbers[-1] >= OUTSIDE:
        raise OptionError(f"inputs must be among 0 (the cell before the previous one) and 1, not {list(numbers)}")
    return numbers
