"""Libraries that may not be installed: timm and torchvision."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import torch
from torch import nn

from neuroguide._core.errors import InputError, missing_extra
from neuroguide.models.factory import one_line
from neuroguide.models.preprocess import Preprocess


def library(name: str, purpose: str) -> ModuleType:
    """An optional library, or one sentence on why it is not to be had."""
    package = name.partition(".")[0]
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing_extra(package, "zoo", purpose) from error
    except (ImportError, OSError, RuntimeError) as error:
        # torchvision built for another torch fails in its compiled operators
        raise InputError(
            f"{package} is installed but does not load with torch {torch.__version__} ({one_line(error, 120)}); "
            f'install builds that belong together: pip install --upgrade torch "neuroguide[zoo]"'
        ) from error


def preprocess_of_timm(module: nn.Module) -> Preprocess:
    """Preprocessing in a timm network's own configuration (its test-time crop is not applied).

    Raises
    ------
    MissingExtraError
        If timm is not installed.
    """
    data = library("timm.data", "reading the preprocessing of a timm network")
    configuration: dict[str, Any] = data.resolve_model_data_config(module)
    _channels, height, _width = configuration["input_size"]
    return Preprocess(
        int(height),
        tuple(configuration["mean"]),
        tuple(configuration["std"]),
        interpolation=str(configuration["interpolation"]),
    )
