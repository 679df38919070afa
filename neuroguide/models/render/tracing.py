"""Casting one ray for every sub-pixel at every part, in closed form; the nearest part wins, then it is shaded.

The view is orthographic: all rays are parallel, so everything about a part is a polynomial in the position on the
picture, made of a function of x and a function of y.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from neuroguide._core.errors import InputError
from neuroguide._core.options import check_option
from neuroguide.engine.device import resolve_device
from neuroguide.models.render.backgrounds import natural_backgrounds
from neuroguide.models.render.catalogue import category_of, packed_objects
from neuroguide.models.render.scenes import BASE_RADIUS, COLUMNS, looks, object_indices, poses
from neuroguide.models.render.solids import FAR, Blocks, Placement, Rounds

#: Sizes in pixels that can be rendered.
SMALLEST, LARGEST = 8, 256

#: Rays along each side of a pixel.
_SUBPIXELS = 2

#: Rays that are followed at once: small enough for the caches, large enough to hide the overhead of a call.
_RAYS_AT_ONCE = 1 << 17


def render_objects(
    parameters: pd.DataFrame,
    size: int = 64,
    *,
    background: str = "natural",
    device: str | torch.device = "auto",
) -> npt.NDArray[np.uint8]:
    """Render objects on backgrounds.

    Each image depends on its own row alone: the same row gives the same pixels in any table, in any order.

    Parameters
    ----------
    parameters : DataFrame
        One row an image, as :func:`sample_parameters` makes it; rows and values may be changed.
    size : int
        Height and width of the images in pixels, even, 8 to 256.
    background : {"natural", "grey"}
        A background with natural statistics, or mid-grey.
    device : str or torch.device
        Where the rays are cast. Pixels agree between devices but for rounding.

    Returns
    -------
    uint8 array of shape (n_images, size, size, 3)
        Red, green and blue.

    Raises
    ------
    InputError
        If a column is missing or of another type, a value is not finite, a size not positive, or the image size not
        possible.
    OptionError
        If an object, the background or the device is unknown.
    """
    check_option("background", background, ("natural", "grey"))
    if not SMALLEST <= size <= LARGEST or size % 2:
        raise InputError(f"images are rendered at an even size of {SMALLEST} to {LARGEST} pixels; got {size}")
    _check(parameters)
    where = resolve_device(device)
    images = np.empty((len(parameters), size, size, 3), dtype=np.uint8)
    indices = object_indices(parameters["object_name"].to_numpy(dtype=object))
    # images of one object have equally many parts: side by side, none is padded
    order = np.argsort(indices, kind="stable")
    at_once = max(1, _RAYS_AT_ONCE // (size * _SUBPIXELS) ** 2)
    for first in range(0, len(order), at_once):
        rows = order[first : first + at_once]
        images[rows] = _render(parameters.iloc[rows], indices[rows], size, background, where)
    return images


def _check(parameters: pd.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in parameters.columns]
    if missing:
        raise InputError(f"the table of images lacks {', '.join(missing)}; make it with sample_parameters")
    numbers = parameters[["position_x", "position_y", "size", "yaw", "pitch", "roll"]].to_numpy(dtype=float)
    if not np.isfinite(numbers).all() or not (parameters["size"] > 0).all():
        raise InputError("positions, sizes and angles of the images have to be finite, and sizes above 0")
    if parameters["scene"].dtype.kind not in "iu":
        raise InputError(f"scene has to be a column of whole numbers; it is {parameters['scene'].dtype}")


def _render(
    parameters: pd.DataFrame, indices: npt.NDArray[np.intp], size: int, background: str, device: torch.device
) -> npt.NDArray[np.uint8]:
    """One chunk of images."""
    scenes = parameters["scene"].to_numpy(dtype=np.int64)
    object_colours = _trace(parameters, indices, size * _SUBPIXELS, device)
    if background == "natural":
        behind = natural_backgrounds(scenes, size).to(device)
    else:
        behind = torch.full((len(scenes), 3, size, size), 0.5, device=device)
    pooled = _pooled(object_colours)
    picture = pooled[..., :3] + (1.0 - pooled[..., 3:]) * behind.permute(0, 2, 3, 1)
    return torch.floor(picture * 255.0 + 0.5).clamp_(0.0, 255.0).to(torch.uint8).cpu().numpy()


def _trace(parameters: pd.DataFrame, indices: npt.NDArray[np.intp], rays: int, device: torch.device) -> torch.Tensor:
    """Red, green, blue and 1 where a ray meets the object, else zeros; shape (n, rays, rays, 4)."""
    look = looks(parameters["scene"].to_numpy(dtype=np.int64))
    categories = np.array([category_of(name) for name in parameters["object_name"]], dtype=object)
    placement = Placement(
        indices=indices,
        turns=poses(parameters, categories),
        scale=BASE_RADIUS * parameters["size"].to_numpy(dtype=float),
        shift=parameters[["position_x", "position_y"]].to_numpy(dtype=float),
        light=look.light,
        ambient=look.ambient,
    )
    rounds, blocks = Rounds(placement, device), Blocks(placement, device)
    steps = ((2 * np.arange(rays) + 1) / rays - 1).astype(np.float32)
    across, up = torch.from_numpy(steps).to(device), torch.from_numpy(-steps).to(device)

    depth, code = _seen(rounds, blocks, across, up)
    packed = packed_objects()
    parts = [packed.round_paint[indices, : rounds.count], packed.block_paint[indices, : blocks.count]]
    paint = torch.from_numpy((np.concatenate(parts, axis=1) @ look.tints).astype(np.float32)).to(device)
    canvas = torch.zeros((code.numel(), 4), device=device)
    canvas[:, 3] = code >= 0

    on_round = ((code >= 0) & (code < rounds.count)).nonzero()[:, 0]
    image, part = on_round // rays**2, code[on_round].long()
    points = across[on_round % rays], up[on_round // rays % rays], depth[on_round]
    canvas[on_round, :3] = rounds.lit(image, part, *points)[:, None] * paint[image, part]

    on_block = (code >= rounds.count).nonzero()[:, 0]
    image, face = on_block // rays**2, code[on_block].long() - rounds.count
    part, face = face // 6, face % 6
    canvas[on_block, :3] = blocks.lit[image, part, face][:, None] * paint[image, rounds.count + part]
    return canvas.reshape(len(indices), rays, rays, 4)


def _seen(rounds: Rounds, blocks: Blocks, across: torch.Tensor, up: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Depth of what each ray meets first, and its code, both of shape (n * rays * rays,).

    The code is -1 for nothing, then the number of a round part, then those of the faces of the blocks, six each.
    """
    depth = torch.full((rounds.images, len(up), len(across)), -FAR, device=across.device)
    code = torch.full(depth.shape, -1, dtype=torch.int32, device=across.device)
    for part in range(rounds.count):
        near, far = rounds.meet(part, across, up)
        seen = (near > far).logical_and_(near > depth)
        depth = torch.where(seen, near, depth)
        code.masked_fill_(seen, part)
    for part in range(blocks.count):
        near, far, face = blocks.meet(part, across, up)
        seen = (near > far).logical_and_(near > depth)
        depth = torch.where(seen, near, depth)
        code = torch.where(seen, face.add_(rounds.count + 6 * part), code)
    return depth.reshape(-1), code.reshape(-1)


def _pooled(values: torch.Tensor) -> torch.Tensor:
    """Means over the sub-pixels of each pixel, from (n, rays, rays, channels)."""
    total = torch.zeros_like(values[:, ::_SUBPIXELS, ::_SUBPIXELS])
    for i in range(_SUBPIXELS):
        for j in range(_SUBPIXELS):
            total += values[:, i::_SUBPIXELS, j::_SUBPIXELS]
    return total.div_(float(_SUBPIXELS**2))
