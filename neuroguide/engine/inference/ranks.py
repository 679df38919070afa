"""Ranks anew in every bootstrap sample, from one sort of each RDM."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide.engine.ranks import sort_rows, tie_bounds
from neuroguide.engine.triangle import n_stimuli_of, pair_indices


class SortedRDMs:
    """RDMs of shape (..., n_rdms, n_pairs), sorted once.

    Attributes
    ----------
    first, second : integer tensors of shape (..., n_rdms, n_pairs)
        The stimuli of each pair, in the order of its dissimilarity.
    order : integer tensor
        The pairs in that order.
    bounds : pair of integer tensors, or None
        First and last position of equal dissimilarities; None where all differ.
    """

    def __init__(self, rdms: Tensor) -> None:
        ordered, self.order = sort_rows(rdms)
        first, second = pair_indices(n_stimuli_of(rdms.shape[-1]), rdms.device)
        self.first, self.second = first[self.order], second[self.order]
        bounds = tie_bounds(ordered)
        self.bounds = bounds if bool((bounds[0] != bounds[1]).any()) else None

    def ranks(self, rdm: int, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and centred ranks of the pairs of one RDM, in the order of its dissimilarities.

        Parameters
        ----------
        rdm : int
        drawn : tensor of shape (n_samples, n_stimuli)

        Returns
        -------
        weights, ranks : tensors of shape (n_samples, n_pairs)
            Ranks are average ranks, minus their mean and divided by the number of pairs of the sample.
        """
        if self.order.ndim == 2:
            weights = drawn[:, self.first[rdm]] * drawn[:, self.second[rdm]]
        else:
            weights = drawn.gather(1, self.first[:, rdm]) * drawn.gather(1, self.second[:, rdm])
        upto = weights.cumsum(1)
        total = upto[:, -1:]
        if self.bounds is None:
            doubled = upto * 2 - weights
        else:
            before = upto - weights
            start, stop = (bound[rdm] if bound.ndim == 2 else bound[:, rdm] for bound in self.bounds)
            doubled = before.gather(1, start.expand(upto.shape)) + upto.gather(1, stop.expand(upto.shape))
        return weights, (doubled - total) / (2 * total)


def ranked_products(a: SortedRDMs, b: SortedRDMs, drawn: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted products of the ranks of every two RDMs and of each with itself.

    Parameters
    ----------
    a, b : SortedRDMs
        ``a`` of n_a RDMs for all samples; ``b`` of n_b RDMs for all samples or for each.
    drawn : tensor of shape (n_samples, n_stimuli)
    weights : tensor of shape (n_samples, n_pairs)
        Products of the numbers of draws, in the order of the pairs.

    Returns
    -------
    cross, own_a, own_b : tensors of shape (n_samples, n_a, n_b), (n_samples, n_a, 1), (n_samples, 1, n_b)
        In units of the squared number of pairs.
    """
    weighted, own_b = [], []
    for rdm in range(b.order.shape[-2]):
        own, ranks = b.ranks(rdm, drawn)
        order = b.order[rdm] if b.order.ndim == 2 else b.order[:, rdm]
        placed = torch.empty_like(ranks).scatter_(1, order.expand(ranks.shape), ranks)
        weighted.append(placed * weights)
        own_b.append((own * ranks.square()).sum(1))
    cross, own_a = [], []
    for rdm in range(len(a.order)):
        own, ranks = a.ranks(rdm, drawn)
        own_a.append((own * ranks.square()).sum(1))
        cross.append(torch.stack([(column[:, a.order[rdm]] * ranks).sum(1) for column in weighted], 1))
    return torch.stack(cross, 1), torch.stack(own_a, 1).unsqueeze(2), torch.stack(own_b, 1).unsqueeze(1)
