"""Which sites, which time, which stimuli in which order."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import check_option, unknown_option
from neuroguide.recordings._blocks import shorten, site_blocks
from neuroguide.recordings.assembly import check_structure
from neuroguide.recordings.reliability import split_half_reliability
from neuroguide.recordings.timing import average_time, select_time

_logger = logging.getLogger("neuroguide.recordings")


def select(
    assembly: xr.DataArray,
    *,
    region: str | Iterable[str] | None = None,
    animal: str | Iterable[str] | None = None,
    array: str | Iterable[str] | None = None,
    reliability: float | None = None,
    time: str | tuple[float, float] | None = None,
) -> xr.DataArray:
    """Choose sites by region, animal, array and reliability, and time bins by a window.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin.
    region, animal, array : str or several of them, optional
        Values of the coordinates ``region``, ``animal`` and ``arr`` to keep.
    reliability : float, optional
        The least split-half reliability of a site (Spearman–Brown corrected), between -1 and 1; silent sites
        have none and go. It is computed on what the other arguments leave, from the repetitions; after
        averaging, the coordinate ``reliability`` on neuroid is used, where there is one.
    time : "mean" or (float, float), optional
        A window in ms keeps the bins that lie wholly inside it; "mean" averages over all bins.

    Returns
    -------
    DataArray
        ``attrs["inclusion"]`` says by which rule sites were chosen, and how many of how many are reliable enough
        (the log as well); ``attrs["time_window"]`` which time was;
        a coordinate ``reliability`` holds what was computed.

    Raises
    ------
    InputError
        If it is not an assembly, a coordinate that is asked for is missing, or nothing is left.
    OptionError
        If a region or animal is not in the recording; the message lists those that are.
    """
    chosen = check_structure(assembly)
    rules = [str(chosen.attrs["inclusion"])] if "inclusion" in chosen.attrs else []
    for label, name, wanted in (("region", "region", region), ("animal", "animal", animal), ("array", "arr", array)):
        if wanted is not None:
            values = [wanted] if isinstance(wanted, str) else [str(value) for value in wanted]
            chosen = _keep_sites(chosen, _sites_with(chosen, name, values), f"{label} {', '.join(values)}")
            rules.append(f"{label}: {', '.join(values)}")
    if isinstance(time, str):
        check_option("time", time, ["mean"])
        chosen = average_time(chosen)
    elif time is not None:
        chosen = select_time(chosen, time)
    if reliability is not None:
        chosen = _with_reliability(chosen, float(reliability))
        enough = chosen["reliability"].values >= reliability
        chosen = _keep_sites(chosen, enough, f"reliability of at least {reliability:g}")
        rules.append(f"reliability >= {reliability:g} ({int(enough.sum())} of {len(enough)} sites)")
        _logger.info("%d of %d sites have a reliability of at least %g", enough.sum(), len(enough), reliability)
    return chosen.assign_attrs(inclusion="; ".join(rules)) if rules else chosen


def align(
    assembly: xr.DataArray, stimulus_ids: Iterable[object], *, stimuli: str = "equal", what: str = "the list"
) -> xr.DataArray:
    """Bring the presentations into the order of a list of stimuli.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin. Repetitions of a stimulus stay together, in their
        own order.
    stimulus_ids : sequence of str
        The order, for instance that of a model's features; each stimulus once. Compared as text.
    stimuli : {"equal", "shared"}
        "equal": both must have the same stimuli. "shared": those that both have are kept.
    what : str
        What to call ``stimulus_ids`` in an error, for instance "the model's features".

    Returns
    -------
    DataArray

    Raises
    ------
    InputError
        If a stimulus is listed twice, or the stimuli differ; the message names the missing ones.
    OptionError
        If ``stimuli`` is neither "equal" nor "shared".
    """
    check_option("stimuli", stimuli, ["equal", "shared"])
    plain = check_structure(assembly)
    wanted = pd.Index([str(stimulus) for stimulus in stimulus_ids], dtype=object)
    twice = wanted[wanted.duplicated()]
    if len(twice):
        raise InputError(f"stimulus {twice[0]!r} is more than once in {what}; give each stimulus once")
    shown = pd.Index([str(stimulus) for stimulus in plain["stimulus_id"].values], dtype=object)
    there = shown.unique()
    if stimuli == "equal":
        _check_same_stimuli(there, wanted, what)
    place = wanted.get_indexer(shown)
    listed = np.flatnonzero(place >= 0)
    if not listed.size:
        raise InputError(
            f"the recording and {what} share no stimulus (recording: {shorten(list(there), 3)}; "
            f"{what}: {shorten(list(wanted), 3)}); check that both name the same images"
        )
    return plain.isel(presentation=listed[np.argsort(place[listed], kind="stable")])


def complete(assembly: xr.DataArray, drop: str | None = None) -> xr.DataArray:
    """Make sure that every response is there, as an RDM needs.

    Parameters
    ----------
    assembly : DataArray
        Dims presentation, neuroid and optionally time_bin; normally averaged over repetitions first.
    drop : {None, "sites", "stimuli"}
        What to drop where a response is missing; None drops nothing and raises.

    Returns
    -------
    DataArray
        Without NaN. ``attrs["dropped"]`` and the log name what was dropped.

    Raises
    ------
    InputError
        If responses are missing and ``drop`` is None, or nothing is left.
    OptionError
        If ``drop`` is not known.
    """
    if drop is not None:
        check_option("drop", drop, ["sites", "stimuli"])
    plain = check_structure(assembly)
    by_site = np.zeros(plain.sizes["neuroid"], dtype=bool)
    by_presentation = np.zeros(plain.sizes["presentation"], dtype=bool)
    for sites, rows in site_blocks(plain):
        absent = np.isnan(rows)
        by_site[sites] = absent.any(axis=(1, 2))
        by_presentation |= absent.any(axis=(0, 1))
    if not by_site.any():
        return plain
    site_names = [str(name) for name in plain["neuroid_id"].values[by_site]]
    stimulus_names = [str(name) for name in pd.unique(np.asarray(plain["stimulus_id"].values[by_presentation], object))]
    if drop is None:
        raise InputError(
            f"responses are missing at {len(site_names)} of {len(by_site)} sites ({shorten(site_names)}) for "
            f"{len(stimulus_names)} stimuli ({shorten(stimulus_names)}); an RDM needs all of them: "
            "drop='sites' or drop='stimuli' leaves out the incomplete ones"
        )
    names, dim, incomplete = {
        "sites": (site_names, "neuroid", by_site),
        "stimuli": (stimulus_names, "presentation", by_presentation),
    }[drop]
    if incomplete.all():
        other = "stimuli" if drop == "sites" else "sites"
        raise InputError(f"drop={drop!r} leaves nothing: a response is missing in every one; try drop={other!r}")
    _logger.info("%d %s with missing responses are dropped: %s", len(names), drop, ", ".join(names))
    return plain.isel({dim: np.flatnonzero(~incomplete)}).assign_attrs(dropped=f"{drop}: {', '.join(names)}")


def _sites_with(assembly: xr.DataArray, name: str, wanted: list[str]) -> NDArray[np.bool_]:
    if name not in assembly.coords or assembly[name].dims != ("neuroid",):
        raise InputError(f"the recording has no coordinate {name!r} on neuroid, so sites cannot be chosen by it")
    values = np.asarray([str(value) for value in assembly[name].values], dtype=object)
    for value in wanted:
        if value not in values:
            raise unknown_option(name, value, set(values))
    if not wanted:
        raise OptionError(f"no {name} is given; known: {', '.join(sorted(set(values)))}")
    return np.isin(values, np.asarray(wanted, dtype=object))


def _keep_sites(assembly: xr.DataArray, keep: NDArray[np.bool_], rule: str) -> xr.DataArray:
    if not keep.any():
        raise InputError(f"no site is left: none of the {len(keep)} sites has {rule}; loosen the selection")
    return assembly if keep.all() else assembly.isel(neuroid=np.flatnonzero(keep))


def _with_reliability(assembly: xr.DataArray, least: float) -> xr.DataArray:
    if not -1 <= least <= 1:
        raise OptionError(f"reliability {least:g} is not between -1 and 1; give the least that a site must have")
    repeated = bool(pd.Index(np.asarray(assembly["stimulus_id"].values, dtype=object)).duplicated().any())
    if not repeated and "reliability" in assembly.coords and assembly["reliability"].dims == ("neuroid",):
        return assembly
    values = split_half_reliability(average_time(assembly))
    return assembly.assign_coords(reliability=("neuroid", values.values))


def _check_same_stimuli(there: pd.Index, wanted: pd.Index, what: str) -> None:
    missing = [str(stimulus) for stimulus in there.difference(wanted, sort=False)]
    unknown = [str(stimulus) for stimulus in wanted.difference(there, sort=False)]
    if missing or unknown:
        parts = [f"missing in {what}: {shorten(missing)}"] if missing else []
        parts += [f"missing in the recording: {shorten(unknown)}"] if unknown else []
        raise InputError(
            f"the recording has {len(there)} stimuli but there are {len(wanted)} in {what} ({'; '.join(parts)}); "
            "stimuli='shared' keeps those that both have"
        )
