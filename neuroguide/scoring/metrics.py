"""From the features of one layer after another to a Scores dataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.engine import similarity
from neuroguide.engine.inference.bootstrap import bootstrap_stimuli
from neuroguide.scoring.layer_choice import crossvalidated_choice
from neuroguide.scoring.mappings import Fit, fit, site_ceilings
from neuroguide.scoring.rdms import condensed_rdm
from neuroguide.scoring.targets import Target

#: Confidence level of all intervals.
LEVEL = 0.95


class RSA:
    """Similarity of the RDM of each layer with that of each region; see :func:`neuroguide.score` for the arguments."""

    def __init__(
        self,
        targets: list[Target],
        ids: list[str],
        distance: str,
        comparison: str,
        bootstrap: int,
        layer_choice: str,
        seed: int,
        device: str,
        dtype: str,
    ) -> None:
        self._targets, self._ids = targets, ids
        self._distance, self._comparison = distance, comparison
        self._bootstrap, self._layer_choice, self._seed = bootstrap, layer_choice, seed
        self._where: dict[str, str] = {"device": device, "dtype": dtype}
        self._rdms: dict[str, NDArray[np.floating[Any]]] = {}

    def add(self, layer: str, features: torch.Tensor) -> None:
        """Take the features (n_stimuli, n_features) of one more layer."""
        self._rdms[layer] = condensed_rdm(features, self._distance, stimulus_ids=self._ids, **self._where)

    def dataset(self) -> xr.Dataset:
        """All layers by all regions, with ceilings, intervals and the layer choice as asked."""
        layers = torch.as_tensor(np.stack(list(self._rdms.values()))).double()
        regions = torch.as_tensor(np.stack([target.condensed for target in self._targets])).double()
        values = similarity.compare_all(layers, regions, self._comparison, constant="nan").numpy()
        if not np.isfinite(values).all():
            flat = [name for name, row in zip(self._rdms, values, strict=True) if not np.isfinite(row).all()]
            raise InputError(
                f"layer {flat[0]!r} has an RDM without variance, which cannot be compared; leave it out of layers="
            )
        ceiling = np.array([target.ceiling for target in self._targets])
        scores = _labelled(values, values / ceiling, ceiling, list(self._rdms), self._targets)
        if np.isfinite(ceiling).any():
            scores.attrs["ceiling_kind"] = "split halves of the repetitions (trial noise only)"
        if self._bootstrap:
            scores = scores.merge(self._intervals(layers, regions)).assign_attrs(scores.attrs, ci_level=LEVEL)
        if self._layer_choice == "crossvalidated":
            chosen = crossvalidated_choice(
                self._rdms, self._targets, self._distance, self._comparison, n_stimuli=len(self._ids), seed=self._seed,
                **self._where,
            )  # fmt: skip
            scores = scores.merge(chosen).assign_attrs(scores.attrs)
        return scores

    def _intervals(self, layers: torch.Tensor, regions: torch.Tensor) -> xr.Dataset:
        """Intervals over stimuli of every layer, and of the best layer, taken anew in every sample."""
        drawn = bootstrap_stimuli(layers, regions, self._comparison, n_samples=self._bootstrap, seed=self._seed)
        low, high = drawn.interval(LEVEL)
        best = drawn.map(lambda values: values.amax(-2))
        best_low, best_high = best.interval(LEVEL)
        by_region = {"best": best.estimate, "best_ci_low": best_low, "best_ci_high": best_high}
        return xr.Dataset(
            {
                "ci_low": (("layer", "region"), low.numpy()),
                "ci_high": (("layer", "region"), high.numpy()),
                **{name: ("region", values.numpy()) for name, values in by_region.items()},
            },
            coords={"layer": list(self._rdms), "region": [target.region for target in self._targets]},
        )


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

    def add(self, layer: str, features: torch.Tensor) -> None:
        """Take the features (n_stimuli, n_features) of one more layer."""
        self._fits[layer] = [
            fit(self._metric, features, target, ceilings, self._groups, seed=self._seed)
            for target, ceilings in zip(self._targets, self._ceilings, strict=True)
        ]

    def dataset(self) -> xr.Dataset:
        """All layers by all regions."""
        rows = list(self._fits.values())
        values = np.array([[found.value for found in row] for row in rows])
        normalized = np.array([[found.normalized for found in row] for row in rows])
        ceiling = np.array([np.nan if each is None else np.nanmedian(each) for each in self._ceilings])
        scores = _labelled(values, normalized, ceiling, list(self._fits), self._targets)
        if self._metric == "cka":
            scores.attrs["no_ceiling"] = "no ceiling is defined for linear CKA here"
        elif np.isfinite(ceiling).any():
            scores.attrs["ceiling_kind"] = "median over sites of the square root of the split-half reliability"
        return scores


def _labelled(
    values: NDArray[np.float64],
    normalized: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    layers: list[str],
    targets: list[Target],
) -> xr.Dataset:
    variables: dict[str, Any] = {
        "similarity": (("layer", "region"), values),
        "n_sites": ("region", [target.n_sites for target in targets]),
    }
    if np.isfinite(ceiling).any():
        variables["ceiling"] = ("region", ceiling)
        variables["normalized"] = (("layer", "region"), normalized)
    reasons = {target.region: target.no_ceiling for target in targets if target.no_ceiling}
    attrs = {}
    if reasons:
        same = set(reasons.values())
        attrs["no_ceiling"] = same.pop() if len(same) == 1 else "; ".join(f"{k}: {v}" for k, v in reasons.items())
    return xr.Dataset(variables, coords={"layer": layers, "region": [target.region for target in targets]}, attrs=attrs)
