"""What the plots accept, checked once: RDMs, categories, images of stimuli, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError

RDMLike: TypeAlias = xr.DataArray | NDArray[Any]


@runtime_checkable
class ImageSource(Protocol):
    """What :class:`neuroguide.stimuli.StimulusSet` offers to a plot: ids and lazy pixels."""

    @property
    def ids(self) -> Any:
        """One id per stimulus."""
        ...

    def images(self, size: Any = None) -> Any:
        """Pixels by number, uint8 of shape (height, width, 3)."""
        ...


Categories: TypeAlias = str | Mapping[str, object] | Sequence[object] | NDArray[Any]
Thumbnails: TypeAlias = ImageSource | Mapping[str, NDArray[Any]] | NDArray[Any]

#: What the axis of a dissimilarity says; the spaces do not break.
_DISTANCES = {
    "correlation": "1 − Pearson r",
    "cosine": "1 − cosine",
    "euclidean": "squared Euclidean per site",
    "mahalanobis": "squared Mahalanobis per site",
    "crossnobis": "crossnobis",
    "poisson-kl": "symmetrised Poisson KL",
}


@dataclass(frozen=True)
class SquareRDM:
    """One checked RDM: ``values`` of shape (n, n), the stimulus ids, its attributes, and where it came from."""

    values: NDArray[np.float64]
    ids: tuple[str, ...]
    attrs: Mapping[str, Any]
    source: xr.DataArray | None

    @property
    def pairs(self) -> NDArray[np.float64]:
        """The upper triangle, in the order of ``numpy.triu_indices(n, 1)``."""
        return np.asarray(self.values[np.triu_indices(len(self.ids), 1)])

    @property
    def label(self) -> str:
        """What a colour bar or an axis should say."""
        # RDMs that others computed may say only the unit
        unit = str(self.attrs.get("distance", self.attrs.get("units", "")))
        return f"dissimilarity ({_DISTANCES.get(unit, unit)})" if unit else "dissimilarity"

    @property
    def simulated(self) -> bool:
        """Whether the data behind it are simulated."""
        return is_simulated(self.attrs)

    def ordered(self, order: NDArray[np.intp]) -> SquareRDM:
        """The same RDM with its stimuli in another order (or some of them)."""
        source = None if self.source is None else self.source.isel(stimulus_id=order, stimulus_id_2=order)
        return SquareRDM(self.values[np.ix_(order, order)], tuple(self.ids[i] for i in order), self.attrs, source)


def is_simulated(attrs: Mapping[Any, Any]) -> bool:
    """Whether attributes say ``simulated`` (0 or 1, also as the text that some files hold)."""
    return str(attrs.get("simulated", 0)).strip().lower() in ("1", "1.0", "true")


def read_rdm(rdm: RDMLike, name: str = "rdm") -> SquareRDM:
    """Check one RDM: square, symmetric, of at least two stimuli, the same ids on both sides."""
    source: xr.DataArray | None = None
    attrs: Mapping[str, Any] = {}
    if isinstance(rdm, xr.DataArray):
        source = _one_matrix(rdm, name)
        attrs = {str(key): value for key, value in source.attrs.items()}
        raw = source.values
    else:
        raw = np.asarray(rdm)
    if raw.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold real numbers; its type is {raw.dtype}")
    values = raw.astype(np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or len(values) < 2:
        raise InputError(f"{name} must be a square matrix of at least 2 stimuli; its shape is {values.shape}")
    if np.isinf(values).any():
        raise InputError(f"{name} holds infinite values; look at the responses it was made from")
    if not np.allclose(values, values.T, rtol=1e-4, atol=1e-6, equal_nan=True):
        raise InputError(
            f"{name} is not symmetric, so it is not an RDM; give dissimilarities of the same stimuli on both sides"
        )
    return SquareRDM(values, _ids(source, len(values), name), attrs, source)


def _one_matrix(rdm: xr.DataArray, name: str) -> xr.DataArray:
    if not {"stimulus_id", "stimulus_id_2"} <= set(rdm.dims):
        raise InputError(f'{name} must have the dims ("stimulus_id", "stimulus_id_2"); it has {tuple(rdm.dims)}')
    leading = [dim for dim in rdm.dims if dim not in ("stimulus_id", "stimulus_id_2")]
    for dim in leading:
        if rdm.sizes[dim] != 1:
            raise InputError(
                f"{name} holds {rdm.sizes[dim]} matrices along {dim!r}: select one, or draw all of them with plot.rdms"
            )
        rdm = rdm.isel({dim: 0})
    return rdm.transpose("stimulus_id", "stimulus_id_2")


def _ids(source: xr.DataArray | None, count: int, name: str) -> tuple[str, ...]:
    if source is None or "stimulus_id" not in source.coords:
        return tuple(str(number) for number in range(count))
    ids = tuple(str(value) for value in source["stimulus_id"].values)
    if len(set(ids)) != count:
        raise InputError(f"{name} names a stimulus twice; average or drop the duplicates first")
    if "stimulus_id_2" in source.coords and ids != tuple(str(value) for value in source["stimulus_id_2"].values):
        raise InputError(f"{name} has its stimuli in different orders on its two sides; put both in one order")
    return ids


def read_rdms(rdms: Mapping[str, RDMLike] | xr.DataArray) -> dict[str, SquareRDM]:
    """Check several RDMs over the same stimuli, all put in the order of the first."""
    named: Mapping[str, RDMLike]
    if isinstance(rdms, xr.DataArray):
        leading = [dim for dim in rdms.dims if dim not in ("stimulus_id", "stimulus_id_2")]
        if len(leading) != 1:
            raise InputError(
                f'rdms must have one leading dim beside ("stimulus_id", "stimulus_id_2"); it has {rdms.dims}'
            )
        dim = leading[0]
        labels = rdms[dim].values if dim in rdms.coords else range(rdms.sizes[dim])
        named = {str(label): rdms.isel({dim: index}) for index, label in enumerate(labels)}
    elif isinstance(rdms, Mapping):
        named = rdms
    else:
        raise InputError(f"rdms must be a dict of name to RDM, or a DataArray of RDMs; a {type(rdms).__name__} arrived")
    if not named:
        raise InputError("rdms is empty; give at least one RDM")
    checked = {str(name): read_rdm(rdm, f"rdms[{str(name)!r}]") for name, rdm in named.items()}
    first_name, first = next(iter(checked.items()))
    aligned: dict[str, SquareRDM] = {}
    for name, square in checked.items():
        if set(square.ids) != set(first.ids):
            lacking = sorted(set(first.ids) ^ set(square.ids))[:3]
            raise InputError(
                f"rdms[{name!r}] and rdms[{first_name!r}] are of different stimuli ({', '.join(lacking)}, …): "
                "align them to the same ids first"
            )
        place = {stimulus: index for index, stimulus in enumerate(square.ids)}
        aligned[name] = square.ordered(np.array([place[stimulus] for stimulus in first.ids]))
    return aligned


def read_categories(categories: Categories | None, square: SquareRDM) -> list[str] | None:
    """One label per stimulus, from a coordinate's name, a mapping of ids, or a sequence in the RDM's order."""
    if categories is None:
        return None
    if isinstance(categories, str):
        coords = {} if square.source is None else square.source.coords
        usable = sorted(str(key) for key in coords if coords[key].dims == ("stimulus_id",) and key != "stimulus_id")
        if categories not in usable:
            known = ", ".join(usable) or "none"
            raise InputError(
                f"categories={categories!r} is no coordinate along stimulus_id of the RDM; it has: {known}"
            )
        return [str(value) for value in coords[categories].values]
    if isinstance(categories, Mapping):
        missing = [stimulus for stimulus in square.ids if stimulus not in categories]
        if missing:
            raise InputError(f"categories names no category for {len(missing)} stimuli, the first is {missing[0]!r}")
        return [str(categories[stimulus]) for stimulus in square.ids]
    labels = [str(value) for value in categories]
    if len(labels) != len(square.ids):
        raise InputError(f"categories has {len(labels)} labels for an RDM of {len(square.ids)} stimuli; give one each")
    return labels


def read_thumbnails(
    thumbnails: Thumbnails, ids: Sequence[str], chosen: Sequence[int], size: int = 96
) -> list[NDArray[Any]]:
    """The pictures of the chosen stimuli (numbers into ``ids``), each an array of shape (height, width, 3 or 4)."""
    pictures: list[NDArray[Any]]
    if isinstance(thumbnails, np.ndarray):
        if len(thumbnails) != len(ids):
            raise InputError(f"thumbnails has {len(thumbnails)} images for {len(ids)} stimuli; give one each")
        pictures = [thumbnails[index] for index in chosen]
    elif isinstance(thumbnails, Mapping):
        missing = [ids[index] for index in chosen if ids[index] not in thumbnails]
        if missing:
            raise InputError(f"thumbnails has no image of {len(missing)} stimuli, the first is {missing[0]!r}")
        pictures = [np.asarray(thumbnails[ids[index]]) for index in chosen]
    elif isinstance(thumbnails, ImageSource):
        place = {str(stimulus): index for index, stimulus in enumerate(thumbnails.ids)}
        missing = [ids[index] for index in chosen if ids[index] not in place]
        if missing:
            raise InputError(f"thumbnails has no image of {len(missing)} stimuli, the first is {missing[0]!r}")
        lazy = thumbnails.images(size=size)
        pictures = [np.asarray(lazy[place[ids[index]]]) for index in chosen]
    else:
        raise InputError(
            "thumbnails must be a StimulusSet, a dict of stimulus id to image, or an array of shape "
            f"(stimuli, height, width, 3); a {type(thumbnails).__name__} arrived"
        )
    for picture in pictures:
        if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[-1] not in (3, 4)):
            raise InputError(f"a thumbnail must have the shape (height, width, 3); one has {picture.shape}")
    return pictures


def read_table(table: pd.DataFrame, name: str, columns: Sequence[str]) -> pd.DataFrame:
    """Check a table: its type, that it has rows, and that it has these columns."""
    if not isinstance(table, pd.DataFrame):
        raise InputError(f"{name} must be a pandas DataFrame; a {type(table).__name__} arrived")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{name} lacks the column {missing[0]!r}; it has: {', '.join(map(str, table.columns))}")
    if table.empty:
        raise InputError(f"{name} has no rows; there is nothing to draw")
    return table


def table_simulated(table: pd.DataFrame) -> bool:
    """Whether a table says, in its attributes or in a column, that its data are simulated."""
    column = table["simulated"] if "simulated" in table.columns else ()
    return is_simulated(table.attrs) or any(is_simulated({"simulated": value}) for value in column)
