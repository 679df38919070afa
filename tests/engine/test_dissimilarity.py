import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import pdist

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.distance import slices

SCIPY = {"correlation": "correlation", "cosine": "cosine", "euclidean": "sqeuclidean"}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def reference(features, distance):
    values = pdist(np.asarray(features, dtype=np.float64), SCIPY[distance])
    return values / features.shape[1] if distance == "euclidean" else values


def assert_equal_scipy(features, distance, dtype):
    expected = reference(features, distance)
    result = rdm(torch.from_numpy(features).to(dtype), distance)
    assert result.dtype == dtype
    assert np.abs(result.numpy() - expected).max() <= TOLERANCE[dtype] * expected.max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("distance", SCIPY)
@pytest.mark.parametrize("n", [2, 92, 700])
def test_equals_scipy(distance, dtype, n):
    features = np.random.default_rng(n).normal(2, 1, (n, 60)).astype(np.float32).astype(np.float64)
    assert_equal_scipy(features, distance, dtype)


@pytest.mark.parametrize("distance", SCIPY)
def test_float32_survives_responses_that_hardly_differ(distance):
    rng = np.random.default_rng(0)
    shared = rng.normal(10, 3, 200)
    features = (shared + 0.05 * rng.normal(size=(80, 200))).astype(np.float32).astype(np.float64)
    assert_equal_scipy(features, distance, torch.float32)


@settings(deadline=None, max_examples=60)
@given(
    arrays(np.float64, st.tuples(st.integers(2, 12), st.integers(2, 9)), elements=st.integers(-8, 8).map(float)),
    st.sampled_from(sorted(SCIPY)),
)
def test_equals_scipy_with_ties_and_constant_rows(features, distance):
    dead = {
        "correlation": np.ptp(features, axis=1) == 0,
        "cosine": ~features.any(1),
        "euclidean": np.zeros(len(features), bool),
    }[distance]
    tensor = torch.from_numpy(features)
    result = rdm(tensor, distance, constant="nan").numpy()
    first, second = np.triu_indices(len(features), 1)
    undefined = dead[first] | dead[second]
    np.testing.assert_array_equal(np.isnan(result), undefined)
    with np.errstate(all="ignore"):
        expected = reference(features, distance)
    np.testing.assert_allclose(result[~undefined], expected[~undefined], atol=1e-12 * 64)
    if dead.any():
        with pytest.raises(InputError, match=f"row {np.flatnonzero(dead)[0]}"):
            rdm(tensor, distance)


@pytest.fixture
def in_slices(monkeypatch):
    """Every RDM of 256 stimuli or more is made from slices of seven features."""
    monkeypatch.setattr(slices, "_LARGE", 0)
    monkeypatch.setattr(slices, "_WIDTH", 7)
    monkeypatch.setattr(slices, "_SIZE", 0)
    asked = []
    original = slices.SlicedRows.slices
    monkeypatch.setattr(slices.SlicedRows, "slices", lambda rows: asked.append(rows) or original(rows))
    yield
    assert asked


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("distance", SCIPY)
def test_slices_of_features_equal_scipy(in_slices, distance, dtype):
    rng = np.random.default_rng(0)
    features = rng.normal(2, 1, (450, 60)) + rng.normal(10, 3, 60)
    assert_equal_scipy(features.astype(np.float32).astype(np.float64), distance, dtype)


@pytest.mark.parametrize("distance", SCIPY)
def test_slices_of_features_with_undefined_stimuli(in_slices, distance):
    features = torch.randn(300, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    features[0] = 0.0
    features[7, 29] = torch.nan
    features[200, 3] = -torch.inf
    with pytest.raises(InputError, match="row 7, 200 hold NaN or infinite values"):
        rdm(features, distance)
    result = rdm(features, distance, constant="nan")
    good = [i for i in range(300) if i not in {7, 200} and (i or distance == "euclidean")]
    expected = reference(features[good].numpy(), distance)
    np.testing.assert_allclose(result[~torch.isnan(result)].numpy(), expected, atol=1e-12 * expected.max())


def test_a_batch_is_its_members():
    features = torch.randn(2, 3, 20, 7, dtype=torch.float64)
    result = rdm(features)
    assert result.shape == (2, 3, 190)
    torch.testing.assert_close(result[1, 2], rdm(features[1, 2]))


def test_a_large_constant_row_is_found_in_float32():
    features = torch.randn(5, 999) + 1000
    features[3] = 1000.1
    with pytest.raises(InputError, match="row 3 have the same response in every feature"):
        rdm(features)


def test_missing_values_are_named_and_stay_in_their_rows():
    features = torch.randn(6, 9)
    features[4, 2] = torch.nan
    for distance in SCIPY:
        with pytest.raises(InputError, match="row 4 hold NaN"):
            rdm(features, distance)
        undefined = torch.isnan(rdm(features, distance, constant="nan"))
        assert int(undefined.sum()) == 5


@pytest.mark.parametrize("distance", SCIPY)
def test_gradients(distance):
    features = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: rdm(x, distance), features)


def test_bytes_become_float32():
    assert rdm(torch.randint(0, 255, (4, 30), dtype=torch.uint8)).dtype == torch.float32
    assert rdm(torch.randn(4, 30), dtype=torch.float64).dtype == torch.float64


def test_bad_input():
    with pytest.raises(OptionError, match="did you mean 'correlation'"):
        rdm(torch.randn(4, 5), "corelation")
    with pytest.raises(OptionError, match="unknown distance None; known: correlation"):
        rdm(torch.randn(4, 5), None)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="constant"):
        rdm(torch.randn(4, 5), constant="zero")
    with pytest.raises(InputError, match="at least 2 stimuli"):
        rdm(torch.randn(1, 5))
    with pytest.raises(InputError, match="at least 2 features"):
        rdm(torch.randn(4, 1))
    with pytest.raises(InputError, match="shape"):
        rdm(torch.randn(4))
    with pytest.raises(InputError, match="complex"):
        rdm(torch.randn(4, 5, dtype=torch.complex64))
