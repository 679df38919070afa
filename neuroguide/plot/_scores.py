"""From a Scores dataset to lines on a plot: values, intervals and ceilings along one dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError
from neuroguide.plot._inputs import is_simulated

_COMPARISONS = {
    "pearson": "Pearson r",
    "spearman": "Spearman ρ",
    "kendall": "Kendall τ-a",
    "rho-a": "ρ-a",
    "cosine": "cosine",
    "whitened-pearson": "whitened Pearson r",
    "whitened-cosine": "whitened cosine",
    "bures": "Bures similarity",
}
#: Metrics that are 0 on average where model and brain have nothing in common; linear CKA, for one, is above 0 then.
_ZERO_AT_CHANCE = {"rsa": ("pearson", "spearman", "kendall", "rho-a", "whitened-pearson"), "ridge": None, "pls": None}
_DIMS = ("layer", "region", "model", "animal", "neuroid", "time_bin", "sample")


#: The fields of a line that run along the x axis.
ARRAYS = ("value", "low", "high", "ceiling", "ceiling_low", "ceiling_high")


@dataclass(frozen=True)
class Line:
    """One series: ``value`` and its companions, each an array along the x axis (NaN where there is none)."""

    name: str
    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    ceiling: NDArray[np.float64]
    ceiling_low: NDArray[np.float64]
    ceiling_high: NDArray[np.float64]
    n_sites: int

    @property
    def label(self) -> str:
        """Its name, with the number of sites where that is known."""
        return f"{self.name} ({self.n_sites:,} sites)" if self.n_sites else self.name

    @property
    def has_interval(self) -> bool:
        """Whether any of its values has an interval."""
        return bool(np.isfinite(self.low).any())

    @property
    def has_ceiling(self) -> bool:
        """Whether there is a ceiling anywhere along it."""
        return bool(np.isfinite(self.ceiling).any() or np.isfinite(self.ceiling_low).any())

    @property
    def has_band(self) -> bool:
        """Whether its ceiling has a lower and an upper bound."""
        return bool(np.isfinite(self.ceiling_low).any() and np.isfinite(self.ceiling_high).any())

    def at(self, places: NDArray[np.intp]) -> Line:
        """The same line at some of its places."""
        return replace(self, **{field: getattr(self, field)[places] for field in ARRAYS})


def joined(lines: Sequence[Line]) -> Line:
    """Lines one after the other along the x axis, under the name and number of sites of the first."""
    arrays: dict[str, Any] = {field: np.concatenate([getattr(line, field) for line in lines]) for field in ARRAYS}
    return replace(lines[0], **arrays)


def read_scores(scores: xr.Dataset, name: str = "scores") -> xr.Dataset:
    """Check that this is a Scores dataset with something in it."""
    if not isinstance(scores, xr.Dataset):
        raise InputError(
            f"{name} must be a Scores dataset, as neuroguide.score returns it; a {type(scores).__name__} arrived"
        )
    if "similarity" not in scores.data_vars:
        held = ", ".join(map(str, scores.data_vars)) or "no variable"
        raise InputError(f"{name} has no variable 'similarity'; it holds {held}")
    strange = [str(dim) for dim in scores["similarity"].dims if dim not in _DIMS]
    if strange:
        raise InputError(f"{name} has the unknown dim {strange[0]!r}; Scores have the dims {', '.join(_DIMS)}")
    if not np.isfinite(np.asarray(scores["similarity"].values, dtype=np.float64)).any():
        raise InputError(f"{name} holds no finite similarity; there is nothing to draw")
    return scores


def select_by_name(scores: xr.Dataset, dim: str, wanted: str) -> xr.Dataset:
    """One entry of a dim by its name, the dim dropped."""
    names = names_along(scores, dim)
    if wanted not in names:
        raise InputError(f"scores has no {dim} {wanted!r}; it has: {', '.join(names)}")
    return scores.isel({dim: names.index(wanted)})


def names_along(scores: xr.Dataset, dim: str) -> list[str]:
    """The names along a dim (its numbers where it has no coordinate); one where the dim is absent."""
    if dim in scores.dims:
        return [str(v) for v in (scores[dim].values if dim in scores.coords else range(scores.sizes[dim]))]
    return [_absent_name(scores, dim)]


def _absent_name(scores: xr.Dataset, dim: str) -> str:
    if dim in scores.coords and scores[dim].ndim == 0:
        return str(scores[dim].values)
    return str(scores.attrs.get(dim, dim))


def lines_along(scores: xr.Dataset, along: str, *, normalized: bool, hint: str) -> list[Line]:
    """The series of a Scores dataset along one dim, one for each entry of at most one other dim.

    Parameters
    ----------
    scores : Dataset
        A Scores dataset that :func:`read_scores` has checked.
    along : str
        The dim of the x axis; where it is absent the series have one value.
    normalized : bool
        Divide everything by the ceiling.
    hint : str
        What to do instead when more than one other dim is left, as the end of the error's sentence.
    """
    others = [str(d) for d in scores["similarity"].dims if d not in (along, "sample")]
    several = [dim for dim in others if scores.sizes[dim] > 1]
    if len(several) > 1:
        raise InputError(f"scores has several entries along {' and '.join(map(repr, several))}; {hint}")
    varying = several[0] if several else next((d for d in ("region", "model") if d in others), None)
    scores = scores.isel({dim: 0 for dim in others if dim != varying})
    parts = [(_absent_name(scores, "region"), scores)]
    if varying is not None:
        parts = [(name, scores.isel({varying: index})) for index, name in enumerate(names_along(scores, varying))]
    lines = [_line(name, part, along) for name, part in parts]
    if not normalized:
        return lines
    if not any(np.isfinite(line.ceiling).any() for line in lines):
        raise InputError(f"normalized=True needs a noise ceiling, and scores has none ({no_ceiling(scores)})")
    return [_divided(line) for line in lines]


def _line(name: str, part: xr.Dataset, along: str) -> Line:
    similarity = part["similarity"]
    low, high = _along(part, "ci_low", along), _along(part, "ci_high", along)
    if "sample" in similarity.dims:
        samples = similarity.transpose(..., "sample").values.astype(np.float64).reshape(-1, part.sizes["sample"])
        value = np.array([np.nan if np.isnan(row).all() else np.nanmean(row) for row in samples])
        if not np.isfinite(low).any():
            low, high = (np.array([_quantile(row, q) for row in samples]) for q in (0.025, 0.975))
    else:
        value = _along(part, "similarity", along)
    low, high = np.where(np.isnan(value), np.nan, low), np.where(np.isnan(value), np.nan, high)
    sites = np.atleast_1d(np.asarray(part["n_sites"].values if "n_sites" in part else 0, dtype=np.float64))
    same = np.unique(sites[np.isfinite(sites)])
    return Line(
        name, value, low, high, _along(part, "ceiling", along), _along(part, "ceiling_low", along),
        _along(part, "ceiling_high", along), int(same[0]) if len(same) == 1 else 0,
    )  # fmt: skip


def _quantile(row: NDArray[np.float64], q: float) -> float:
    known = row[np.isfinite(row)]
    return float(np.quantile(known, q)) if known.size else np.nan


def _along(part: xr.Dataset, variable: str, along: str) -> NDArray[np.float64]:
    """A variable along the x axis: repeated where it has no such dim, NaN where it does not exist."""
    length = part.sizes.get(along, 1)
    if variable not in part:
        return np.full(length, np.nan)
    values = part[variable]
    if "sample" in values.dims:
        values = values.mean("sample")
    found = np.asarray(values.values, dtype=np.float64)
    if found.ndim > 1:
        raise InputError(f"scores[{variable!r}] has the dims {values.dims}; at most {along!r} was expected here")
    return np.broadcast_to(found, (length,)).copy() if found.ndim == 0 or found.size == 1 else found


def _divided(line: Line) -> Line:
    by = line.ceiling
    one = np.where(np.isfinite(by), 1.0, np.nan)
    return Line(
        line.name, line.value / by, line.low / by, line.high / by, one, line.ceiling_low / by, line.ceiling_high / by,
        line.n_sites,
    )  # fmt: skip


def no_ceiling(scores: xr.Dataset) -> str:
    """Why there is no ceiling."""
    return str(scores.attrs.get("no_ceiling", "none was computed"))


def value_label(scores: xr.Dataset, *, normalized: bool = False) -> str:
    """What the axis of the values says: the quantity and the statistic."""
    metric = str(scores.attrs.get("metric", ""))
    comparison = str(scores.attrs.get("comparison", ""))
    if metric == "cka" or comparison == "cka":
        label = "similarity (linear CKA)"
    elif metric in ("ridge", "pls"):
        label = f"predictivity ({metric if metric == 'ridge' else 'PLS'}, Pearson r)"
    else:
        statistic = _COMPARISONS.get(comparison, comparison)
        label = f"RDM similarity ({statistic})" if statistic else "similarity"
    return f"{label.split(' (')[0]} / noise ceiling" if normalized else label


def chance_level(scores: xr.Dataset, chance: float | str | None) -> float | None:
    """Where chance is: as given, as the scores say, or 0 for a metric that is 0 on average without any relation."""
    if chance is None or isinstance(chance, int | float):
        return None if chance is None else float(chance)
    if chance != "auto":
        raise InputError(f"chance must be a number, None or 'auto'; {chance!r} arrived")
    if "chance" in scores.attrs:
        return float(scores.attrs["chance"])
    metric = str(scores.attrs.get("metric", ""))
    if metric not in _ZERO_AT_CHANCE:
        return None
    known = _ZERO_AT_CHANCE[metric]
    return 0.0 if known is None or str(scores.attrs.get("comparison", "")) in known else None


def notes_of(scores: xr.Dataset, lines: Sequence[Line]) -> list[str]:
    """What stands small above the plot: which lines have no ceiling, and why."""
    lacking = [line.name for line in lines if not line.has_ceiling]
    if not lacking:
        return []
    who = "" if len(lacking) == len(lines) else f" for {', '.join(lacking)}"
    return [f"no noise ceiling{who}: {no_ceiling(scores)}"]


def simulated_scores(scores: xr.Dataset) -> bool:
    """Whether the recording behind the scores is simulated."""
    return is_simulated(scores.attrs) or is_simulated(scores["similarity"].attrs)
