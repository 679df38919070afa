import pytest
import torch

from neuroguide._core.errors import OptionError
from neuroguide.engine.dissimilarity import condense, square_form
from neuroguide.engine.inference import weighted
from neuroguide.engine.inference.draws import draw_indices, leave_one_out, multiplicities
from neuroguide.engine.inference.ranks import running_sum_
from neuroguide.engine.similarity import compare_all, resolve_comparison

METHODS = ("pearson", "spearman", "rho-a", "cosine", "whitened-pearson", "whitened-cosine", "cka")
N = 9


def rdms(n, tied, seed=0):
    values = torch.rand(n, N * (N - 1) // 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.mul(5).round().add(1) if tied else values + 0.5


def resampled(values, index):
    """RDMs of the drawn stimuli, NaN for pairs of the same one."""
    square = square_form(values) + torch.diag(torch.full((N,), torch.nan, dtype=values.dtype))
    return condense(square[:, index][:, :, index])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("chunk", [1, 10**7])
def test_equals_comparing_resampled_rdms(method, tied, chunk, monkeypatch):
    monkeypatch.setattr(weighted, "_CHUNK", chunk)
    a, b = rdms(3, tied), rdms(2, tied, seed=1)
    indices = draw_indices(N, 6, seed=2)
    result = weighted.resampled_similarities(a, b, multiplicities(indices, N), resolve_comparison(method))
    assert result.shape == (6, 3, 2)
    for sample, index in enumerate(indices):
        expected = compare_all(resampled(a, index), resampled(b, index), method)
        torch.testing.assert_close(result[sample], expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("tied", [False, True])
def test_with_an_rdm_of_its_own_in_every_sample(method, tied):
    a = rdms(3, tied)
    b = torch.stack([rdms(2, tied, seed) for seed in range(1, 6)])
    drawn = multiplicities(draw_indices(N, 5, seed=2), N)
    result = weighted.resampled_similarities(a, b, drawn, resolve_comparison(method))
    for sample in range(5):
        expected = weighted.resampled_similarities(a, b[sample], drawn[sample : sample + 1], resolve_comparison(method))
        torch.testing.assert_close(result[sample], expected[0])


@pytest.mark.parametrize("method", METHODS)
def test_leaving_one_out_is_leaving_it_out(method):
    a, b = rdms(2, False), rdms(1, False, seed=1)
    indices = leave_one_out(N)
    result = weighted.resampled_similarities(a, b, multiplicities(indices, N), resolve_comparison(method))
    for left in range(N):
        kept = [i for i in range(N) if i != left]
        x, y = (condense(square_form(values)[:, kept][:, :, kept]) for values in (a, b))
        torch.testing.assert_close(result[left], compare_all(x, y, method))


def test_float32():
    a, b = rdms(2, False), rdms(1, False, seed=1)
    drawn = multiplicities(draw_indices(N, 50, seed=2), N)
    for method in map(resolve_comparison, METHODS):
        exact = weighted.resampled_similarities(a, b, drawn, method)
        single = weighted.resampled_similarities(a.float(), b.float(), drawn, method)
        torch.testing.assert_close(single.double(), exact, rtol=0, atol=2e-5, equal_nan=True)


def test_comparisons_that_cannot_be_resampled():
    for method in ("kendall", "bures"):
        with pytest.raises(OptionError, match="resampling is not available"):
            weighted.resampled_similarities(
                rdms(1, False), rdms(1, False), torch.ones(1, N), resolve_comparison(method)
            )


def test_draws():
    indices = draw_indices(7, 20, seed=1)
    assert torch.equal(indices, draw_indices(7, 20, seed=1))
    drawn = multiplicities(indices, 7)
    assert (drawn.sum(1) == 7).all()
    assert drawn[0].tolist() == [int((indices[0] == i).sum()) for i in range(7)]
    assert leave_one_out(3).tolist() == [[1, 2], [0, 2], [0, 1]]


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000, 5000])
def test_running_sum(n):
    values = torch.randint(5, (n, 3)).double()
    assert torch.equal(running_sum_(values.clone()), values.cumsum(0))
