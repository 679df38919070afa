"""The `macro` space: a stem and stages of varied depth, width, operation, kernel and skip."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.options import unknown_option
from neuroguide.nas.spaces.base import Parameter, Scalar, Space
from neuroguide.nas.spaces.blocks import ACTIVATIONS, NORMALISATIONS, Parts, block

OPERATIONS = ("conv", "separable", "bottleneck", "mbconv")
SKIPS = ("none", "add", "concat")


@dataclass(frozen=True)
class Stage:
    """One stage: ``depth`` equal blocks, the first of which halves the map (except in the first stage).

    Attributes
    ----------
    depth : int
        Blocks.
    width : int
        Channels before doubling: stage ``i`` (from 0) has ``width * 2**i``.
    operation : str
        ``conv``, ``separable``, ``bottleneck`` or ``mbconv``; see :func:`neuroguide.nas.spaces.blocks.branch`.
    kernel : int
        Side of the spatial kernel.
    skip : str
        ``none``, ``add`` (residual) or ``concat`` (half of the channels pass by).
    expansion : int
        Of ``mbconv``; 1 for the others.
    """

    depth: int
    width: int
    operation: str
    kernel: int
    skip: str
    expansion: int = 1


@dataclass(frozen=True)
class MacroArchitecture:
    """A stem, stages and a linear head.

    Attributes
    ----------
    stages : tuple of Stage
    activation : str
    normalisation : str
        ``batch``, ``layer`` (over channels and positions) or ``none``.
    stem : int
        Stride of the 3x3 stem.
    """

    stages: tuple[Stage, ...]
    activation: str
    normalisation: str
    stem: int


class MacroSpace(Space[MacroArchitecture]):
    """Networks of a few stages; each argument lists the options of one choice, so that arguments cut out subspaces.

    Parameters
    ----------
    depth, width, operation, kernel, skip : sequences
        Options of every stage; see :class:`Stage`.
    expansion : sequence of int
        Options of a stage whose operation is ``mbconv``.
    activation, normalisation, stem : sequences
        Options of the whole network.
    stages : int
        Number of stages, the same for every candidate: their outputs are compared with recordings.
    shared : bool
        Whether all stages make the same choice: ``depth=3`` then means three blocks in every stage. The architectures
        are the same points as without it, with the same hashes.

    Raises
    ------
    OptionError
        If an option is unknown or impossible.

    Examples
    --------
    A closed subspace of 3**5 = 243 networks:

    >>> space = MacroSpace(
    ...     operation=("conv", "separable", "bottleneck"), activation=("relu",), normalisation=("batch",), shared=True)
    >>> space.size()
    243
    """

    name = "macro"
    architecture = MacroArchitecture

    def __init__(
        self,
        *,
        depth: Sequence[int] = (1, 2, 3),
        width: Sequence[int] = (8, 12, 16),
        operation: Sequence[str] = OPERATIONS,
        kernel: Sequence[int] = (3, 5, 7),
        skip: Sequence[str] = SKIPS,
        expansion: Sequence[int] = (2, 4),
        activation: Sequence[str] = ("relu", "elu", "gelu", "silu", "tanh"),
        normalisation: Sequence[str] = tuple(NORMALISATIONS),
        stem: Sequence[int] = (2,),
        stages: int = 3,
        shared: bool = False,
    ) -> None:
        if not 1 <= stages <= 6:
            raise OptionError(f"stages must be from 1 to 6, not {stages!r}")
        self.stages = stages
        self.shared = shared
        self._stage_options: dict[str, tuple[Scalar, ...]] = {
            "depth": _counts("depth", depth),
            "width": _counts("width", width, least=2),
            "operation": _names("operation", operation, OPERATIONS),
            "kernel": _kernels(kernel),
            "skip": _names("skip", skip, SKIPS),
        }
        self._expansion = _counts("expansion", expansion)
        self._network_options: dict[str, tuple[Scalar, ...]] = {
            "activation": _names("activation", activation, ACTIVATIONS),
            "normalisation": _names("normalisation", normalisation, NORMALISATIONS),
            "stem": _counts("stem", stem),
        }

    @property
    def optional(self) -> frozenset[str]:
        """Names of the parameters that decide how many blocks follow the first one of a stage, which is vital."""
        return frozenset(f"{prefix}depth" for prefix in self._prefixes())

    def declare(self) -> Sequence[Parameter]:
        """``stage1.depth`` ... ``stage3.expansion`` (without ``stage1.`` when shared), then the network's choices."""
        parameters = []
        for prefix in self._prefixes():
            parameters += [Parameter(prefix + name, options) for name, options in self._stage_options.items()]
            # the only choice that depends on another: the other operations expand nothing
            parameters.append(Parameter(f"{prefix}expansion", self._expansion, {f"{prefix}operation": ("mbconv",)}))
        return parameters + [Parameter(name, options) for name, options in self._network_options.items()]

    def compose(self, values: Mapping[str, Scalar]) -> MacroArchitecture:
        """Stages from parameter values."""
        stages = tuple(
            Stage(
                **{name: values[prefix + name] for name in self._stage_options},  # type: ignore[arg-type]
                expansion=values.get(f"{prefix}expansion", 1),  # type: ignore[arg-type]
            )
            for prefix in self._prefixes()
        )
        return MacroArchitecture(
            stages * self.stages if self.shared else stages,
            **{name: values[name] for name in self._network_options},  # type: ignore[arg-type]
        )

    def decompose(self, arch: MacroArchitecture) -> Mapping[str, Scalar]:
        """Parameter values from stages."""
        if len(arch.stages) != self.stages:
            raise InputError(f"the architecture has {len(arch.stages)} stages, and this macro space has {self.stages}")
        values: dict[str, Scalar] = {name: getattr(arch, name) for name in self._network_options}
        # an expansion where nothing expands makes no difference
        plain = [
            {name: getattr(stage, name) for name in self._stage_options}
            | {"expansion": stage.expansion if stage.operation == "mbconv" else 1}
            for stage in arch.stages
        ]
        if self.shared and any(stage != plain[0] for stage in plain):
            raise InputError("the architecture has stages that differ, and this macro space shares one choice")
        for prefix, stage in zip(self._prefixes(), plain, strict=False):
            values |= {prefix + name: value for name, value in stage.items()}
        return values

    def build_network(
        self, arch: MacroArchitecture, *, image_size: int, n_classes: int, in_channels: int
    ) -> MacroNetwork:
        """See :class:`MacroNetwork`; it accepts images of any size, so ``image_size`` changes nothing."""
        return MacroNetwork(arch, n_classes=n_classes, in_channels=in_channels)

    def recipe(
        self, arch: MacroArchitecture, *, image_size: int, n_classes: int, in_channels: int
    ) -> tuple[Callable[..., nn.Module], dict[str, Any]]:
        """See :meth:`Space.recipe`."""
        return MacroNetwork, {"arch": arch, "n_classes": n_classes, "in_channels": in_channels}

    def _prefixes(self) -> list[str]:
        return [""] if self.shared else [f"stage{i + 1}." for i in range(self.stages)]


