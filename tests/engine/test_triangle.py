import numpy as np
import pytest
import torch

from neuroguide._core.errors import InputError
from neuroguide.engine import triangle


@pytest.mark.parametrize("n", [2, 3, 10, 300])
def test_condensed_order_is_that_of_triu_indices(n):
    square = torch.arange(n * n, dtype=torch.float64).reshape(n, n)
    expected = square.numpy()[np.triu_indices(n, 1)]
    np.testing.assert_array_equal(triangle.condense(square).numpy(), expected)
    np.testing.assert_array_equal(triangle.condense(square.expand(2, 3, n, n)).numpy()[1, 2], expected)


def test_square_form_and_back():
    condensed = torch.randn(2, 3, 45)
    square = triangle.square_form(condensed)
    assert square.shape == (2, 3, 10, 10)
    assert torch.equal(square, square.mT)
    assert not square.diagonal(dim1=-2, dim2=-1).any()
    assert torch.equal(triangle.condense(square), condensed)


def test_a_length_that_is_no_triangle():
    with pytest.raises(InputError, match="this one has 44"):
        triangle.square_form(torch.zeros(44))
    with pytest.raises(InputError, match="square"):
        triangle.condense(torch.zeros(3, 4))


@pytest.mark.parametrize("shape", [(257, 8), (256, 8), (1000, 30), (2, 600, 12), (40, 3)])
def test_the_upper_half_of_a_gram_matrix(shape):
    rows = torch.randn(shape, dtype=torch.float64)
    expected = torch.triu(rows @ rows.mT)
    torch.testing.assert_close(torch.triu(triangle.upper_gram(rows)), expected, rtol=1e-12, atol=1e-12)
