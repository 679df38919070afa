"""What every operation of every block costs: sums over blocks are what networks cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide._core.options import unknown_option


@dataclass(frozen=True, eq=False)
class CostTable:
    """Costs of a space whose networks are a chain of blocks, each with one of the same operations.

    Attributes
    ----------
    quantities : tuple of str
        ``parameters``, ``macs``, ``flops``, ``latency:cpu``, ...
    blocks, operations : tuple of str
        Names.
    fixed : float64 tensor of shape (n_quantities,)
        What every network costs beside its blocks (stem, head).
    costs : float64 tensor of shape (n_blocks, n_operations, n_quantities)
        Nothing is said by entries that are not allowed.
    allowed : bool tensor of shape (n_blocks, n_operations)
        The operations that each block may have.

    Raises
    ------
    InputError
        If shapes differ, a cost is negative or not finite, or a block has no operation.
    """

    quantities: tuple[str, ...]
    blocks: tuple[str, ...]
    operations: tuple[str, ...]
    fixed: Tensor
    costs: Tensor
    allowed: Tensor

    def __post_init__(self) -> None:
        shape = (len(self.blocks), len(self.operations), len(self.quantities))
        if tuple(self.costs.shape) != shape or tuple(self.fixed.shape) != shape[2:]:
            raise InputError(f"costs of shape {shape} were expected, {tuple(self.costs.shape)} arrived")
        if tuple(self.allowed.shape) != shape[:2] or not bool(self.allowed.any(1).all()):
            raise InputError(f"every one of the {shape[0]} blocks needs an operation among the {shape[1]}")
        known = torch.cat([self.costs[self.allowed].flatten(), self.fixed])
        if not bool(torch.isfinite(known).all()) or float(known.min()) < 0:
            raise InputError("costs must be finite and not negative; measure or count them again")
        # what is not allowed must not turn sums into NaN
        object.__setattr__(self, "costs", torch.where(self.allowed[..., None], self.costs, 0.0).double())
        object.__setattr__(self, "fixed", self.fixed.double())

    def column(self, quantity: str) -> int:
        """Where a quantity is.

        Raises
        ------
        OptionError
            If the table does not hold it.
        """
        if quantity not in self.quantities:
            raise unknown_option("quantity of a budget", quantity, self.quantities)
        return self.quantities.index(quantity)

    def of(self, choices: Tensor) -> Tensor:
        """Cost of networks.

        Parameters
        ----------
        choices : int64 tensor of shape (..., n_blocks)
            Number of each block's operation.

        Returns
        -------
        float64 tensor of shape (..., n_quantities)
        """
        return self.fixed + self.costs[torch.arange(len(self.blocks)), choices].sum(-2)

    def moments(self, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the cost of networks whose blocks are drawn independently; exact and differentiable.

        Parameters
        ----------
        probabilities : float64 tensor of shape (..., n_blocks, n_operations)

        Returns
        -------
        two tensors of shape (..., n_quantities)
        """
        means = torch.einsum("...bo,boq->...bq", probabilities, self.costs)
        spread = (self.costs - means[..., None, :]) ** 2
        variances = torch.einsum("...bo,...boq->...bq", probabilities, spread)
        return self.fixed + means.sum(-2), variances.sum(-2)

    def range(self, quantity: str) -> tuple[float, float]:
        """The least and the most that a network can cost."""
        q = self.column(quantity)
        costs = self.costs[..., q]
        least = torch.where(self.allowed, costs, torch.inf).amin(1).sum()
        most = torch.where(self.allowed, costs, -torch.inf).amax(1).sum()
        return float(self.fixed[q] + least), float(self.fixed[q] + most)

    def with_fixed(self, choices: Mapping[int, int]) -> CostTable:
        """The same table with the operations of some blocks decided.

        Parameters
        ----------
        choices : mapping
            From the number of a block to the number of its operation.
        """
        allowed = self.allowed.clone()
        for block, operation in choices.items():
            if not bool(self.allowed[block, operation]):
                raise InputError(f"{self.blocks[block]} cannot have the operation {self.operations[operation]!r}")
            allowed[block] = False
            allowed[block, operation] = True
        return replace(self, allowed=allowed)

    def with_quantity(self, name: str, fixed: float, costs: Tensor) -> CostTable:
        """The same table with one more quantity, ``costs`` of shape (n_blocks, n_operations)."""
        return replace(
            self,
            quantities=(*self.quantities, name),
            fixed=torch.cat([self.fixed, torch.tensor([fixed], dtype=torch.float64)]),
            costs=torch.cat([self.costs, costs.double()[..., None]], dim=2),
        )

    def tensors(self) -> dict[str, Tensor]:
        """For safetensors; names are kept by :meth:`names`."""
        return {"fixed": self.fixed, "costs": self.costs.contiguous(), "allowed": self.allowed.contiguous()}

    def names(self) -> dict[str, list[str]]:
        """For JSON."""
        return {name: list(getattr(self, name)) for name in ("quantities", "blocks", "operations")}

    @classmethod
    def restore(cls, tensors: Mapping[str, Tensor], names: Mapping[str, Sequence[str]]) -> CostTable:
        """The inverse of :meth:`tensors` and :meth:`names`."""
        quantities, blocks, operations = (tuple(names[name]) for name in ("quantities", "blocks", "operations"))
        return cls(quantities, blocks, operations, tensors["fixed"], tensors["costs"], tensors["allowed"])
