"""Better guides than P + TG: tried on one half of the macro pool only, reported once on the other half and on cells.

A method is a list of features; its value is their weighted sum, each z-scored over the members at hand. Weights are
fitted for every number of images by ridge regression on the mature accuracies of the fitting part (as z-scores; the
penalty by leave-one-out), or fixed. Chosen is the method with the highest mean Spearman correlation over 0 to 4,000
images in 20 repetitions of 5-fold cross-validation inside the choose half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from evidence_pool import LEAST, Table, zscored
from evidence_statistics import Estimate, Floats, spearman
from evidence_tables import CONFIRMATORY, HEADLINE, PROXIES, markdown
from numpy.typing import NDArray

REPETITIONS, FOLDS = 20, 5
TOP = 4000
BRAIN = ("TG(monkey IT)", "TG(V4)")
PENALTIES = 10.0 ** np.arange(-1, 4)


@dataclass(frozen=True)
class Method:
    """Features, and their weights if these are not fitted."""

    name: str
    features: tuple[str, ...]
    weights: tuple[float, ...] | None = None


METHODS = (
    Method("P", ("P",), (1.0,)),
    Method("z(P) + z(IT) + z(V4)", ("P", *BRAIN), (1.0, 0.5, 0.5)),
    Method("weights for P, IT, V4", ("P", *BRAIN)),
    Method("weights, Spearman", ("P", "spearman monkey IT", "spearman V4")),
    Method("weights, whitened", ("P", "whitened monkey IT", "whitened V4")),
    Method("weights, CKA", ("P", "cka monkey IT", "cka V4")),
    Method("weights, and similarity at initialisation", ("P", *BRAIN, "initial TG(monkey IT)", "initial TG(V4)")),
    Method("weights, and three more recordings", ("P", *BRAIN, "TG(human IT)", "TG(V4-89)")),
    Method("weights, and EfficientNet-Lite0",
           ("P", *BRAIN, *(f"TG(EfficientNet-Lite0 blocks.{b}@it)" for b in (4, 8, 13)))),
    Method("weights, loss for P", ("loss", "summed_training_loss", *BRAIN)),
    Method("weights, loss beside P", ("P", "loss", "summed_training_loss", *BRAIN)),
    Method("weights, and proxies", ("P", *BRAIN, *PROXIES)),
    Method("weights, proxies, no brain", ("P", *PROXIES)),
    Method("weights, losses, no brain", ("P", "loss", "summed_training_loss")),
)  # fmt: skip


def feature(table: Table, name: str, images: int) -> Floats:
    """One feature of all members with seed A."""
    kind, _, teacher = name.partition(" ")
    if kind == "initial":
        return table.values(teacher, 0)
    if kind in ("spearman", "whitened", "cka"):
        found = table.controls[kind].sel(seed="A", images_early=images, brain_teacher=teacher).values
        return found[table.rows].astype(float)
    return table.values(name, 0 if name in PROXIES else images)


def design(table: Table, method: Method, images: int, kept: NDArray[np.bool_]) -> Floats:
    """Features of some members, z-scored over them, (n, n_features)."""
    columns = [zscored(feature(table, name, images)[kept]) for name in method.features]
    return np.column_stack(columns)


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
    for images in (i for i in table.images if i <= TOP):
        x = design(table, method, images, kept)
        for repetition in range(REPETITIONS):
            part = np.random.default_rng(repetition).permutation(len(x)) % FOLDS
            value = np.empty(len(x))
            for fold in range(FOLDS):
                out = part == fold
                weights = fitted(x[~out], mature[~out]) if method.weights is None else np.array(method.weights)
                value[out] = x[out] @ weights
                held = spearman(value[out], mature[out], np.ones((1, int(out.sum())), np.int64))[0]
                found.append(0.0 if np.isnan(held) else held)
    return float(np.mean(found))


def choose(table: Table) -> tuple[Method, dict[str, float]]:
    """The winner on the choose half, and every method's score there."""
    kept = table.stratum("c") & (table.half == "choose")
    scores = {method.name: cross_validated(table, method, kept) for method in METHODS}
    return max(METHODS, key=lambda method: scores[method.name]), scores


def weights_by_images(table: Table, method: Method) -> dict[int, Floats]:
    """Weights fitted on the whole choose half."""
    kept = table.stratum("c") & (table.half == "choose")
    found = {}
    for images in table.images:
        if images <= TOP:
            x = design(table, method, images, kept)
            found[images] = fitted(x, table.mature[kept]) if method.weights is None else np.array(method.weights)
    return found


def applied(table: Table, method: Method, weights: dict[int, Floats], images: int, kept: NDArray[np.bool_]) -> Floats:
    """A method's value with weights from elsewhere."""
    return design(table, method, images, kept) @ weights[images]


def report(tables: dict[str, Table], best: str) -> str:
    """Scores on the choose half; the winner against P, P + TG and the best baseline on untouched networks."""
    macro = tables["macro"]
    if (macro.stratum("c") & (macro.half == "choose")).sum() < 2 * LEAST:
        return "Too few networks in the choose half yet."
    winner, scores = choose(macro)
    weights = weights_by_images(macro, winner)
    listed = sorted(scores.items(), key=lambda item: -item[1])
    text = markdown(("method, on the choose half", "mean Spearman, 0 to 4,000 images, held out"),
                    [(f"**{n}**" if n == winner.name else n, f"{v:.3f}") for n, v in listed])  # fmt: skip
    text += "\n\nWeights of the winner by images: " + "; ".join(
        f"{images:,}: {', '.join(f'{name} {w:.2f}' for name, w in zip(winner.features, values, strict=True))}"
        for images, values in weights.items()
    )
    rows = []
    for name, table in tables.items():
        kept = table.stratum("c") & (table.half == "report") if name == "macro" else table.stratum("c")
        if kept.sum() < LEAST:
            continue
        counts = table.counts(kept, CONFIRMATORY)
        for images in weights:
            ours = spearman(applied(table, winner, weights, images, kept), table.mature[kept], counts)
            row = [f"`{name}`" + (", report half" if name == "macro" else ""), str(int(kept.sum())), f"{images:,}",
                   str(Estimate.of(ours[0], ours[1:]))]  # fmt: skip
            for other in ("P", HEADLINE, f"P & {best}"):
                theirs = spearman(table.values(other, images)[kept], table.mature[kept], counts)
                row.append(str(Estimate.of(ours[0] - theirs[0], (ours - theirs)[1:])))
            rows.append(row)
    header = ("pool", "n", "images", "winner", "minus P", "minus P + TG(V4, IT)", f"minus P & {best}")
    return f"{text}\n\n{markdown(header, rows)}"
