"""Space proposals: sub-spaces in which every network is affordable, in place of the full product of operations.

Yang et al. 2021 shrink the space of the non-vital blocks to candidates that a resource budget affords; their abstract
and tables do not say how, so all of this is our choice. A proposal is one distribution over operations for each block.
Blocks are drawn independently, so mean and variance of the cost of its networks are exact sums, and their gradients
with respect to the distributions need no sampling. Several proposals are optimised at once. Each minimises

    KL(p || prior) / n_blocks                                   as broad as possible, near what the search has learned
    + affordability * sum_q v_q,                                its networks meet the target of each quantity q:
          v_q = max(0, (|mean_q - target_q| + spread * sd_q) / (tolerance_q * target_q) - 1)
    + diversity * mean overlap with the other proposals         sum_o sqrt(p_o p'_o), averaged over blocks

by Adam on the logits. With ``spread = 2.5`` about 99% of the draws are within the tolerance; draws outside it are
rejected and drawn again, and the share that was is reported (:attr:`Draws.rejected`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.hournas.budget import Budget, check_reachable, within
from neuroguide.nas.hournas.table import CostTable
from neuroguide.nas.samplers.adam import Adam

#: Logit of an operation that a block cannot have: its probability is exactly 0, and no gradient is NaN.
_NEVER = -1e4


@dataclass(frozen=True)
class ProposalSettings:
    """How proposals are found.

    Parameters
    ----------
    number : int
        How many at once.
    steps : int
        Of the optimisation, at most; it ends earlier, after at least a third of them, when no proposal violates a
        budget.
    learning_rate : float
        Of Adam.
    spread : float
        Standard deviations of the cost that must fit into the tolerance.
    affordability, diversity : float
        Weights of the two terms; see the module.
    start : float
        Standard deviation of the logits from which each proposal starts, away from the prior.

    Raises
    ------
    OptionError
        If a value is impossible.
    """

    number: int = 8
    steps: int = 600
    learning_rate: float = 0.1
    spread: float = 2.5
    affordability: float = 5.0
    diversity: float = 0.5
    start: float = 0.5

    def __post_init__(self) -> None:
        if self.number < 1 or self.steps < 1:
            raise OptionError(f"at least 1 proposal and 1 step are needed, not {self.number} and {self.steps}")
        positive = ("learning_rate", "affordability")
        for name in (*positive, "spread", "diversity", "start"):
            value = getattr(self, name)
            if not 0 <= value < float("inf") or (name in positive and value == 0):
                raise OptionError(f"{name} of proposals must be {'above' if name in positive else 'at least'} 0")


@dataclass(frozen=True, eq=False)
class Draws:
    """Networks that were drawn from proposals.

    Attributes
    ----------
    choices : int64 tensor of shape (n, n_blocks)
        Number of each block's operation.
    proposal : int64 tensor of shape (n,)
        Where each came from.
    rejected : float
        Share of all draws that were outside the budgets and drawn again.
    """

    choices: Tensor
    proposal: Tensor
    rejected: float


@dataclass(frozen=True, eq=False)
class Proposals:
    """Sub-spaces whose networks are affordable.

    Attributes
    ----------
    table : CostTable
    budgets : tuple of Budget
    logits : float64 tensor of shape (n_proposals, n_blocks, n_operations)
    """

    table: CostTable
    budgets: tuple[Budget, ...]
    logits: Tensor

    @property
    def probabilities(self) -> Tensor:
        """Of every operation, of shape (n_proposals, n_blocks, n_operations)."""
        return self.logits.softmax(-1)

    def draw(self, n: int, *, seed: int, proposal: int | None = None) -> Draws:
        """Draw networks that all keep to the budgets; those that do not are drawn again.

        Parameters
        ----------
        n : int
        seed : int
        proposal : int, optional
            From this one only; by default each draw chooses one.

        Raises
        ------
        InputError
            If nearly nothing that is drawn keeps to the budgets.
        """
        generator = torch.Generator().manual_seed(derive_seed(seed, "draws from proposals"))
        kept: list[tuple[Tensor, Tensor]] = []
        found = drawn = 0
        while found < n:
            # a number of draws that depends on n alone, so that seeds mean the same on every machine
            which = torch.randint(len(self.logits), (n,), generator=generator)
            if proposal is not None:
                which = torch.full((n,), proposal)
            choices = sample(self.logits[which], generator)
            good = within(self.table, self.budgets, self.table.of(choices))
            kept.append((choices[good], which[good]))
            found, drawn = found + int(good.sum()), drawn + n
            if found < drawn / 1000 and drawn >= 100 * n and drawn > 10_000:
                raise InputError(
                    f"{drawn - found} of {drawn} networks drawn from the space proposals miss the budgets; give the "
                    "proposals more steps, or a wider tolerance"
                )
        choices, which = (torch.cat(parts)[:n] for parts in zip(*kept, strict=True))
        return Draws(choices, which, 1 - found / drawn)


def uniform_logits(table: CostTable) -> Tensor:
    """The full product space: every allowed operation equally likely; float64 of shape (n_blocks, n_operations)."""
    return torch.where(table.allowed, 0.0, _NEVER).double()


def sample(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Operations drawn by the Gumbel-max rule.

    Parameters
    ----------
    logits : tensor of shape (..., n_operations)
    generator : torch.Generator

    Returns
    -------
    int64 tensor of the leading shape
    """
    return (logits + gumbel(logits, generator)).argmax(-1)


def gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise in the shape and type of another tensor."""
    return -torch.empty_like(like).exponential_(generator=generator).log()


def affordable_share(table: CostTable, budgets: Sequence[Budget], *, n: int = 200_000, seed: int = 0) -> float:
    """Share of the full product space that keeps to the budgets, from ``n`` uniform draws."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "affordable share"))
    # the allowed operations of every block in front, so that a uniform number chooses among them
    listed = table.allowed.int().argsort(dim=1, descending=True, stable=True)
    counts = table.allowed.sum(1)
    blocks = torch.arange(len(counts))
    kept = 0
    for start in range(0, n, 20_000):
        drawn = torch.rand((min(20_000, n - start), len(counts)), generator=generator, dtype=torch.float64) * counts
        kept += int(within(table, budgets, table.of(listed[blocks, drawn.long()])).sum())
    return kept / n


def propose(
    table: CostTable,
    budgets: Sequence[Budget],
    settings: ProposalSettings | None = None,
    *,
    prior: Tensor | None = None,
    start: Proposals | None = None,
    seed: int = 0,
) -> Proposals:
    """Optimise space proposals; see the module.

    Parameters
    ----------
    table : CostTable
        Blocks that are decided have one allowed operation (:meth:`CostTable.with_fixed`).
    budgets : sequence of Budget
    settings : ProposalSettings, optional
    prior : tensor of shape (n_blocks, n_operations), optional
        Logits of what the search has learned so far; uniform by default.
    start : Proposals, optional
        Earlier ones to go on from, of the same table.
    seed : int
        Of where they start.

    Raises
    ------
    OptionError
        If no network keeps to the budgets.
    """
    settings = settings or ProposalSettings()
    budgets = tuple(budgets)
    check_reachable(table, budgets)
    never = uniform_logits(table)
    target = (never if prior is None else torch.where(table.allowed, prior.detach().double(), _NEVER)).log_softmax(-1)
    if start is None:
        generator = torch.Generator().manual_seed(derive_seed(seed, "space proposals"))
        noise = torch.randn((settings.number, *never.shape), generator=generator, dtype=torch.float64)
        free = target.clamp_min(_NEVER) + settings.start * noise
    else:
        free = start.logits.clone()
    free = free.requires_grad_()
    optimiser = Adam([free], learning_rate=settings.learning_rate)
    for step in range(settings.steps):
        log_p = torch.where(table.allowed, free, _NEVER).log_softmax(-1)
        # the mean finds its place before the spread is narrowed: otherwise distributions collapse where they stand
        violation = _violations(table, budgets, log_p.exp(), settings.spread * min(1.0, 3 * step / settings.steps))
        if step * 3 >= settings.steps and float(violation.detach().max()) == 0:
            break
        optimiser.step(_loss(log_p, target, violation, settings))
    logits = torch.where(table.allowed, free.detach(), _NEVER)
    return Proposals(table, budgets, logits - logits.logsumexp(-1, keepdim=True))


def _violations(table: CostTable, budgets: Sequence[Budget], p: Tensor, spread: float) -> Tensor:
    """``v_q`` of every proposal, of shape (n_proposals, n_budgets)."""
    mean, variance = table.moments(p)
    parts = []
    for budget in budgets:
        q = table.column(budget.quantity)
        # the root's slope is infinite at a variance of zero
        sd = (variance[:, q] + (1e-6 * budget.target) ** 2).sqrt()
        off = (mean[:, q] - budget.target).abs() + spread * sd
        parts.append((off / (budget.tolerance * budget.target) - 1).clamp_min(0))
    return torch.stack(parts, dim=-1)


def _loss(log_p: Tensor, target: Tensor, violation: Tensor, settings: ProposalSettings) -> Tensor:
    n, n_blocks = log_p.shape[0], log_p.shape[1]
    p = log_p.exp()
    divergence = (p * (log_p - target)).sum((-1, -2)) / n_blocks
    loss = (divergence + settings.affordability * violation.sum(-1)).sum()
    if n > 1:
        roots = (0.5 * log_p).exp()
        overlap = torch.einsum("kbo,lbo->kl", roots, roots) / n_blocks
        # each proposal overlaps itself entirely
        loss = loss + settings.diversity * (overlap.sum() - n) / (n - 1)
    return loss
