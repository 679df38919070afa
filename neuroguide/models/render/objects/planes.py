"""Aeroplanes: a body, wings and a tail with eight sets of proportions and extras."""

from __future__ import annotations

from neuroguide.models.render.shapes import Part, ball, block, limb, mirrored, turn

Parts = list[Part]


def plane(
    *,
    body: tuple[float, float],
    wing: tuple[float, float, float, float, float],
    tail: tuple[float, float, float],
    paint: float = 0.85,
    nose: float = 0.3,
) -> Parts:
    """An aeroplane heading to the right.

    Parameters
    ----------
    body : tuple
        Half-length and radius.
    wing : tuple
        Where it joins the body along x and y, its span (one side), its chord at the root, its sweep.
    tail : tuple
        Span of the tailplane, height of the fin, chord.
    paint : float
        Reflectance of the body.
    nose : float
        How far from the nose the body begins to narrow, as a fraction of its length.
    """
    length, radius = body
    parts = [limb((-length * 0.5, 0, 0), (length * (1 - nose), 0, 0), radius, paint)]
    parts += [ball((length * (1 - nose), 0, 0), (length * nose, radius, radius), paint)]
    parts += [limb((-length * 0.5, 0, 0), (-length, radius * 0.4, 0), (radius, radius * 0.75, radius * 0.25), paint)]
    x, y, span, chord, sweep = wing
    parts += _wing((x, y, 0.0), span, chord, sweep, 0.6)
    parts += _wing((-length * 0.88, radius * 0.3, 0.0), tail[0], tail[2], tail[0] * 0.5, 0.6)
    fin = block(
        (-length * 0.9, radius * 0.4 + tail[1] / 2, 0), (tail[2] * 0.6, tail[1] / 2, 0.02), 0.5, 1, top=(1.15, 0.0, 1)
    )
    return [
        *parts,
        fin,
        ball(
            (length * (1 - nose * 0.75), radius * 0.55, 0), (length * nose * 0.35, radius * 0.42, radius * 0.6), 0.1, 2
        ),
    ]


def _wing(root: tuple[float, float, float], span: float, chord: float, sweep: float, value: float) -> Parts:
    """A pair of wings: wedges that narrow outwards and lean back by ``sweep``."""
    x, y, z = root
    half = chord / 2
    top = (1 + sweep / half, 0.35 - sweep / half, 0.6)
    # the wedge's own height runs outwards; it is laid flat by turning it about the body
    out = block((x, y, z + span / 2), (half, span / 2, 0.022), value, 0, top=top, rotation=turn(pitch=90))
    return list(mirrored(out))


def _pods(places: tuple[tuple[float, float, float], ...], length: float, radius: float) -> Parts:
    """Engines, mirrored."""
    parts: Parts = []
    for x, y, z in places:
        parts += mirrored(limb((x - length, y, z), (x + length, y, z), (radius * 0.7, radius, radius), 0.4, 1))
        parts += mirrored(limb((x + length * 0.98, y, z), (x + length * 1.03, y, z), radius * 0.8, 0.08, 2))
    return parts


def _airliner() -> Parts:
    parts = plane(body=(1.0, 0.12), wing=(0.05, -0.05, 0.9, 0.34, 0.35), tail=(0.34, 0.34, 0.2))
    return parts + _pods(((0.12, -0.14, 0.34),), 0.13, 0.07)


def _jumbo() -> Parts:
    parts = plane(body=(1.0, 0.15), wing=(0.05, -0.07, 0.95, 0.42, 0.4), tail=(0.38, 0.36, 0.24))
    parts += [ball((0.55, 0.1, 0), (0.36, 0.13, 0.12), 0.85)]
    return parts + _pods(((0.16, -0.18, 0.32), (-0.02, -0.16, 0.6)), 0.12, 0.065)


def _fighter() -> Parts:
    parts = plane(body=(1.0, 0.11), wing=(-0.2, 0.0, 0.55, 0.8, 0.3), tail=(0.3, 0.3, 0.24), paint=0.5, nose=0.5)
    parts += mirrored(limb((0.25, -0.02, 0.13), (-0.9, -0.02, 0.1), (0.08, 0.1, 0.09), 0.45))
    return parts + list(mirrored(limb((0.25, -0.02, 0.55), (-0.45, -0.02, 0.55), (0.01, 0.03, 0.02), 0.9, 2)))


