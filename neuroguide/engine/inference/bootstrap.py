"""Bootstraps over stimuli, sites and subjects."""

from __future__ import annotations

import torch
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.device import as_floating
from neuroguide.engine.dissimilarity import Distance, rdm
from neuroguide.engine.inference.draws import draw_indices, leave_one_out, multiplicities
from neuroguide.engine.inference.result import Bootstrap
from neuroguide.engine.inference.weighted import resampled_similarities
from neuroguide.engine.similarity import resolve_comparison
from neuroguide.engine.triangle import n_stimuli_of

#: Fewest things that are resampled (our choice: below, intervals of simulated data miss the truth too often; animals
#: and subjects below five are reported each).
LEAST = {"stimuli": 20, "sites": 10, "subjects": 5}

#: Numbers held at once in the resampled responses.
_CHUNK = 16_000_000


def bootstrap_stimuli(
    models: Tensor,
    data: Tensor,
    method: str | Comparison = "pearson",
    *,
    n_samples: int = 1000,
    seed: int = 0,
    jackknife: bool = True,
) -> Bootstrap:
    """Bootstrap over stimuli of the similarities of layers or models with data.

    Pairs of the same original stimulus are left out of every sample, ranks are taken anew in it. All layers see the
    same samples, so that ``.map(lambda s: s.amax(-2))`` is the bootstrap of the maximum over layers; other bootstraps
    of the same number of stimuli, samples and seed see them as well (a ceiling, another comparison).

    Parameters
    ----------
    models : tensor of shape (n_models, n_pairs)
    data : tensor of shape (n_data, n_pairs)
        RDMs of regions, animals, subjects.
    method : str or Comparison
        Pearson, Spearman, rho-a, cosine, CKA, whitened Pearson or whitened cosine.
    n_samples : int
    seed : int
    jackknife : bool
        Whether every stimulus is also left out once, which BCa intervals need and t intervals do not; it costs as much
        as one sample for each stimulus.

    Returns
    -------
    Bootstrap
        Of estimates of shape (n_models, n_data).

    Raises
    ------
    InputError
        If there are fewer than 20 stimuli, pairs are missing, or the RDMs do not fit.
    OptionError
        If the comparison is not available in resampling.
    """
    models, data, comparison = _check(models, data, method)
    n = n_stimuli_of(models.shape[1])
    _check_size("stimuli", n)

    def similarities(indices: Tensor) -> Tensor:
        return resampled_similarities(models, data, multiplicities(indices, n).to(models.device), comparison)

    return Bootstrap(
        similarities(torch.arange(n).unsqueeze(0))[0],
        {"stimuli": similarities(draw_indices(n, n_samples, seed))},
        {"stimuli": n},
        similarities(leave_one_out(n)) if jackknife else None,
    )


def bootstrap_subjects(
    models: Tensor,
    data: Tensor,
    method: str | Comparison = "pearson",
    *,
    factors: str = "both",
    n_samples: int = 1000,
    seed: int = 0,
) -> Bootstrap:
    """Bootstrap of the similarity of models with the RDMs of subjects, averaged over subjects.

    Parameters
    ----------
    models : tensor of shape (n_models, n_pairs)
    data : tensor of shape (n_subjects, n_pairs)
    method : str or Comparison
        As for :func:`bootstrap_stimuli`.
    factors : {"both", "stimuli", "subjects"}
        What the models should generalise to. With ``"both"`` all three are drawn, for the corrected variance.
    n_samples : int
    seed : int

    Returns
    -------
    Bootstrap
        Of estimates of shape (n_models,).

    Raises
    ------
    InputError
        If there are fewer than 20 stimuli or, where they are drawn, fewer than 5 subjects.
    OptionError
        If the comparison is not available in resampling, or ``factors`` is unknown.
    """
    check_option("factors", factors, ("both", "stimuli", "subjects"))
    if factors == "stimuli":
        return bootstrap_stimuli(models, data, method, n_samples=n_samples, seed=seed).map(lambda s: s.mean(-1))
    models, data, comparison = _check(models, data, method)
    n = n_stimuli_of(models.shape[1])
    _check_size("subjects", len(data))
    once = resampled_similarities(models, data, torch.ones(1, n, device=models.device), comparison)[0]
    indices = draw_indices(len(data), n_samples, seed + 1)
    shares = multiplicities(indices, len(data)).to(once) / len(data)
    samples = {"subjects": shares @ once.mT}
    if factors == "subjects":
        left_out = multiplicities(leave_one_out(len(data)), len(data)).to(once) / (len(data) - 1)
        return Bootstrap(once.mean(1), samples, {"subjects": len(data)}, left_out @ once.mT)
    _check_size("stimuli", n)
    drawn = multiplicities(draw_indices(n, n_samples, seed), n).to(models.device)
    each = resampled_similarities(models, data, drawn, comparison)
    samples = {"stimuli": each.mean(2), **samples, "both": torch.einsum("smd,sd->sm", each, shares)}
    return Bootstrap(once.mean(1), samples, {"stimuli": n, "subjects": len(data)})


