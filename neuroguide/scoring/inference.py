"""Intervals and tests of scores: what is asked for, checked before anything is computed, and what comes of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from neuroguide._core.errors import InputError, NeuroguideWarning, OptionError
from neuroguide._core.options import check_option
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.inference.bootstrap import (
    LEAST,
    bootstrap_sites,
    bootstrap_split_halves,
    bootstrap_stimuli,
    bootstrap_subjects,
)
from neuroguide.engine.inference.permutation import draw_orders, permutation_test
from neuroguide.engine.inference.result import Bootstrap
from neuroguide.engine.inference.weighted import check_resampled
from neuroguide.engine.similarity import resolve_comparison
from neuroguide.recordings.normalising import normalise_sites
from neuroguide.scoring.ceilings import half_rdms
from neuroguide.scoring.distances import distance_text, needs_repetitions
from neuroguide.scoring.targets import Target
from neuroguide.stimuli import StimulusSet

#: Confidence level of all intervals.
LEVEL = 0.95

#: Bootstrap samples behind a 95% interval by quantiles: five in each tail.
LEAST_SAMPLES = 200

#: Fewest permutations: with fewer, no p value can fall below 0.01.
LEAST_PERMUTATIONS = 100

#: What may be resampled, by what the scores are about.
_FACTORS = {"region": ("stimuli", "sites", "both"), "animal": ("stimuli", "animals", "both")}


@dataclass(frozen=True)
class Inference:
    """What is asked for; see :func:`neuroguide.score` for the attributes."""

    bootstrap: int = 0
    resample: str = "stimuli"
    permutations: int = 0
    within: str | None = None
    seed: int = 0

    @property
    def wanted(self) -> bool:
        """Whether any of it needs the RDMs of all layers at once."""
        return bool(self.bootstrap or self.permutations)

    def check(self, comparison: str | Comparison, per: str) -> None:
        """Refuse what can be refused before a recording or a model is opened.

        Raises
        ------
        OptionError
            If a number is not possible, or the comparison cannot be resampled.
        """
        for name, value in {"bootstrap": self.bootstrap, "permutations": self.permutations, "seed": self.seed}.items():
            if isinstance(value, bool) or not isinstance(value, int):
                raise OptionError(f"{name} = {value!r} is not possible; give a whole number")
        for name, value, least in (
            ("bootstrap", self.bootstrap, LEAST_SAMPLES),
            ("permutations", self.permutations, LEAST_PERMUTATIONS),
        ):
            if value < 0:
                raise OptionError(f"{name} = {value} is not possible; give a number, 0 for none")
            if 0 < value < least:
                raise OptionError(f"{name}={value} is too few; give at least {least}")
        if per == "site" and self.wanted:
            raise OptionError("per='site' gives neither intervals nor p values; use per='region'")
        if per != "site":
            check_option(f"resample (with per={per!r})", self.resample, _FACTORS[per])
        if self.bootstrap:
            check_resampled(resolve_comparison(comparison))
        if self.permutations and per != "region":
            raise OptionError(f"permutations are not available with per={per!r}; use per='region'")
        if self.within is not None and not self.permutations:
            raise OptionError("within= says which stimuli are permuted; give permutations= as well")

    def check_targets(self, targets: Sequence[Target], n_stimuli: int) -> None:
        """Refuse what the recording is too small for, before the model is run.

        Raises
        ------
        InputError
            If there are too few stimuli, sites or animals; the message says how many are needed.
        OptionError
            If sites are resampled of an RDM, or under a distance that needs repetitions.
        """
        if not self.bootstrap:
            return
        if self.resample in ("stimuli", "both"):
            _check_size("stimuli", n_stimuli, "the recording")
        for target in targets:
            if target.names:
                if self.resample in ("animals", "both"):
                    _check_size("subjects", len(target.names), target.region)
            elif self.resample in ("sites", "both"):
                if target.responses is None or target.distance is None:
                    raise OptionError(
                        f"resample={self.resample!r} draws sites, and {target.region} is an RDM; use resample='stimuli'"
                    )
                if needs_repetitions(target.distance):
                    raise OptionError(
                        f"sites cannot be resampled under the {distance_text(target.distance)} distance; use "
                        "resample='stimuli', or a distance of mean responses"
                    )
                _check_size("sites", target.n_sites, target.region)

    def categories(self, stimuli: StimulusSet) -> Tensor | None:
        """A number for each stimulus, equal within a category, or None where all may change places.

        Raises
        ------
        InputError
            If there are too few different orders of the stimuli.
        OptionError
            If the stimuli have no such column.
        """
        found = None
        if self.within is not None:
            table = stimuli.metadata
            check_option("within (a column of the stimuli)", self.within, [str(name) for name in table.columns])
            values = table[self.within].astype(str).to_numpy()
            found = torch.as_tensor(np.unique(values, return_inverse=True)[1].reshape(-1))
        if self.permutations:
            draw_orders(len(stimuli), 1, self.seed, found)
        return found


def resampled(layers: Tensor, target: Target, comparison: str | Comparison, wanted: Inference) -> Bootstrap:
    """Bootstrap of the similarity of every layer (n_layers, n_pairs) with one target: estimates (n_layers,)."""
    settings: dict[str, Any] = {"n_samples": wanted.bootstrap, "seed": wanted.seed}
    if target.names:
        factors = {"animals": "subjects"}.get(wanted.resample, wanted.resample)
        return bootstrap_subjects(layers, target.stack(), comparison, factors=factors, **settings)
    if wanted.resample == "stimuli":
        return bootstrap_stimuli(layers, target.stack(), comparison, **settings).map(lambda s: s[..., 0])
    assert target.responses is not None and target.distance is not None  # noqa: PT018 - see check_targets
    means = normalise_sites(target.responses.means, target.responses.normalise).transpose("presentation", "neuroid")
    sites = torch.as_tensor(means.values).to(layers)
    return bootstrap_sites(layers, sites, comparison, target.distance, factors=wanted.resample, **settings)


def intervals(
    layers: Tensor,
    names: Sequence[str],
    targets: Sequence[Target],
    comparison: str | Comparison,
    wanted: Inference,
    where: dict[str, str],
) -> xr.Dataset:
    """Intervals of every layer, and of the best layer, chosen anew in every sample."""
    found: dict[str, list[Any]] = {key: [] for key in ("ci_low", "ci_high", "best", "best_ci_low", "best_ci_high")}
    normalized: list[tuple[Any, Any]] = []
    for target in targets:
        drawn = resampled(layers, target, comparison, wanted)
        best = drawn.map(lambda values: values.amax(-1))
        for prefix, one in (("", drawn), ("best_", best)):
            low, high = one.interval(LEVEL)
            found[f"{prefix}ci_low"].append(low.numpy())
            found[f"{prefix}ci_high"].append(high.numpy())
        found["best"].append(best.estimate.numpy())
        normalized.append(_normalized(drawn, target, comparison, wanted, where))
    variables: dict[str, Any] = {
        name: (("layer", "region"), np.stack(values, axis=1))
        if name.startswith("ci_")
        else ("region", np.stack(values))
        for name, values in found.items()
    }
    if any(np.isfinite(low).any() for low, _ in normalized):
        for index, name in enumerate(("normalized_ci_low", "normalized_ci_high")):
            variables[name] = (("layer", "region"), np.stack([pair[index] for pair in normalized], axis=1))
    return xr.Dataset(variables, coords={"layer": list(names), "region": [target.region for target in targets]})


def _normalized(
    drawn: Bootstrap, target: Target, comparison: str | Comparison, wanted: Inference, where: dict[str, str]
) -> tuple[Any, Any]:
    """Interval of similarity / ceiling with both from the same samples of the stimuli; NaN where there is none."""
    nothing = np.full(tuple(drawn.estimate.shape), np.nan)
    if (
        wanted.resample != "stimuli" or target.names or target.responses is None or target.distance is None
        or not np.isfinite(target.ceiling.value)
    ):  # fmt: skip
        return nothing, nothing
    first, second = half_rdms(target.responses, target.distance, wanted.seed, where["device"], where["dtype"])
    limit = bootstrap_split_halves(first, second, comparison, n_samples=wanted.bootstrap, seed=wanted.seed)
    # the ceiling itself comes from more splits
    limit = limit.map(lambda values: values * (target.ceiling.value / limit.estimate))
    ratio = Bootstrap(
        drawn.estimate / limit.estimate,
        {"stimuli": drawn.samples["stimuli"] / limit.samples["stimuli"].unsqueeze(-1)},
        drawn.sizes,
        None if drawn.jackknife is None or limit.jackknife is None else drawn.jackknife / limit.jackknife.unsqueeze(-1),
    )
    try:
        low, high = ratio.interval(LEVEL)
    except InputError:
        warnings.warn(
            f"in more than 5% of the samples of the stimuli the split halves of {target.region} do not agree, so its "
            "normalized scores have no interval",
            NeuroguideWarning,
            stacklevel=5,
        )
        return nothing, nothing
    return low.numpy(), high.numpy()


def chance(
    layers: Tensor,
    names: Sequence[str],
    targets: Sequence[Target],
    comparison: str | Comparison,
    wanted: Inference,
    categories: Tensor | None,
) -> xr.Dataset:
    """The p values of every layer, alone and adjusted for having looked at all of them."""
    data = torch.cat([target.stack() for target in targets])
    test = permutation_test(
        layers, data, comparison, categories=categories, n_permutations=wanted.permutations, seed=wanted.seed
    )
    return xr.Dataset(
        {
            "p_value": (("layer", "region"), test.p_values.double().numpy()),
            "p_value_max": (("layer", "region"), test.p_values_of_maximum.double().numpy()),
        },
        coords={"layer": list(names), "region": [target.region for target in targets]},
    )


def _check_size(factor: str, n: int, where: str) -> None:
    if n >= LEAST[factor]:
        return
    many = {"subjects": "animals or subjects"}.get(factor, factor)
    instead = {
        "stimuli": "give bootstrap=0, or record more",
        "sites": "resample='stimuli', or record more",
        "subjects": "report each one instead, as the scores do",
    }[factor]
    raise InputError(f"a bootstrap over {many} needs at least {LEAST[factor]} of them, {where} has {n}; {instead}")
