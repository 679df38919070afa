"""RDMs with names on them: from an assembly or features, and compared with one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine import dissimilarity, similarity
from neuroguide.recordings.assembly import check_assembly
from neuroguide.recordings.normalising import NORMALISATIONS, normalise_sites
from neuroguide.recordings.rdms import check_rdm
from neuroguide.recordings.timing import average_time
from neuroguide.scoring.distances import (
    OneDistance,
    distance_text,
    honest_noise,
    noted_distance,
    one_distance,
    warn_if_approximate,
)
from neuroguide.scoring.responses import Responses, condensed_rdm
from neuroguide.scoring.undefined import some

#: Attributes of an assembly that its RDM keeps.
KEPT_ATTRS = ("identifier", "stimulus_set_identifier", "source", "licence", "citation", "simulated")


def rdm(
    assembly_or_features: xr.DataArray | ArrayLike | torch.Tensor,
    distance: OneDistance = "correlation",
    *,
    normalise: str = "none",
    by: str | None = None,
    drop: str | None = None,
    device: str = "auto",
    dtype: str = "float32",
) -> xr.DataArray:
    """The representational dissimilarity matrix of a recording or of features.

    An assembly is averaged over its time bins and repetitions, then each site is normalised across stimuli, then
    every pair of stimuli is compared over sites. Mahalanobis and crossnobis distances take single repetitions instead
    of their mean: stimuli may have different numbers of them, and missing responses (NaN) are left out.

    Parameters
    ----------
    assembly_or_features : xarray.DataArray, or array or tensor of shape (n_stimuli, n_features)
        An assembly (dims ``presentation`` and ``neuroid``), or plain features, whose stimuli are called "0", "1", ...
    distance : str or Distance
        ``"correlation"`` (one minus Pearson's r over sites), ``"euclidean"`` (squared, divided by the number of sites),
        ``"cosine"``, ``"poisson-kl"`` (of mean rates), ``"mahalanobis"``, ``"crossnobis"``, another name of
        :data:`neuroguide.engine.dissimilarity.distances`, a name with settings (``"crossnobis(noise=diagonal)"``), or
        a dataclass (``Crossnobis(noise="diagonal")``). Where the sites were not recorded together
        (``attrs["simultaneous"]`` is 0) only the diagonal of the noise covariance is used.
    normalise : {"none", "center", "zscore", "baseline"}
        What is done to each site across stimuli first.
    by : str, optional
        A neuroid coordinate (``"region"``, ``"animal"``): one RDM for each of its values, along a leading dimension.
    drop : {"sites", "stimuli"}, optional
        What to leave out where a site has no response at all to a stimulus; by default that is an error.
    device, dtype : str
        Where and in which precision it is computed; see :func:`neuroguide.engine.device.resolve_device`.

    Returns
    -------
    xarray.DataArray
        Dims ``("stimulus_id", "stimulus_id_2")``, with ``by`` leading if given; symmetric with a zero diagonal.

    Raises
    ------
    InputError
        If responses are missing, a stimulus evokes a constant response (undefined for correlation), or there are
        fewer than two stimuli; the message names them.

    Examples
    --------
    >>> import neuroguide as ng
    >>> ng.rdm([[1.0, 2.0, 4.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).shape
    (3, 3)
    """
    if not isinstance(assembly_or_features, xr.DataArray):
        return _rdm_of_features(assembly_or_features, distance, normalise, device, dtype)
    found = one_distance(distance)
    assembly, remaining = over_time(assembly_or_features, normalise)
    responses = Responses.of(assembly, remaining, drop=drop)
    means = responses.means
    text = distance_text(honest_noise(found, assembly))
    attrs: dict[str, Any] = {name: means.attrs[name] for name in KEPT_ATTRS if name in means.attrs}
    attrs |= {"distance": text, "normalise": normalise, "n_sites": means.sizes["neuroid"]}
    ids = means["stimulus_id"].values
    if by is None:
        return label(responses.rdm(found, device, dtype), ids, attrs)
    check_option("coordinate of neuroid", by, [str(n) for n in means.coords if means[n].dims == ("neuroid",)])
    values = means[by].values
    groups = list(dict.fromkeys(values.tolist()))
    parts = [responses.of_sites(np.flatnonzero(values == group)) for group in groups]
    condensed = np.stack([part.rdm(found, device, dtype) for part in parts])
    labelled = label(condensed, ids, attrs, leading=by, groups=groups)
    return labelled.assign_coords(n_sites=(by, [part.means.sizes["neuroid"] for part in parts]))


def compare(rdm_a: xr.DataArray, rdm_b: xr.DataArray, method: str = "pearson", *, stimuli: str = "equal") -> float:
    """Similarity of two RDMs over the pairs of stimuli in their upper triangles.

    Parameters
    ----------
    rdm_a, rdm_b : xarray.DataArray
        Dims ``("stimulus_id", "stimulus_id_2")``, in any order of stimuli: they are matched by name.
    method : str
        ``"pearson"``, ``"spearman"``, or another name of :data:`neuroguide.engine.similarity.similarities`.
    stimuli : {"equal", "shared"}
        ``"equal"`` raises where the stimuli differ; ``"shared"`` compares over those that both have.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the stimuli differ (the message names which), fewer than three are shared, or an RDM has no variance.
    """
    check_option("stimuli", stimuli, ("equal", "shared"))
    a, b = single_rdm(rdm_a, "the first RDM"), single_rdm(rdm_b, "the second RDM")
    warn_if_approximate(method, noted_distance(a) + noted_distance(b))
    first, second = a["stimulus_id"].values.astype(str), b["stimulus_id"].values.astype(str)
    place = {name: index for index, name in enumerate(second)}
    shared = [name for name in first if name in place]
    if stimuli == "equal" and not (len(shared) == len(first) == len(second)):
        raise InputError(
            f"the two RDMs have different stimuli ({len(first)} and {len(second)}, {len(shared)} shared; "
            f"only in one: {some(set(first) ^ set(second))}); give RDMs of the same stimuli, or stimuli='shared'"
        )
    if len(shared) < 3:
        raise InputError(f"the two RDMs share {len(shared)} stimuli, at least 3 are needed to compare them")
    order_a = np.flatnonzero(np.isin(first, shared))
    order_b = np.array([place[name] for name in first[order_a]])
    return float(similarity.compare(_condensed(a, order_a), _condensed(b, order_b), method))


def over_time(
    assembly: xr.DataArray, normalise: str, window: tuple[float, float] | None = None
) -> tuple[xr.DataArray, str]:
    """A checked assembly averaged over a time window, and the normalisation that is still to be done.

    The baseline lies before stimulus onset, so it must be subtracted before time bins are averaged; it is one number a
    site, estimated once from all presentations. The other normalisations depend on the stimuli, and follow later.
    """
    check_option("normalise", normalise, NORMALISATIONS)
    checked = check_assembly(assembly)
    if normalise == "baseline":
        return average_time(normalise_sites(checked, "baseline"), window), "none"
    return average_time(checked, window), normalise


def label(
    condensed: NDArray[Any],
    stimulus_ids: Sequence[object] | NDArray[Any],
    attrs: dict[str, Any],
    *,
    leading: str | None = None,
    groups: Sequence[object] = (),
) -> xr.DataArray:
    """A square RDM with the names of its stimuli, from a condensed one; ``leading`` names a leading dimension."""
    ids = np.asarray(stimulus_ids)
    square = dissimilarity.square_form(torch.as_tensor(condensed)).cpu().numpy()
    dims = ("stimulus_id", "stimulus_id_2")
    coords: dict[str, Any] = {"stimulus_id": ids, "stimulus_id_2": ids}
    if leading is not None:
        dims, coords = (leading, *dims), {leading: list(groups), **coords}  # type: ignore[assignment]
    return xr.DataArray(square, dims=dims, coords=coords, attrs=attrs, name="dissimilarity")


def single_rdm(rdm: xr.DataArray, what: str) -> xr.DataArray:
    """Return the RDM if it is one, and only one.

    Raises
    ------
    InputError
        Otherwise, with what was expected and what arrived.
    """
    checked = check_rdm(rdm, source=what)
    if checked.ndim > 2:
        raise InputError(
            f"{what} has dims {checked.dims}, so it is several; choose one, e.g. with .isel({checked.dims[0]}=0)"
        )
    return checked


def _rdm_of_features(features: Any, distance: OneDistance, normalise: str, device: str, dtype: str) -> xr.DataArray:
    check_option("normalise (of plain features)", normalise, ("none",))
    try:
        tensor = torch.as_tensor(features)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"features of type {type(features).__name__} are not numbers of shape (n_stimuli, n_features)"
        ) from error
    if tensor.is_complex():
        raise InputError("features are complex numbers; give real ones, e.g. their absolute values")
    if tensor.ndim != 2:
        raise InputError(f"features have shape {tuple(tensor.shape)}, expected (n_stimuli, n_features)")
    ids = [str(index) for index in range(tensor.shape[0])]
    condensed = condensed_rdm(tensor, distance, device=device, dtype=dtype, stimulus_ids=ids)
    return label(
        condensed,
        ids,
        {"distance": distance_text(distance), "normalise": normalise, "n_features": int(tensor.shape[1])},
    )


def _condensed(rdm: xr.DataArray, order: NDArray[Any]) -> torch.Tensor:
    rows, columns = np.triu_indices(len(order), 1)
    return torch.as_tensor(np.asarray(rdm.values, dtype=np.float64)[order[rows], order[columns]])
