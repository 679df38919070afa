import pytest
import torch

from neuroguide.engine.ceiling import leave_one_out_ceiling
from neuroguide.engine.dissimilarity import Crossnobis, Mahalanobis, PoissonKL, rdm
from neuroguide.engine.distance.noise import noise_covariance
from neuroguide.engine.inference.bootstrap import bootstrap_subjects
from neuroguide.engine.similarity import WhitenedCosine, WhitenedPearson, compare, compare_all

NAMES = ("pearson", "spearman", "kendall", "rho-a", "cosine", "whitened-pearson", "whitened-cosine", "bures")
NOISES = ("shrinkage", "diagonal", "full")


def assert_same(result, expected):
    torch.testing.assert_close(result, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["correlation", "euclidean"])
def test_plain_distances(peer, name):
    assert_same(rdm(peer["in/trials"].mean(1), name), peer[f"rdm/{name}"])


def test_poisson(peer):
    assert_same(rdm(peer["in/counts"], "poisson-kl"), peer["rdm/poisson-kl"])
    assert_same(rdm(peer["in/counts"], PoissonKL(3.0, 0.5)), peer["rdm/poisson-kl-prior"])


@pytest.mark.parametrize("kind", ["trials", "unequal"])
@pytest.mark.parametrize("noise", NOISES)
def test_distances_from_repetitions(peer, kind, noise):
    responses = peer[f"in/{kind}"]
    assert_same(noise_covariance(responses, noise), peer[f"noise/{kind}/{noise}"])
    assert_same(rdm(responses, Mahalanobis(noise)), peer[f"mahalanobis/{kind}/{noise}"])
    assert_same(rdm(responses, Crossnobis(noise, center=False)), peer[f"crossnobis/{kind}/{noise}"])


def test_crossnobis_is_leave_one_repetition_out(peer):
    for center in (False, True):
        result = rdm(peer["in/trials"], Crossnobis("none", center=center))
        assert_same(result, peer["crossnobis/leave-one-out"])


@pytest.mark.parametrize("kind", ["smooth", "tied", "missing"])
@pytest.mark.parametrize("name", NAMES)
def test_comparisons(peer, kind, name):
    if f"compare/{kind}/{name}" not in peer:
        pytest.skip("rsatoolbox's Bures similarity takes no missing pairs, nor does ours")
    a, b, expected = peer[f"in/{kind}/a"], peer[f"in/{kind}/b"], peer[f"compare/{kind}/{name}"]
    # both sides take square roots of eigenvalues near zero
    tolerance = 1e-6 if name == "bures" else 1e-9
    torch.testing.assert_close(compare_all(a, b, name), expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(compare(a[:, None], b, name), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("noise", ["variances", "covariance"])
def test_whitening_by_given_noise(peer, noise):
    a, b = peer["in/smooth/a"], peer["in/smooth/b"]
    for name, method in {"whitened-pearson": WhitenedPearson, "whitened-cosine": WhitenedCosine}.items():
        result = compare_all(a, b, method(peer[f"in/stimulus-{noise}"]))
        # the peer solves by conjugate gradients
        torch.testing.assert_close(result, peer[f"compare/{noise}/{name}"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES[:-1])
def test_leave_one_out_ceiling(peer, name):
    result = leave_one_out_ceiling(peer["in/subjects"], name)
    torch.testing.assert_close(torch.stack([result.lower, result.upper]), peer[f"ceiling/{name}"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["pearson", "spearman", "whitened-pearson"])
def test_bootstrap_variances(peer, name):
    # 4,000 samples on both sides: variances agree within about 5% by chance alone
    models, subjects = peer["in/boot/models"], peer["in/boot/subjects"]
    both = bootstrap_subjects(models, subjects, name, n_samples=4000)
    torch.testing.assert_close(both.variance(), peer[f"boot/{name}/variance"], rtol=0.15, atol=0)
    differences = both.map(lambda s: s[..., [0, 0, 1]] - s[..., [1, 2, 2]]).variance()
    torch.testing.assert_close(differences, peer[f"boot/{name}/differences"], rtol=0.15, atol=0)
    stimuli = bootstrap_subjects(models, subjects, name, factors="stimuli", n_samples=4000)
    torch.testing.assert_close(stimuli.variance(), peer[f"boot/{name}/stimuli"], rtol=0.15, atol=0)
