import pytest
import torch

from neuroguide.engine import products
from neuroguide.engine.dissimilarity import rdm


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("onednn", [True, False])
def test_products_of_rows(dtype, onednn, monkeypatch):
    if not onednn:
        monkeypatch.setattr(products, "_onednn_is_there", lambda: False)
    a, b = torch.randn(70, 301, dtype=dtype), torch.randn(33, 301, dtype=dtype)
    result = products.row_products(a, b[::3])
    assert result.dtype == dtype
    exact = a.double() @ b[::3].double().mT
    longest = a.double().norm(dim=1).max() * b.double().norm(dim=1).max()
    assert (result - exact).abs().max() <= (1e-6 if dtype == torch.float32 else 1e-14) * longest


def test_products_of_nothing():
    assert products.row_products(torch.ones(0, 3), torch.ones(2, 3)).shape == (0, 2)
    assert torch.equal(products.row_products(torch.ones(2, 0), torch.ones(3, 0)), torch.zeros(2, 3))


def test_products_pass_gradients():
    a = torch.randn(3, 4, requires_grad=True)
    products.row_products(a, torch.ones(2, 4)).sum().backward()
    assert torch.equal(a.grad, torch.full((3, 4), 2.0))


def test_many_stimuli_of_which_some_are_undefined():
    features = torch.randn(600, 40)
    features[7, 3] = torch.nan
    features[65] = 2.5
    result = rdm(features, constant="nan")
    alive = torch.ones(600, dtype=torch.bool)
    alive[[7, 65]] = False
    first, second = torch.triu_indices(600, 600, 1)
    kept = alive[first] & alive[second]
    assert torch.equal(torch.isnan(result), ~kept)
    torch.testing.assert_close(result[kept], rdm(features[alive].double()).float(), rtol=0, atol=1e-6)


def test_many_stimuli_that_hardly_differ_but_for_one():
    # none of the rows that tell where the origin is put is like the one that is far
    generator = torch.Generator().manual_seed(0)
    shared, other = torch.randn(2, 200, generator=generator, dtype=torch.float64)
    features = (shared + 1e-3 * torch.randn(601, 200, generator=generator, dtype=torch.float64)).float()
    features[5] = (shared + 0.02 * other).float()
    exact = rdm(features.double())
    assert (rdm(features) - exact).abs().max() <= 1e-5 * exact.max()
