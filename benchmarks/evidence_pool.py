"""A pool as the evidence sees it: strata, guides and baselines as one value an architecture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from evidence_statistics import Floats, draw_counts, resampled_ranks, weighted_correlation
from numpy.typing import NDArray

from neuroguide.nas.pools import Pool, open_pool

HERE = Path(__file__).parent
#: Fewer architectures than this say nothing.
LEAST = 12
STRATA = {
    "a": "all",
    "b": "live",
    "c": "ReLU with norm, live",
    "d": "top half of c",
}
#: Proxies that span orders of magnitude: as logarithms they can be added to P. Ranks stay as they are.
POSITIVE = ("synflow", "grad-norm", "snip")


def zscored(values: Floats) -> Floats:
    """Zero mean and unit standard deviation; zeros if they do not differ."""
    sd = values.std()
    return (values - values.mean()) / sd if sd > 1e-12 else values - values.mean()


@dataclass(frozen=True, eq=False)
class Table:
    """A pool, its controls, and the members whose seed A is there."""

    pool: Pool
    controls: xr.Dataset

    @classmethod
    def open(cls, name: str) -> Table:
        """By the pool's short name."""
        with xr.open_dataset(HERE / "pools" / f"{name}-controls.nc") as controls:
            return cls(open_pool(f"cifar10-{name}"), controls.load())

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """Members with seed A."""
        return np.flatnonzero(self.pool.trained("A"))

    @cached_property
    def second(self) -> NDArray[np.bool_]:
        """Which of :attr:`rows` have seed B too."""
        return self.pool.trained("B")[self.rows]

    @cached_property
    def mature(self) -> Floats:
        """Mature test accuracy, seed A."""
        return self.pool.mature("A")[self.rows]

    @cached_property
    def images(self) -> list[int]:
        """Numbers of images that premature candidates were trained on."""
        return [int(i) for i in self.pool.dataset["images"].values]

    @cached_property
    def half(self) -> NDArray[np.str_]:
        """``choose`` or ``report``; macro only."""
        return self.pool.dataset["half"].values.astype(str)[self.rows]

    def values(self, guide: str, images: int = 1000, *, seed: str = "A", validation_images: int = 5000) -> Floats:
        """A guide or baseline by name, larger better.

        ``"A & B"`` is the sum of both as z-scores over the pool; ``"log parameters"``, ``"log flops"``,
        ``"descriptors"`` and ``"untrained"`` are known beside what the pool knows.
        """
        if " & " in guide:
            parts = guide.split(" & ")
            options = {"seed": seed, "validation_images": validation_images}
            return np.sum([zscored(self.values(part, images, **options)) for part in parts], axis=0)
        if guide.startswith("log "):
            return np.log(self.pool.dataset[guide.removeprefix("log ")].values.astype(float))[self.rows]
        if guide == "descriptors":
            return self.descriptors
        if guide.startswith("untrained"):
            return self._untrained(guide.partition("@")[2], images, seed)
        found = self.pool.values(guide, images, seed=seed, validation_images=validation_images)[self.rows]
        return np.log(found) if guide in POSITIVE else found

    def cost(self, guide: str, images: int, validation_images: int) -> float:
        """Image-equivalents of one candidate; a sum costs its parts, of which one training serves all."""
        parts = guide.split(" & ")
        once = [images * getattr(self.pool.guide(part), "trains", True) for part in parts]
        costs = [self.pool.cost(part, images, validation_images=validation_images) for part in parts]
        return max(once) + sum(costs) - sum(once)

    def seconds(self, guide: str, images: int, validation_images: int) -> float:
        """Mean CPU seconds of one candidate: training, validation and stimuli by their share of what was measured."""
        mean = self.pool.dataset.sel(images=images, seed="A").isel(architecture=self.rows)
        parts = {name: float(mean[f"{name}_seconds"].mean()) for name in ("training", "validation", "stimuli")}
        forwarded = 3 * (self.cost(guide, images, validation_images) - self.cost(guide, images, 0))
        shown = 3 * (self.cost(guide, images, 0) - images)
        sizes = json.loads(self.pool.dataset.attrs["stimuli"])
        return (
            parts["training"] + parts["validation"] * forwarded / 5000 + parts["stimuli"] * shown / sum(sizes.values())
        )

    @cached_property
    def descriptors(self) -> Floats:
        """Mature accuracy predicted by ridge regression on the architecture, each tenth from the other nine."""
        space = self.pool.space
        codes = np.array([space.encode(self.pool.architectures[row]) for row in self.rows])
        x = np.column_stack([codes, self.values("log parameters"), self.values("log flops")])
        folds = np.random.default_rng(0).permutation(len(x)) % 10
        found = np.empty(len(x))
        for fold in range(10):
            train = folds != fold
            found[~train] = _ridge(x[train], self.mature[train], x[~train])
        return found

    def _untrained(self, where: str, images: int, seed: str) -> Floats:
        names = [str(n) for n in self.controls["untrained_teacher"].values]
        chosen = [n.endswith(f"@{where}") for n in names]
        values = self.controls["untrained"].sel(seed=seed, images=images).values[self.rows]
        return values[:, chosen].astype(float).mean(axis=1)

    def stratum(self, name: str) -> NDArray[np.bool_]:
        """Which of :attr:`rows` belong to it."""
        if name == "a":
            return np.ones(len(self.rows), bool)
        live = self.mature > 0.2
        if name == "b":
            return live
        plain = [json.loads(str(t)) for t in self.pool.dataset["architecture_json"].values[self.rows]]
        relu = np.array([p.get("activation", "relu") == "relu" for p in plain])
        normed = np.array([p.get("normalisation", "batch") != "none" for p in plain])
        kept = live & relu & normed
        if name == "c":
            return kept
        return kept & (self.mature >= np.median(self.mature[kept])) if kept.any() else kept

    @cached_property
    def covariates(self) -> Floats:
        """Log parameters, log FLOPs, depth, width, and for spaces that vary them activation and normalisation."""
        plain = [json.loads(str(t)) for t in self.pool.dataset["architecture_json"].values[self.rows]]
        columns = [self.values("log parameters"), self.values("log flops")]
        if "stages" in plain[0]:
            for field in ("depth", "width"):
                columns.append(np.array([np.mean([stage[field] for stage in p["stages"]]) for p in plain]))
        else:
            columns.append(np.array([float(len(p["normal"]["blocks"])) for p in plain]))
        for field in ("activation", "normalisation"):
            options = sorted({p.get(field, "") for p in plain})
            columns += [np.array([float(p.get(field, "") == option) for p in plain]) for option in options[1:]]
        return np.column_stack(columns)

    def ceiling(self) -> tuple[Floats, Floats]:
        """Mature accuracies of seeds A and B over the members that have both."""
        return self.mature[self.second], self.pool.mature("B")[self.rows][self.second]

    def counts(self, kept: NDArray[np.bool_], n_samples: int) -> NDArray[np.int64]:
        """Bootstrap samples of the architectures of a stratum, the same for every guide."""
        return draw_counts(int(kept.sum()), n_samples, seed=2019)

    def resampled(
        self, guide: str, images: int = 1000, *, stratum: str = "c", n_samples: int, validation_images: int = 5000
    ) -> Floats:
        """Spearman of a guide with mature accuracy in the data and in bootstrap samples; computed once."""
        kept = self.stratum(stratum)
        key = (guide, images, stratum, n_samples, validation_images)
        if key not in self._kept:
            values = self.values(guide, images, validation_images=validation_images)[kept]
            counts, ranks = self._target(stratum, n_samples)
            self._kept[key] = weighted_correlation(resampled_ranks(values, counts), ranks, counts)
        return self._kept[key]

    @cached_property
    def _kept(self) -> dict[tuple[str, int, str, int, int], Floats]:
        return {}

    def _target(self, stratum: str, n_samples: int) -> tuple[NDArray[np.int64], Floats]:
        """Samples and the ranks of mature accuracy in them; only the last stratum is kept in memory."""
        if self._last.get("key") != (stratum, n_samples):
            kept = self.stratum(stratum)
            counts = self.counts(kept, n_samples)
            ranks = resampled_ranks(self.mature[kept], counts)
            self._last.update(key=(stratum, n_samples), counts=counts, ranks=ranks)
        return self._last["counts"], self._last["ranks"]

    @cached_property
    def _last(self) -> dict[str, Any]:
        return {}


def _ridge(x: Floats, y: Floats, new: Floats) -> Floats:
    """Ridge regression on standardised columns; the penalty by leave-one-out."""
    mean, sd = x.mean(0), x.std(0)
    sd[sd < 1e-12] = 1.0
    z, z_new = (x - mean) / sd, (new - mean) / sd
    u, s, vt = np.linalg.svd(z, full_matrices=False)
    centred = y - y.mean()
    best, chosen = np.inf, 1.0
    for penalty in 10.0 ** np.arange(-2, 4):
        hat = (u * (s**2 / (s**2 + penalty))) @ u.T + 1 / len(y)
        error = np.mean(((centred - hat @ centred + centred.mean()) / (1 - np.diag(hat))) ** 2)
        if error < best:
            best, chosen = error, penalty
    return y.mean() + z_new @ (vt.T @ ((s / (s**2 + chosen)) * (u.T @ centred)))
