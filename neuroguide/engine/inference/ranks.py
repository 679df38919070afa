"""Ranks anew in every bootstrap sample, from one sort of each RDM.

Samples are the last dimension here: looking up the weights of sorted pairs then copies whole rows, which is what
makes thousands of samples cheap.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide.engine.ranks import sort_rows, tie_bounds
from neuroguide.engine.triangle import pair_indices

#: Rows that are summed up in one go, see :func:`running_sum_`.
_RUN = 32


def running_sum_(values: Tensor) -> Tensor:
    """Cumulative sum over the rows of (n_rows, n_samples) in place, with whole rows of samples at a time."""
    n = len(values)
    if n <= 2 * _RUN:
        return values.copy_(values.cumsum(0))
    whole = n // _RUN * _RUN
    runs = values[:whole].view(-1, _RUN, values.shape[1])
    for step in range(1, _RUN):
        runs[:, step] += runs[:, step - 1]
    runs[1:] += running_sum_(runs[:, -1].clone())[:-1].unsqueeze(1)
    values[whole:] = values[whole:].cumsum(0) + values[whole - 1]
    return values


class SortedRDMs:
    """RDMs of shape (n_rdms, n_pairs), sorted once.

    Attributes
    ----------
    order : integer tensor of shape (n_rdms, n_pairs)
        The pairs in the order of their dissimilarity.
    """

    def __init__(self, rdms: Tensor) -> None:
        ordered, self.order = sort_rows(rdms)
        self._starts, self._stops = tie_bounds(ordered)
        self._tied = [
            (start != stop).nonzero().flatten() for start, stop in zip(self._starts, self._stops, strict=True)
        ]

    def ranks(self, rdm: int, pair_weights: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and centred ranks of the pairs of one RDM, in the order of its dissimilarities.

        Parameters
        ----------
        rdm : int
        pair_weights : tensor of shape (n_pairs, n_samples)
            How often each pair was drawn, in the order of the pairs.

        Returns
        -------
        weights, ranks : tensors of shape (n_pairs, n_samples)
            Ranks are average ranks, minus their mean and divided by the number of pairs of the sample.
        """
        weights = pair_weights.index_select(0, self.order[rdm])
        upto = running_sum_(weights.clone())
        total = upto[-1:].clone()
        tied = self._tied[rdm]
        starts, stops = self._starts[rdm][tied], self._stops[rdm][tied]
        averaged = upto[starts] - weights[starts] + upto[stops]
        doubled = upto.mul_(2).sub_(weights)
        doubled[tied] = averaged
        return weights, doubled.sub_(total).div_(2 * total)

    def products(self, rdm: int, numbers: PairNumbers) -> tuple[Tensor, Tensor]:
        """Weighted products of the ranks of one RDM with numbers of the pairs, and with themselves.

        What :meth:`ranks` would give is never written down. With ``u_k`` the weighted number of the k-th pair and
        ``c_k`` the weight of the first ``k`` pairs, both in the order of the dissimilarities, twice the rank of a pair
        without ties is ``c_k + c_(k-1)``, and its product ``sum u_k (2 c_k - w_k)``, of which ``sum u_k w_k`` is the
        same in any order. The squares of ranks follow from the weights of ties ``t``: ``(T**3 - sum t**3) / 12``.

        Returns
        -------
        cross : tensor of shape (n_numbers, n_samples)
            In units of the number of pairs of the sample.
        own : tensor of shape (n_samples,)
            In units of its square.
        """
        # one look-up of long rows is faster than several of short ones
        gathered = numbers.stacked.index_select(0, self.order[rdm])
        gathered = gathered.view(len(gathered), -1, len(numbers.total))
        upto, columns = running_sum_(gathered[:, 0]), gathered[:, 1:]
        tied = self._tied[rdm]
        starts, stops = self._starts[rdm][tied], self._stops[rdm][tied]
        before_tied, before_start = (upto[place - 1].where(place[:, None] > 0, 0.0) for place in (tied, starts))
        groups = upto[stops] - before_start
        change = groups + 2 * before_start - upto[tied] - before_tied
        same = numbers.same - (columns[tied] * change.unsqueeze(1)).sum(0)
        first = (tied == starts).to(groups).unsqueeze(1)
        cubes = numbers.cubes + (groups.pow(3) * first - (upto[tied] - before_tied).pow(3)).sum(0)
        cross = 2 * columns.mul_(upto.unsqueeze(1)).sum(0) - same
        return cross / (2 * numbers.total), (numbers.total - cubes / numbers.total.square()) / 12


class PairNumbers:
    """Numbers of the pairs in every sample, times the weights of the pairs, and what is the same in any order of them.

    Parameters
    ----------
    weights : tensor of shape (n_pairs, n_samples)
    numbers : tensor of shape (n_numbers, n_pairs, n_samples)
        Overwritten.
    """

    def __init__(self, weights: Tensor, numbers: Tensor) -> None:
        numbers.mul_(weights)
        self.total = weights.sum(0)
        self.same = torch.stack([(weights * one).sum(0) + self.total * one.sum(0) for one in numbers])
        self.cubes = weights.pow(3).sum(0)
        self.stacked = torch.cat([weights, *numbers], 1)


def placed_ranks(rdms: SortedRDMs, pair_weights: Tensor) -> tuple[Tensor, Tensor]:
    """Ranks in the order of the pairs, and their weighted squares.

    Parameters
    ----------
    rdms : SortedRDMs
    pair_weights : tensor of shape (n_pairs, n_samples)

    Returns
    -------
    ranks : tensor of shape (n_rdms, n_pairs, n_samples)
    own : tensor of shape (n_rdms, n_samples)
    """
    placed, own = [], []
    for rdm, order in enumerate(rdms.order):
        weights, ranks = rdms.ranks(rdm, pair_weights)
        own.append((ranks * ranks).mul_(weights).sum(0))
        placed.append(torch.empty_like(ranks).index_copy_(0, order, ranks))
    return torch.stack(placed), torch.stack(own)


def ranked_products(a: SortedRDMs, b: SortedRDMs | list[SortedRDMs], drawn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted products of the ranks of every two RDMs and of each with itself.

    Parameters
    ----------
    a : SortedRDMs
        Of n_a RDMs.
    b : SortedRDMs or list of SortedRDMs
        Of n_b RDMs, for all samples or for each sample.
    drawn : tensor of shape (n_samples, n_stimuli)
        How often each stimulus was drawn.

    Returns
    -------
    cross, own_a, own_b : tensors of shape (n_samples, n_a, n_b), (n_samples, n_a, 1), (n_samples, 1, n_b)
        In units of the squared number of pairs.
    """
    drawn = drawn.mT.contiguous()
    first, second = pair_indices(len(drawn), drawn.device)
    pair_weights = drawn.index_select(0, first).mul_(drawn.index_select(0, second))
    if isinstance(b, SortedRDMs):
        placed, own_b = placed_ranks(b, pair_weights)
    else:
        each = [placed_ranks(one, pair_weights[:, k : k + 1]) for k, one in enumerate(b)]
        placed, own_b = (torch.cat(parts, -1) for parts in zip(*each, strict=True))
    numbers = PairNumbers(pair_weights, placed)
    products = [a.products(rdm, numbers) for rdm in range(len(a.order))]
    cross, own_a = (torch.stack(parts) for parts in zip(*products, strict=True))
    return cross.permute(2, 0, 1), own_a.mT.unsqueeze(2), own_b.mT.unsqueeze(1)
