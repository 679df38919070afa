"""Distances as users name them: one for recording and model, or a pair, also written as text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeAlias

import xarray as xr

from neuroguide._core.errors import NeuroguideWarning, OptionError
from neuroguide._core.options import check_option
from neuroguide.engine.comparison.base import Comparison
from neuroguide.engine.comparison.whitening import WhitenedCosine, WhitenedPearson
from neuroguide.engine.dissimilarity import (
    Crossnobis,
    Distance,
    Mahalanobis,
    PoissonKL,
    distances,
    resolve_distance,
)
from neuroguide.engine.distance.gram import EUCLIDEAN
from neuroguide.engine.similarity import resolve_comparison

#: A name, a name with settings (``"crossnobis(noise=diagonal)"``), or a dataclass.
OneDistance: TypeAlias = str | Distance

#: One distance, or a pair for (recording, model).
AnyDistance: TypeAlias = OneDistance | tuple[OneDistance, OneDistance]

_WITH_SETTINGS: dict[str, type[Any]] = {"crossnobis": Crossnobis, "mahalanobis": Mahalanobis, "poisson-kl": PoissonKL}


def distance_pair(distance: AnyDistance) -> tuple[Distance, Distance]:
    """What two stimuli are compared by in the recording and in the model.

    A distance that uses repetitions, given alone, pairs with the model's squared Euclidean distance. A pair may be
    written as text: ``"crossnobis(noise=diagonal)/cosine"``.

    Raises
    ------
    OptionError
        If a distance is unknown, or the model's needs repetitions.
    """
    if isinstance(distance, str) and "/" in distance:
        distance = tuple(part.strip() for part in distance.split("/"))  # type: ignore[assignment]
    if isinstance(distance, tuple | list):
        if len(distance) != 2:
            raise OptionError(f"distance is one or a pair for (recording, model), {distance!r} arrived")
        first, second = (one_distance(each) for each in distance)
    else:
        first = one_distance(distance)
        second = resolve_distance("euclidean") if needs_repetitions(first) else first
    if needs_repetitions(second):
        raise OptionError(
            f"the {distance_text(second)} distance needs repetitions, which a model has not; "
            "pair it with another, e.g. distance=('crossnobis', 'euclidean')"
        )
    return first, second


def one_distance(distance: OneDistance) -> Distance:
    """A distance from its name, its text with settings, or itself; raises OptionError if it is unknown."""
    match = re.fullmatch(r"\s*([\w-]+)\s*\((.*)\)\s*", distance) if isinstance(distance, str) else None
    if match is None:
        return resolve_distance(distance)
    name, settings = match.groups()
    check_option("distance with settings", name, _WITH_SETTINGS)
    kind = _WITH_SETTINGS[name]
    known = {field.name: type(field.default) for field in fields(kind)}
    given: dict[str, Any] = {}
    for setting in filter(None, (part.strip() for part in settings.split(","))):
        key, equals, value = (part.strip() for part in setting.partition("="))
        check_option(f"setting of {name}", key, known)
        given[key] = _value(value, known[key], f"{name}({setting})") if equals else _value("", known[key], setting)
    made: Distance = kind(**given)
    return made


def distance_text(distance: OneDistance) -> str:
    """The distance as text that :func:`one_distance` takes back: its name, with the settings that are not usual.

    Raises
    ------
    OptionError
        If it is a distance of one's own that has no name.
    """
    found = one_distance(distance)
    for name in distances:
        if distances[name] is found or distances[name] == found:
            return name
    for name, kind in _WITH_SETTINGS.items():
        if isinstance(found, kind) and is_dataclass(found):
            changed = [field for field in fields(found) if getattr(found, field.name) != field.default]
            return f"{name}({', '.join(f'{f.name}={getattr(found, f.name)}' for f in changed)})"
    raise OptionError(
        f"the distance {found!r} has no name; give it one with neuroguide.engine.dissimilarity.distances.add"
    )


def needs_repetitions(distance: Distance) -> bool:
    """Whether a distance is computed from single repetitions rather than from their mean."""
    return isinstance(distance, Crossnobis | Mahalanobis)


def honest_noise(distance: Distance, recording: xr.DataArray) -> Distance:
    """The distance with diagonal noise where the sites were not recorded together (``attrs["simultaneous"]`` is 0).

    Raises
    ------
    OptionError
        If the full covariance between such sites is asked for.
    """
    if not isinstance(distance, Crossnobis | Mahalanobis) or int(recording.attrs.get("simultaneous", 1)):
        return distance
    if distance.noise == "full":
        raise OptionError(
            f"{distance_text(distance)} asks for the noise covariance between sites, but those of "
            f"{recording.attrs.get('identifier', 'this recording')} were not recorded together (simultaneous=0); "
            "use noise='diagonal'"
        )
    return replace(distance, noise="diagonal") if distance.noise == "shrinkage" else distance


def noted_distance(rdm: xr.DataArray) -> list[Distance]:
    """The distance that an RDM says it has; nothing where it says none, or words of its own."""
    text = str(rdm.attrs.get("distance", ""))
    return [one_distance(text)] if text.partition("(")[0] in distances else []


def warn_if_approximate(comparison: str | Comparison, known: Sequence[Distance]) -> None:
    """Warn where whitening meets a distance that it is not derived for.

    The covariance of dissimilarities of Diedrichsen et al. 2021 is that of squared Euclidean distances and their kin.
    """
    if not isinstance(resolve_comparison(comparison), WhitenedCosine | WhitenedPearson):
        return
    for distance in known:
        if not (distance == EUCLIDEAN or isinstance(distance, Crossnobis | Mahalanobis)):
            warnings.warn(
                f"whitening is exact for squared Euclidean, Mahalanobis and crossnobis distances, and an approximation "
                f"for the {distance_text(distance)} distance",
                NeuroguideWarning,
                stacklevel=4,
            )
            return


def _value(text: str, kind: type[Any], setting: str) -> Any:
    if kind is str and text:
        return text.strip("'\"")
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind is float:
        try:
            return float(text)
        except ValueError:
            pass
    expected = {str: "a name", bool: "true or false", float: "a number"}[kind]
    raise OptionError(f"the distance setting {setting} is not understood; {expected} was expected after '='")
