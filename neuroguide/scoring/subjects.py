"""Animals and subjects: each one's RDM, and the ceiling that they give each other."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.engine.ceiling import leave_one_out_ceiling
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.dissimilarity import Distance
from neuroguide.recordings.rdms import check_rdm
from neuroguide.scoring.ceilings import Ceiling
from neuroguide.scoring.distances import AnyDistance, distance_pair, distance_text, honest_noise
from neuroguide.scoring.rdms import KEPT_ATTRS
from neuroguide.scoring.targets import Target, check_published, groups_of, is_rdm, open_any, regions_of

#: Leading dims of an RDM whose entries are animals or subjects.
SUBJECT_DIMS = ("animal", "subject")


def subject_ceiling(
    recording: xr.DataArray | str | os.PathLike[str],
    *,
    distance: AnyDistance = "correlation",
    comparison: str | Comparison = "pearson",
    normalise: str = "none",
    time: str | tuple[float, float] = "mean",
    device: str = "auto",
    dtype: str = "float64",
) -> xr.Dataset:
    """Lower and upper bound of the ceiling from animals or subjects (Nili et al. 2014).

    The lower bound is the mean similarity of each animal's RDM with the pooled RDM of the others, the upper bound that
    with the pooled RDM of all; pooling is the mean after what the comparison ignores is taken away (ranks, z-scores,
    unit length).

    Parameters
    ----------
    recording : xarray.DataArray, str or path
        An assembly with the neuroid coordinate ``animal``, or RDMs with the leading dim ``animal`` or ``subject``;
        along further leading dims (sessions) RDMs are averaged.
    distance, comparison, normalise, time, device, dtype
        As for :func:`neuroguide.score`.

    Returns
    -------
    xarray.Dataset
        By region: ``ceiling_low``, ``ceiling_high`` and ``n_animals``; by region and animal: ``lower`` and ``upper``,
        each animal's own similarity with the others and with all, and ``n_sites`` (0 where unknown).

    Raises
    ------
    InputError
        If there is no animal or subject, or a region has fewer than two.

    Examples
    --------
    >>> import neuroguide as ng
    >>> bounds = ng.subject_ceiling("virtual")
    >>> bool((bounds["ceiling_low"] < bounds["ceiling_high"]).all())
    True
    """
    opened = open_any(recording)
    own = distance_pair(distance)[0]
    settings: dict[str, Any] = {"normalise": normalise, "time": time, "device": device, "dtype": dtype}
    targets = animal_targets(opened, distance=own, comparison=comparison, **settings)
    names = list(dict.fromkeys(name for target in targets for name in target.names))
    lower, upper = np.full((2, len(targets), len(names)), np.nan)
    for row, target in enumerate(targets):
        if target.ceiling.reason:
            raise InputError(f"{target.region}: {target.ceiling.reason}")
        places = [names.index(name) for name in target.names]
        found = leave_one_out_ceiling(target.stack(), comparison)
        lower[row, places], upper[row, places] = found.lower_each.numpy(), found.upper_each.numpy()
    bounds = np.array([target.ceiling.bounds for target in targets])
    kept = {name: opened.attrs[name] for name in KEPT_ATTRS if name in opened.attrs}
    text = "as published" if is_rdm(opened) else distance_text(honest_noise(own, opened))
    return xr.Dataset(
        {
            "ceiling_low": ("region", bounds[:, 0]),
            "ceiling_high": ("region", bounds[:, 1]),
            "n_animals": ("region", [len(target.names) for target in targets]),
            "lower": (("region", "animal"), lower),
            "upper": (("region", "animal"), upper),
        },
        coords={"region": [target.region for target in targets], "animal": names},
        attrs=kept | {"distance": text, "comparison": str(comparison), "normalise": normalise},
    )


def animal_targets(
    recording: xr.DataArray,
    *,
    distance: Distance,
    comparison: str | Comparison,
    normalise: str,
    time: str | tuple[float, float],
    device: str,
    dtype: str,
) -> list[Target]:
    """Regions with an RDM for each animal and the ceiling from them; see :func:`subject_ceiling`."""
    if is_rdm(recording):
        check_published(recording, normalise, time)
        targets = _published(recording)
    else:
        targets = []
        for region, responses in regions_of(recording, normalise, time):
            if "animal" not in responses.means.coords:
                raise InputError("per='animal' needs the coordinate 'animal' on neuroid; this recording has none")
            groups = groups_of(responses.means, "animal", "")
            condensed = np.stack([responses.of_sites(places).rdm(distance, device, dtype) for _, places in groups])
            names = tuple(name for name, _ in groups)
            n_sites = responses.means.sizes["neuroid"]
            targets.append(Target(region, condensed, responses, n_sites=n_sites, distance=distance, names=names))
    return [replace(target, ceiling=_ceiling(target, comparison)) for target in targets]


def _published(rdm: xr.DataArray) -> list[Target]:
    check_rdm(rdm, source="the recording's RDM")
    leading = [str(dim) for dim in rdm.dims[:-2]]
    along = [dim for dim in leading if dim in SUBJECT_DIMS]
    if len(along) != 1:
        raise InputError(
            "RDMs of several animals or subjects have a leading dim 'animal' or 'subject'; these have "
            f"{', '.join(leading) or 'none'}"
        )
    averaged = rdm.mean([dim for dim in leading if dim not in (along[0], "region")])
    rows, columns = np.triu_indices(rdm.sizes["stimulus_id"], 1)
    names = tuple(
        str(name) for name in (rdm[along[0]].values if along[0] in rdm.coords else range(rdm.sizes[along[0]]))
    )
    if "region" in leading:
        parts = [(str(name), averaged.sel(region=name)) for name in rdm["region"].values]
    else:
        parts = [(str(rdm.attrs.get("region", "RDM")), averaged)]
    made = []
    for region, part in parts:
        values: NDArray[np.floating[Any]] = part.transpose(along[0], "stimulus_id", "stimulus_id_2").values
        made.append(Target(region, values[:, rows, columns], names=names))
    return made


def _ceiling(target: Target, comparison: str | Comparison) -> Ceiling:
    if len(target.names) < 2:
        return Ceiling(reason=f"a leave-one-out ceiling needs at least 2 animals, there is {len(target.names)}")
    found = leave_one_out_ceiling(torch.as_tensor(target.stack()), comparison)
    return Ceiling(bounds=(float(found.lower), float(found.upper)))
