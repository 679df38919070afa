"""What a similarity may rest on beside the representation: pixels, luminance, contrast, the mean rate, categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor, nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.comparison.base import Comparison, InnerProduct
from neuroguide.engine.dissimilarity import Distance
from neuroguide.engine.similarity import compare, resolve_comparison, unit_vectors
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.slices import iterate_slices
from neuroguide.models.zoo import Model, open_model
from neuroguide.scoring.layers import layer_rdms
from neuroguide.scoring.rdms import single_rdm
from neuroguide.scoring.targets import Target
from neuroguide.stimuli import StimulusSet

#: The standard rows beside any model.
CONTROLS = ("pixels", "luminance-contrast", "mean-rate")

MEAN_RATE = "mean-rate"

#: Fewest stimuli of a category whose RDM is compared by itself: six pairs.
LEAST_OF_CATEGORY = 4


class _NoImages(nn.Module):
    stage_names = ("mean_rate",)

    def __init__(self) -> None:
        super().__init__()
        self.mean_rate = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        raise InputError("the model 'mean-rate' is computed from a recording, not from images; give it to ng.score")


def mean_rate_model() -> Model:
    """A placeholder for :func:`mean_rate_rdms`, so that scores of the mean rate look like those of any model."""
    return Model(MEAN_RATE, _NoImages(), Preprocess(), ("mean_rate",), identifier=MEAN_RATE)


def mean_rate_names(targets: Sequence[Target]) -> list[str]:
    """The layers of the model "mean-rate"."""
    return [f"mean rate, {target.region}" for target in targets]


def mean_rate_rdms(targets: Sequence[Target]) -> Iterator[tuple[str, Tensor]]:
    """An RDM of each region from nothing but how strongly it responds on the whole.

    The dissimilarity of two stimuli is the absolute difference of the region's responses averaged over its sites.

    Raises
    ------
    OptionError
        If a region is an RDM.
    """
    return ((name, _mean_rate(target)) for name, target in zip(mean_rate_names(targets), targets, strict=True))


def without_images(recording: xr.DataArray) -> StimulusSet:
    """The stimuli of a recording by name alone, for what needs no images."""
    ids = pd.unique(np.asarray([str(name) for name in recording["stimulus_id"].values], dtype=object))
    name = str(recording.attrs.get("stimulus_set_identifier", "stimuli"))
    return StimulusSet(pd.DataFrame({"stimulus_id": ids}), None, identifier=name)


def _mean_rate(target: Target) -> Tensor:
    if target.responses is None:
        raise OptionError(f"the mean rate needs responses of single sites; {target.region} is an RDM")
    rates = torch.as_tensor(target.responses.means.mean("neuroid").values.astype(np.float64))
    rows, columns = torch.triu_indices(len(rates), len(rates), 1)
    return (rates[rows] - rates[columns]).abs()


class PartialSimilarity:
    """Similarity of each layer with each region after what both share with control RDMs is taken out.

    Of Pearson's and Spearman's coefficient these are the partial correlations over pairs of stimuli.

    Parameters
    ----------
    given : sequence of str
        Names of controls: of :data:`CONTROLS`, or of any model; all its default layers count.
    targets : list of Target
        One RDM each.
    comparison : str or Comparison
        One of the inner products.
    stimuli : StimulusSet
        Those of the RDMs, in their order.
    distance : Distance
        Of the controls that are models.
    where : dict of str to str
        Device and dtype.
    memory : str or int
        As for :func:`neuroguide.score`.
    """

    def __init__(
        self,
        given: Sequence[str],
        targets: Sequence[Target],
        comparison: str | Comparison,
        stimuli: StimulusSet | None,
        distance: Distance,
        where: dict[str, str],
        memory: str | int,
    ) -> None:
        self._comparison = comparison
        shared = [_model_rdms(name, stimuli, distance, where, memory) for name in given if name != MEAN_RATE]
        self._bases, self._regions = [], []
        for target in targets:
            own = [_mean_rate(target).unsqueeze(0)] if MEAN_RATE in given else []
            controls = torch.cat([*shared, *own]).double()
            self._bases.append(_basis(controls, comparison))
            self._regions.append(_residual(unit_vectors(target.stack(), comparison)[0], self._bases[-1]))
        self._values: dict[str, list[float]] = {}

    def add(self, layer: str, condensed: Tensor) -> None:
        """Take the condensed RDM of one more layer."""
        vector = unit_vectors(condensed.cpu().double().unsqueeze(0), self._comparison)[0]
        self._values[layer] = [
            float(_residual(vector, basis) @ region) for basis, region in zip(self._bases, self._regions, strict=True)
        ]

    def values(self, layers: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Of shape (n_layers, n_regions)."""
        return np.array([self._values[layer] for layer in layers])


def check_given(given: Sequence[str], metric: str, per: str, comparison: str | Comparison) -> None:
    """Refuse what cannot be controlled for, before anything is opened."""
    if not given:
        return
    if isinstance(given, str):
        raise OptionError(f"given={given!r} is a text; give a list of controls, e.g. given=[{given!r}]")
    if metric != "rsa" or per != "region":
        raise OptionError("partial similarity (given=) is of RDMs of regions; use metric='rsa' and per='region'")
    if not isinstance(resolve_comparison(comparison), InnerProduct):
        raise OptionError(f"partial similarity (given=) is not defined for {comparison!r}; use pearson or spearman")


