"""Better guides than P + TG: tried on one half of the macro pool only, reported on the other half and on cells.

A method is a list of measures; its value is their weighted sum, each z-scored over the choose half. Weights are fitted
for every number of images by ridge regression on mature accuracies (z-scores; the penalty by leave-one-out), or fixed.
Chosen is the method with the highest mean Spearman correlation over 0 to 4,000 images in 20 repetitions of 5-fold
cross-validation inside the choose half.

    python benchmarks/evidence_beyond.py            # what was tried, and the winner
    python benchmarks/evidence_beyond.py --write    # fixes the winner's weights as guide="auto" of the package
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from evidence_pool import HERE, LEAST, POSITIVE, Table, zscored
from evidence_statistics import Estimate, Floats, efficiency, spearman
from evidence_tables import CONFIRMATORY, EXPLORATORY, GOALS, HEADLINE, PROXIES, ceiling_of, markdown
from numpy.typing import NDArray

from neuroguide._core.atomic import write_text
from neuroguide.nas.guides.auto import AutoWeights

REPETITIONS, FOLDS = 20, 5
TOP = 4000
PENALTIES = 10.0 ** np.arange(-1, 4)
BRAIN = ("similarity/monkey IT", "similarity/V4")
LITE0 = tuple(f"similarity/EfficientNet-Lite0 blocks.{b}@it" for b in (4, 8, 13))
#: What the winner is compared with to see what recordings add: the same measures without similarities.
BRAINLESS = "no brain: P, size"
SHIPPED = HERE.parent / "neuroguide" / "_data" / "auto_guide.json"


@dataclass(frozen=True)
class Method:
    """Measures, their weights if these are not fitted, and how the RDMs behind similarities are compared."""

    name: str
    features: tuple[str, ...]
    weights: tuple[float, ...] | None = None
    comparison: str = "pearson"


def _fitted_methods() -> list[Method]:
    """Weights for P and for both recordings, by what else takes part and how RDMs are compared."""
    found = []
    for comparison, extra in itertools.product(
        ("pearson", "spearman", "whitened", "cka"),
        ("", "initial", "losses", "initial, losses", "size", "initial, size"),
    ):
        features = ("P", *BRAIN)
        features += tuple(f"initial {name}" for name in BRAIN) if "initial" in extra else ()
        features += ("loss", "summed_training_loss") if "losses" in extra else ()
        features += ("log parameters", "log flops") if "size" in extra else ()
        name = f"P, IT, V4{'' if comparison == 'pearson' else f' ({comparison})'}{f', {extra}' if extra else ''}"
        found.append(Method(name, features, comparison=comparison))
    return found


METHODS = (
    Method("P", ("P",), (1.0,)),
    Method("z(P) + z(IT) + z(V4)", ("P", *BRAIN), (1.0, 0.5, 0.5)),
    *_fitted_methods(),
    Method("P, IT, V4, human IT, V4-89", ("P", *BRAIN, "similarity/human IT", "similarity/V4-89")),
    Method("P, IT, V4, EfficientNet-Lite0", ("P", *BRAIN, *LITE0)),
    Method("P, IT, V4, proxies", ("P", *BRAIN, *PROXIES)),
    Method("no brain: P, proxies", ("P", *PROXIES)),
    Method("no brain: P, losses", ("P", "loss", "summed_training_loss")),
    Method("no brain: P, size", ("P", "log parameters", "log flops")),
    Method("no brain: P, pixels, initial", ("P", *(f"{when}similarity/pixels@{where}"
                                            for when in ("", "initial ") for where in ("v4", "it")))),
)  # fmt: skip


def feature(table: Table, name: str, images: int, comparison: str = "pearson") -> Floats:
    """One measure of all members with seed A; an undefined loss counts as the largest."""
    plain = name.removeprefix("initial ")
    images = 0 if plain != name or name in PROXIES else images
    teacher = plain.removeprefix("similarity/")
    if comparison != "pearson" and teacher != plain:
        other = table.controls[comparison].sel(seed="A", images_early=images, brain_teacher=teacher)
        return other.values[table.rows].astype(float)
    found = table.pool.measures(images)[plain.removeprefix("log ")][table.rows]
    found = np.log(found) if plain.startswith("log ") or plain in POSITIVE else found
    return np.where(np.isfinite(found), found, np.nanmax(found, initial=0.0))


def design(table: Table, method: Method, images: int, kept: NDArray[np.bool_]) -> Floats:
    """Measures of some members, z-scored over them, (n, n_features)."""
    return np.column_stack([zscored(feature(table, name, images, method.comparison)[kept]) for name in method.features])


def fitted(x: Floats, y: Floats) -> Floats:
    """Ridge weights; the penalty by leave-one-out."""
    y = zscored(y)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    best, chosen = np.inf, np.zeros(x.shape[1])
    for penalty in PENALTIES:
        shrunk = s**2 / (s**2 + penalty)
        hat = (u * shrunk) @ u.T
        error = float(np.mean(((y - hat @ y) / (1 - np.diag(hat))) ** 2))
        if error < best:
            best, chosen = error, vt.T @ (s / (s**2 + penalty) * (u.T @ y))
    return chosen


def cross_validated(table: Table, method: Method, kept: NDArray[np.bool_]) -> float:
    """Mean Spearman over images and held-out parts."""
    mature = table.mature[kept]
    found = []
    for images in early(table):
        x = design(table, method, images, kept)
        for repetition in range(REPETITIONS):
            part = np.random.default_rng(repetition).permutation(len(x)) % FOLDS
            for fold in range(FOLDS):
                out = part == fold
                weights = fitted(x[~out], mature[~out]) if method.weights is None else np.array(method.weights)
                held = spearman(x[out] @ weights, mature[out], np.ones((1, int(out.sum())), np.int64))[0]
                found.append(0.0 if np.isnan(held) else held)
    return float(np.mean(found))


def early(table: Table) -> list[int]:
    """Numbers of images over which methods are compared."""
    return [images for images in table.images if images <= TOP]


def choose(table: Table) -> tuple[Method, dict[str, float]]:
    """The winner on the choose half, and every method's score there."""
    kept = chosen_half(table)
    scores = {method.name: cross_validated(table, method, kept) for method in METHODS}
    return max(METHODS, key=lambda method: scores[method.name]), scores


