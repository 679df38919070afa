"""The tables of docs/evidence.md, each as markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from evidence_pool import LEAST, STRATA, Table
from evidence_statistics import (
    Efficiency,
    Estimate,
    Floats,
    efficiency,
    holm,
    partial_spearman,
    spearman,
)
from scipy.stats import kendalltau

BRAIN = "TG(V4, monkey IT)"
HEADLINE = f"P + {BRAIN}"
PROXIES = ("synflow", "grad-norm", "snip", "jacobian-covariance", "naswot")
BASELINES = (*PROXIES, "summed_training_loss", "loss", "log parameters", "log flops", "descriptors")
CONFIRMATORY, EXPLORATORY = 10_000, 2_000
GOALS = (0.6, 0.7, 0.8)
#: (what is said, the guide): on identical images within a group.
TEACHERS = (
    ("monkey V4 + IT", BRAIN),
    ("monkey IT", "TG(monkey IT)"),
    ("human IT (fMRI)", "TG(human IT)"),
    ("monkey V4, 50 units", "TG(V4)"),
    ("monkey V4, 89 units", "TG(V4-89)"),
    *((f"EfficientNet-Lite0, {where}", f"TG({', '.join(f'EfficientNet-Lite0 blocks.{b}@{where}' for b in (4, 8, 13))})")
      for where in ("v4", "it", "cifar")),
    *((f"CIFAR-10 ResNet, {where}", f"TG({', '.join(f'ResNet stage{s}@{where}' for s in (1, 2, 3))})")
      for where in ("v4", "it", "cifar")),
    *((f"pixels, {where}", f"TG(pixels@{where})") for where in ("v4", "it", "cifar")),
    ("pixels, V4 + IT images", "TG(pixels@v4, pixels@it)"),
    ("V1 model, it", "TG(V1)"),
    ("HMAX, it", "TG(HMAX)"),
)  # fmt: skip
UNTRAINED = tuple((f"untrained ResNets, {where}", f"untrained@{where}") for where in ("v4", "it", "cifar"))


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


NOTHING = Estimate(np.nan, np.nan, np.nan, np.nan)


def increment(
    table: Table,
    guide: str,
    reference: str = "P",
    *,
    images: int = 1000,
    stratum: str = "c",
    n_samples: int | None = None,
) -> Estimate:
    """Spearman of the guide with mature accuracy minus that of the reference, paired over architectures."""
    if table.stratum(stratum).sum() < LEAST:
        return NOTHING
    n_samples = n_samples or EXPLORATORY
    ours, theirs = (table.resampled(name, images, stratum=stratum, n_samples=n_samples) for name in (guide, reference))
    return Estimate.of(ours[0] - theirs[0], (ours - theirs)[1:])


def correlation(
    table: Table, guide: str, images: int = 1000, stratum: str = "c", n_samples: int | None = None
) -> Estimate:
    """Spearman of a guide with mature accuracy."""
    if table.stratum(stratum).sum() < LEAST:
        return NOTHING
    found = table.resampled(guide, images, stratum=stratum, n_samples=n_samples or EXPLORATORY)
    return Estimate.of(found[0], found[1:])


def ceiling_of(table: Table) -> Estimate:
    """Seed-to-seed Spearman of mature accuracy."""
    first, second = table.ceiling()
    if len(first) < LEAST:
        return NOTHING
    counts = table.counts(table.second, EXPLORATORY)
    found = spearman(first, second, counts)
    return Estimate.of(found[0], found[1:])


def pools(tables: dict[str, Table]) -> str:
    """What there is."""
    rows = []
    for name, table in tables.items():
        data = table.pool.dataset
        seconds = sum(float(data[k].sum()) for k in ("training_seconds", "validation_seconds", "stimuli_seconds"))
        seconds += float(data["mature_training_seconds"].sum())
        p = table.values("P")
        accuracy = table.mature
        ceiling = ceiling_of(table)
        first, second = table.ceiling()
        noise = f"{np.sqrt(np.mean((first - second) ** 2) / 2):.3f}" if len(first) >= LEAST else "too few"
        rows.append([
            f"`{name}`", f"{len(table.rows)} of {len(table.pool)}", str(int(table.second.sum())),
            f"{seconds / 3600:.1f}", f"{accuracy.min():.3f} / {np.median(accuracy):.3f} / {accuracy.max():.3f}",
            f"{ceiling} (root {np.sqrt(max(ceiling.value, 0)):.2f})" if np.isfinite(ceiling.value) else "too few",
            noise, f"{len(p) - len(np.unique(p))}", str(data.attrs["reasons"].count(":")),
        ])  # fmt: skip
    header = ("pool", "seed A", "seed B", "core hours", "mature test accuracy: lowest / median / highest",
              "ceiling: Spearman of seeds A and B", "sd of one training", "ties of P at 1,000 images",
              "trainings with a reason")  # fmt: skip
    return markdown(header, rows)


def primary(tables: dict[str, Table]) -> str:
    """The primary endpoint first, then the same in every stratum, pool and direction of seeds."""
    rows = []
    for name, table in tables.items():
        for key, text in STRATA.items():
            kept = table.stratum(key)
            if kept.sum() < LEAST:
                continue
            main = name == "macro" and key == "c"
            n_samples = CONFIRMATORY if key == "c" else EXPLORATORY
            found = increment(table, HEADLINE, stratum=key, n_samples=n_samples)
            tau = [kendalltau(table.values(g)[kept], table.mature[kept]).statistic for g in ("P", HEADLINE)]
            rows.append([
                f"`{name}` ({key}) {text}", str(int(kept.sum())), str(correlation(table, "P", stratum=key)),
                str(correlation(table, BRAIN, stratum=key)), str(correlation(table, HEADLINE, stratum=key)),
                f"**{found}**" if main else str(found),
                f"{found.p:.4f}" if main else f"{found.p:.3f}", f"{tau[1] - tau[0]:+.3f}",
            ])  # fmt: skip
    header = ("pool and stratum", "n", "P", "TG", "P + TG", "increment of P + TG over P", "p", "in Kendall's tau-b")
    return markdown(header, rows)


def directions(tables: dict[str, Table]) -> str:
    """The headline with other pairs of seeds."""
    rows = []
    for name, table in tables.items():
        second = table.pool.mature("B")[table.rows]
        for early, late, target in (("A", "B", second), ("B", "A", table.mature), ("B", "B", second)):
            kept = table.stratum("c") & table.second
            text = "too few networks yet"
            if kept.sum() >= LEAST:
                counts = table.counts(kept, EXPLORATORY)
                ours, theirs = (
                    spearman(table.values(guide, seed=early)[kept], target[kept], counts) for guide in (HEADLINE, "P")
                )
                text = str(Estimate.of(ours[0] - theirs[0], (ours - theirs)[1:]))
            rows.append([f"`{name}`", early, late, str(int(kept.sum())), text])
    return markdown(("pool", "early seed", "mature seed", "n", "increment of P + TG over P, (c)"), rows)


def best_baseline(table: Table, among: Sequence[str] = BASELINES) -> str:
    """Highest Spearman at 1,000 images in the choose half; the direction of a baseline is not turned round."""
    chosen = table.half == "choose"
    found = {}
    for name in among:
        values = table.values(name, 0 if name in PROXIES else 1000)[chosen]
        found[name] = spearman(values, table.mature[chosen], np.ones((1, chosen.sum()), np.int64))[0]
    return max(found, key=lambda name: found[name])


def secondary(tables: dict[str, Table], best: str) -> str:
    """The family that is corrected together."""
    macro = tables["macro"]
    n = CONFIRMATORY
    tests: list[tuple[str, Estimate]] = []
    for number, name in ((1, "cells"), (2, "macro-wide")):
        found = increment(tables[name], HEADLINE, n_samples=n) if name in tables else NOTHING
        tests.append((f"{number}. P + TG(IT, V4) minus P, `{name}` (c)", found))
    tests += [
        ("3. TG(IT, V4) alone minus P", increment(macro, BRAIN, n_samples=n)),
        ("4. P + TG(IT) minus P", increment(macro, "P + TG(monkey IT)", n_samples=n)),
        ("5. P + TG(V4) minus P", increment(macro, "P + TG(V4)", n_samples=n)),
        ("6. partial Spearman of TG(IT, V4) given P and the architecture", partial(macro, BRAIN)),
        (f"7. P + TG(IT, V4) minus P & {best}", increment(macro, HEADLINE, f"P & {best}", n_samples=n)),
        ("8. P + TG(IT, V4) minus P + TG(pixels on the same images)",
         increment(macro, HEADLINE, "P + TG(pixels@v4, pixels@it)", n_samples=n)),
        ("9. increment of P + TG(IT, V4) against permuted stimuli (one-sided)", permuted(macro)),
        ("10. TG(IT, V4) at 0 images, Spearman", correlation(macro, BRAIN, 0, n_samples=n)),
    ]  # fmt: skip
    adjusted = holm([found.p for _, found in tests])
    rows = [
        [text, str(found) if np.isfinite(found.value) else "too few networks yet", f"{found.p:.4f}", f"{p:.4f}"]
        for (text, found), p in zip(tests, adjusted, strict=True)
    ]
    return markdown(("test (`macro` (c), 1,000 images, unless said)", "value [95%]", "p", "p, Holm"), rows)


def partial(
    table: Table, guide: str, *, images: int = 1000, stratum: str = "c", n_samples: int | None = None
) -> Estimate:
    """Partial Spearman of a guide with mature accuracy given P at 1,000 images and the architecture's numbers."""
    kept = table.stratum(stratum)
    covariates = np.column_stack([table.covariates, table.values("P")])[kept]
    if kept.sum() < LEAST + covariates.shape[1]:
        return NOTHING
    counts = table.counts(kept, n_samples or EXPLORATORY)
    found = partial_spearman(table.values(guide, images)[kept], table.mature[kept], covariates, counts)
    return Estimate.of(found[0], found[1:])


