import pytest
import torch

from neuroguide._core.errors import InputError
from neuroguide.engine import sites
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.similarity import compare


@pytest.mark.parametrize("method", ["pearson", "spearman"])
@pytest.mark.parametrize("chunk", [100, 10**6])
def test_each_site_is_its_own_rdm(method, chunk, monkeypatch):
    monkeypatch.setattr(sites, "_CHUNK", chunk)
    layers = rdm(torch.randn(2, 12, 9, dtype=torch.float64))
    responses = torch.randn(12, 5, dtype=torch.float64)
    responses[:, 3] = 0.5
    responses[4, 1] = torch.nan
    result = sites.site_similarities(layers, responses, method)
    assert torch.isnan(result).any(0).tolist() == [False, True, False, True, False]
    for site in (0, 2, 4):
        first, second = torch.triu_indices(12, 12, 1)
        own = (responses[first, site] - responses[second, site]) ** 2
        torch.testing.assert_close(result[:, site], compare(layers, own, method))
    with pytest.raises(InputError, match="column 1, 3 are constant or miss"):
        sites.site_similarities(layers, responses, method, constant="error")


def test_other_stimuli():
    with pytest.raises(InputError, match="same stimuli"):
        sites.site_similarities(torch.rand(2, 45), torch.rand(12, 5))