def partial_similarity(
    rdm_a: xr.DataArray, rdm_b: xr.DataArray, given: Sequence[xr.DataArray], method: str | Comparison = "pearson"
) -> float:
    """Similarity of two RDMs after what they share with others is taken out: the partial correlation over pairs.

    Parameters
    ----------
    rdm_a, rdm_b : DataArray
        RDMs of the same stimuli, in any order.
    given : sequence of DataArray
        RDMs of those stimuli that may explain the similarity: of pixels, of luminance, of the mean rate.
    method : str or Comparison
        ``"pearson"``, ``"spearman"``, or another inner product.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the stimuli differ, or nothing of an RDM is left.
    OptionError
        If the comparison is no inner product.
    """
    check_given(["an RDM"], "rsa", "region", method)
    first = single_rdm(rdm_a, "the first RDM")
    ids = [str(name) for name in first["stimulus_id"].values]
    named = {"the first RDM": first, "the second RDM": rdm_b, **{f"RDM {i} of given": r for i, r in enumerate(given)}}
    vectors = torch.stack([_in_order(single_rdm(rdm, what), ids, what) for what, rdm in named.items()])
    if not given:
        return float(compare(vectors[0], vectors[1], method))
    basis = _basis(vectors[2:], method)
    a, b = (_residual(vector, basis) for vector in unit_vectors(vectors[:2], method))
    return float(a @ b)


def within_category_similarity(
    rdm_a: xr.DataArray,
    rdm_b: xr.DataArray,
    categories: Mapping[str, str],
    method: str | Comparison = "pearson",
) -> xr.Dataset:
    """Similarity of two RDMs inside each category of stimuli, where the category itself explains nothing.

    Parameters
    ----------
    rdm_a, rdm_b : DataArray
        RDMs of the same stimuli, in any order.
    categories : mapping of str to str
        Stimulus id to category, e.g. ``dict(zip(stimuli.ids, stimuli.metadata["category_name"]))``.
    method : str or Comparison
        As for :func:`neuroguide.compare`.

    Returns
    -------
    Dataset
        ``similarity`` and ``n_stimuli`` by ``category``; categories of fewer than four stimuli are left out.
        ``attrs["mean"]`` is the mean over categories, each weighted by its number of pairs (our choice).

    Raises
    ------
    InputError
        If the stimuli differ, one has no category, or no category has four stimuli.
    """
    first = single_rdm(rdm_a, "the first RDM")
    ids = np.array([str(name) for name in first["stimulus_id"].values])
    if lacking := [name for name in ids if name not in categories]:
        raise InputError(
            f"{len(lacking)} of {len(ids)} stimuli have no category, the first is {lacking[0]!r}; name all"
        )
    values = torch.stack(
        [_in_order(single_rdm(rdm, what), list(ids), what)
         for what, rdm in {"the first RDM": first, "the second RDM": rdm_b}.items()]
    )  # fmt: skip
    of = np.array([str(categories[name]) for name in ids])
    rows, columns = np.triu_indices(len(ids), 1)
    names = [name for name in dict.fromkeys(of.tolist()) if (of == name).sum() >= LEAST_OF_CATEGORY]
    if not names:
        raise InputError(f"no category has {LEAST_OF_CATEGORY} stimuli or more; use broader categories")
    found, sizes = [], []
    for name in names:
        pairs = torch.as_tensor(np.flatnonzero((of[rows] == name) & (of[columns] == name)))
        found.append(float(compare(values[0, pairs], values[1, pairs], method)))
        sizes.append(int((of == name).sum()))
    weights = [n * (n - 1) / 2 for n in sizes]
    return xr.Dataset(
        {"similarity": ("category", found), "n_stimuli": ("category", sizes)},
        coords={"category": names},
        attrs={"mean": float(np.average(found, weights=weights)), "comparison": str(method)},
    )


def _model_rdms(
    name: str, stimuli: StimulusSet | None, distance: Distance, where: dict[str, str], memory: str | int
) -> Tensor:
    if stimuli is None:
        raise OptionError(f"the control {name!r} needs the images that were shown; give them with stimuli=")
    model = open_model(name)
    slices = iterate_slices(model, stimuli, None, device=where["device"], dtype=where["dtype"], memory=memory)
    return torch.stack(
        [
            condensed.cpu().double()
            for _, condensed in layer_rdms(slices, distance, stimulus_ids=stimuli.ids, model=name)
        ]
    )


def _basis(controls: Tensor, comparison: str | Comparison) -> Tensor:
    """Orthonormal rows that span the controls as the comparison sees them; those that are undefined are left out."""
    vectors = unit_vectors(controls, comparison)
    _, singular, basis = torch.linalg.svd(vectors[torch.isfinite(vectors).all(1)], full_matrices=False)
    kept: Tensor = basis[singular > 1e-7]
    return kept


def _residual(vector: Tensor, basis: Tensor) -> Tensor:
    left = vector - basis.mT @ (basis @ vector)
    length = torch.linalg.vector_norm(left)
    if not bool(length > 1e-6):
        raise InputError("an RDM is explained completely by the controls; nothing of it is left to compare")
    unit: Tensor = left / length
    return unit


def _in_order(rdm: xr.DataArray, ids: list[str], what: str) -> Tensor:
    own = [str(name) for name in rdm["stimulus_id"].values]
    if sorted(own) != sorted(ids):
        raise InputError(f"{what} has {len(own)} stimuli, others than the {len(ids)} of the first; give the same ones")
    order = [own.index(name) for name in ids]
    rows, columns = np.triu_indices(len(ids), 1)
    return torch.as_tensor(np.asarray(rdm.values, dtype=np.float64)[np.ix_(order, order)][rows, columns])
