"""Folds that never split what belongs together: repetitions or duplicates of one image."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError


def group_folds(groups: Tensor, n_folds: int = 5, *, seed: int = 0) -> Tensor:
    """Random folds of whole groups, as equal in size as the groups allow.

    Parameters
    ----------
    groups : integer tensor of shape (n_presentations,)
        Equal numbers for what must stay together, e.g. the repetitions of one image.
    n_folds : int
    seed : int

    Returns
    -------
    integer tensor of shape (n_presentations,)
        The fold of each presentation, in [0, n_folds).

    Raises
    ------
    InputError
        If there are fewer groups than folds, or fewer than two folds.
    """
    if groups.ndim != 1 or groups.is_floating_point():
        raise InputError(
            f"groups are whole numbers, one for each presentation; {tuple(groups.shape)} {groups.dtype} arrived"
        )
    members = group_numbers(groups)
    sizes = members.bincount()
    if n_folds < 2 or len(sizes) < n_folds:
        raise InputError(f"{n_folds} folds need 2 folds and as many different images, {len(sizes)} images arrived")
    order = torch.randperm(len(sizes), generator=torch.Generator().manual_seed(seed))
    # the largest groups first, each into the fold that is smallest so far
    order = order[sizes[order].sort(descending=True, stable=True).indices]
    filled, fold_of = [0] * n_folds, [0] * len(sizes)
    for group in order.tolist():
        fold_of[group] = min(range(n_folds), key=filled.__getitem__)
        filled[fold_of[group]] += int(sizes[group])
    return torch.tensor(fold_of)[members].to(groups.device)


def group_numbers(groups: Tensor) -> Tensor:
    """Groups renumbered 0, 1, 2, ... without gaps, on the CPU."""
    _, members = groups.cpu().unique(return_inverse=True)  # type: ignore[no-untyped-call]
    numbers: Tensor = members
    return numbers
