"""From two RDMs to a number.

Most comparisons are an inner product of two vectors that depend on one RDM each, so that the vectors of a teacher can
be computed once (:func:`unit_vectors`) and all layers be compared with all regions in one matrix product
(:func:`compare_all`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option
from neuroguide._core.registry import Registry
from neuroguide.engine.comparison.base import Comparison, InnerProduct
from neuroguide.engine.comparison.kendall import Kendall
from neuroguide.engine.comparison.kernels import CKA, Bures
from neuroguide.engine.comparison.vectors import Cosine, Pearson, RhoA, Spearman
from neuroguide.engine.comparison.whitening import WhitenedCosine, WhitenedPearson
from neuroguide.engine.device import as_floating

__all__ = [
    "CKA",
    "Bures",
    "Comparison",
    "InnerProduct",
    "Kendall",
    "WhitenedCosine",
    "WhitenedPearson",
    "compare",
    "compare_all",
    "comparisons",
    "resolve_comparison",
    "unit_vectors",
]

#: The comparisons known by name.
comparisons: Registry[Comparison] = Registry(
    "comparison", "register it with neuroguide.engine.similarity.comparisons.add"
)
comparisons.add("pearson", Pearson())
comparisons.add("spearman", Spearman())
comparisons.add("kendall", Kendall())
comparisons.add("rho-a", RhoA())
comparisons.add("cosine", Cosine())
comparisons.add("whitened-pearson", WhitenedPearson())
comparisons.add("whitened-cosine", WhitenedCosine())
comparisons.add("cka", CKA())
comparisons.add("bures", Bures())


def compare(
    a: Tensor, b: Tensor, method: str | Comparison = "pearson", *, missing: str = "equal", constant: str = "error"
) -> Tensor:
    """Similarity of RDMs, pair by pair of a broadcast batch.

    Parameters
    ----------
    a, b : tensor of shape (..., n_pairs)
        Condensed RDMs; leading dimensions are broadcast against each other.
    method : str or Comparison
        ``"pearson"``; ``"spearman"`` (ties averaged); ``"kendall"`` (tau-a); ``"rho-a"`` (the expectation of Spearman's
        coefficient under random breaking of ties; Schütt et al. 2023, eLife 12:e82566); ``"cosine"``;
        ``"whitened-pearson"`` and ``"whitened-cosine"`` (Diedrichsen et al. 2021); ``"cka"`` (of the kernels behind
        squared Euclidean RDMs); ``"bures"``; or :class:`Kendall`, :class:`WhitenedPearson`, :class:`WhitenedCosine`,
        :class:`CKA`, :class:`Bures` with their settings.
    missing : {"equal", "shared"}
        Pairs that are NaN are left out. ``"equal"``: as rsatoolbox, both stacks must miss the same pairs, and a pair
        missing in one RDM of a stack is left out of all. ``"shared"``: each comparison uses the pairs that its two
        RDMs have in common.
    constant : {"error", "nan"}
        What to do where the similarity is undefined: one of the RDMs has the same value everywhere, or no pair is
        left. ``"nan"`` gives NaN there.

    Returns
    -------
    tensor of the broadcast leading shape

    Raises
    ------
    InputError
        If the RDMs differ in length or in their missing pairs, or a similarity is undefined under ``constant="error"``.
    OptionError
        If the method or an option is unknown.
    """
    comparison = resolve_comparison(method)
    check_option("constant", constant, ("error", "nan"))
    a, b = _same_type(a, b)
    keep = _kept_pairs(a, b, missing)
    result = comparison.similarity(a, b, keep)
    return _defined(result) if constant == "error" else result


def compare_all(a: Tensor, b: Tensor, method: str | Comparison = "pearson", *, constant: str = "error") -> Tensor:
    """Similarity of every RDM of one stack with every RDM of another, as one matrix product where possible.

    Parameters
    ----------
    a : tensor of shape (n_a, n_pairs)
    b : tensor of shape (n_b, n_pairs)
        Missing pairs as under ``missing="equal"`` of :func:`compare`.
    method, constant
        As for :func:`compare`.

    Returns
    -------
    tensor of shape (n_a, n_b)

    Raises
    ------
    InputError, OptionError
        As for :func:`compare`.
    """
    comparison = resolve_comparison(method)
    check_option("constant", constant, ("error", "nan"))
    a, b = _same_type(a, b)
    if a.ndim != 2 or b.ndim != 2:
        raise InputError(
            f"two stacks of shape (n_rdms, n_pairs) are compared, {tuple(a.shape)} and {tuple(b.shape)} arrived"
        )
    keep = _kept_pairs(a, b, "equal")
    if isinstance(comparison, InnerProduct):
        result = comparison.embed(a, keep) @ comparison.embed(b, keep).mT
    else:
        result = torch.stack([comparison.similarity(row.expand_as(b), b, keep) for row in a])
    return _defined(result) if constant == "error" else result


def unit_vectors(rdms: Tensor, method: str | Comparison = "pearson") -> Tensor:
    """Vectors whose inner products are the similarities, to be kept where one RDM meets many others.

    ``(unit_vectors(a, m) * unit_vectors(b, m)).sum(-1)`` equals ``compare(a, b, m, constant="nan")``: the ranks of a
    teacher are sorted once. No pair may be missing.

    Parameters
    ----------
    rdms : tensor of shape (..., n_pairs)
    method : str or Comparison
        One of the inner products: not Kendall's tau nor Bures.

    Returns
    -------
    tensor of shape (..., any)
        NaN for an RDM whose similarity is undefined.

    Raises
    ------
    OptionError
        If the comparison is no inner product.
    """
    comparison = resolve_comparison(method)
    if not isinstance(comparison, InnerProduct):
        raise OptionError(f"comparison {method!r} is no inner product of vectors; use compare or compare_all")
    return comparison.embed(as_floating(rdms), None)


def resolve_comparison(method: str | Comparison) -> Comparison:
    """The comparison meant by a name, or the comparison itself.

    Raises
    ------
    OptionError
        If the name is unknown.
    """
    # whatever cannot compare is looked up, so that the error says what is known
    return method if hasattr(method, "similarity") else comparisons[method]


def _same_type(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    if a.ndim < 1 or b.ndim < 1 or a.shape[-1] != b.shape[-1]:
        raise InputError(
            f"RDMs of the same stimuli are compared, but {tuple(a.shape)} and {tuple(b.shape)} differ in their number "
            "of pairs; take the same stimuli on both sides"
        )
    a, b = as_floating(a), as_floating(b)
    if a.device != b.device:
        raise InputError(f"the RDMs are on different devices, {a.device} and {b.device}; move one with .to()")
    dtype = torch.promote_types(a.dtype, b.dtype)
    return a.to(dtype), b.to(dtype)


def _kept_pairs(a: Tensor, b: Tensor, missing: str) -> Tensor | None:
    """The pairs that count, or None if none is missing."""
    check_option("missing", missing, ("equal", "shared"))
    gone_a, gone_b = torch.isnan(a), torch.isnan(b)
    if missing == "shared":
        gone = gone_a | gone_b
        return ~gone if bool(gone.any()) else None
    gone_a, gone_b = (gone.reshape(-1, gone.shape[-1]).any(0) for gone in (gone_a, gone_b))
    if not bool((gone_a | gone_b).any()):
        return None
    if not torch.equal(gone_a, gone_b):
        where = int((gone_a != gone_b).sum())
        raise InputError(
            f"the RDMs miss different pairs ({where} are NaN on one side only); "
            "take the same stimuli on both sides, or give missing='shared'"
        )
    return ~gone_a


def _defined(result: Tensor) -> Tensor:
    bad = torch.isnan(result)
    if bool(bad.any()):
        raise InputError(
            f"{int(bad.sum())} of {bad.numel()} similarities are undefined: an RDM has the same value in all its "
            "pairs, or no pair in common with the other; leave that RDM out, or give constant='nan' for NaN there"
        )
    return result
