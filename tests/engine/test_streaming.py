import pytest
import torch

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.dissimilarity import rdm
from neuroguide.engine.streaming import StreamedRDM


def streamed(features, distance, size, **options):
    result = StreamedRDM(len(features), distance)
    for part in torch.split(features, size, dim=1):
        result.add(part)
    return result.finish(**options)


@pytest.mark.parametrize("distance", ["correlation", "cosine", "euclidean"])
@pytest.mark.parametrize("size", [1, 30, 1000])
def test_slices_are_the_whole(distance, size):
    features = torch.randn(40, 300, dtype=torch.float64) + 3
    torch.testing.assert_close(streamed(features, distance, size), rdm(features, distance))
    single = streamed(features.float(), distance, size).double()
    expected = rdm(features, distance)
    torch.testing.assert_close(single, expected, rtol=0, atol=max(2e-6, 1e-5 * expected.max().item()))


def test_an_offset_costs_no_digits():
    features = torch.randn(40, 300, dtype=torch.float64) + 1000
    single = streamed(features.float(), "correlation", 50).double()
    expected = rdm(features.float().double())
    torch.testing.assert_close(single, expected, rtol=0, atol=1e-5)


def test_undefined_stimuli():
    features = torch.randn(10, 60)
    features[4] = 7.3
    with pytest.raises(InputError, match="row 4 have the same response"):
        streamed(features, "correlation", 13)
    result = streamed(features, "correlation", 13, constant="nan")
    assert torch.equal(torch.isnan(result), torch.isnan(rdm(features, constant="nan")))
    features[4] = 0
    features[6, 2] = torch.nan
    for distance in ("cosine", "euclidean"):
        result = streamed(features, distance, 13, constant="nan")
        assert torch.equal(torch.isnan(result), torch.isnan(rdm(features, distance, constant="nan")))


def test_bad_input():
    with pytest.raises(OptionError, match="at least 2 stimuli"):
        StreamedRDM(1)
    with pytest.raises(OptionError, match="distance"):
        StreamedRDM(5, "mahalanobis")
    one = StreamedRDM(5)
    with pytest.raises(InputError, match="at least 2 features, 0 arrived"):
        one.finish()
    with pytest.raises(InputError, match="5 stimuli"):
        one.add(torch.rand(4, 3))