class MacroNetwork(nn.Module):
    """Stem, stages, mean over positions, linear head.

    Parameters
    ----------
    arch : MacroArchitecture
    n_classes, in_channels : int
    """

    def __init__(self, arch: MacroArchitecture, *, n_classes: int, in_channels: int) -> None:
        super().__init__()
        parts = Parts(arch.activation, arch.normalisation)
        channels = arch.stages[0].width
        self.stem = nn.Sequential(*parts.conv(in_channels, channels, 3, stride=arch.stem), parts.activation())
        names = []
        for i, stage in enumerate(arch.stages):
            blocks = OrderedDict[str, nn.Module]()
            for j in range(stage.depth):
                width = stage.width * 2**i
                blocks[f"block{j + 1}"] = block(
                    parts,
                    stage.operation,
                    channels,
                    width,
                    kernel=stage.kernel,
                    expansion=stage.expansion,
                    stride=2 if i > 0 and j == 0 else 1,
                    skip=stage.skip,
                )
                channels = width
            names.append(f"stage{i + 1}")
            self.add_module(names[-1], nn.Sequential(blocks))
        self.head = nn.Linear(channels, n_classes)
        self.stage_names = tuple(names)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(n, n_classes)`` of images ``(n, in_channels, h, w)``."""
        x = self.stem(images)
        for name in self.stage_names:
            x = self.get_submodule(name)(x)
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


def _names(name: str, options: Sequence[str], known: Sequence[str] | Mapping[str, object]) -> tuple[Scalar, ...]:
    if isinstance(options, str):
        options = (options,)
    for option in options:
        if option not in known:
            raise unknown_option(name, option, known)
    return tuple(options)


def _counts(name: str, options: Sequence[int] | int, least: int = 1) -> tuple[Scalar, ...]:
    if isinstance(options, int):
        options = (options,)
    for option in options:
        if not isinstance(option, int) or isinstance(option, bool) or option < least:
            raise OptionError(f"{name} options must be whole numbers of at least {least}, not {option!r}")
    return tuple(options)


def _kernels(options: Sequence[int] | int) -> tuple[Scalar, ...]:
    counts = _counts("kernel", options)
    if any(count % 2 == 0 for count in counts if isinstance(count, int)):
        raise OptionError(f"kernels must be odd, so that maps keep their size, not {list(counts)}")
    return counts
