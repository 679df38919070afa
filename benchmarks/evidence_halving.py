"""Successive halving inside a pool, by different guides: does guidance buy more when it decides who is trained longer?

Each of 2,000 draws takes 24 networks without replacement, of `macro` from the half on which nothing was chosen. *Flat*
trains all on a number of images and takes the best by the guide; the *ladder* trains all on 250 images, the best 8 of
them anew on 1,000, the best 3 anew on 4,000, and takes the best there. Number and rungs are our choice; everything here
is exploratory.
"""

from __future__ import annotations

import numpy as np
from evidence_beyond import untouched
from evidence_pool import Table
from evidence_statistics import Floats
from evidence_tables import HEADLINE, markdown
from numpy.typing import NDArray

DRAWS, DRAWN = 2000, 24
FLAT = (500, 1000, 2000, 4000)
LADDER = ((24, 250), (8, 1000), (3, 4000))
VALIDATION = 1000


def draws(n: int) -> NDArray[np.intp]:
    """Networks of every draw, (n_draws, n_drawn)."""
    rng = np.random.default_rng(15)
    return np.stack([rng.permutation(n)[:DRAWN] for _ in range(DRAWS)])


def climb(values: dict[int, Floats], drawn: NDArray[np.intp], rungs: tuple[tuple[int, int], ...]) -> NDArray[np.intp]:
    """Which network each draw ends with, (n_draws,)."""
    for place, (_, images) in enumerate(rungs):
        kept = rungs[place + 1][0] if place + 1 < len(rungs) else 1
        order = np.argsort(-values[images][drawn], axis=1, kind="stable")[:, :kept]
        drawn = np.take_along_axis(drawn, order, axis=1)
    return drawn[:, 0]


def spent(table: Table, guide: str, rungs: tuple[tuple[int, int], ...]) -> float:
    """Image-equivalents of one draw."""
    return sum(count * table.cost(guide, images, VALIDATION) for count, images in rungs)


def report(tables: dict[str, Table], guides: tuple[str, ...]) -> str:
    """Rank in mature accuracy, among the 24, of what each way ends with; and what it costs."""
    rows = []
    for name, table in tables.items():
        kept = untouched(table, name)
        if kept.sum() <= DRAWN:
            continue
        drawn = draws(int(kept.sum()))
        mature = table.mature[kept][drawn]
        for guide in ("P", HEADLINE, *guides):
            needed = sorted({*FLAT, *(images for _, images in LADDER)})
            values = {i: table.values(guide, i, validation_images=VALIDATION)[kept] for i in needed}
            ways = {f"flat, {images:,}": ((DRAWN, images),) for images in FLAT} | {"ladder": LADDER}
            for way, rungs in ways.items():
                reached = table.mature[kept][climb(values, drawn, rungs)][:, None]
                beaten = (mature < reached).sum(axis=1) / (DRAWN - 1)
                top = (mature > reached).sum(axis=1) < 2
                rows.append([f"`{name}`", guide, way, f"{spent(table, guide, rungs):,.0f}", f"{beaten.mean():.3f}",
                             f"{top.mean():.0%}"])  # fmt: skip
    if not rows:
        return "Not enough networks yet."
    header = ("pool", "guide", "way", "image-equivalents", f"share of the other {DRAWN - 1} that it beats, mean",
              f"among the best 2 of {DRAWN}")  # fmt: skip
    return markdown(header, rows)