def bootstrap_sites(
    models: Tensor,
    responses: Tensor,
    method: str | Comparison = "pearson",
    distance: str | Distance = "correlation",
    *,
    factors: str = "both",
    n_samples: int = 1000,
    seed: int = 0,
) -> Bootstrap:
    """Bootstrap of the similarity of models with the RDM of a population of sites.

    Parameters
    ----------
    models : tensor of shape (n_models, n_pairs)
    responses : tensor of shape (n_stimuli, n_sites)
        Mean responses.
    method : str or Comparison
        As for :func:`bootstrap_stimuli`.
    distance : str or Distance
        Of the sites, as for :func:`neuroguide.engine.dissimilarity.rdm`: one that needs no repetitions.
    factors : {"both", "stimuli", "sites"}
        What the models should generalise to. With ``"both"`` all three are drawn, for the corrected variance. Sites
        are drawn within the animals recorded: nothing is said about other animals.
    n_samples : int
    seed : int

    Returns
    -------
    Bootstrap
        Of estimates of shape (n_models,).

    Raises
    ------
    InputError
        If there are fewer than 20 stimuli or 10 sites where they are drawn.
    OptionError
        If the comparison is not available in resampling, or ``factors`` is unknown.
    """
    check_option("factors", factors, ("both", "stimuli", "sites"))
    if responses.ndim != 2:
        raise InputError(f"mean responses have the shape (n_stimuli, n_sites), these have {tuple(responses.shape)}")
    if factors == "stimuli":
        data = rdm(responses, distance).unsqueeze(0)
        return bootstrap_stimuli(models, data, method, n_samples=n_samples, seed=seed).map(lambda s: s[..., 0])
    models, data, comparison = _check(models, rdm(responses, distance).unsqueeze(0), method)
    n, n_sites = responses.shape
    _check_size("sites", n_sites)
    responses = responses.to(models)
    ones = torch.ones(1, n, device=models.device)

    def similarities(indices: Tensor, drawn: Tensor) -> Tensor:
        size = max(1, _CHUNK // (n * max(n, n_sites)))
        parts = []
        for start in range(0, len(indices), size):
            chunk = indices[start : start + size].to(models.device)
            own = rdm(responses[:, chunk].transpose(0, 1), distance, constant="nan")
            weights = drawn.expand(len(indices), n)[start : start + size]
            parts.append(resampled_similarities(models, own.unsqueeze(1), weights, comparison)[..., 0])
        return torch.cat(parts)

    estimate = resampled_similarities(models, data, ones, comparison)[0, :, 0]
    indices = draw_indices(n_sites, n_samples, seed + 1)
    samples = {"sites": similarities(indices, ones)}
    if factors == "sites":
        return Bootstrap(estimate, samples, {"sites": n_sites}, similarities(leave_one_out(n_sites), ones))
    _check_size("stimuli", n)
    drawn = multiplicities(draw_indices(n, n_samples, seed), n).to(models.device)
    alone = resampled_similarities(models, data, drawn, comparison)[..., 0]
    samples = {"stimuli": alone, **samples, "both": similarities(indices, drawn)}
    return Bootstrap(estimate, samples, {"stimuli": n, "sites": n_sites})


def bootstrap_split_halves(
    first: Tensor,
    second: Tensor,
    method: str | Comparison = "pearson",
    *,
    n_samples: int = 1000,
    seed: int = 0,
) -> Bootstrap:
    """Bootstrap over stimuli of the ceiling from split halves, in the same samples as :func:`bootstrap_stimuli`.

    Parameters
    ----------
    first, second : tensor of shape (n_splits, n_pairs)
        RDMs of the two halves of the repetitions, split by split.
    method, n_samples, seed
        As for :func:`bootstrap_stimuli`.

    Returns
    -------
    Bootstrap
        Of the ceiling ``sqrt(2 rbar / (1 + rbar))``, a single number; NaN in samples whose ``rbar`` is not positive.

    Raises
    ------
    InputError
        As :func:`bootstrap_stimuli`, or if the halves differ in number.
    """
    if first.shape != second.shape:
        raise InputError(
            f"the halves of one split belong together: {tuple(first.shape)} and {tuple(second.shape)} arrived"
        )
    splits = [
        bootstrap_stimuli(one.unsqueeze(0), other.unsqueeze(0), method, n_samples=n_samples, seed=seed)
        for one, other in zip(first, second, strict=True)
    ]
    agreement = Bootstrap(
        torch.stack([split.estimate for split in splits]).mean(0),
        {"stimuli": torch.stack([split.samples["stimuli"] for split in splits]).mean(0)},
        splits[0].sizes,
        torch.stack([split.jackknife for split in splits if split.jackknife is not None]).mean(0),
    )
    return agreement.map(lambda r: (2 * torch.where(r > 0, r, torch.nan) / (1 + r)).sqrt()[..., 0, 0])


def _check(models: Tensor, data: Tensor, method: str | Comparison) -> tuple[Tensor, Tensor, Comparison]:
    if models.ndim != 2 or data.ndim != 2 or models.shape[1] != data.shape[1]:
        raise InputError(
            "stacks of RDMs of the same stimuli are resampled, of shape (n_models, n_pairs) and (n_data, n_pairs); "
            f"{tuple(models.shape)} and {tuple(data.shape)} arrived"
        )
    models, data = as_floating(models), as_floating(data)
    dtype = torch.promote_types(models.dtype, data.dtype)
    for name, rdms in {"models": models, "data": data}.items():
        if not bool(torch.isfinite(rdms).all()):
            raise InputError(f"the RDMs of the {name} miss pairs; leave out those stimuli before resampling")
    return models.to(dtype), data.to(dtype), resolve_comparison(method)


def _check_size(factor: str, n: int) -> None:
    if n < LEAST[factor]:
        raise InputError(
            f"a bootstrap over {factor} needs at least {LEAST[factor]} of them, {n} are there; "
            + ("report each one instead" if factor == "subjects" else "give no interval, or record more")
        )
