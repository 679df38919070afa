"""Guides by name, as the command line has them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from neuroguide._core.errors import OptionError
from neuroguide._core.options import check_option
from neuroguide.nas.guides.auto import Auto
from neuroguide.nas.guides.base import Guide
from neuroguide.nas.guides.combined import Combined
from neuroguide.nas.guides.performance import Performance
from neuroguide.nas.guides.teacher import Teacher, Teachers, Weights
from neuroguide.scoring.distances import AnyDistance
from neuroguide.stimuli import StimulusSet

_KINDS = ("performance", "recording", "network", "auto")


def open_guide(
    names: str | Sequence[str],
    *,
    alpha: float = 1.0,
    stimuli: StimulusSet | str | os.PathLike[str] | None = None,
    distance: AnyDistance = "correlation",
    comparison: str = "pearson",
    normalise: str = "none",
    weights: Weights | None = None,
    standardise: bool = False,
    ceiling: bool = True,
    n_stimuli: int | None = None,
    seed: int = 0,
) -> Guide:
    """A guide from one or several names.

    Parameters
    ----------
    names : str or sequence of str
        ``"performance"``; ``"recording:NAME"`` or ``"recording:PATH"`` (an assembly or RDMs); ``"network:MODEL"``, with
        a model as for :func:`neuroguide.models.open_model`. After an ``@`` the regions or layers, separated by commas:
        ``"recording:kriegeskorte2008@monkey IT"``, ``"network:nets.py:make@blocks.12,blocks.13"``. Several teachers are
        one guide; together with ``"performance"`` it is ``P + alpha * TG``. ``"auto"``, alone, is
        :class:`neuroguide.nas.guides.Auto`.
    alpha : float
        Weight of TG beside P.
    stimuli : StimulusSet, str or path, optional
        What teacher networks are shown. Recordings bring their own; without a network among the names it is theirs.
    distance, comparison, normalise, weights, standardise, ceiling, n_stimuli, seed
        As for :class:`neuroguide.nas.guides.Teacher`.

    Returns
    -------
    Guide

    Raises
    ------
    OptionError
        If a name is not understood.

    Examples
    --------
    >>> open_guide("performance").name
    'P'
    >>> open_guide(["performance", "recording:virtual"], alpha=0.5).name
    'P + 0.5 TG(virtual)'
    """
    given = [names] if isinstance(names, str) else list(names)
    has_network = any(text.startswith("network:") for text in given)
    if "auto" in given:
        if len(given) > 1:
            raise OptionError("the guide 'auto' knows its teachers and weights; give it alone")
        options = (alpha, stimuli, distance, comparison, normalise, weights, standardise, ceiling, n_stimuli)
        if options != (1.0, None, "correlation", "pearson", "none", None, False, True, None):
            raise OptionError("the guide 'auto' knows how it measures; give it without other options")
        return Auto()
    teachers: list[Teacher] = []
    with_performance = False
    for text in given:
        kind, _, rest = text.partition(":")
        check_option("guide", kind, _KINDS)
        if kind == "performance":
            with_performance = True
            continue
        source, at, layers = rest.rpartition("@")
        if not at:
            source, layers = rest, ""
        if not source or (at and not layers):
            raise OptionError(f"the guide {text!r} is not complete; write '{kind}:NAME' or '{kind}:NAME@LAYER,LAYER'")
        chosen = [name.strip() for name in layers.split(",")] if layers else None
        shown = stimuli if kind == "network" or not has_network else None
        teachers.append(
            Teacher(
                source, chosen, shown, distance=distance, comparison=comparison, normalise=normalise, ceiling=ceiling,
                n_stimuli=n_stimuli, seed=seed,
            )
        )  # fmt: skip
    if not given:
        raise OptionError("a search needs a guide; give 'performance', 'recording:NAME' or 'network:MODEL'")
    if not teachers:
        return Performance()
    together = Teachers(teachers, weights, standardise)
    return Combined(together, alpha) if with_performance else together
