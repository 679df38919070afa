"""From the RDMs or features of one layer after another to a Scores dataset."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from neuroguide._core.errors import InputError
from neuroguide.engine.comparison.base import Comparison, InnerProduct
from neuroguide.engine.similarity import compare_all, resolve_comparison, unit_vectors
from neuroguide.engine.sites import site_similarities
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.scoring.inference import LEVEL, Inference, chance, intervals
from neuroguide.scoring.layer_choice import crossvalidated_choice
from neuroguide.scoring.mappings import Fit, fit, site_ceilings
from neuroguide.scoring.responses import Responses
from neuroguide.scoring.targets import Target


class RSA:
    """Similarity of the RDM of each layer with that of each region, or of each animal of it.

    See :func:`neuroguide.score` for the arguments. RDMs of layers are kept only where an interval, a test or a layer
    choice needs all of them at once.
    """

    def __init__(
        self,
        targets: list[Target],
        comparison: str | Comparison,
        inference: Inference,
        layer_choice: str,
        categories: Tensor | None,
        seed: int,
        where: dict[str, str],
        groups: NDArray[np.int64] | None = None,
    ) -> None:
        self._targets, self._comparison, self._inference = targets, comparison, inference
        self._groups = groups
        self._layer_choice, self._categories, self._seed, self._where = layer_choice, categories, seed, where
        self._stack = torch.cat([target.stack() for target in targets])
        # what depends on the recording alone, such as its ranks, is computed once
        self._vectors = None
        if isinstance(resolve_comparison(comparison), InnerProduct):
            self._vectors = unit_vectors(self._stack, comparison)
        self._values: dict[str, NDArray[np.float64]] = {}
        self._rdms: dict[str, Tensor] = {}

    def add(self, layer: str, condensed: Tensor) -> None:
        """Take the condensed RDM of one more layer."""
        rdm = condensed.cpu()
        row = rdm.double().unsqueeze(0)
        if self._vectors is None:
            values = compare_all(row, self._stack, self._comparison, constant="nan")
        else:
            values = unit_vectors(row, self._comparison) @ self._vectors.mT
        if not bool(torch.isfinite(values).all()):
            raise InputError(
                f"layer {layer!r} has an RDM without variance, which cannot be compared; leave it out of layers="
            )
        self._values[layer] = values[0].numpy()
        if self._inference.wanted or self._layer_choice == "crossvalidated":
            self._rdms[layer] = rdm

    def dataset(self, layers: Sequence[str]) -> xr.Dataset:
        """The layers by all regions, with ceilings, intervals, tests and the layer choice as asked."""
        values = np.stack([self._values[layer] for layer in layers])
        edges = np.cumsum([0, *[max(1, len(target.names)) for target in self._targets]])
        parts = [values[:, a:b] for a, b in itertools.pairwise(edges)]
        means = np.stack([part.mean(axis=1) for part in parts], axis=1)
        ceiling = np.array([target.ceiling.value for target in self._targets])
        scores = _labelled(means, means / ceiling, ceiling, layers, self._targets)
        if np.isfinite(ceiling).any():
            scores.attrs["ceiling_kind"] = "split halves of the repetitions (trial noise only)"
        if any(target.names for target in self._targets):
            scores = _with_animals(scores, parts, self._targets)
        if not self._rdms:
            return scores
        stacked = torch.stack([self._rdms[layer] for layer in layers]).double()
        attrs = dict(scores.attrs)
        if self._inference.bootstrap:
            found = intervals(stacked, layers, self._targets, self._comparison, self._inference, self._where)
            scores, attrs["ci_level"] = scores.merge(found), LEVEL
        if self._inference.permutations:
            scores = scores.merge(
                chance(stacked, layers, self._targets, self._comparison, self._inference, self._categories)
            )
        if self._layer_choice == "crossvalidated":
            scores = scores.merge(
                crossvalidated_choice(
                    stacked,
                    layers,
                    self._targets,
                    self._comparison,
                    seed=self._seed,
                    groups=self._groups,
                    **self._where,
                )
            )
        return scores.assign_attrs(attrs)


class SingleSites:
    """Similarity of the RDM of each layer with the RDM of each single site.

    Parameters
    ----------
    responses : Responses
        Of all sites.
    comparison : str or Comparison
    seed : int
        Of the split halves behind the reliability.
    where : dict of str to str
        Device and dtype.
    """

    def __init__(self, responses: Responses, comparison: str | Comparison, seed: int, where: dict[str, str]) -> None:
        self._responses, self._comparison, self._seed = responses, comparison, seed
        means = responses.means.transpose("presentation", "neuroid")
        self._means = torch.as_tensor(means.values.astype(np.float64))
        self._values: dict[str, NDArray[np.float64]] = {}

    def add(self, layer: str, condensed: Tensor) -> None:
        """Take the condensed RDM of one more layer."""
        found = site_similarities(condensed.cpu().double().unsqueeze(0), self._means, self._comparison)
        self._values[layer] = found[0].numpy()

    def dataset(self, layers: Sequence[str]) -> xr.Dataset:
        """The layers by all sites; NaN for a site that responds alike to all stimuli."""
        means, trials = self._responses.means, self._responses.trials
        coords = {str(name): c.variable for name, c in means.coords.items() if c.dims == ("neuroid",)}
        variables: dict[str, Any] = {
            "similarity": (("layer", "neuroid"), np.stack([self._values[layer] for layer in layers]))
        }
        if means.sizes["presentation"] < trials.sizes["presentation"]:
            reliability = split_half_reliability(trials, seed=self._seed)
            variables["reliability"] = ("neuroid", reliability.values.astype(np.float64))
        reason = "the RDM of a single site has no ceiling here; see its reliability"
        return xr.Dataset(variables, coords={"layer": list(layers), **coords}, attrs={"no_ceiling": reason})


class SiteMetric:
    """How well each layer predicts, or aligns with, the sites of each region.

    Parameters
    ----------
    metric : {"cka", "ridge", "pls"}
    targets : list of Target
        With responses.
    groups : array of shape (n_stimuli,)
        Equal for stimuli with the same pixels.
    seed : int
        Of folds and split halves.
    """

    def __init__(self, metric: str, targets: list[Target], groups: NDArray[np.int64], seed: int) -> None:
        self._metric, self._targets, self._groups, self._seed = metric, targets, groups, seed
        noise = metric != "cka"
        self._ceilings = [site_ceilings(target.responses, seed=seed) if noise else None for target in targets]
        self._fits: dict[str, list[Fit]] = {}

    def add(self, layer: str, features: Tensor) -> None:
        """Take the features (n_stimuli, n_features) of one more layer."""
        self._fits[layer] = [
            fit(self._metric, features, target, ceilings, self._groups, seed=self._seed)
            for target, ceilings in zip(self._targets, self._ceilings, strict=True)
        ]

    def dataset(self, layers: Sequence[str]) -> xr.Dataset:
        """The layers by all regions."""
        rows = [self._fits[layer] for layer in layers]
        values = np.array([[found.value for found in row] for row in rows])
        normalized = np.array([[found.normalized for found in row] for row in rows])
        ceiling = np.array([np.nan if each is None else np.nanmedian(each) for each in self._ceilings])
        scores = _labelled(values, normalized, ceiling, layers, self._targets)
        if self._metric == "cka":
            scores.attrs["no_ceiling"] = "no ceiling is defined for linear CKA here"
        elif np.isfinite(ceiling).any():
            scores.attrs["ceiling_kind"] = "median over sites of the square root of the split-half reliability"
        return scores


def _labelled(
    values: NDArray[np.float64],
    normalized: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    layers: Sequence[str],
    targets: list[Target],
) -> xr.Dataset:
    variables: dict[str, Any] = {
        "similarity": (("layer", "region"), values),
        "n_sites": ("region", [target.n_sites for target in targets]),
    }
    if np.isfinite(ceiling).any():
        variables["ceiling"] = ("region", ceiling)
        variables["normalized"] = (("layer", "region"), normalized)
    reasons = {target.region: target.ceiling.reason for target in targets if target.ceiling.reason}
    attrs = {}
    if reasons:
        same = set(reasons.values())
        attrs["no_ceiling"] = same.pop() if len(same) == 1 else "; ".join(f"{k}: {v}" for k, v in reasons.items())
    coords = {"layer": list(layers), "region": [target.region for target in targets]}
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def _with_animals(scores: xr.Dataset, parts: list[NDArray[np.float64]], targets: list[Target]) -> xr.Dataset:
    """Every animal's own value beside their mean, and the ceiling's bounds."""
    names = list(dict.fromkeys(name for target in targets for name in target.names))
    each = np.full((scores.sizes["layer"], len(targets), len(names)), np.nan)
    for column, (part, target) in enumerate(zip(parts, targets, strict=True)):
        each[:, column, [names.index(name) for name in target.names]] = part
    made = scores.assign_coords(animal=names).assign(each=(("layer", "region", "animal"), each))
    made["n_animals"] = ("region", [len(target.names) for target in targets])
    bounds = np.array([target.ceiling.bounds for target in targets])
    if np.isfinite(bounds).any():
        made = made.assign(ceiling_low=("region", bounds[:, 0]), ceiling_high=("region", bounds[:, 1]))
        made.attrs["ceiling_kind"] = "leave-one-out over animals, lower and upper bound (Nili et al. 2014)"
    return made