def permuted_increments(table: Table, kind: str = "free", images: int = 1000) -> tuple[Floats, float]:
    """Increments of ``P + TG`` over P under 200 permutations of the recordings' stimuli, and the real one."""
    kept = table.stratum("c")
    at = table.controls.sel(seed="A", images_varied=images)
    v4 = at["null V4"].values[table.rows][kept] / table.pool.ceilings["V4"]
    it = at["null monkey IT" + (" within" if kind == "within" else "")].values[table.rows][kept]
    p, mature = table.values("P", images)[kept], table.mature[kept]
    once = np.ones((1, len(p)), np.int64)
    base = spearman(p, mature, once)[0]
    drawn = [spearman(p + (v4[:, j] + it[:, j]) / 2, mature, once)[0] - base for j in range(v4.shape[1])]
    real = spearman(table.values(HEADLINE, images)[kept], mature, once)[0] - base
    return np.array(drawn), float(real)


def permuted(table: Table) -> Estimate:
    """Test 9: the increment, and between which quantiles that of permuted stimuli lies."""
    if table.stratum("c").sum() < LEAST:
        return NOTHING
    drawn, real = permuted_increments(table)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(real, float(low), float(high), float((1 + (drawn >= real).sum()) / (1 + len(drawn))))


def everything(table: Table, images: int = 1000) -> str:
    """Every teacher, control and baseline: alone, beside P by stratum, and how efficient that is."""
    rows = []
    # given P and size in all networks only where they differ from those of (c)
    strata = "c" if table.stratum("c").all() else "ac"
    entries = [(text, guide, f"P + {guide}") for text, guide in TEACHERS]
    entries += [(text, guide, f"P & {guide}") for text, guide in UNTRAINED]
    entries += [(name, name, f"P & {name}") for name in BASELINES]
    for text, alone, beside in entries:
        own = 0 if alone in PROXIES else images
        found = [increment(table, beside, images=images, stratum=key) for key in STRATA]
        cells = [str(f) if np.isfinite(f.value) else "" for f in found]
        given = [partial(table, alone, images=own, stratum=key, n_samples=300) for key in strata]
        left = [str(g) if np.isfinite(g.value) else "" for g in given]  # of parameters, given parameters
        ratio = efficiency_of(table, beside, 0.7)
        rows.append([text, str(correlation(table, alone, own)), *cells, *left, str(ratio or "no ceiling yet")])
    header = ["guide", "alone, (c)", *(f"beside P, minus P, ({key})" for key in STRATA),
              *(f"partial, given P and size, ({key})" for key in strata),
              "efficiency beside P, to 0.7 of the ceiling"]  # fmt: skip
    return markdown(header, rows)


