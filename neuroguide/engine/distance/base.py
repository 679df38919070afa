"""What a distance is, and what distances share: squared distances, undefined stimuli."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.threads import map_in_threads
from neuroguide.engine.triangle import LEAST_HALVED, condense, condense_panel, n_pairs, over_gram_panels, upper_gram


class Distance(Protocol):
    """A distance between the responses to two stimuli."""

    def dissimilarities(self, features: Tensor, *, constant: str) -> Tensor:
        """Condensed RDMs of shape (..., n_stimuli * (n_stimuli - 1) / 2).

        Parameters
        ----------
        features : tensor of shape (..., n_stimuli, n_features), float32 or float64
            Distances that need repetitions take (..., n_stimuli, n_repetitions, n_features).
        constant : {"error", "nan"}
            What to do with a stimulus whose distances are undefined.
        """
        ...


def squared_distances(rows: Tensor) -> Tensor:
    """Squared Euclidean distances of all pairs of rows, never below zero.

    Parameters
    ----------
    rows : tensor of shape (..., n_stimuli, n_features)
        Overwritten, unless a gradient is needed.

    Returns
    -------
    tensor of shape (..., n_stimuli * (n_stimuli - 1) / 2)
    """
    return distances_of_centred(centre_rows(rows))


def centre_rows(rows: Tensor) -> Tensor:
    """The rows minus their mean; in place, unless a gradient is needed."""
    mean = rows.mean(-2, keepdim=True)
    # memory written for the first time costs as much as the arithmetic: in place where autograd allows it
    return rows - mean if rows.requires_grad else rows.sub_(mean)


def distances_of_centred(rows: Tensor) -> Tensor:
    """As :func:`squared_distances`, of rows that lie around the origin, so that no digits are lost.

    Any origin among them serves: no product is then larger than the largest distance.
    """
    n = rows.shape[-2]
    if n < LEAST_HALVED or rows.requires_grad:
        condensed = distances_from_gram(upper_gram(rows))
        return condensed.clamp_min(0) if condensed.requires_grad else condensed.clamp_min_(0)
    if rows.ndim > 2:
        members = [distances_of_centred(member) for member in rows.reshape(-1, n, rows.shape[-1])]
        return torch.stack(members).reshape(*rows.shape[:-2], n_pairs(n))
    lengths = torch.linalg.vector_norm(rows, dim=1).square_()
    condensed = rows.new_empty(n_pairs(n))
    over_gram_panels(rows, lambda start, panel: _put_distances(start, panel, lengths, condensed))
    return condensed


def distances_of_slices(slices: Iterable[Tensor]) -> Tensor:
    """As :func:`distances_of_centred`, of rows of which there is a slice of features at a time.

    Parameters
    ----------
    slices : tensors of shape (n_stimuli, any)
        Each may be overwritten as soon as the next is asked for.

    Returns
    -------
    tensor of shape (n_stimuli * (n_stimuli - 1) / 2,)
    """
    panels: dict[int, Tensor] = {}

    def add(start: int, products: Tensor) -> None:
        panels[start] = panels[start].add_(products) if start in panels else products

    for part in slices:
        over_gram_panels(part, add)
    starts = sorted(panels)
    lengths = torch.cat([panels[start].diagonal() for start in starts])
    condensed = lengths.new_empty(n_pairs(len(lengths)))
    map_in_threads(lambda start: _put_distances(start, panels.pop(start), lengths, condensed), starts)
    return condensed


def _put_distances(start: int, panel: Tensor, lengths: Tensor, condensed: Tensor) -> None:
    """Squared distances from a panel of inner products, which is overwritten, to their place in a condensed RDM."""
    torch.sub(lengths[start:], panel, alpha=2, out=panel)
    panel.add_(lengths[start : start + len(panel)].unsqueeze(1)).clamp_min_(0)
    condense_panel(panel, condensed)


def distances_from_gram(gram: Tensor) -> Tensor:
    """``g_ii + g_jj - 2 g_ij`` above the diagonal, condensed; gram (..., n_stimuli, n_stimuli) is overwritten."""
    lengths = gram.diagonal(dim1=-2, dim2=-1).clone()
    across, down = lengths.unsqueeze(-2), lengths.unsqueeze(-1)
    if gram.requires_grad:
        return condense(across + down - 2 * gram)
    return condense(gram.mul_(-2).add_(across).add_(down))


def mask_pairs(condensed: Tensor, dead: Tensor) -> Tensor:
    """NaN in every pair of the stimuli marked in ``dead``, of shape (..., n_stimuli)."""
    return condensed.masked_fill(condense(dead.unsqueeze(-1) | dead.unsqueeze(-2)), torch.nan)


def check_features(features: Tensor, name: str, least: int = 1) -> None:
    """Check the shape of features.

    Parameters
    ----------
    features : tensor of shape (..., n_stimuli, n_features)
    name : str
        The distance, for the message.
    least : int
        Features that it needs.

    Raises
    ------
    InputError
        If there are fewer than two dimensions, two stimuli, or ``least`` features.
    """
    if features.ndim < 2:
        raise InputError(f"features have the shape (..., n_stimuli, n_features), these have {tuple(features.shape)}")
    n_stimuli, n_features = features.shape[-2:]
    if n_stimuli < 2:
        raise InputError(f"an RDM needs at least 2 stimuli, {n_stimuli} arrived")
    if n_features < least:
        raise InputError(f"{name} distance needs at least {least} features, {n_features} arrived")


def undefined(which: Tensor, reason: str, name: str) -> InputError:
    """The error that names the stimuli without a distance.

    Parameters
    ----------
    which : boolean tensor of shape (..., n_stimuli)
    reason : str
        What is wrong with them: "have the same response in every feature".
    name : str
        The distance.
    """
    places = which.nonzero().tolist()
    named = ", ".join(str(place[0] if len(place) == 1 else tuple(place)) for place in places[:10])
    more = f" and {len(places) - 10} more" if len(places) > 10 else ""
    return InputError(
        f"stimuli at row {named}{more} {reason}, so their {name} distance is undefined; "
        "leave them out, or give constant='nan' for NaN there"
    )


NOT_FINITE = "hold NaN or infinite values"
