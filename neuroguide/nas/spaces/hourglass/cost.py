"""What a block costs at a position, by formula: the same numbers as counting the built network, without building it.

Conventions are those of :mod:`neuroguide.nas.cost`.
"""

from __future__ import annotations

import math

from neuroguide.nas.cost import Cost
from neuroguide.nas.spaces.hourglass.blocks import Operation, squeezed_channels
from neuroguide.nas.spaces.hourglass.layout import BlockStyle, Layout, Position


def block_cost(operation: Operation | None, position: Position, style: BlockStyle, *, image_size: int) -> Cost:
    """Cost of a block; nothing for the identity.

    Parameters
    ----------
    operation : Operation or None
    position : Position
    style : BlockStyle
    image_size : int
        Side of the image in pixels.
    """
    if operation is None:
        return Cost(0, 0, 0)
    before = math.ceil(image_size / position.reduction)
    after = math.ceil(image_size / (position.reduction * position.stride))
    expanded = position.in_channels * operation.expansion
    cost = convolution(expanded, expanded, operation.kernel, after, groups=expanded, activated=True)
    if operation.expansion > 1 or style.expand_always:
        cost += convolution(position.in_channels, expanded, 1, before, activated=True)
    if operation.squeeze_excite:
        squeezed = squeezed_channels(position.in_channels, expanded, style)
        weights = 2 * expanded * squeezed
        # means and the final product over the map; biases, activation and gate over channels
        flops = 2 * weights + 2 * expanded * after**2 + 2 * squeezed + 2 * expanded
        cost += Cost(weights + squeezed + expanded, weights, flops)
    cost += convolution(expanded, position.channels, 1, after)
    return cost if position.vital else cost + Cost(0, 0, position.channels * after**2)


def fixed_cost(layout: Layout, *, image_size: int, n_classes: int, in_channels: int = 3) -> Cost:
    """Cost of what every network of a layout has: stem, 1x1 convolution, mean, classifier."""
    first = math.ceil(image_size / layout.stem_stride)
    last = math.ceil(image_size / (layout.stem_stride * math.prod(stage.stride for stage in layout.stages)))
    cost = convolution(in_channels, layout.stem, 3, first, activated=True)
    cost += convolution(layout.stages[-1].channels, layout.head, 1, last, activated=True)
    weights = layout.head * n_classes
    return cost + Cost(weights + n_classes, weights, layout.head * last**2 + 2 * weights + n_classes)


def convolution(
    in_channels: int, channels: int, kernel: int, size: int, *, groups: int = 1, activated: bool = False
) -> Cost:
    """A convolution without bias to ``size`` by ``size`` positions, its batch norm, and an activation or none."""
    weights = channels * (in_channels // groups) * kernel**2
    macs = weights * size**2
    return Cost(weights + 2 * channels, macs, 2 * macs + (3 if activated else 2) * channels * size**2)
