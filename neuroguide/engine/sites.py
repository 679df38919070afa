"""Each site on its own: how a layer's RDM compares with the RDM of a single neuroid."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.device import as_floating
from neuroguide.engine.similarity import compare_all
from neuroguide.engine.triangle import n_pairs, pair_indices

#: Dissimilarities of single sites held at once.
_CHUNK = 32_000_000


def site_rdms(responses: Tensor) -> Tensor:
    """The RDM of every single site: squared differences of its responses.

    They are taken directly rather than from inner products, so that equal differences stay equal and ranks keep their
    ties.

    Parameters
    ----------
    responses : tensor of shape (n_stimuli, n_sites)

    Returns
    -------
    tensor of shape (n_sites, n_pairs)
    """
    first, second = pair_indices(len(responses), responses.device)
    return (responses[first] - responses[second]).square().mT.contiguous()


def site_similarities(
    rdms: Tensor, responses: Tensor, method: str | Comparison = "pearson", *, constant: str = "nan"
) -> Tensor:
    """Similarity of RDMs with the RDM of every single site.

    The RDM of one site is the squared difference of its responses to two stimuli: of the distances only the Euclidean
    kind is defined for a single number. Sites are done in chunks, so that memory does not grow with their number.

    Parameters
    ----------
    rdms : tensor of shape (n_rdms, n_pairs)
        RDMs of layers.
    responses : tensor of shape (n_stimuli, n_sites)
        Mean responses.
    method : str or Comparison
        As for :func:`neuroguide.engine.similarity.compare`.
    constant : {"nan", "error"}
        What to do with sites of constant response, whose RDM is zero, and with those that miss a stimulus.

    Returns
    -------
    tensor of shape (n_rdms, n_sites)

    Raises
    ------
    InputError
        If the RDMs are not those of the same stimuli, or a similarity is undefined under ``constant="error"``.
    """
    if rdms.ndim != 2 or responses.ndim != 2 or rdms.shape[1] != n_pairs(len(responses)):
        raise InputError(
            "RDMs (n_rdms, n_pairs) are compared with responses (n_stimuli, n_sites) to the same stimuli; "
            f"{tuple(rdms.shape)} and {tuple(responses.shape)} arrived"
        )
    responses = as_floating(responses)
    size = max(1, _CHUNK // rdms.shape[1])
    missing = torch.isnan(responses).any(0)
    parts = [
        compare_all(rdms, site_rdms(chunk), method, constant="nan")
        for chunk in torch.split(torch.where(missing, 0.0, responses), size, dim=1)
    ]
    result = torch.cat(parts, 1)
    undefined = torch.isnan(result).any(0).nonzero().flatten().tolist()
    if constant == "error" and undefined:
        raise InputError(
            f"sites at column {', '.join(map(str, undefined[:10]))}{' and more' if len(undefined) > 10 else ''} are "
            "constant or miss a stimulus, so their RDM compares with none; leave them out, or give constant='nan'"
        )
    return result