def chosen_half(table: Table) -> NDArray[np.bool_]:
    """The networks that methods are chosen and fitted on."""
    return table.stratum("c") & (table.half == "choose")


def untouched(table: Table, name: str) -> NDArray[np.bool_]:
    """The networks that they are reported on."""
    return table.stratum("c") & (table.half == "report") if name == "macro" else table.stratum("c")


def fixed(table: Table, method: Method) -> AutoWeights:
    """The method with mean, sd and weights of the choose half."""
    kept = chosen_half(table)
    mean, sd, weights = [], [], []
    for images in early(table):
        raw = np.column_stack([feature(table, name, images, method.comparison)[kept] for name in method.features])
        x = design(table, method, images, kept)
        found = fitted(x, table.mature[kept]) if method.weights is None else np.array(method.weights)
        spread = raw.std(axis=0)
        alive = spread > 1e-12
        mean.append(tuple(raw.mean(axis=0)))
        sd.append(tuple(np.where(alive, spread, 1.0)))
        weights.append(tuple(np.where(alive, found, 0.0)))
    rounded = [tuple(tuple(float(f"{v:.6g}") for v in row) for row in rows) for rows in (mean, sd, weights)]
    # the whitened comparison is that of Pearson
    comparison = {"whitened": "whitened-pearson"}.get(method.comparison, method.comparison)
    return AutoWeights(method.features, tuple(early(table)), *rounded, comparison=comparison)


def shipped() -> AutoWeights | None:
    """What the package has as ``guide="auto"``, if anything."""
    return AutoWeights.from_json(json.loads(SHIPPED.read_text(encoding="utf-8"))) if SHIPPED.is_file() else None


def tried(table: Table) -> tuple[Method, str]:
    """The winner, and the score of every method on the choose half."""
    winner, scores = choose(table)
    listed = sorted(scores.items(), key=lambda item: -item[1])
    rows = [(f"**{name}**" if name == winner.name else name, f"{score:.3f}") for name, score in listed]
    header = (f"method, {int(chosen_half(table).sum())} networks of the choose half",
              "mean Spearman, 0 to 4,000 images, held out")  # fmt: skip
    return winner, markdown(header, rows)


def weights_table(auto: AutoWeights) -> str:
    """The weights, for z-scores, by images."""
    rows = [(f"{n:,}", *(f"{w:+.2f}" for w in row)) for n, row in zip(auto.images, auto.weights, strict=True)]
    return markdown(("images", *auto.features), rows)