def curves(table: Table, guide: str, validation_images: int) -> Floats:
    """Spearman with mature accuracy at every number of images in stratum (c), (n_samples, n_images)."""
    options = {"n_samples": EXPLORATORY, "validation_images": validation_images}
    return np.stack([table.resampled(guide, i, **options) for i in table.images], axis=1)


def efficiency_of(
    table: Table, guide: str, share: float, *, validation_images: int | None = 1000, in_seconds: bool = False
) -> Efficiency | None:
    """Efficiency over P in stratum (c); without ``validation_images`` each takes the cheapest number."""
    price = table.seconds if in_seconds else table.cost
    ceiling = ceiling_of(table).value
    if table.stratum("c").sum() < LEAST or not np.isfinite(ceiling):
        return None
    sizes = [validation_images] if validation_images else [int(v) for v in table.pool.dataset["validation_images"]]
    sides: list[tuple[list[float], Floats]] = []
    for name in ("P", guide):
        points = []
        for size in sizes:
            found = curves(table, name, size)
            points += [(price(name, i, size), found[:, j]) for j, i in enumerate(table.images)]
        points.sort(key=lambda point: point[0])
        sides.append(([cost for cost, _ in points], np.stack([values for _, values in points], axis=1)))
    return efficiency(*sides[0], *sides[1], np.full(len(sides[0][1]), share * ceiling))


