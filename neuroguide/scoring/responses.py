"""The responses of a group of sites, and their RDM: from means, or from single repetitions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine import dissimilarity
from neuroguide.engine.device import resolve_device, resolve_dtype
from neuroguide.engine.dissimilarity import Distance
from neuroguide.recordings.averaging import average_repetitions
from neuroguide.recordings.normalising import normalise_sites
from neuroguide.recordings.repeating import by_repetition
from neuroguide.recordings.selecting import complete
from neuroguide.scoring.distances import OneDistance, distance_text, honest_noise, needs_repetitions, one_distance
from neuroguide.scoring.undefined import check_defined, some

_PLACE = "_place"

_logger = logging.getLogger("neuroguide.scoring")


@dataclass(frozen=True)
class Responses:
    """Responses of the same sites to the same stimuli.

    Attributes
    ----------
    means : xarray.DataArray
        Dims (presentation, neuroid), one presentation a stimulus, nothing missing.
    trials : xarray.DataArray
        Dims (presentation, neuroid), all presentations of those stimuli.
    normalise : str
        What is done to each site across stimuli before an RDM: "none", "center" or "zscore".
    """

    means: xr.DataArray
    trials: xr.DataArray
    normalise: str = "none"

    @classmethod
    def of(cls, assembly: xr.DataArray, normalise: str = "none", *, drop: str | None = None) -> Responses:
        """Those of an assembly without time bins; see :func:`neuroguide.rdm` for ``drop``."""
        places = np.arange(assembly.sizes["neuroid"])
        averaged = average_repetitions(assembly.assign_coords({_PLACE: ("neuroid", places)}))
        means = complete(averaged, drop=drop)
        trials = assembly
        if means.sizes != averaged.sizes:
            kept = np.isin(assembly["stimulus_id"].values, means["stimulus_id"].values)
            trials = assembly.isel(presentation=np.flatnonzero(kept), neuroid=means[_PLACE].values)
        return cls(means.drop_vars(_PLACE), trials, normalise)

    def of_sites(self, places: NDArray[np.intp]) -> Responses:
        """Those of some sites."""
        return Responses(self.means.isel(neuroid=places), self.trials.isel(neuroid=places), self.normalise)

    def of_stimuli(self, places: NDArray[np.intp]) -> Responses:
        """Those to some stimuli, in ascending order of their place in ``means``."""
        means = self.means.isel(presentation=places)
        kept = np.isin(self.trials["stimulus_id"].values, means["stimulus_id"].values)
        return Responses(means, self.trials.isel(presentation=np.flatnonzero(kept)), self.normalise)

    def repeated(self) -> NDArray[np.float64]:
        """Normalised single repetitions of shape (n_stimuli, most repetitions, n_sites), padded with NaN."""
        values: NDArray[np.float64] = by_repetition(self.trials).astype(np.float64)
        if self.normalise == "none":
            return values
        means: NDArray[np.float64] = self.means.transpose("presentation", "neuroid").values.astype(np.float64)
        values = values - means.mean(axis=0)
        if self.normalise == "center":
            return values
        spread = means.std(axis=0)
        return values / np.where(spread > 0, spread, 1.0)

    def rdm(self, distance: Distance, device: str, dtype: str) -> NDArray[np.floating[Any]]:
        """Condensed RDM.

        Raises
        ------
        InputError
            If a stimulus has no distance: a constant response, or too few repetitions. The message names it.
        """
        ids = self.means["stimulus_id"].values
        if needs_repetitions(distance):
            where = resolve_device(device)
            tensor = torch.as_tensor(self.repeated()).to(where, resolve_dtype(dtype, where))
            silent = (-_least(-tensor) == _least(tensor)).cpu().numpy()
            if silent.any() and not silent.all():
                named = some(self.means["neuroid_id"].values[silent])
                _logger.info("%d silent sites have no noise and are left out of the RDM: %s", silent.sum(), named)
                tensor = tensor[:, :, torch.as_tensor(~silent).to(where)]
            return _condensed(tensor, honest_noise(distance, self.trials), ids)
        means = normalise_sites(self.means, self.normalise).transpose("presentation", "neuroid")
        return condensed_rdm(means.values, distance, device=device, dtype=dtype, stimulus_ids=ids)


def _least(values: torch.Tensor) -> torch.Tensor:
    """Smallest response of each site, whatever is missing."""
    return torch.nan_to_num(values, nan=torch.inf).amin((0, 1))


def condensed_rdm(
    features: NDArray[Any] | torch.Tensor,
    distance: OneDistance,
    *,
    device: str,
    dtype: str,
    stimulus_ids: Sequence[object] | NDArray[Any],
) -> NDArray[np.floating[Any]]:
    """Condensed RDM of features (n_stimuli, n_features); undefined stimuli are named by their ids."""
    found = one_distance(distance)
    if needs_repetitions(found):
        raise OptionError(
            f"the {distance_text(found)} distance needs repetitions; give an assembly, or another distance"
        )
    where = resolve_device(device)
    given = torch.as_tensor(features)
    tensor = given.to(where, resolve_dtype(dtype, where))
    check_range(given, tensor.dtype)
    condensed = _condensed(tensor, found, stimulus_ids)
    if not condensed.any() and bool((given != given[:1]).any()):
        raise InputError(
            f"the responses differ by less than {_name(tensor.dtype)} can tell, so that all {distance_text(found)} "
            "distances would be zero; give dtype='float64', or subtract what the responses have in common"
        )
    return condensed


def check_range(given: torch.Tensor, dtype: torch.dtype) -> None:
    """Refuse numbers whose squares would be infinite, or zero, in a type.

    Parameters
    ----------
    given : Tensor
        Numbers before they are converted.
    dtype : torch.dtype
        What they are to be converted to.

    Raises
    ------
    InputError
        If the largest of them is too large or too small.
    """
    # smaller whole numbers are never too large
    if given.numel() == 0 or not (given.is_floating_point() or given.element_size() == 8):
        return
    low, high = (float(edge) for edge in torch.aminmax(given if given.is_floating_point() else given.double()))
    largest = max(-low, high)
    information = torch.finfo(dtype)
    if torch.isfinite(torch.tensor(largest)) and not information.tiny**0.4 < largest < information.max**0.45:
        if largest == 0:
            return
        raise InputError(
            f"the responses go up to {largest:.3g}, whose squares are beyond {_name(dtype)}; divide them by a constant"
            + ("" if dtype == torch.float64 else ", or give dtype='float64'")
        )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _condensed(
    tensor: torch.Tensor, distance: Distance, stimulus_ids: Sequence[object] | NDArray[Any]
) -> NDArray[np.floating[Any]]:
    condensed = dissimilarity.rdm(tensor, distance, constant="nan")
    values: NDArray[np.floating[Any]] = check_defined(condensed, distance, stimulus_ids).cpu().numpy()
    return values
