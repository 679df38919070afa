"""Made-up data for the contact sheet: random with a fixed seed, and awkward: long names, gaps, small groups."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import pdist, squareform

from neuroguide.nas.spaces import open_space

CATEGORIES = ("animals", "boats", "cars", "chairs", "faces", "fruits", "planes", "tables")


def made_rdm(n: int = 64, *, groups: int = 8, seed: int = 0, strength: float = 1.0, **attrs: Any) -> xr.DataArray:
    """A correlation RDM of stimuli in categories."""
    rng = np.random.default_rng(seed)
    label = np.sort(np.arange(n) % groups)
    features = strength * np.random.default_rng(99).normal(size=(groups, 40))[label] + rng.normal(size=(n, 40))
    ids = [f"{CATEGORIES[g % 8]}_{i:03d}" for i, g in enumerate(label)]
    return xr.DataArray(
        squareform(pdist(features, "correlation")),
        dims=("stimulus_id", "stimulus_id_2"),
        coords={
            "stimulus_id": ids,
            "stimulus_id_2": ids,
            "category_name": ("stimulus_id", [CATEGORIES[g % 8] for g in label]),
        },
        attrs={"distance": "correlation", **attrs},
    )


def made_pictures(rdm: xr.DataArray) -> dict[str, np.ndarray]:
    """A coloured shape for each stimulus (no photograph of anybody)."""
    yy, xx = np.mgrid[-1:1:48j, -1:1:48j]
    pictures = {}
    for number, name in enumerate(rdm["stimulus_id"].values):
        shape = CATEGORIES.index(str(name).split("_")[0])
        corner = 2 + shape
        radius = 0.55 + 0.2 * np.cos(corner * np.arctan2(yy, xx) + number)
        inside = (xx**2 + yy**2) < radius**2
        colour = np.array(plt.get_cmap("Set2")(shape)[:3])
        pictures[str(name)] = (np.where(inside[..., None], colour, 0.82) * 255).astype(np.uint8)
    return pictures


def made_scores(
    layers: list[str],
    regions: tuple[str, ...] = ("V4", "IT"),
    *,
    intervals: bool = True,
    ceiling: str = "value",
    **attrs: Any,
) -> xr.Dataset:
    """Layer-by-region scores that rise and fall along the layers."""
    rng = np.random.default_rng(3)
    x = np.linspace(0, 1, len(layers))[:, None]
    peak = np.linspace(0.4, 0.85, len(regions))
    values = 0.15 + 0.42 * np.exp(-(((x - peak) / 0.35) ** 2)) + rng.normal(0, 0.012, (len(layers), len(regions)))
    data: dict[str, Any] = {
        "similarity": (("layer", "region"), values),
        "n_sites": ("region", [128, 168, 97][: len(regions)]),
    }
    if intervals:
        data["ci_low"] = (("layer", "region"), values - 0.05)
        data["ci_high"] = (("layer", "region"), values + 0.04)
    top = np.array([0.71, 0.78, 0.66][: len(regions)])
    if ceiling == "none":
        attrs["no_ceiling"] = "every stimulus was stored as an average over its repetitions"
    else:
        data["ceiling"] = ("region", top)
        data["normalized"] = (("layer", "region"), values / top)
    if ceiling == "bounds":
        data["ceiling_low"], data["ceiling_high"] = ("region", top - 0.04), ("region", top + 0.03)
    attrs = {"metric": "rsa", "comparison": "pearson", "distance": "correlation", **attrs}
    if intervals:
        attrs["bootstrap"] = 1000
    return xr.Dataset(data, coords={"layer": layers, "region": list(regions)}, attrs=attrs)


MODELS = [
    "pixels",
    "alexnet",
    "vgg16_bn",
    "resnet18",
    "resnet50.a1_in1k",
    "densenet121",
    "efficientnet_lite0",
    "convnext_tiny",
    "vit_small_patch16_224.augreg_in21k_ft_in1k",
    "mobilenetv3_small_100",
    "candidate 0017",
    "untrained resnet18",
]


def made_models(regions: tuple[str, ...] = ("V4", "IT"), count: int = 12, **options: Any) -> xr.Dataset:
    """Scores of several models at five layers, one of them without a score."""
    quality = np.random.default_rng(5).uniform(0.5, 1.05, count)
    scores = made_scores([f"stage{i}" for i in range(5)], regions, **options)
    if count > 9:
        quality[9] = np.nan
    factor = xr.DataArray(quality, dims="model", coords={"model": MODELS[:count]})
    scaled = {k: scores[k] * factor for k in ("similarity", "ci_low", "ci_high") if k in scores}
    return scores.drop_vars("normalized", errors="ignore").assign(scaled)


def made_p_values(scores: xr.Dataset) -> pd.DataFrame:
    """A p value for each pair of models, smaller the more they differ."""
    best = scores["similarity"].max("layer").sel(region="IT").values
    p = np.exp(-np.abs(best[:, None] - best[None, :]) / 0.03)
    names = [str(name) for name in scores["model"].values]
    return pd.DataFrame(p, index=names, columns=names)


def made_sites(**attrs: Any) -> xr.DataArray:
    """Reliabilities of 128 + 168 sites on five arrays of two animals, some of them dead."""
    rng = np.random.default_rng(8)
    rows: list[tuple[str, str, str, int, int]] = []
    for region, animal, arr, count in (
        ("V4", "A", "M", 64), ("V4", "B", "M", 64), ("IT", "A", "P", 92), ("IT", "B", "P", 40), ("IT", "B", "A", 36),
    ):  # fmt: skip
        rows += [(region, animal, arr, i // 10, i % 10) for i in range(count)]
    region, animal, arr, row, col = (list(part) for part in zip(*rows, strict=True))
    values = np.clip(rng.beta(5, 2.2, len(rows)) - 0.15 * (np.array(region) == "V4"), -0.1, 0.98)
    values[rng.choice(len(rows), 12, replace=False)] = np.nan
    coords = {"region": region, "animal": animal, "arr": arr, "row": row, "col": col}
    return xr.DataArray(
        values,
        dims="neuroid",
        coords={"neuroid_id": ("neuroid", [f"site{i}" for i in range(len(rows))])}
        | {name: ("neuroid", part) for name, part in coords.items()},
        name="reliability",
        attrs={"long_name": "split-half reliability (Spearman–Brown)", **attrs},
    )


def many_arrays() -> xr.DataArray:
    """The same sites, as if on ten arrays of animals with long names."""
    values = made_sites()
    animal = [f"animal {name}dam" for name in values["animal"].values]
    arr = [f"{name}{i % 2}" for i, name in enumerate(values["arr"].values)]
    return values.assign_coords(animal=("neuroid", animal), arr=("neuroid", arr))


def made_time_scores(regions: tuple[str, ...] = ("V4", "IT"), **options: Any) -> xr.Dataset:
    """Scores in 10-ms bins around a stimulus."""
    start = np.arange(-50, 300, 10)
    rise = np.clip((start - 60) / 60, 0, 1) * np.exp(-np.clip(start - 120, 0, None) / 160)
    factor = xr.DataArray(rise, dims="time_bin")
    scores = made_scores(["stage3"], regions, **options).isel(layer=0).drop_vars("normalized", errors="ignore")
    changed = {"similarity": scores["similarity"] * factor}
    if "ci_low" in scores:
        changed |= {"ci_low": changed["similarity"] - 0.02, "ci_high": changed["similarity"] + 0.02}
    if "ceiling" in scores:
        changed["ceiling"] = scores["ceiling"] * (0.3 + 0.7 * (1.4 * factor).clip(max=1.0))
    times = {"time_bin_start": ("time_bin", start), "time_bin_end": ("time_bin", start + 10)}
    return scores.assign(changed).assign_coords(times)


def made_time_sites() -> xr.DataArray:
    """Reliabilities of the sites in 20-ms bins."""
    values = made_sites(simulated=1)
    growth = xr.DataArray(np.linspace(0.1, 1, 12), dims="time_bin")
    start = np.arange(12) * 20
    times = {"time_bin_start": ("time_bin", start), "time_bin_end": ("time_bin", start + 20)}
    return (values * growth).assign_coords(times).assign_attrs(values.attrs)


def made_history(
    samplers: tuple[str, ...] = ("random", "evolution", "tpe", "progressive"), seeds: int = 5
) -> pd.DataFrame:
    """Searches whose samplers differ in how fast they improve."""
    rng = np.random.default_rng(2)
    rows = []
    for number, sampler in enumerate(samplers):
        for seed in range(seeds):
            for trial in range(60):
                value = rng.beta(4 + number * trial / 30, 5) * 0.9
                failed = rng.random() < 0.04
                rows.append((trial, np.nan if failed else value, 4000 + 700 * rng.random(), sampler, seed))
    return pd.DataFrame(rows, columns=["trial", "value", "image_equivalents", "sampler", "seed"])


def made_candidates(count: int = 80) -> pd.DataFrame:
    """Candidates of a search, a few of them failed."""
    rng = np.random.default_rng(4)
    size = 10 ** rng.uniform(4.2, 6.4, count)
    quality = rng.normal(size=count) + 0.5 * np.log10(size)
    accuracy = 0.32 + 0.05 * quality + rng.normal(0, 0.03, count)
    guidance = 0.35 + 0.04 * quality + rng.normal(0, 0.04, count)
    reason = np.full(count, "", dtype=object)
    accuracy[[3, 17, 40]], guidance[[3, 17, 40]] = [0.1, 0.1, np.nan], [0.02, 0.0, np.nan]
    reason[[3, 17, 40]] = ["diverged", "no live layer", "out of memory"]
    return pd.DataFrame({"P": accuracy, "TG": guidance, "parameters": size, "reason": reason})


def with_gaps(rdm: xr.DataArray) -> xr.DataArray:
    """The RDM without the pairs of two stimuli."""
    values = rdm.values.copy()
    values[[5, 30], :] = values[:, [5, 30]] = np.nan
    values[np.diag_indices(len(values))] = 0
    return rdm.copy(data=values)


def uneven(rdm: xr.DataArray) -> list[str]:
    """Twelve categories, some of a single stimulus."""
    sizes = [30, 1, 1, 2, 1, 1, 20, 1, 1, 14, 1, 19]
    names = [f"category {chr(65 + i)}{' with a long name' if i == 3 else ''}" for i in range(12)]
    return [n for n, s in zip(names, sizes, strict=True) for _ in range(s)][: rdm.sizes["stimulus_id"]]


def made_importance() -> pd.DataFrame:
    """Losses of eleven blocks, two ways, three seeds."""
    rng = np.random.default_rng(1)
    rows = []
    for seed in range(3):
        for stage in range(1, 6):
            for block in range(1, 4 if 1 < stage < 5 else 2):
                for way in ("removed", "reset") if block > 1 else ("reset",):
                    lost = rng.gamma(2, 0.09 if block == 1 else 0.02)
                    similarity = {"V4 loss": rng.normal(0.02, 0.02), "monkey IT loss": rng.normal(0.03, 0.03)}
                    row = {"seed": seed, "block": f"stage{stage}.block{block}", "vital": block == 1, "way": way}
                    rows.append(
                        {**row, "accuracy loss": lost, **{f"similarity to {k}": v for k, v in similarity.items()}}
                    )
    return pd.DataFrame(rows)


def made_probabilities() -> pd.DataFrame:
    """Six blocks of seven operations that become decided, the second half later; vital ones without the identity."""
    rng = np.random.default_rng(2)
    names = [f"k{k}_e{e}" for k in (3, 5, 7) for e in (3, 6)]
    rows = []
    for b in range(6):
        operations = names if b % 3 == 0 else [*names, "identity"]
        taste = rng.normal(size=len(operations))
        for step in range(0, 2000, 50):
            sure = 4 * max(0, step / 2000 - (0.3 if b % 3 else 0))
            p = np.exp(sure * taste)
            block = {"step": step, "block": f"stage{b // 3 + 1}.block{b % 3 + 1}", "vital": b % 3 == 0}
            rows += [{**block, "operation": o, "probability": q} for o, q in zip(operations, p / p.sum(), strict=True)]
    return pd.DataFrame(rows)


def made_generalisation() -> xr.DataArray:
    """Two regions whose RDMs change with time, one of them keeping what it had."""
    start = np.arange(-40, 260, 20)
    t = start + 10.0
    strength = np.clip((t - 50) / 60, 0, 1)
    change = np.exp(-(((t[:, None] - t) / np.array([60.0, 140.0])[:, None, None]) ** 2))
    values = 0.7 * strength[:, None] * strength * change + np.random.default_rng(0).normal(0, 0.01, change.shape)
    coords: dict[str, Any] = {"region": ["V4", "IT"]}
    for end in ("", "_2"):
        coords[f"time_bin_start{end}"] = (f"time_bin{end}", start)
        coords[f"time_bin_end{end}"] = (f"time_bin{end}", start + 20)
    return xr.DataArray(values, dims=("region", "time_bin", "time_bin_2"), coords=coords, attrs={"simulated": 1})


def made_trials(name: str = "macro", count: int = 60, **options: Any) -> pd.DataFrame:
    """Choices and values of drawn architectures, as Optuna lists trials."""
    space, rng = open_space(name, **options), np.random.default_rng(3)
    rows = [{f"params_{k}": v for k, v in space.parameters(space.sample(rng)).items()} for _ in range(count)]
    table = pd.DataFrame(rows)
    return table.assign(value=0.4 + 0.05 * (table.iloc[:, 0].rank() / count) + rng.normal(0, 0.03, count))
