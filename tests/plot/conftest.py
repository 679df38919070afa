"""Made-up data for the plots, and a look at what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import pdist, squareform


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def make_rdm() -> Callable[..., xr.DataArray]:
    """A correlation RDM of n stimuli in three interleaved categories."""

    def make(n: int = 12, seed: int = 0, **attrs: Any) -> xr.DataArray:
        features = np.random.default_rng(seed).normal(size=(n, 20))
        ids = [f"s{i:02d}" for i in range(n)]
        return xr.DataArray(
            squareform(pdist(features, "correlation")),
            dims=("stimulus_id", "stimulus_id_2"),
            coords={
                "stimulus_id": ids,
                "stimulus_id_2": ids,
                "category": ("stimulus_id", [("face", "hand", "house")[i % 3] for i in range(n)]),
            },
            attrs={"distance": "correlation", **attrs},
        )

    return make


@pytest.fixture
def make_scores() -> Callable[..., xr.Dataset]:
    """Scores of some layers for some regions, with or without intervals, ceiling and models."""

    def make(
        layers: int | list[str] = 4,
        regions: tuple[str, ...] = ("V4", "IT"),
        models: int = 0,
        *,
        intervals: bool = False,
        ceiling: str = "value",
        **attrs: Any,
    ) -> xr.Dataset:
        names = [f"layer{i}" for i in range(layers)] if isinstance(layers, int) else layers
        dims: tuple[str, ...] = ("layer", "region")
        shape: tuple[int, ...] = (len(names), len(regions))
        coords: dict[str, Any] = {"layer": names, "region": list(regions)}
        if models:
            dims, shape = ("model", *dims), (models, *shape)
            coords["model"] = [f"model{i}" for i in range(models)]
        values = np.random.default_rng(1).uniform(0.1, 0.6, shape)
        data: dict[str, Any] = {
            "similarity": (dims, values),
            "n_sites": ("region", [100 + i for i in range(len(regions))]),
        }
        if intervals:
            data |= {"ci_low": (dims, values - 0.05), "ci_high": (dims, values + 0.04)}
        top = np.array([0.7 + 0.05 * i for i in range(len(regions))])
        if ceiling == "none":
            attrs["no_ceiling"] = "every stimulus was shown once"
        else:
            data["ceiling"] = ("region", top)
        if ceiling == "bounds":
            data |= {"ceiling_low": ("region", top - 0.05), "ceiling_high": ("region", top + 0.03)}
        return xr.Dataset(data, coords, {"metric": "rsa", "comparison": "pearson", "simulated": 0, **attrs})

    return make


@pytest.fixture
def make_sites() -> Callable[..., xr.DataArray]:
    """Reliabilities of twelve sites on two arrays of two animals, one of them without a value."""

    def make(**attrs: Any) -> xr.DataArray:
        values = np.linspace(0.1, 0.9, 12)
        values[4] = np.nan
        coords = {
            "neuroid_id": [f"n{i}" for i in range(12)],
            "region": ["V4"] * 6 + ["IT"] * 6,
            "animal": ["A"] * 6 + ["B"] * 6,
            "arr": ["M"] * 12,
            "row": [0, 0, 0, 1, 1, 1] * 2,
            "col": [1, 2, 3] * 4,
        }
        return xr.DataArray(
            values,
            dims="neuroid",
            coords={name: ("neuroid", column) for name, column in coords.items()},
            name="reliability",
            attrs=attrs,
        )

    return make


@pytest.fixture
def drawn() -> Callable[..., list[Any]]:
    """All artists of an Axes (and its insets) with a given gid."""

    def find(ax: Any, gid: str) -> list[Any]:
        return ax.findobj(lambda artist: artist.get_gid() == gid)

    return find


@pytest.fixture
def note() -> Callable[..., str]:
    """The small text above an Axes, on one line."""

    def find(ax: Any) -> str:
        found = ax.findobj(lambda artist: artist.get_gid() == "note")
        return " ".join(text.get_text().replace("\n", " ").replace("\u00a0", " ") for text in found)

    return find