def by_images(tables: dict[str, Table], auto: AutoWeights, baselines: Sequence[str]) -> str:
    """``auto`` against P, P + TG and baselines beside P on untouched networks."""
    rows = []
    # the same fit without any similarity: what the brain adds
    brainless = fixed(tables["macro"], next(method for method in METHODS if method.name == BRAINLESS))
    for name, table in tables.items():
        kept = untouched(table, name)
        if kept.sum() < LEAST:
            continue
        counts = table.counts(kept, CONFIRMATORY)
        for images in early(table):
            ours = spearman(table.pool.values(auto, images)[table.rows][kept], table.mature[kept], counts)
            row = [f"`{name}`{', report half' if name == 'macro' else ''}", str(int(kept.sum())), f"{images:,}",
                   str(Estimate.of(ours[0], ours[1:]))]  # fmt: skip
            others = [table.values(other, images) for other in ("P", HEADLINE, *(f"P & {b}" for b in baselines))]
            for values in (*others, table.pool.values(brainless, images)[table.rows]):
                theirs = spearman(values[kept], table.mature[kept], counts)
                row.append(str(Estimate.of(ours[0] - theirs[0], (ours - theirs)[1:])))
            rows.append(row)
    header = ("pool", "n", "images", "auto", "auto minus P", "auto minus P + TG(V4, IT)",
              *(f"auto minus P & {b}" for b in baselines), f"auto minus the fit of \"{BRAINLESS}\"")  # fmt: skip
    return markdown(header, rows)


def efficiencies(tables: dict[str, Table], auto: AutoWeights) -> str:
    """Cost of P over that of ``auto`` and of P + TG on untouched networks."""
    rows = []
    for name, table in tables.items():
        kept = untouched(table, name)
        ceiling = ceiling_of(table).value
        if kept.sum() < LEAST or not np.isfinite(ceiling):
            continue
        for label, sizes in (("1,000", [1000]), ("cheapest", [250, 500, 1000, 2500, 5000])):
            reference = curve(table, "P", kept, sizes)
            for text, guide in (("auto", auto), ("P + TG(V4, IT)", HEADLINE)):
                side = curve(table, guide, kept, sizes)
                goals = [np.full(len(side[1]), share * ceiling) for share in GOALS]
                found = [str(efficiency(*reference, *side, goal)) for goal in goals]
                rows.append([f"`{name}`{', report half' if name == 'macro' else ''}", text, label, *found])
    header = ("pool", "guide", "validation images", *(f"to {share} of the ceiling" for share in GOALS))
    return markdown(header, rows) if rows else "No ceiling yet."


def curve(
    table: Table, guide: str | AutoWeights, kept: NDArray[np.bool_], sizes: list[int]
) -> tuple[list[float], Floats]:
    """Costs, and Spearman with mature accuracy there, (n_samples, n_costs), on some of the networks."""
    counts = table.counts(kept, EXPLORATORY)
    points = []
    for size, images in itertools.product(sizes, early(table) if isinstance(guide, AutoWeights) else table.images):
        values = table.pool.values(guide, images, validation_images=size)[table.rows][kept]
        cost = table.pool.cost(guide, images, validation_images=size)
        points.append((cost, spearman(values, table.mature[kept], counts)))
    points.sort(key=lambda point: point[0])
    return [cost for cost, _ in points], np.stack([values for _, values in points], axis=1)


def report(tables: dict[str, Table], baselines: Sequence[str]) -> str:
    """Scores on the choose half; the guide that was fixed from it, on untouched networks."""
    auto, macro = shipped(), tables["macro"]
    if chosen_half(macro).sum() < 2 * LEAST or auto is None:
        return "Too few networks in the choose half yet."
    _, scores = tried(macro)
    text = f'`guide="auto"` compares RDMs by {auto.comparison}. Its weights, for z-scores:'
    parts = (scores, text, weights_table(auto), by_images(tables, auto, baselines), efficiencies(tables, auto))
    return "\n\n".join(parts)


def main() -> None:
    """Try the methods; fix the winner."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    table = Table.open("macro")
    winner, scores = tried(table)
    auto = fixed(table, winner)
    print(scores, weights_table(auto), sep="\n\n")
    if write:
        write_text(SHIPPED, json.dumps(auto.to_json(), indent=1) + "\n")


if __name__ == "__main__":
    main()
