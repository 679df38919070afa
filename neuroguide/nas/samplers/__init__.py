"""Which candidate next: each one an Optuna sampler that proposes whole architectures."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler

from neuroguide._core.options import unknown_option
from neuroguide._core.registry import Registry
from neuroguide.nas.samplers.base import ArchitectureSampler
from neuroguide.nas.samplers.controller import Controller
from neuroguide.nas.samplers.evolution import AgingEvolution
from neuroguide.nas.samplers.hourglass import VitalFirst
from neuroguide.nas.samplers.nsga2 import NSGA2
from neuroguide.nas.samplers.progressive import Progressive
from neuroguide.nas.samplers.random import RandomArchitectures
from neuroguide.nas.samplers.tpe import WholeTPE

if TYPE_CHECKING:
    from neuroguide.nas.spaces.base import Space

__all__ = ["ArchitectureSampler", "make_sampler", "sampler_options", "samplers"]

#: Names to factories ``(space, *, seed, lag, **options) -> optuna.samplers.BaseSampler``.
samplers: Registry[Callable[..., BaseSampler]] = Registry(
    "sampler", "register one with neuroguide.nas.samplers.samplers.add(name, factory)"
)
samplers.add("random", RandomArchitectures)
samplers.add("evolution", AgingEvolution)
samplers.add("tpe", WholeTPE)
samplers.add("nsga2", NSGA2)
samplers.add("controller", Controller)
samplers.add("progressive", Progressive)
samplers.add("hourglass", VitalFirst)


def sampler_options(name: str) -> dict[str, Any]:
    """The options of a registered sampler with their defaults, without space, seed and lag.

    Raises
    ------
    OptionError
        If there is no sampler of that name.
    """
    signature = inspect.signature(samplers[name])
    return {
        p.name: p.default
        for p in signature.parameters.values()
        if p.name not in ("space", "seed", "lag") and p.kind is not inspect.Parameter.VAR_KEYWORD
    }


def make_sampler(name: str, space: Space[Any], *, seed: int = 0, lag: int = 1, **options: Any) -> BaseSampler:
    """A sampler over a space, for :func:`neuroguide.search` or for any Optuna study.

    Parameters
    ----------
    name : str
        ``"random"``, ``"evolution"``, ``"tpe"``, ``"nsga2"``, ``"controller"``, ``"progressive"``, ``"hourglass"``, or
        one that was registered.
    space : Space
        Where architectures come from.
    seed : int
        Two samplers with the same seed make the same proposals.
    lag : int
        Trial ``n`` learns from trials ``0 ... n - lag``.
    **options
        The sampler's own; see :func:`sampler_options`.

    Raises
    ------
    OptionError
        If the name or an option is unknown, or an option is out of its range.

    Examples
    --------
    >>> study = optuna.create_study(direction="maximize", sampler=make_sampler("evolution", space, seed=0))
    >>> study.optimize(lambda trial: worth(space.suggest(trial)), n_trials=100)
    """
    factory = samplers[name]
    known = sampler_options(name)
    for option in options:
        if option not in known:
            raise unknown_option(f"option of sampler {name!r}", option, known)
    return factory(space, seed=seed, lag=lag, **options)
