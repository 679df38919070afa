"""Budgets: how much a network may cost, in which quantity, and which networks keep to all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import Bounds, LinearConstraint, milp
from torch import Tensor

from neuroguide._core.errors import OptionError
from neuroguide._core.options import unknown_option
from neuroguide.nas.hournas.table import CostTable

#: How units are written, and the quantity and the factor that they stand for.
_UNITS = {"FLOPs": "flops", "MACs": "macs", "parameters": "parameters"}
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}

#: Where latency can be measured; the part of the quantity's name after ``latency:``.
RUNTIMES = ("cpu", "cuda", "onnxruntime")

_EXAMPLE = "write e.g. 300MFLOPs, 150MMACs, 5.3Mparameters, 12ms or 12ms:onnxruntime"


@dataclass(frozen=True)
class Budget:
    """A target for one quantity; a network keeps to it within the tolerance, below or above.

    Parameters
    ----------
    quantity : str
        ``"flops"`` and ``"macs"`` of one image's forward pass (see :mod:`neuroguide.nas.cost`; they are never mixed),
        ``"parameters"``, or ``"latency:cpu"``, ``"latency:cuda"``, ``"latency:onnxruntime"`` in milliseconds.
    target : float
    tolerance : float
        Relative: 0.05 allows 5% less and 5% more.

    Raises
    ------
    OptionError
        If the quantity is unknown, or a number is not possible.
    """

    quantity: str
    target: float
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        known = (*_UNITS.values(), *(f"latency:{name}" for name in RUNTIMES))
        if self.quantity not in known:
            raise unknown_option("quantity of a budget", self.quantity, known)
        if not 0 < self.target < math.inf or not 0 < self.tolerance < 1:
            raise OptionError(
                f"a budget needs a target above 0 and a tolerance between 0 and 1, {self.target!r} and "
                f"{self.tolerance!r} arrived"
            )

    @property
    def window(self) -> tuple[float, float]:
        """The least and the most that keeps to it."""
        return self.target * (1 - self.tolerance), self.target * (1 + self.tolerance)

    def __str__(self) -> str:
        return show(self.quantity, self.target)


def show(quantity: str, value: float) -> str:
    """A cost as it is written in a budget: ``300MFLOPs``, ``12ms``."""
    if quantity.startswith("latency"):
        runtime = quantity.partition(":")[2]
        return f"{value:.4g}ms" + ("" if runtime == "cpu" else f":{runtime}")
    unit = next(unit for unit, name in _UNITS.items() if name == quantity)
    prefix = next((p for p in ("G", "M", "k") if value >= _PREFIXES[p]), "")
    # 1,500 million is how the literature writes it
    prefix = "M" if prefix == "G" and value < 1e10 else prefix
    return f"{value / _PREFIXES[prefix]:.4g}{prefix}{unit}"


def parse_budget(text: str, tolerance: float = 0.05) -> Budget:
    """A budget from text: ``"300MFLOPs"``, ``"150MMACs"``, ``"5.3Mparameters"``, ``"12ms"``, ``"12ms:cuda"``.

    Raises
    ------
    OptionError
        If it cannot be read; a number without a unit cannot, since FLOPs and MACs differ by two.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]+)(?::([a-z]+))?\s*", text)
    if match is None:
        raise OptionError(f"the budget {text!r} is no number with a unit; {_EXAMPLE}")
    number, unit, runtime = float(match[1]), match[2], match[3]
    if unit == "ms":
        if (runtime or "cpu") not in RUNTIMES:
            raise unknown_option("runtime of a latency budget", str(runtime), RUNTIMES)
        return Budget(f"latency:{runtime or 'cpu'}", number, tolerance)
    for name, quantity in _UNITS.items():
        for prefix, factor in _PREFIXES.items():
            if unit.lower() == (prefix + name).lower() and runtime is None:
                return Budget(quantity, number * factor, tolerance)
    raise OptionError(f"the budget {text!r} has no unit that is known; {_EXAMPLE}")


