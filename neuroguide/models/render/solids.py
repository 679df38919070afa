"""The two kinds of parts, placed in the picture: at which depths a ray meets them, and how much light they send back.

Picture coordinates: x and y from -1 to 1 (right and up), z towards the viewer; rays run along z. Only operations that
IEEE 754 rounds exactly are used on pixels, and never a sum over images, so a picture does not depend on its batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from neuroguide.models.render.catalogue import packed_objects
from neuroguide.models.render.shapes import Array

#: Deeper and nearer than anything in a picture.
FAR = 1e4

#: A face seen edge-on counts as turned by this much, so that its depth stays finite.
_EDGE_ON = 1e-3

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Placement:
    """Where the objects of some images are.

    Attributes
    ----------
    indices : array of shape (n,)
        Which objects, as positions in OBJECTS.
    turns : array of shape (n, 3, 3)
        Their rotations.
    scale : array of shape (n,)
        Their radii in half image widths.
    shift : array of shape (n, 2)
        Their centres.
    light : array of shape (n, 3)
        Unit vectors towards the light.
    ambient : array of shape (n,)
        Shares of the light that come from everywhere.
    """

    indices: Indices
    turns: Array
    scale: Array
    shift: Array
    light: Array
    ambient: Array

    def turned(self, vectors: Array) -> Array:
        """Vectors of shape (n, ..., 3), rotated."""
        flat = vectors.reshape(len(vectors), -1, 3)
        return np.asarray((flat @ self.turns.transpose(0, 2, 1)).reshape(vectors.shape))

    def centres(self, centres: Array) -> Array:
        """Centres of parts, shape (n, parts, 3), in picture coordinates."""
        moved = self.turned(centres) * self.scale[:, None, None]
        moved[..., :2] += self.shift[:, None]
        return moved

    def received(self, normals: Array) -> Array:
        """Light that flat faces with these outward normals, shape (n, ..., 3), send back."""
        lengths = np.sqrt((normals**2).sum(axis=-1))
        spread = (len(normals),) + (1,) * (normals.ndim - 2)
        facing = (normals * self.light.reshape(*spread, 3)).sum(axis=-1) / lengths
        ambient = self.ambient.reshape(spread)
        return np.asarray(ambient + (1 - ambient) * np.maximum(facing, 0.0))


def _tensor(array: Array, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)


def _edged(values: Array) -> Array:
    return np.where(values < 0, np.minimum(values, -_EDGE_ON), np.maximum(values, _EDGE_ON))


Met = tuple[torch.Tensor, torch.Tensor]


class Rounds:
    """Round parts of some objects: ``p' Q p + l' p <= c`` between two flat ends ``|m' p| <= 1``.

    ``table`` has shape (n, parts, 17): Q (xx, xy, xz, yy, yz, zz), l (3), c, m (3), centre (3), light of a visible end.
    """

    def __init__(self, placement: Placement, device: torch.device) -> None:
        packed = packed_objects()
        self.images = len(placement.indices)
        self.count = int(packed.round_count[placement.indices].max(initial=0))
        here = placement.indices, slice(self.count)
        turns, scale = placement.turns[:, None], placement.scale[:, None, None]
        quadric = turns @ packed.round_quadric[here] @ turns.transpose(0, 1, 3, 2) / scale[..., None] ** 2
        axis = placement.turned(packed.round_axis[here]) / scale
        end = placement.received(axis * np.where(axis[..., 2:] < 0, -1.0, 1.0))
        columns = [
            quadric[..., [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]],
            placement.turned(packed.round_linear[here]) / scale,
        ]
        columns += [
            packed.round_constant[here][..., None],
            axis,
            placement.centres(packed.round_centre[here]),
            end[..., None],
        ]
        self.table = _tensor(np.concatenate(columns, axis=-1), device)
        self.light = _tensor(placement.light, device)
        self.ambient = _tensor(placement.ambient, device)

    def meet(self, part: int, across: torch.Tensor, up: torch.Tensor) -> Met:
        """Depths where the rays leave and enter one part, each of shape (n, rays, rays); no hit where near <= far.

        On the ray at (x, y), relative to the part's centre, the surface is where ``a z^2 + 2 b z + c = 0``.
        """
        xx, xy, xz, yy, yz, a, l_x, l_y, l_z, constant, m_x, m_y, m_z, c_x, c_y, c_z, _ = (
            column[:, None, None] for column in self.table[:, part].unbind(-1)
        )
        x, y = across[None, None, :] - c_x, up[None, :, None] - c_y
        b_x, b_y = xz * x + l_z * 0.5, yz * y
        square_x = b_x * b_x - a * ((xx * x + l_x) * x - constant)
        square_y = b_y * b_y - a * ((yy * y + l_y) * y)
        cross = 2.0 * (b_x * yz - a * xy * x)
        under_root = (cross * y).add_(square_x).add_(square_y).clamp_(min=0.0)
        root = under_root.sqrt_().div_(a)
        middle = (b_x / a - c_z) + b_y / a
        steep = torch.where(m_z < 0, m_z.clamp(max=-_EDGE_ON), m_z.clamp(min=_EDGE_ON))
        tilt = (m_x / steep * x - c_z) + m_y / steep * y
        reach = (1.0 / steep).abs()
        near = torch.minimum(root - middle, reach - tilt)
        far = torch.minimum(root.add_(middle), tilt.add_(reach)).neg_()
        return near, far

    def lit(
        self, image: torch.Tensor, part: torch.Tensor, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor
    ) -> torch.Tensor:
        """Light sent back from points on the surface; all arguments and the result have shape (n_points,)."""
        rows = self.table.reshape(-1, self.table.shape[-1])[image * self.count + part]
        xx, xy, xz, yy, yz, zz, l_x, l_y, l_z, _, m_x, m_y, m_z, c_x, c_y, c_z, end = rows.unbind(-1)
        x, y, z = x - c_x, y - c_y, z - c_z
        slope_x = xx * x + xy * y + xz * z + 0.5 * l_x
        slope_y = xy * x + yy * y + yz * z + 0.5 * l_y
        slope_z = xz * x + yz * y + zz * z + 0.5 * l_z
        steepness = torch.sqrt(slope_x * slope_x + slope_y * slope_y + slope_z * slope_z).clamp_(min=1e-12)
        light_x, light_y, light_z = self.light[image].unbind(-1)
        facing = (slope_x * light_x + slope_y * light_y + slope_z * light_z).clamp_(min=0.0) / steepness
        ambient = self.ambient[image]
        at_end = (m_x * x + m_y * y + m_z * z).abs() > 1.0 - 1e-4
        return torch.where(at_end, end, ambient + (1.0 - ambient) * facing)


class Blocks:
    """Blocks of some objects: the ray lies inside between the nearest front face and the furthest back face.

    The depth of a face is ``d - e x - f y``; faces are sorted, those towards the viewer first.
    """

    def __init__(self, placement: Placement, device: torch.device) -> None:
        packed = packed_objects()
        self.count = int(packed.block_count[placement.indices].max(initial=0))
        here = placement.indices, slice(self.count)
        normal = placement.turned(packed.block_normal[here]) / placement.scale[:, None, None, None]
        order = np.argsort(-normal[..., 2], axis=-1, kind="stable")
        normal = np.take_along_axis(normal, order[..., None], axis=2)
        offset = np.take_along_axis(packed.block_offset[here], order, axis=2)
        centre = placement.centres(packed.block_centre[here])[:, :, None]
        steep = _edged(normal[..., 2])
        slopes = normal[..., :2] / steep[..., None]
        constant = offset / steep + (slopes * centre[..., :2]).sum(axis=-1) + centre[..., 2]
        planes = np.concatenate([constant[..., None], slopes], axis=-1)
        front = steep > 0
        fronts = front.sum(axis=-1)
        #: Faces that may be front or back faces, from the first to the last in the sorted order.
        self.front_end = int(fronts.max(initial=0))
        self.back_start = int(fronts.min(initial=6))
        self.front = _tensor(np.where(front[..., None], planes, [FAR, 0.0, 0.0]), device)
        self.back = _tensor(np.where(front[..., None], [-FAR, 0.0, 0.0], planes), device)
        #: Light that each face sends back, shape (n, blocks, 6).
        self.lit = _tensor(placement.received(normal), device)

    def meet(
        self, part: int, across: torch.Tensor, up: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Depths where the rays leave and enter one block, and the face that is seen, each (n, rays, rays)."""
        x, y = across[None, None, :], up[None, :, None]

        def depth(planes: torch.Tensor) -> torch.Tensor:
            constant, slope_x, slope_y = (column[:, None, None] for column in planes.unbind(-1))
            return (constant - slope_x * x) - slope_y * y

        near = depth(self.front[:, part, 0])
        face = torch.zeros_like(near, dtype=torch.int32)
        for number in range(1, self.front_end):
            plane = depth(self.front[:, part, number])
            face.masked_fill_(plane < near, number)
            near = torch.minimum(near, plane)
        far = depth(self.back[:, part, self.back_start])
        for number in range(self.back_start + 1, 6):
            far = torch.maximum(far, depth(self.back[:, part, number]))
        return near, far, face
