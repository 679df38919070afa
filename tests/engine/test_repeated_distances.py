import pytest
import torch

from neuroguide._core.errors import InputError, OptionError
from neuroguide.engine.dissimilarity import Crossnobis, Mahalanobis, PoissonKL, rdm
from neuroguide.engine.distance.noise import noise_covariance


def recorded(n_stimuli=10, n_repetitions=4, n_sites=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randn(n_stimuli, 1, n_sites, generator=generator, dtype=torch.float64)
    return truth + torch.randn(n_stimuli, n_repetitions, n_sites, generator=generator, dtype=torch.float64)


def test_without_noise_mahalanobis_is_squared_euclidean():
    responses = recorded()
    torch.testing.assert_close(rdm(responses, Mahalanobis("none")), rdm(responses.mean(1), "euclidean"))


@pytest.mark.parametrize("distance", ["mahalanobis", "crossnobis"])
def test_a_batch_is_its_members(distance):
    responses = torch.stack([recorded(seed=seed) for seed in range(3)])
    result = rdm(responses, distance)
    assert result.shape == (3, 45)
    torch.testing.assert_close(result[2], rdm(responses[2], distance))


def test_crossnobis_is_unbiased():
    # no stimulus differs from another: the mean distance is zero within four standard errors, Mahalanobis is above
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(200, 6, 4, 5, generator=generator, dtype=torch.float64) + 3
    noise[:, 2, 2:] = torch.nan
    distances = rdm(noise, Crossnobis("none")).mean(1)
    assert abs(distances.mean()) < 4 * distances.std() / 200**0.5
    assert (rdm(noise, Mahalanobis("none")).mean(1) > 0).all()


def test_a_common_response_adds_noise_only_without_centring():
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(100, 6, 4, 5, generator=generator, dtype=torch.float64) + 30
    noise[:, 2, 2:] = torch.nan
    spread = {center: rdm(noise, Crossnobis("none", center=center)).std() for center in (True, False)}
    assert spread[True] < 0.5 * spread[False]


def test_sites_recorded_apart():
    responses = recorded(n_repetitions=5)
    responses[:, 4, 3] = torch.nan
    with pytest.raises(InputError, match="noise='diagonal'"):
        rdm(responses, Mahalanobis("shrinkage"))
    with pytest.raises(InputError, match="noise='diagonal'"):
        rdm(responses, Crossnobis("full"))
    assert torch.isfinite(rdm(responses, Mahalanobis("diagonal"))).all()
    sites = [[0, 1, 2, 4, 5], [3]]
    whole = rdm(responses, Crossnobis("diagonal"))
    apart = [rdm(responses[:, :, part], Crossnobis("diagonal")) * len(part) / 6 for part in sites]
    torch.testing.assert_close(whole, apart[0] + apart[1])


@pytest.mark.parametrize(("distance", "repetitions"), [(Mahalanobis(), 0), (Crossnobis(), 1)])
def test_too_few_repetitions_of_a_stimulus(distance, repetitions):
    responses = recorded()
    responses[7, repetitions:] = torch.nan
    with pytest.raises(InputError, match="row 7 have fewer than"):
        rdm(responses, distance)
    result = rdm(responses, distance, constant="nan")
    assert int(torch.isnan(result).sum()) == 9


def test_noise_that_cannot_be_known():
    with pytest.raises(InputError, match="no stimulus twice"):
        noise_covariance(recorded(n_repetitions=1))
    with pytest.raises(InputError, match="degrees of freedom"):
        noise_covariance(recorded(n_stimuli=2, n_repetitions=2), "full")
    silent = recorded()
    silent[:, :, 2] = 0
    with pytest.raises(InputError, match="column 2 do not vary"):
        rdm(silent, Mahalanobis("diagonal"))


@pytest.mark.parametrize("distance", [Mahalanobis(), Crossnobis(), Crossnobis("diagonal")])
def test_gradients(distance):
    responses = recorded(n_stimuli=4, n_repetitions=3, n_sites=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: rdm(x, distance), responses)


def test_poisson():
    with pytest.raises(InputError, match="negative"):
        rdm(torch.tensor([[1.0, -1.0], [0.0, 2.0]]), "poisson-kl")
    with pytest.raises(OptionError, match="above zero"):
        PoissonKL(prior_weight=0)
    counts = torch.poisson(torch.full((6, 8), 3.0, dtype=torch.float64))
    counts[1, 2] = torch.nan
    assert int(torch.isnan(rdm(counts, "poisson-kl", constant="nan")).sum()) == 5
    with pytest.raises(InputError, match="row 1 hold NaN"):
        rdm(counts, "poisson-kl")


def test_options():
    with pytest.raises(OptionError, match="did you mean 'diagonal'"):
        Mahalanobis("diagonl")
    with pytest.raises(InputError, match="n_repetitions"):
        rdm(torch.randn(4, 5), "crossnobis")
