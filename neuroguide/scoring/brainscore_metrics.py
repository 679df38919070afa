"""Our metrics and ceilings in the form of Brain-Score's, and its ceiling computed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from neuroguide._core.brainscore import brainscore
from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option
from neuroguide.engine.ceiling import split_half_ceiling
from neuroguide.engine.comparison.kernels import linear_cka
from neuroguide.engine.device import resolve_device, resolve_dtype
from neuroguide.engine.folds import group_folds
from neuroguide.engine.mapping import cross_validated_pls, cross_validated_ridge, site_correlations
from neuroguide.recordings import brainscore as assemblies
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.normalising import NORMALISATIONS, normalise_sites
from neuroguide.recordings.repeating import by_repetition
from neuroguide.recordings.selecting import align, complete
from neuroguide.recordings.timing import average_time
from neuroguide.scoring.mappings import N_FOLDS
from neuroguide.scoring.rdms import compare, rdm

METRICS = ("rsa", "cka", "cka-unbiased", "ridge", "pls")


@dataclass(frozen=True)
class BrainScoreMetric:
    """A metric of ours in the form of Brain-Score's: two assemblies in, a ``Score`` out.

    Both assemblies are averaged over time bins and repetitions and matched by ``stimulus_id``.

    Parameters
    ----------
    metric : {"rsa", "cka", "cka-unbiased", "ridge", "pls"}
        As for :func:`neuroguide.score`; ``"cka-unbiased"`` leaves out the diagonal of the kernels.
        ``BrainScoreMetric("rsa", comparison="spearman")`` gives what Brain-Score's ``rdm`` gives, ``"cka"`` its
        ``cka_biased``, ``"cka-unbiased"`` its ``cka``.
    distance, comparison : str
        Of RSA; see :func:`neuroguide.rdm` and :func:`neuroguide.compare`.
    normalise : {"none", "center", "zscore"}
        Of each site of the recording, across stimuli.
    seed : int
        Of the folds of a regression and the halves of a ceiling.
    device, dtype : str
        Where and in which precision it is computed.

    Examples
    --------
    >>> from neuroguide.scoring.brainscore_metrics import BrainScoreMetric
    >>> metric = BrainScoreMetric("rsa", comparison="spearman")
    """

    metric: str = "rsa"
    distance: str = "correlation"
    comparison: str = "pearson"
    normalise: str = "none"
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float64"

    def __post_init__(self) -> None:
        check_option("metric", self.metric, METRICS)
        check_option("normalise", self.normalise, [name for name in NORMALISATIONS if name != "baseline"])

    def __call__(self, source: xr.DataArray, target: xr.DataArray) -> Any:
        """Compare a model's features (source) with a recording (target).

        Parameters
        ----------
        source, target : brainscore_core DataAssembly
            Dims presentation and neuroid, of the same stimuli.

        Returns
        -------
        brainscore_core Score
            A single number; of a regression the median over sites, with the sites' own in ``attrs["raw"]``.

        Raises
        ------
        InputError
            If the stimuli differ, or the metric is undefined for these responses.
        """
        responses = means_of(target)
        features = align(means_of(source), responses["stimulus_id"].values, what="the recording")
        make = brainscore("brainscore_core.metrics", "making a Score of Brain-Score").Score
        if self.metric == "rsa":
            options: dict[str, Any] = {"device": self.device, "dtype": self.dtype}
            model = rdm(features, self.distance, **options)
            found = make(
                compare(model, rdm(responses, self.distance, normalise=self.normalise, **options), self.comparison)
            )
        else:
            x, y = self._tensor(features), self._tensor(normalise_sites(responses, self.normalise))
            if self.metric.startswith("cka"):
                found = make(float(linear_cka(x, y, unbiased=self.metric == "cka-unbiased")))
            else:
                found = self._regression(make, x, y, responses)
        if not np.isfinite(found.values):
            raise InputError(f"{self.metric} is undefined: sites or features do not vary over stimuli")
        found.attrs |= {"metric": self.metric, "distance": self.distance, "comparison": self.comparison}
        return found

    def _tensor(self, assembly: xr.DataArray) -> Tensor:
        where = resolve_device(self.device)
        values = np.ascontiguousarray(assembly.transpose("presentation", "neuroid").values)
        return torch.as_tensor(values).to(where, resolve_dtype(self.dtype, where))

    def _regression(self, make: Any, x: Tensor, y: Tensor, responses: xr.DataArray) -> Any:
        members = torch.arange(len(x))
        folds = group_folds(members, N_FOLDS, seed=self.seed)
        if self.metric == "ridge":
            mapping = cross_validated_ridge(x, y, folds, groups=members, seed=self.seed)
        else:
            mapping = cross_validated_pls(x, y, folds)
        sites = site_correlations(mapping.predictions, y).double().cpu().numpy()
        found = make(np.nanmedian(sites))
        coords = {
            str(name): (coord.dims, coord.values)
            for name, coord in responses.coords.items()
            if coord.dims == ("neuroid",)
        }
        found.attrs["raw"] = make(sites, coords=coords, dims=("neuroid",))
        return found


@dataclass(frozen=True)
class BrainScoreCeiling:
    """A ceiling of ours in the form of Brain-Score's: a recording with repetitions in, a ``Score`` out.

    Brain-Score's benchmarks report ``raw ** 2 / ceiling``, so what it calls a ceiling is a reliability: for RSA the
    square of the ceiling of :func:`neuroguide.score`, so that they report ``normalized ** 2``; for a regression the
    median over sites of :func:`internal_consistency`.

    Parameters
    ----------
    metric : BrainScoreMetric
        What is compared; there is no ceiling for CKA.
    """

    metric: BrainScoreMetric = BrainScoreMetric()

    def __post_init__(self) -> None:
        if self.metric.metric.startswith("cka"):
            raise OptionError("no ceiling is defined for linear CKA; give NeuralBenchmark one of your own")

    def __call__(self, assembly: xr.DataArray) -> Any:
        """The ceiling of a recording.

        Parameters
        ----------
        assembly : brainscore_core DataAssembly
            Dims presentation and neuroid, with repetitions.

        Returns
        -------
        brainscore_core Score
            A single number.

        Raises
        ------
        InputError
            If there are no repetitions, or their halves do not agree.
        """
        settings, trials = self.metric, trials_of(assembly)
        make = brainscore("brainscore_core.metrics", "making a Score of Brain-Score").Score
        if settings.metric != "rsa":
            sites = internal_consistency(trials)
            found = make(float(sites.median("neuroid").mean("split")))
            found.attrs["raw"] = make(sites.values, coords={"split": sites["split"].values}, dims=sites.dims)
            return found
        where = resolve_device(settings.device)
        halves = split_half_ceiling(
            torch.as_tensor(by_repetition(trials)).to(where, resolve_dtype(settings.dtype, where)),
            settings.distance, settings.comparison, normalise=settings.normalise, seed=settings.seed,
        )  # fmt: skip
        return make(float(halves.reliability))


def internal_consistency(recording: xr.DataArray, *, n_splits: int = 10, seed: int = 1) -> xr.DataArray:
    """Split-half consistency of each site, as Brain-Score's ``internal_consistency`` defines it.

    It differs from :func:`neuroguide.recordings.split_half_reliability`: the numbers of the repetitions are split, the
    same way for all stimuli (of an odd number the first half has one less), each split is corrected by Spearman and
    Brown before the splits are averaged, and there are 10 splits. Brain-Score's single number is the mean over splits
    of the median over sites: ``internal_consistency(recording).median("neuroid").mean("split")``.

    Parameters
    ----------
    recording : DataArray
        Dims presentation and neuroid, with the coordinate ``repetition``.
    n_splits, seed : int
        Number and seed of the splits, Brain-Score's by default.

    Returns
    -------
    DataArray
        Dims split, neuroid.

    Raises
    ------
    InputError
        If there are no repetitions, or the halves have different stimuli.
    """
    trials = trials_of(recording)
    if "repetition" not in trials.coords:
        raise InputError(
            "internal consistency needs the coordinate 'repetition'; open the recording with its repetitions"
        )
    numbers = np.unique(trials["repetition"].values)
    if len(numbers) < 2:
        raise InputError("internal consistency needs repetitions; this recording has one of each stimulus")
    # the legacy generator, because it is what scikit-learn's ShuffleSplit draws from
    draws = np.random.RandomState(seed)
    first_size = len(numbers) // 2
    found = []
    for _ in range(n_splits):
        order = draws.permutation(len(numbers))
        second, first = numbers[order[: len(numbers) - first_size]], numbers[order[len(numbers) - first_size :]]
        halves = [_mean_of(trials, chosen) for chosen in (first, second)]
        one = halves[0]
        other = align(halves[1], one["stimulus_id"].values, what="the other half of the repetitions")
        r = _pearson(one.values.astype(np.float64), other.values.astype(np.float64))
        found.append(2 * r / (1 + r))
    coords = {str(name): coord.variable for name, coord in trials.coords.items() if coord.dims == ("neuroid",)}
    return xr.DataArray(np.stack(found), dims=("split", "neuroid"), coords={"split": range(n_splits), **coords})


def _mean_of(trials: xr.DataArray, repetitions: NDArray[Any]) -> xr.DataArray:
    chosen = np.flatnonzero(np.isin(trials["repetition"].values, repetitions))
    return average_repetitions(trials.isel(presentation=chosen)).transpose("presentation", "neuroid")


def _pearson(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of the columns of two arrays; NaN where one is constant or has missing values."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    spread = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    return np.asarray((a * b).sum(axis=0) / np.where(spread > 0, spread, np.nan))


def trials_of(assembly: xr.DataArray) -> xr.DataArray:
    """The presentations of an assembly of Brain-Score's or ours, averaged over time bins."""
    plain = check_assembly(assemblies.from_brainscore(assembly))
    return average_time(plain) if "time_bin" in plain.dims else plain


def means_of(assembly: xr.DataArray) -> xr.DataArray:
    """The mean response to each stimulus, complete."""
    return complete(average_repetitions(trials_of(assembly)))
