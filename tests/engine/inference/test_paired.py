import pytest
import scipy.stats
import torch

from neuroguide._core.errors import InputError
from neuroguide.engine.inference.multiple import false_discovery_rate, holm
from neuroguide.engine.inference.paired import compare_models
from neuroguide.engine.inference.result import Bootstrap


def test_differences_within_samples():
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(500, 1, generator=generator, dtype=torch.float64)
    drawn = 5 * shared + torch.randn(500, 3, generator=generator, dtype=torch.float64)
    estimate = torch.tensor([0.0, 2.0, 5.0], dtype=torch.float64)
    result = compare_models(Bootstrap(estimate, {"stimuli": drawn}, {"stimuli": 20}))
    assert result.first.tolist() == [0, 0, 1]
    assert result.second.tolist() == [1, 2, 2]
    assert result.difference.tolist() == [-2.0, -5.0, -3.0]
    error = (drawn[:, 0] - drawn[:, 1]).std() * (20 / 19) ** 0.5
    torch.testing.assert_close(result.standard_error[0], error)
    expected = 2 * scipy.stats.t.sf(2 / error.item(), 19)
    assert result.p_values[0].item() == pytest.approx(expected)
    torch.testing.assert_close(result.p_values_holm, holm(result.p_values))
    torch.testing.assert_close(result.p_values_fdr, false_discovery_rate(result.p_values))


def test_a_model_and_its_copy_do_not_differ():
    drawn = torch.randn(500, 1, dtype=torch.float64).expand(500, 2)
    result = compare_models(Bootstrap(torch.ones(2, dtype=torch.float64), {"stimuli": drawn}, {"stimuli": 20}))
    assert result.p_values.item() == 1


def test_one_similarity_for_each_model():
    with pytest.raises(InputError, match="at least 2 models"):
        compare_models(Bootstrap(torch.zeros(2, 3), {"stimuli": torch.zeros(5, 2, 3)}, {"stimuli": 20}))
