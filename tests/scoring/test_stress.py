"""Responses at the edges of what numbers can do: right, or refused with the reason; never a silent NaN."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import neuroguide as ng
from neuroguide._core.errors import NeuroguideError, NeuroguideWarning
from neuroguide.models.preprocess import Preprocess
from neuroguide.models.zoo import Model
from neuroguide.nas.guides import Teacher
from neuroguide.stimuli import StimulusSet

N = 40


def _recording(values):
    values = np.asarray(values)
    return xr.DataArray(
        values,
        dims=("presentation", "neuroid"),
        coords={
            "stimulus_id": ("presentation", [f"s{i:05d}" for i in range(len(values))]),
            "neuroid_id": ("neuroid", [f"n{j}" for j in range(values.shape[1])]),
            "region": ("neuroid", ["IT"] * values.shape[1]),
        },
        attrs={"identifier": "made", "units": "Hz"},
    )


def _usual(n=N, sites=6, seed=0):
    return np.random.default_rng(seed).normal(10, 3, (n, sites))


RESPONSES = {
    "usual": _usual(),
    "constant": np.full((N, 6), 3.0),
    "one constant site": np.column_stack([_usual(), np.full(N, 3.0)]),
    "one constant stimulus": np.vstack([_usual(N - 1), np.full((1, 6), 3.0)]),
    "near-constant": 3.0 + 1e-12 * _usual(),
    "huge": _usual() * 1e30,
    "tiny": _usual() * 1e-30,
    "huge float32": (_usual() * 1e30).astype(np.float32),
    "tiny float32": (_usual() * 1e-38).astype(np.float32),
    "beyond float32": _usual() * 1e300,
    "float16": _usual().astype(np.float16),
    "int8": _usual().round().astype(np.int8),
    "uint16": _usual().round().astype(np.uint16),
    "int64": (_usual() * 1e15).astype(np.int64),
    "large int64": (_usual() * 4e17).astype(np.int64),
    "bool": _usual() > 10,
    "single site": _usual(sites=1),
    "two stimuli": _usual(2),
    "three stimuli": _usual(3),
    "one stimulus": _usual(1),
    "duplicates": np.repeat(_usual(N // 2), 2, axis=0),
    "duplicated sites": np.repeat(_usual(), 2, axis=1),
    "all zero": np.zeros((N, 6)),
}

#: Only the scale or the type differs, so the answers must not.
SAME = ("huge", "tiny", "huge float32", "tiny float32", "beyond float32")

#: Partial least squares take longest.
BY_PLS = ("usual", "constant", "one constant site", "huge", "tiny", "float16", "single site", "two stimuli")


class _Network(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)

    def forward(self, images):
        return self.second(self.first(images).relu()).relu().flatten(1)


@pytest.fixture(scope="module")
def model():
    return Model("made", _Network(), Preprocess(8), ("first", "second"))


def _stimuli(n, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 3)).astype(np.uint8)
    return StimulusSet.from_arrays(pixels, ids=[f"s{i:05d}" for i in range(n)])


def _answered(compute):
    """What it returns, or None if it was refused in one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeuroguideWarning)
        try:
            return compute()
        except NeuroguideError as error:
            message = str(error).strip()
    assert message
    assert "\n" not in message
    return None


@pytest.mark.parametrize("name", RESPONSES)
@pytest.mark.parametrize("distance", ["correlation", "euclidean", "cosine"])
def test_rdms_and_their_comparison(name, distance):
    found = _answered(lambda: ng.rdm(_recording(RESPONSES[name]), distance))
    if found is None:
        assert name not in ("usual", "float16", "int8", "uint16", "int64", "duplicated sites")
        if name in SAME:
            _check_same(name, distance)
        return
    assert np.isfinite(found.values).all()
    if RESPONSES[name].std(axis=0).any():
        assert found.values.any(), "all distances are silently zero"
    value = _answered(lambda: ng.compare(found, found))
    if value is not None:
        assert value == pytest.approx(1.0, abs=1e-5)


def _check_same(name, distance):
    """What float32 refuses, float64 answers, unless it refuses too; the scale does not matter."""
    found = _answered(lambda: ng.rdm(_recording(RESPONSES[name]), distance, dtype="float64"))
    assert (found is None) == (name == "beyond float32")
    if found is not None:
        scale = (RESPONSES[name].mean(dtype=np.float64) / _usual().mean()) ** 2 if distance == "euclidean" else 1.0
        reference = ng.rdm(_recording(_usual()), distance, dtype="float64")
        np.testing.assert_allclose(found.values / scale, reference.values, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", ["pearson", "spearman", "kendall", "cosine", "rho-a"])
def test_a_comparison_with_a_constant_rdm_is_no_silent_nan(method):
    ids = [f"s{i}" for i in range(5)]
    flat = xr.DataArray(
        1.0 - np.eye(5), {"stimulus_id": ids, "stimulus_id_2": ids}, ("stimulus_id", "stimulus_id_2"), name="d"
    )
    value = _answered(lambda: ng.compare(flat, flat, method))
    assert value is None or np.isfinite(value)


@pytest.mark.parametrize(
    ("metric", "name"),
    [(metric, name) for metric in ("rsa", "cka", "ridge") for name in RESPONSES] + [("pls", name) for name in BY_PLS],
)
def test_scores(model, metric, name):
    values = RESPONSES[name]
    images = _stimuli(len(values))
    found = _answered(lambda: ng.score(model, _recording(values), stimuli=images, metric=metric))
    if found is None and name in SAME:
        # as the refusal says
        found = _answered(lambda: ng.score(model, _recording(values), stimuli=images, metric=metric, dtype="float64"))
        assert (found is None) == (name == "beyond float32")
    if found is None:
        assert name not in ("usual", "float16", "int8", "uint16", "int64", "duplicated sites", "one constant site")
        return
    similarity = found["similarity"].values
    if not np.isfinite(similarity).all():
        assert any("undefined" in key or "reason" in key for key in found.attrs), f"silent NaN: {found.attrs}"
    elif name in (*SAME, "int64", "duplicated sites"):
        usual = ng.score(model, _recording(_usual()), stimuli=_stimuli(N), metric=metric)["similarity"].values
        np.testing.assert_allclose(similarity, usual, atol=1e-3)


@pytest.mark.parametrize("name", RESPONSES)
def test_guides_refuse_when_they_are_built_or_measure_numbers(name):
    values = RESPONSES[name]
    guide = _answered(
        lambda: Teacher(_recording(values), stimuli=_stimuli(len(values)), ceiling=False).prepare(
            image_size=8, mean=(0.5,) * 3, std=(0.25,) * 3
        )
    )
    if guide is None:
        assert name != "usual"
        return
    measures = guide.measure(_Network(), ("first", "second"), accuracy=0.5, device="cpu")
    assert all(np.isfinite(value) for value in measures.values() if isinstance(value, float))
    assert np.isfinite(guide.value(measures))


def test_many_stimuli_with_few_features():
    values = np.random.default_rng(0).normal(size=(3_000, 4)).astype(np.float32)
    some = ng.rdm(_recording(values)).values[:50, :50]
    np.testing.assert_allclose(some, 1 - np.corrcoef(values[:50].astype(float)), atol=2e-5)
