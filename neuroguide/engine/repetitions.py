"""Repeated presentations: means that ignore missing ones, and random halves.

Responses have the shape (n_stimuli, n_repetitions, n_sites), padded with NaN where a repetition is missing for a
stimulus, or for a site.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError


def check_repetitions(responses: Tensor, *, least: int = 1) -> None:
    """Check the shape of repeated responses and the number of repetitions.

    Parameters
    ----------
    responses : tensor of shape (n_stimuli, n_repetitions, n_sites)
    least : int
        Repetitions that each site needs of each stimulus.

    Raises
    ------
    InputError
        If the shape is another, a value is infinite, or a stimulus has too few repetitions at some site.
    """
    if responses.ndim != 3 or min(responses.shape) < 1:
        raise InputError(
            "repeated responses have the shape (n_stimuli, n_repetitions, n_sites), "
            f"these have {tuple(responses.shape)}"
        )
    if bool(torch.isinf(responses).any()):
        raise InputError("the responses hold infinite values; mark missing ones with NaN")
    short = (~torch.isnan(responses)).sum(1) < least
    if bool(short.any()):
        stimuli = short.any(1).nonzero().flatten().tolist()
        named = ", ".join(str(i) for i in stimuli[:10]) + (
            f" and {len(stimuli) - 10} more" if len(stimuli) > 10 else ""
        )
        raise InputError(
            f"each site needs at least {least} repetitions of each stimulus, but stimuli at row {named} have fewer "
            f"at {int(short.any(0).sum())} of {responses.shape[2]} sites; leave those stimuli or sites out"
        )


def repetition_mean(responses: Tensor) -> Tensor:
    """Mean over the repetitions that are there, of shape (n_stimuli, n_sites); NaN where there is none."""
    return responses.nanmean(1)


def half_means(responses: Tensor, n_splits: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Means of two random halves of the repetitions of each stimulus.

    The repetitions are put into a random order for each stimulus and split. The halves have the same size; one more of
    an odd number goes to a random half, which is the same for all stimuli of a split.

    Parameters
    ----------
    responses : tensor of shape (n_stimuli, n_repetitions, n_sites)
        Padded with NaN; at least two repetitions of each stimulus at each site.
    n_splits : int
        Number of independent splits.
    generator : torch.Generator
        On the CPU, so that the splits do not depend on the device.

    Returns
    -------
    first, second : tensors of shape (n_splits, n_stimuli, n_sites)
    """
    n_stimuli, n_repetitions, _ = responses.shape
    there = ~torch.isnan(responses)
    alike = bool((there == there[:, :, :1]).all())
    valid = there[:, :, :1] if alike else there
    keys = torch.rand(n_splits, n_stimuli, n_repetitions, 1, generator=generator).to(responses.device)
    larger = torch.randint(2, (n_splits, 1, 1, 1), generator=generator).to(responses.device)
    filled = torch.nan_to_num(responses)
    order = torch.where(valid, keys, torch.inf).argsort(2).argsort(2)
    size = (valid.sum(1, keepdim=True) + larger) // 2
    chosen = order < size
    return _masked_mean(filled, chosen, alike), _masked_mean(filled, valid & ~chosen, alike)


def _masked_mean(filled: Tensor, chosen: Tensor, alike: bool) -> Tensor:
    weights = chosen.to(filled.dtype) / chosen.sum(2, keepdim=True)
    if alike:
        # one product per stimulus: (n_splits, n_repetitions) with (n_repetitions, n_sites)
        return torch.einsum("knr,nrp->knp", weights.squeeze(-1), filled)
    return torch.einsum("knrp,nrp->knp", weights, filled)