def within(table: CostTable, budgets: Sequence[Budget], costs: Tensor) -> Tensor:
    """Which networks keep to all budgets.

    Parameters
    ----------
    table : CostTable
    budgets : sequence of Budget
    costs : tensor of shape (..., n_quantities)
        As :meth:`CostTable.of` gives them.

    Returns
    -------
    bool tensor of the leading shape
    """
    kept = torch.ones(costs.shape[:-1], dtype=torch.bool)
    for budget in budgets:
        low, high = budget.window
        cost = costs[..., table.column(budget.quantity)]
        kept &= (cost >= low) & (cost <= high)
    return kept


def best_within(table: CostTable, budgets: Sequence[Budget], scores: Tensor) -> Tensor | None:
    """The network with the highest sum of scores among those that keep to all budgets, exactly.

    A multiple-choice knapsack: one operation for each block, solved as a mixed-integer linear program.

    Parameters
    ----------
    table : CostTable
    budgets : sequence of Budget
    scores : tensor of shape (n_blocks, n_operations)
        Such as log-probabilities; finite where allowed.

    Returns
    -------
    int64 tensor of shape (n_blocks,), or None if no network keeps to the budgets
    """
    pairs = table.allowed.nonzero()
    blocks, operations = pairs[:, 0].numpy(), pairs[:, 1].numpy()
    one_each = np.zeros((len(table.blocks), len(pairs)))
    one_each[blocks, np.arange(len(pairs))] = 1
    constraints = [LinearConstraint(one_each, 1, 1)]
    for budget in budgets:
        q = table.column(budget.quantity)
        row = table.costs[blocks, operations, q].numpy() / budget.target
        fixed = float(table.fixed[q]) / budget.target
        # a hair inside the window, so that rounding in the solver leaves nothing outside it
        slack = 1e-7
        constraints.append(
            LinearConstraint(row[None], 1 - budget.tolerance - fixed + slack, 1 + budget.tolerance - fixed - slack)
        )
    found = milp(
        -scores.double().numpy()[blocks, operations],
        constraints=constraints,
        integrality=np.ones(len(pairs)),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 1e-6, "time_limit": 60.0},
    )
    if found.x is None:
        return None
    chosen = torch.zeros(len(table.blocks), dtype=torch.int64)
    taken = found.x > 0.5
    chosen[torch.from_numpy(blocks[taken])] = torch.from_numpy(operations[taken])
    return chosen


def check_reachable(table: CostTable, budgets: Sequence[Budget]) -> None:
    """Refuse budgets that no network keeps to, alone or together.

    Raises
    ------
    OptionError
        If there is none; the message says what can be reached.
    """
    quantities = [budget.quantity for budget in budgets]
    if len(set(quantities)) < len(quantities):
        raise OptionError(f"budgets name {', '.join(quantities)}: give one budget for each quantity")
    for budget in budgets:
        low, high = table.range(budget.quantity)
        window = budget.window
        if window[1] < low or window[0] > high:
            raise OptionError(
                f"no network of this space costs {budget} within {budget.tolerance:.0%}; they reach from "
                f"{show(budget.quantity, low)} to {show(budget.quantity, high)}"
            )
    nothing = torch.zeros(table.allowed.shape)
    if best_within(table, budgets, nothing) is not None:
        return
    if len(budgets) == 1:
        only = budgets[0]
        raise OptionError(f"no network of this space costs {only} within {only.tolerance:.0%}; allow a wider tolerance")
    told = []
    for budget in budgets:
        others = [other for other in budgets if other is not budget]
        q = table.column(budget.quantity)
        ends = [best_within(table, others, sign * table.costs[..., q]) for sign in (-1.0, 1.0)]
        if ends[0] is not None and ends[1] is not None:
            low, high = (float(table.of(end)[q]) for end in ends if end is not None)
            told.append(
                f"with {' and '.join(map(str, others))} they reach from {show(budget.quantity, low)} to "
                f"{show(budget.quantity, high)}"
            )
    raise OptionError(
        f"no network of this space costs {' and '.join(map(str, budgets))} together"
        + (f"; {'; '.join(told)}" if told else "; give fewer budgets, or a wider tolerance")
    )
