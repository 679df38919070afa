"""A small untrained network, for examples that should take no download."""

import torch
from torch import nn


def make() -> nn.Module:
    """Three stages; ``"docs/examples/small_network.py:make"`` is its name as a model."""
    torch.default_generator.manual_seed(0)
    sizes = [(3, 8), (8, 16), (16, 32)]
    stages = [nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU()) for a, b in sizes]
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
