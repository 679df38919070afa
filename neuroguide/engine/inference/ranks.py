"""Ranks anew in every bootstrap sample, from one sort of each RDM.

Samples are the last dimension here: looking up the weights of sorted pairs then copies whole rows, which is what
makes thousands of samples cheap.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide.engine.ranks import sort_rows, tie_bounds
from neuroguide.engine.triangle import pair_indices

#: Rows that are summed up in one go, see :func:`running_sum`.
_RUN = 32


def running_sum(values: Tensor) -> Tensor:
    """Cumulative sum over the rows of (n_rows, n_samples), as torch's but with whole rows of samples at a time."""
    n, samples = values.shape
    if n <= 2 * _RUN:
        return values.cumsum(0)
    whole = n // _RUN * _RUN
    runs = values[:whole].reshape(-1, _RUN, samples).clone()
    for step in range(1, _RUN):
        runs[:, step] += runs[:, step - 1]
    runs[1:] += running_sum(runs[:, -1])[:-1].unsqueeze(1)
    rest = values[whole:].cumsum(0) + runs[-1, -1]
    return torch.cat([runs.reshape(whole, samples), rest])


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
        upto = running_sum(weights)
        total = upto[-1:].clone()
        tied = self._tied[rdm]
        starts, stops = self._starts[rdm][tied], self._stops[rdm][tied]
        averaged = upto[starts] - weights[starts] + upto[stops]
        doubled = upto.mul_(2).sub_(weights)
        doubled[tied] = averaged
        return weights, doubled.sub_(total).div_(2 * total)


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
    cross, own_a = [], []
    for rdm, order in enumerate(a.order):
        weights, ranks = a.ranks(rdm, pair_weights)
        weights.mul_(ranks)
        own_a.append(ranks.mul_(weights).sum(0))
        cross.append(torch.stack([column.index_select(0, order).mul_(weights).sum(0) for column in placed], 1))
    return torch.stack(cross, 1), torch.stack(own_a, 1).unsqueeze(2), own_b.mT.unsqueeze(1)