def efficiencies(table: Table, guides: Sequence[tuple[str, str]]) -> str:
    """Efficiency of some guides over P at the goals."""
    rows = []
    for text, guide in guides:
        for label, size, in_seconds in (
            ("image-equivalents", 1000, False), ("image-equivalents, cheapest validation", None, False),
            ("CPU seconds", 1000, True),
        ):  # fmt: skip
            found = [
                efficiency_of(table, guide, share, validation_images=size, in_seconds=in_seconds) for share in GOALS
            ]
            rows.append([text, label, *(str(f) if f is not None else "no ceiling yet" for f in found)])
    header = ("guide", "cost in", *(f"to {share} of the ceiling" for share in GOALS))
    return markdown(header, rows)


def by_images(table: Table, guides: Sequence[tuple[str, str]]) -> str:
    """Spearman with mature accuracy by images trained on, (c)."""
    rows = []
    for text, guide in guides:
        found = curves(table, guide, 5000)
        rows.append([text, *(str(Estimate.of(column[0], column[1:])) for column in found.T)])
    return markdown(("guide", *(f"{i:,}" for i in table.images)), rows)


def smaller_teachers(table: Table, images: int = 1000) -> str:
    """TG alone against the number of units, stimuli and repetitions: mean over 10 draws, and their range."""
    kept = table.stratum("c")
    if kept.sum() < LEAST:
        return "Too few networks yet."
    at = table.controls.sel(seed="A", images_varied=images)
    once = np.ones((1, int(kept.sum())), np.int64)
    rows = []
    groups = [("V4, session 201025", "units", "units V4-89", (5, 10, 20, 40, 60, 80)),
              ("V4, session 210325", "repetitions", "repetitions V4", (1, 2, 4, 6))]  # fmt: skip
    groups += [("V4, session 210325", "stimuli", f"stimuli V4 {n}", (n,)) for n in (40, 80, 160, 320)]
    groups += [("monkey IT", "stimuli", f"stimuli monkey IT {n}", (n,)) for n in (12, 23, 46, 69)]
    for teacher, what, name, sizes in groups:
        values = at[name].values[table.rows][kept]
        for number, size in enumerate(sizes):
            drawn = values[:, 10 * number : 10 * (number + 1)]
            found = [spearman(column, table.mature[kept], once)[0] for column in drawn.T]
            rows.append([teacher, f"{size} {what}", f"{np.mean(found):.2f}", f"{min(found):.2f} to {max(found):.2f}"])
    for name, size in (("V4-89", "89 units, 300 stimuli"), ("V4", "640 stimuli, all repetitions"),
                       ("monkey IT", "92 stimuli")):  # fmt: skip
        rows.append([name, size, f"{correlation(table, f'TG({name})', images).value:.2f}", ""])
    return markdown(("recording", "of it", "Spearman with mature accuracy, mean", "range over draws"), rows)


def nulls(table: Table) -> str:
    """Quantiles of permuted stimuli."""
    rows = []
    for kind in ("free", "within"):
        for images in (0, 1000, 4000):
            drawn, real = permuted_increments(table, kind, images)
            q = np.quantile(drawn, [0.025, 0.5, 0.95, 0.975])
            share = (1 + (drawn >= real).sum()) / (1 + len(drawn))
            rows.append([kind, f"{images:,}", f"{real:+.3f}", *(f"{v:+.3f}" for v in q), f"{share:.3f}"])
    header = (
        "IT's stimuli permuted (V4's: freely)",
        "images",
        "real increment",
        "null 2.5%",
        "50%",
        "95%",
        "97.5%",
        "p",
    )
    return markdown(header, rows)


def longer(table: Table) -> str:
    """Rank agreement with a training five times as long."""
    values = table.pool.dataset["longer_test_accuracy"].values[table.rows].astype(float)
    there = np.isfinite(values)
    if there.sum() < 6:
        return "The dozen networks for the longer training have not been trained yet."
    drawn = spearman(table.mature[there], values[there], table.counts(there, EXPLORATORY))
    found = Estimate.of(drawn[0], drawn[1:])
    gained = (values - table.mature)[there]
    return (
        f"{there.sum()} networks trained on 300,000 images: Spearman with 60,000 images {found}; accuracy rises by "
        f"{gained.mean():.3f} (from {gained.min():.3f} to {gained.max():.3f})."
    )
