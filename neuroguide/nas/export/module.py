"""The text of an exported ``model.py``."""

from __future__ import annotations

import ast
import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from neuroguide._core.errors import InputError
from neuroguide._version import __version__
from neuroguide.models.preprocess import Preprocess
from neuroguide.nas.export.source import ALLOWED, Collection

#: How wide a literal may be before it is broken into lines.
_WIDTH = 100

#: What the module's own functions are called, and what they use.
_OWN = ("untrained", "make", "preprocess", "Path", "load_file", "PREPROCESS", "CLASSES", "REGION_LAYER_MAP")
_IMPORTS = (
    "from pathlib import Path",
    "import torch",
    "from safetensors.torch import load_file",
    "from torch import Tensor",
    "from torch import nn",
    "from torch.nn import functional",
)

_TEXT = '''"""{about}

Written by neuroguide {version}, from which the code of its own spaces is copied (MIT licence). Needs torch, and
safetensors to read the weights beside it; nothing of neuroguide.

    from model import make, preprocess
    logits = make()(preprocess(pixels))  # pixels: uint8 tensor (n, height, width, 3)

export.json says where it comes from and how it scored.
"""

from __future__ import annotations

{imports}


{definitions}


#: How images become input: side in pixels, and mean and standard deviation of pixels in [0, 1], by channel.
PREPROCESS = {preprocess}
CLASSES = {classes}
#: The stage that is most similar to each region of the visual cortex among those that guided the search.
REGION_LAYER_MAP = {region_layer_map}


def untrained() -> nn.Module:
    """The network with random weights."""
    return {call}


def make() -> nn.Module:
    """The network with its trained weights, in evaluation mode."""
    network = untrained()
    network.load_state_dict(load_file(Path(__file__).with_name("weights.safetensors")))
    network.preprocess = PREPROCESS
    network.region_layer_map = REGION_LAYER_MAP
    return network.eval()


def preprocess(pixels: Tensor) -> Tensor:
    """Input ``(n, 3, size, size)`` from uint8 pixels ``(n, height, width, 3)``: whole images, on grey if not square."""
    size, height, width = PREPROCESS["size"], pixels.shape[1], pixels.shape[2]
    sides = [max(1, round(side * size / max(height, width))) for side in (height, width)]
    images = pixels.permute(0, 3, 1, 2).float() / 255
    if sides != [height, width]:
        images = functional.interpolate(images, sides, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
    canvas = torch.full((len(images), 3, size, size), 128 / 255)
    top, left = (size - sides[0]) // 2, (size - sides[1]) // 2
    canvas[:, :, top : top + sides[0], left : left + sides[1]] = images
    mean, std = (torch.tensor(PREPROCESS[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    return (canvas - mean) / std
'''


def module_text(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    *,
    about: str,
    preprocess: Preprocess,
    classes: Iterable[str],
    region_layer_map: Mapping[str, str],
) -> str:
    """A module that builds a network without neuroguide.

    Parameters
    ----------
    function, arguments
        As :meth:`neuroguide.nas.spaces.Space.recipe` gives them.
    about : str
        The first line of its docstring.
    preprocess : Preprocess
    classes : iterable of str
    region_layer_map : mapping of str to str

    Raises
    ------
    InputError
        If the source needs something else than torch and the standard library, or cannot be found.
    """
    collection = Collection(frozenset(_OWN))
    name = collection.add(function)
    lines = [f"        {key}={_literal(value, collection, 8)}," for key, value in arguments.items()]
    shown = {"size": preprocess.size, "mean": preprocess.mean, "std": preprocess.std}
    text = _TEXT.format(
        about=about.replace("\\", "/").replace('"', "'"),
        version=__version__,
        imports=_imports({*collection.imports, *_IMPORTS}),
        definitions="\n\n\n".join(collection.definitions.values()),
        preprocess=_literal(shown, collection, 0),
        classes=_literal(tuple(classes), collection, 0),
        region_layer_map=_literal(dict(region_layer_map), collection, 0),
        call=f"{name}(\n" + "\n".join(lines) + "\n    )",
    )
    _check(text)
    return text


def _literal(value: Any, collection: Collection, indent: int) -> str:
    """A value as source; the classes of dataclasses are gathered."""
    if isinstance(value, str):
        return json.dumps(value)
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        name = collection.add(type(value))
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        parts = [f"{field}={_literal(getattr(value, field), collection, indent + 4)}" for field in fields]
        return _enclosed(f"{name}(", parts, ")", indent)
    if isinstance(value, tuple):
        parts = [_literal(item, collection, indent + 4) for item in value]
        return _enclosed("(", parts, ",)" if len(parts) == 1 else ")", indent)
    if isinstance(value, list):
        return _enclosed("[", [_literal(item, collection, indent + 4) for item in value], "]", indent)
    if isinstance(value, Mapping):
        parts = [f"{json.dumps(key)}: {_literal(item, collection, indent + 4)}" for key, item in value.items()]
        return _enclosed("{", parts, "}", indent)
    raise InputError(
        f"an argument of the network is {value!r:.80}, which cannot be written as source; use dataclasses, tuples, "
        "numbers, strings and None"
    )


def _enclosed(start: str, parts: list[str], end: str, indent: int) -> str:
    line = f"{start}{', '.join(parts)}{end}"
    if len(line) + indent <= _WIDTH and "\n" not in line:
        return line
    inner = "".join(f"{' ' * (indent + 4)}{part},\n" for part in parts)
    return f"{start}\n{inner}{' ' * indent}{end.lstrip(',')}"


def _imports(lines: set[str]) -> str:
    """One line for each module, the standard library first."""
    names: dict[str, set[str]] = {}
    plain = {line for line in lines if line.startswith("import ")}
    for line in lines - plain:
        module, _, name = line.removeprefix("from ").partition(" import ")
        names.setdefault(module, set()).add(name)
    merged = plain | {f"from {module} import {', '.join(sorted(found))}" for module, found in names.items()}
    groups: tuple[list[str], list[str]] = ([], [])
    for line in sorted(merged, key=lambda line: (line.startswith("from"), line)):
        groups[line.split()[1].partition(".")[0] in ALLOWED].append(line)
    return "\n\n".join("\n".join(group) for group in groups if group)


def _check(text: str) -> None:
    """Refuse a module that would import anything else than torch, safetensors and the standard library."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [str(node.module)] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for module in modules:
                top = module.partition(".")[0]
                if top not in ALLOWED and top not in sys.stdlib_module_names:
                    raise InputError(
                        f"what builds the network imports {module} in the middle of its code, and an exported module "
                        "needs torch only; leave that out"
                    )
