"""Cars: a body, a cabin and wheels with eight sets of proportions and extras."""

from __future__ import annotations

from neuroguide.models.render.shapes import Part, ball, block, drum, limb, mirrored

Parts = list[Part]


def car(
    *,
    body: tuple[float, float, float],
    cabin: tuple[float, float, float, float, float],
    wheel: float,
    axles: tuple[float, ...],
    bonnet: float = 0.9,
    paint: float = 0.75,
) -> Parts:
    """A car heading to the right.

    Parameters
    ----------
    body : tuple
        Half-length, half-height, half-width.
    cabin : tuple
        Middle and half-length at its foot, height, and how far the roof reaches back and forward relative to the foot.
    wheel : float
        Radius of a wheel.
    axles : tuple of float
        Where the axles are along the body.
    bonnet : float
        How far the top of the body reaches forward, relative to its bottom.
    paint : float
        Reflectance of the body.
    """
    length, height, width = body
    middle, half, rise, back, front = cabin
    parts = [block((0, 0, 0), body, paint, 0, top=(0.97, bonnet, 0.95))]
    parts += [block((middle, height + rise / 2, 0), (half, rise / 2, width * 0.93), 0.12, 2, top=(back, front, 0.85))]
    roof = (half * (back + front) / 2, 0.03, width * 0.8)
    shift = half * (front - back) / 2
    parts += [block((middle + shift, height + rise, 0), roof, paint, 0)]
    pillar = middle + shift * 0.5
    parts += [block((pillar, height + rise / 2, 0), (0.03, rise / 2, width * 0.94), paint, 0, top=(1, 1, 0.86))]
    for x in axles:
        parts += mirrored(limb((x, -height, width * 0.72), (x, -height, width * 1.04), wheel, 0.08, 2))
        parts += mirrored(limb((x, -height, width * 1.0), (x, -height, width * 1.06), wheel * 0.5, 0.8, 2))
    parts += mirrored(ball((length * 0.97, height * 0.15, width * 0.7), (0.05, 0.07, 0.09), 1.0, 2))
    return [*parts, *mirrored(ball((-length, height * 0.2, width * 0.75), (0.03, 0.06, 0.08), 0.5, 1))]


def _saloon() -> Parts:
    return car(body=(0.95, 0.17, 0.38), cabin=(-0.08, 0.52, 0.3, 0.6, 0.5), wheel=0.17, axles=(-0.58, 0.6))


def _estate() -> Parts:
    parts = car(body=(0.92, 0.2, 0.4), cabin=(-0.25, 0.66, 0.33, 0.92, 0.7), wheel=0.2, axles=(-0.56, 0.58), paint=0.5)
    return parts + list(mirrored(limb((-0.75, 0.60, 0.28), (0.1, 0.60, 0.28), 0.02, 0.1, 2)))


def _van() -> Parts:
    parts = car(
        body=(0.85, 0.38, 0.38),
        cabin=(0.0, 0.84, 0.3, 1.0, 0.75),
        wheel=0.17,
        axles=(-0.52, 0.55),
        bonnet=0.97,
        paint=0.9,
    )
    return [*parts, block((-0.38, 0.5, 0), (0.44, 0.2, 0.36), 0.9, 0, top=(1, 1, 0.9))]


def _pickup() -> Parts:
    parts = car(body=(1.0, 0.16, 0.38), cabin=(0.12, 0.3, 0.34, 0.85, 0.55), wheel=0.2, axles=(-0.6, 0.62), paint=0.6)
    parts += mirrored(block((-0.58, 0.24, 0.35), (0.4, 0.08, 0.03), 0.6, 0))
    return [
        *parts,
        block((-0.97, 0.24, 0), (0.03, 0.08, 0.37), 0.6, 0),
        block((-0.58, 0.165, 0), (0.38, 0.01, 0.33), 0.15, 2),
    ]


