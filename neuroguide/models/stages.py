"""The default layers of a network: the outputs of its stages.

The maximum over many layers is biased upwards, so a few are taken from each network, as many as it has stages. In this
order, the first that applies:

1. the module's own ``stage_names``;
2. timm's ``feature_info``;
3. the last output at each spatial resolution at which the network has weights, seen while a blank image passes (the
   outputs of a ResNet's stem and four stages, of a VGG's five before pooling);
4. without such maps: the blocks, i.e. the longest run of three or more sibling modules of one class that hold other
   modules (a transformer's layers);
5. else the top-level modules, each module with weights together with those without that follow it (a linear layer and
   its activation function).

The choice of 3 to 5 is ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from neuroguide._core.errors import InputError
from neuroguide._core.options import unknown_option
from neuroguide.models.state import evaluating

_log = logging.getLogger("neuroguide.models")


def stage_outputs(module: nn.Module, example: Tensor) -> tuple[str, ...]:
    """Names of the modules whose outputs are those of the network's stages.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    example : tensor of shape (1, channels, height, width)
        A blank input.

    Returns
    -------
    tuple of str
        Names as in ``module.named_modules()``, from input to output.

    Raises
    ------
    InputError
        If the network has no submodules, so that no layer can be named.
    OptionError
        If its ``stage_names`` name a module that is not there.
    """
    known = dict(module.named_modules(remove_duplicate=False))
    declared = getattr(module, "stage_names", None)
    if declared:
        names = tuple(str(name) for name in declared)
        for name in names:
            if name not in known:
                raise unknown_option(f"module in stage_names of {type(module).__name__}", name, known)
        return names
    for found in (_from_feature_info(module, known), _by_resolution(module, example), _blocks(module)):
        if len(found) >= 2:
            return found
    top = _top_level(module)
    if not top:
        raise InputError(
            f"the network {type(module).__name__} has no modules inside it whose output could be read; "
            "wrap it, e.g. torch.nn.Sequential(network)"
        )
    return top


def _from_feature_info(module: nn.Module, known: dict[str, nn.Module]) -> tuple[str, ...]:
    info = getattr(module, "feature_info", None)
    entries = info if isinstance(info, list | tuple) else getattr(info, "info", [])
    names = [entry.get("module", "") for entry in entries if isinstance(entry, dict)]
    return tuple(dict.fromkeys(name for name in names if name in known and name))


def _by_resolution(module: nn.Module, example: Tensor) -> tuple[str, ...]:
    last: dict[tuple[int, int], str] = {}
    weighted: set[tuple[int, int]] = set()

    def hook_for(name: str, has_weights: bool) -> Callable[[nn.Module, object, object], None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-2] * output.shape[-1] > 1:
                resolution = (int(output.shape[-2]), int(output.shape[-1]))
                last.pop(resolution, None)
                last[resolution] = name
                if has_weights:
                    weighted.add(resolution)

        return hook

    handles = [
        part.register_forward_hook(hook_for(name, any(True for _ in part.parameters(recurse=False))))
        for name, part in module.named_modules()
        if name
    ]
    try:
        with evaluating(module), torch.no_grad():
            module(example)
    except Exception as error:
        # not a fault yet: the network may want another input than a blank one, and is asked again with real stimuli
        _log.info("no stages found in %s by a blank image: %s", type(module).__name__, error)
        return ()
    finally:
        for handle in handles:
            handle.remove()
    return tuple(name for resolution, name in last.items() if resolution in weighted)


def _blocks(module: nn.Module) -> tuple[str, ...]:
    longest: tuple[str, ...] = ()
    for prefix, parent in module.named_modules():
        by_class: dict[type, list[str]] = {}
        for name, child in parent.named_children():
            if next(child.children(), None) is not None:
                by_class.setdefault(type(child), []).append(f"{prefix}.{name}" if prefix else name)
        for names in by_class.values():
            if len(names) >= 3 and len(names) > len(longest):
                longest = tuple(names)
    return longest


def _top_level(module: nn.Module) -> tuple[str, ...]:
    groups: list[str] = []
    weights_before = False
    for name, child in _children(module, ""):
        has_weights = next(child.parameters(), None) is not None
        if has_weights or not weights_before:
            groups.append(name)
        else:
            groups[-1] = name
        weights_before = weights_before or has_weights
    return tuple(groups)


def _children(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    """Children from input to output; lists of modules and wrappers around a single module are opened."""
    children = list(module.named_children())
    for name, child in children:
        path = f"{prefix}{name}"
        grandchildren = next(child.children(), None) is not None
        if isinstance(child, nn.ModuleList | nn.ModuleDict) or (len(children) == 1 and grandchildren):
            yield from _children(child, f"{path}.")
        else:
            yield path, child