def _biplane() -> Parts:
    parts = plane(body=(0.72, 0.12), wing=(0.2, -0.14, 0.8, 0.26, 0.0), tail=(0.3, 0.24, 0.2), nose=0.2, paint=0.6)
    parts += _wing((0.25, 0.3, 0.0), 0.85, 0.26, 0.0, 0.6)
    parts += [p for x in (0.12, 0.32) for p in mirrored(limb((x, -0.13, 0.5), (x, 0.3, 0.5), 0.015, 0.25, 2))]
    return [*parts, *_propeller((0.74, 0, 0), 0.34), *_wheels(0.3, -0.36, 0.2, 0.1)]


def _propeller(centre: tuple[float, float, float], length: float) -> Parts:
    x, y, z = centre
    blade = block((x, y, z), (0.012, length, 0.045), 0.15, 2, rotation=turn(pitch=35))
    return [blade, ball(centre, 0.05, 0.8, 1)]


def _wheels(x: float, y: float, z: float, radius: float) -> Parts:
    parts = [*mirrored(limb((x, y, z - 0.03), (x, y, z + 0.03), radius, 0.1, 2))]
    return [*parts, *mirrored(limb((x, y, z), (x - 0.03, -0.08, 0.06), 0.018, 0.3, 2))]


def _light_aircraft() -> Parts:
    parts = plane(body=(0.75, 0.13), wing=(0.2, 0.2, 0.95, 0.26, 0.02), tail=(0.32, 0.26, 0.18), nose=0.3)
    parts += [block((0.2, 0.12, 0), (0.2, 0.09, 0.11), 0.1, 2, top=(0.9, 0.6, 1)), *_propeller((0.77, 0, 0), 0.3)]
    return [
        *parts,
        *mirrored(limb((0.15, -0.08, 0.1), (0.2, 0.18, 0.5), 0.018, 0.3, 2)),
        *_wheels(0.15, -0.3, 0.2, 0.08),
    ]


def _glider() -> Parts:
    parts = plane(body=(0.62, 0.075), wing=(0.14, 0.05, 1.15, 0.14, 0.02), tail=(0.26, 0.2, 0.1), nose=0.5, paint=0.95)
    return [*parts, ball((0.3, 0.06, 0), (0.2, 0.06, 0.06), 0.1, 2)]


def _seaplane() -> Parts:
    parts = plane(body=(0.8, 0.13), wing=(0.1, 0.16, 0.9, 0.28, 0.05), tail=(0.34, 0.3, 0.2), nose=0.3, paint=0.7)
    parts += mirrored(limb((-0.5, -0.36, 0.28), (0.62, -0.34, 0.28), (0.04, 0.085, 0.03), 0.9, 1))
    parts += mirrored(limb((0.25, -0.32, 0.28), (0.2, -0.05, 0.08), 0.02, 0.3, 2))
    parts += mirrored(limb((-0.2, -0.32, 0.28), (-0.15, -0.05, 0.08), 0.02, 0.3, 2))
    return [*parts, *_propeller((0.82, 0, 0), 0.28)]


def _flying_wing() -> Parts:
    parts = [*_wing((0.1, 0, 0), 1.05, 0.72, 0.42, 0.45), ball((0.12, 0.03, 0), (0.42, 0.09, 0.18), 0.5)]
    parts += [ball((0.32, 0.09, 0), (0.13, 0.05, 0.09), 0.1, 2)]
    return parts + list(mirrored(ball((-0.05, 0.04, 0.27), (0.2, 0.06, 0.08), 0.35, 1)))


PLANES = {
    "airliner": _airliner, "biplane": _biplane, "fighter": _fighter, "flying_wing": _flying_wing,
    "glider": _glider, "jumbo": _jumbo, "light_aircraft": _light_aircraft, "seaplane": _seaplane,
}  # fmt: skip