def _sports_car() -> Parts:
    parts = car(
        body=(1.0, 0.12, 0.42),
        cabin=(-0.14, 0.42, 0.18, 0.55, 0.2),
        wheel=0.17,
        axles=(-0.6, 0.62),
        bonnet=0.8,
        paint=0.65,
    )
    parts += [block((-0.93, 0.26, 0), (0.1, 0.015, 0.42), 0.2, 1)]
    return parts + list(mirrored(block((-0.93, 0.18, 0.3), (0.03, 0.08, 0.02), 0.2, 1)))


def _beetle() -> Parts:
    parts = [
        drum((0, 0.18, 0), (0.58, 0.27, 0.36), (1.0, 0.9, 0.0), 0.12, 2),
        drum((0, 0.22, 0), (0.5, 0.3, 0.32), (1.0, 0.87, 0.0), 0.8),
    ]
    parts += [ball((-0.02, -0.06, 0), (0.98, 0.26, 0.34), 0.8)]
    for x in (-0.55, 0.58):
        parts += mirrored(ball((x, -0.08, 0.34), (0.3, 0.2, 0.12), 0.7))
        parts += mirrored(limb((x, -0.2, 0.28), (x, -0.2, 0.45), 0.18, 0.08, 2))
        parts += mirrored(limb((x, -0.2, 0.43), (x, -0.2, 0.47), 0.09, 0.85, 2))
    return parts + list(mirrored(ball((0.84, 0.02, 0.3), (0.07, 0.08, 0.08), 1.0, 2)))


def _coach() -> Parts:
    parts = [
        block((0, 0.12, 0), (1.0, 0.36, 0.28), 0.85, 0, top=(1, 0.98, 0.97)),
        block((0, 0.26, 0), (1.01, 0.12, 0.285), 0.1, 2),
    ]
    parts += [block((x, 0.26, 0), (0.025, 0.13, 0.29), 0.85, 0) for x in (-0.7, -0.4, -0.1, 0.2, 0.5, 0.8)]
    parts += [block((0, -0.06, 0), (1.005, 0.04, 0.287), 0.4, 1)]
    for x in (-0.6, 0.62):
        parts += mirrored(limb((x, -0.24, 0.2), (x, -0.24, 0.3), 0.15, 0.08, 2))
        parts += mirrored(limb((x, -0.24, 0.28), (x, -0.24, 0.31), 0.07, 0.75, 2))
    return parts


def _jeep() -> Parts:
    parts = [block((0.0, 0, 0), (0.8, 0.18, 0.36), 0.5), block((0.5, 0.24, 0), (0.3, 0.07, 0.3), 0.5)]
    parts += [block((0.18, 0.42, 0), (0.02, 0.24, 0.34), 0.15, 2), block((-0.82, 0.1, 0), (0.02, 0.02, 0.3), 0.4, 2)]
    parts += mirrored(limb((-0.6, 0.15, 0.32), (-0.6, 0.66, 0.32), 0.03, 0.85, 2))
    parts += [limb((-0.6, 0.66, -0.33), (-0.6, 0.66, 0.33), 0.03, 0.85, 2)]
    parts += mirrored(limb((-0.6, 0.66, 0.32), (0.18, 0.66, 0.32), 0.025, 0.85, 2))
    parts += [
        block((-0.2, 0.3, 0), (0.06, 0.18, 0.28), 0.25, 1),
        limb((-0.82, 0.18, 0), (-0.94, 0.18, 0), 0.2, 0.08, 2),
    ]
    for x in (-0.5, 0.52):
        parts += mirrored(limb((x, -0.2, 0.28), (x, -0.2, 0.44), 0.24, 0.08, 2))
        parts += mirrored(limb((x, -0.2, 0.42), (x, -0.2, 0.46), 0.1, 0.7, 2))
    return parts + list(mirrored(ball((0.8, 0.06, 0.22), (0.04, 0.08, 0.08), 1.0, 2)))


CARS = {
    "beetle": _beetle, "coach": _coach, "estate": _estate, "jeep": _jeep,
    "pickup": _pickup, "saloon": _saloon, "sports_car": _sports_car, "van": _van,
}  # fmt: skip
